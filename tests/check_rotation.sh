#!/bin/sh
# Keys are rotated and reloaded twenty times while browsers use their sessions: none is lost, and no
# visit is miscounted.
set -u

# shellcheck source=tests/demo.sh
. "$(dirname "$0")/demo.sh"

ROTATIONS=20
BROWSERS='ada bob cleo'

sign_in() { # USER
    equals "$1 signs in" 303 "$(post "$1" login -d "user=$1")"
}
# Visits until told to stop, and notes every visit; each answer must be that of a valid session.
browse() { # USER
    while [ ! -e "$folder/enough" ]; do
        visit "$1" '' -o "$folder/$1.body" -w '%{http_code}\n' >>"$folder/$1.visits"
        visit "$1" whoami | grep -E '^(subject|verdict):' | sort -u >>"$folder/$1.facts"
    done
}
rotate() {
    "$wafer" keys rotate "$folder/keys" --now --overlap 1 >"$folder/rotated" &&
        kill -HUP "$pid" && rotations=$((rotations + 1))
}
# Reloads that the server has told of.
reloads() { grep -c 'read anew' "$log"; }
# Whether the server told of as many, and every browser has made as many visits.
all_went_on() { # NUMBER
    [ "$(reloads)" -ge "$1" ] || return 1
    for user in $BROWSERS; do
        [ "$(grep -c . "$folder/$user.visits" 2>/dev/null)" -ge "$1" ] || return 1
    done
}

"$wafer" keys new "$folder/keys" >/dev/null
start log
first=$(sed -n 's/^1 \([0-9a-f]*\) .*/\1/p' "$folder/keys")

for user in $BROWSERS; do sign_in "$user"; done
browsing=
for user in $BROWSERS; do
    browse "$user" &
    browsing="$browsing $!"
done
rotations=0
for number in $(seq $ROTATIONS); do
    rotate
    for _ in $(seq 200); do
        ! all_went_on "$number" || break
        sleep 0.05
    done
done
touch "$folder/enough"
for browser in $browsing; do wait "$browser"; done

equals 'the keys are rotated twenty times' $ROTATIONS "$rotations"
equals 'the server reads them anew as often' $ROTATIONS "$(reloads)"
for user in $BROWSERS; do
    made=$(grep -c . "$folder/$user.visits")
    [ "$made" -ge $ROTATIONS ]
    report $? "$user visits all the while"
    equals "every visit of $user is answered" "$made" "$(grep -c '^200$' "$folder/$user.visits")"
    equals "$user stays signed in" "subject: $user verdict: valid" \
        "$(sort -u "$folder/$user.facts" | tr '\n' ' ' | sed 's/ $//')"
    equals "every visit of $user is counted once" "visits: $made" \
        "$(visit "$user" whoami | grep '^visits:')"
    lacks "the cookie of $user is under a new key at the end" "key $first" /dev/stdin <<END
$("$wafer" open --keys "$folder/keys" --name wafer-demo "$(token "$user")")
END
done
stop "$pid" TERM
report $? 'the server ends well'
[ ! -s "$log.err" ]
report $? 'and had nothing to complain of'

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
