#!/bin/sh
# Keys are rotated and reloaded twenty times while browsers use their sessions: none is lost, and no
# visit is miscounted.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-build}
folder=$(mktemp -d)
pids=

cleanup() {
    for pid in $pids; do kill -TERM "$pid" 2>/dev/null; done
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

. "$tests/report.sh"

ROTATIONS=20
BROWSERS='ada bob cleo'

curl_as() { # JAR PATH ARGUMENT...
    jar=$folder/$1 path=$2
    shift 2
    curl -s --max-time 10 -b "$jar" -c "$jar" "$@" "$url$path"
}
sign_in() { # USER
    curl_as "$1" login -o "$folder/$1.body" -d "user=$1" \
        --data-urlencode "csrf=$(curl_as "$1" csrf)"
}
# Visits until told to stop, and notes every visit; each answer must be that of a valid session.
browse() { # USER
    while [ ! -e "$folder/enough" ]; do
        curl_as "$1" '' -o "$folder/$1.body" -w '%{http_code}\n' >>"$folder/$1.visits"
        curl_as "$1" whoami | grep -E '^(subject|verdict):' | sort -u >>"$folder/$1.facts"
    done
}
rotate() {
    "$build/wafer" keys rotate "$folder/keys" --now --overlap 1 >"$folder/rotated" &&
        kill -HUP "$demo" && rotations=$((rotations + 1))
}
# Reloads that the server has told of.
reloads() { grep -c 'read anew' "$folder/log"; }
# Whether the server told of as many, and every browser has made as many visits.
all_went_on() { # NUMBER
    [ "$(reloads)" -ge "$1" ] || return 1
    for user in $BROWSERS; do
        [ "$(grep -c . "$folder/$user.visits" 2>/dev/null)" -ge "$1" ] || return 1
    done
}

"$build/wafer" keys new "$folder/keys" >/dev/null
"$build/wafer-demo" --keys "$folder/keys" --port 0 >"$folder/log" 2>"$folder/errors" &
demo=$!
pids=$demo
await_address "$folder/log"
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
        "$(curl_as "$user" whoami | grep '^visits:')"
    token=$(awk '$6 == "wafer-demo" { print $7 }' "$folder/$user")
    lacks "the cookie of $user is under a new key at the end" "key $first" /dev/stdin <<END
$("$build/wafer" open --keys "$folder/keys" --name wafer-demo "$token")
END
done
kill -TERM "$demo"
wait "$demo"
equals 'the server ends well' 0 $?
pids=
[ ! -s "$folder/errors" ]
report $? 'and had nothing to complain of'

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
