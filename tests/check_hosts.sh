#!/bin/bash
# Hosts that share a list over a Redis of the test's own: two and four whose clocks differ by what is
# allowed, and one whose clock is wrong; one whose link is cut and mended; two that crash; and the
# three that README sets up, word by word.
#
# The hosts whose link is cut are network namespaces. Where there are none (or with
# NO_NAMESPACES=1) a relay that stops passing bytes stands in for the link.
set -u

. "$(dirname "$0")/redis.sh"

demo=$build/wafer-demo
relay=$build/tests/programs/relay
readme=$tests/../README.md
faketime=$(find /usr/lib /usr/local/lib -name libfaketime.so.1 2>/dev/null | head -n 1)
if [ -z "$faketime" ] || [ ! -x "$demo" ]; then
    echo 'skipped: faketime or wafer-demo is not here'
    exit 77
fi

end_feeders() { # SIGNAL HOST...
    local signal=$1
    shift
    for host; do
        end_feeder "$signal" "$host"
    done
}
all_have() { # SESSION HOST...
    local session=$1
    shift
    for host; do
        has "$host" "$session" || return 1
    done
}
all_fresh() { # HOST...
    for host; do
        fresh "$host" || return 1
    done
}
standing() { # HOST SESSION [allows]
    on "$1" "$shared" "$(address "$1")" "$1" "${3:-check}" "$2"
}

# ---- Clocks ----

set_clock() { # HOST SECONDS: its programs, as they are started, are ahead by that much
    within[$1]="env LD_PRELOAD=$faketime FAKETIME=$2 FAKETIME_DONT_FAKE_MONOTONIC=1 DONT_FAKE_MONOTONIC=1"
}
verdict() { # HOST TOKEN
    on "$1" "$wafer" inspect --keys keys --revocations "redis:$(address "$1")@$1" "$2" |
        sed -n 's/^verdict: *//p'
}
sign_in() { # HOST USER
    on "$1" "$wafer" seal --keys keys --subject "$2" --expiry 3600 visits=1
}
# Where a host's clock is more than 60 s behind, a session is one of the future.
check_sessions() { # GOOD HOST...: GOOD verdicts are to be so
    local good=$1 last=${!#} tokens=()
    shift
    for host; do
        tokens+=("$(sign_in "$host" "user-$#-$host")")
    done
    ask_all() { # HOST...
        for token in "${tokens[@]}"; do
            for host; do
                verdict "$host" "$token"
            done
        done 2>/dev/null >verdicts
    }
    none_good() {
        ask_all "$@"
        [ "$(grep -c . verdicts)" = $(($# * $#)) ] && ! grep -q '^valid' verdicts
    }
    ask_all "$@"
    equals "sessions begun on $# hosts are good on all" "$good" "$(grep -c '^valid' verdicts)"
    for host; do
        on "$last" "$wafer" revoke subject "user-$#-$host" \
            --revocations "redis:$(address "$last")@$last" >/dev/null
        last=$host
    done
    await "each logged out on another one, all $# refuse them" none_good "$@"
}

"$wafer" feed secret a >/dev/null
set_clock keys -60
on keys "$wafer" keys new keys >/dev/null
cp -p a/secret secret
start_redis
limits='--skew 100 --retention 3600'
make_host b
set_clock a +40
set_clock b -40
# shellcheck disable=SC2086 # two options
for host in a b; do start_feeder $host 1 $limits; done
await 'two hosts whose clocks are 80 s apart, of 100, are fresh' all_fresh a b
revoke a 1 >/dev/null
revoke b 2 >/dev/null
await 'what one revokes the other refuses' eval 'all_have 2 a b && all_have 1 a b'
check_sessions 3 a b
make_host c
make_host d
set_clock d +15
# shellcheck disable=SC2086
for host in c d; do start_feeder $host 1 $limits; done
await 'two more are fresh' all_fresh a b c d
number=10
for host in a b c d; do
    revoke $host $number >/dev/null
    number=$((number + 1))
done
await 'what any of four revokes all refuse' eval \
    'all_have 10 a b c d && all_have 11 a b c d && all_have 12 a b c d && all_have 13 a b c d'
check_sessions 15 a b c d
for host in a b c d; do
    equals "$host says of no entry that a clock is wrong" '0 -' "$(status $host bad) $(status $host error)"
done

# ---- A clock that is wrong ----

# Redis drops a hundred at a time.
"$shared" "$socket" c bulk 5000 300 >/dev/null
make_host wrong
set_clock wrong +2d
# shellcheck disable=SC2086
start_feeder wrong 1 $limits
await 'one whose clock is two days ahead says so' says wrong "clock is wrong"
await 'it catches up, but is never fresh: its checks fail' eval \
    'is wrong ready 1 && [ "$(standing wrong 4711)" = unchecked ]'
revoke wrong 20 >/dev/null
await 'what it revokes all others refuse' all_have 20 a b c d
await 'and tell that a clock is wrong' eval 'says a "clock is wrong" && says d "clock is wrong"'
"$wafer" revocations list --json --revocations "redis:$socket@c" >out
contains 'as of the latest time that a sound clock may have' '"entries":\[' out
equals 'not as of two days from now' 0 "$(awk -v limit="$(($(date +%s) + 201))000" '
    { while (match($0, /"at_ms":[0-9]+/)) {
        if (substr($0, RSTART + 8, RLENGTH - 8) + 0 > limit + 0) n++
        $0 = substr($0, RSTART + RLENGTH) } } END { print n + 0 }' out)"
await 'they stay fresh, by the heartbeats of each other' all_fresh a b c d
end_feeders TERM a b c d
sleep 2.5
equals 'left alone with Redis, it sends heartbeats that drop nothing' yes \
    "$([ "$(cli XLEN wafer)" -gt 300 ] && echo yes || cli XLEN wafer)"
end_feeders TERM wrong
for host in a b c d; do start_feeder $host; done
make_host late
# shellcheck disable=SC2086
start_feeder late 1 $limits
await 'a new host gets all' all_have 1 late
await 'up to the newest' eval 'all_have 5000 late && all_have 20 late &&
    is late entries "$(status c entries)"'
end_feeders TERM late

# ---- Kept long enough ----

# Host b, 40 s behind, revoked session 2. A session lives for the retention, 3600 s, and may have
# been begun on a host that is 40 s ahead, so b itself takes it until 80 s later.
purged() { # OFFSET: by host a, when so much time has passed
    set_clock a "+$((40 + $1))"
    on a "$wafer" revocations purge --revocations "redis:$socket@a" >/dev/null
    has a 2 && echo kept || echo dropped
}
end_feeders TERM a b c d
equals 'an entry is kept as long as any host takes its session' kept "$(purged $((3600 + 80)))"
equals 'and dropped after the retention and three skews' dropped "$(purged $((3600 + 300)))"
end_redis
unset 'within[a]' 'within[b]' 'within[d]'
rm -rf appendonlydir

# ---- A link that is cut ----

declare -A link=()
simulated=
hosts_are_namespaces() { # needs root; the namespaces go with the processes that hold them
    [ -z "${NO_NAMESPACES:-}" ] && unshare -n true 2>/dev/null || return 1
    unshare -n sleep 300 &
    net=$!
    started+=("$net")
    local number=0 holder
    for host in n1 n2 n3; do
        number=$((number + 1))
        unshare -n sleep 300 &
        holder=$!
        started+=("$holder")
        sleep 0.1
        {
            nsenter -t "$net" -n ip link add "to$number" type veth peer name eth0 netns "$holder" &&
                nsenter -t "$net" -n ip address add "10.99.$number.1/24" dev "to$number" &&
                nsenter -t "$net" -n ip link set "to$number" up &&
                nsenter -t "$holder" -n ip address add "10.99.$number.2/24" dev eth0 &&
                nsenter -t "$holder" -n ip link set eth0 up
        } 2>/dev/null || return 1
        link[$host]=to$number
        within[$host]="nsenter -t $holder -n"
        reached[$host]=10.99.$number.1:6379
    done
    redis_within="nsenter -t $net -n"
}
hosts_are_relayed() {
    simulated=' (simulated: no network namespaces here)'
    redis_within=
    for host in n1 n2 n3; do
        "$relay" "$socket" >"$host.port" &
        link[$host]=$!
        started+=("${link[$host]}")
        unset "within[$host]"
        for _ in $(seq 100); do
            [ -s "$host.port" ] && break
            sleep 0.02
        done
        reached[$host]=127.0.0.1:$(cat "$host.port")
    done
}
cut_link() { # HOST
    if [ -n "$simulated" ]; then
        kill -STOP "${link[$1]}"
    else
        nsenter -t "$net" -n ip link set "${link[$1]}" down
    fi
}
mend_link() { # HOST
    if [ -n "$simulated" ]; then
        kill -CONT "${link[$1]}"
    else
        nsenter -t "$net" -n ip link set "${link[$1]}" up
    fi
}
# On a socket for the test, and for the hosts on a port, where they are namespaces.
start_networked_redis() {
    local port=6379 way=0.0.0.0
    [ -z "$simulated" ] || port=0 way=127.0.0.1
    # shellcheck disable=SC2086 # several words or none
    $redis_within redis-server --port $port --bind $way --protected-mode no --unixsocket "$socket" \
        --dir "$folder" --save '' --appendonly yes >redis.log 2>&1 &
    redis=$!
    for _ in $(seq 200); do
        [ "$(cli ping 2>/dev/null)" = PONG ] && return
        sleep 0.05
    done
}

hosts_are_namespaces || hosts_are_relayed
start_networked_redis
for host in n1 n2 n3; do
    make_host $host
    start_feeder $host
done
await "three hosts are fresh$simulated" all_fresh n1 n2 n3
revoke n1 1 >/dev/null
await "what one revokes the others refuse$simulated" all_have 1 n2 n3
cut_link n1
revoke n1 2 >out 2>err
equals "cut off, revoking succeeds and says that it is queued$simulated" '0 1' \
    "$? $(grep -c 'tell the others' err)"
equals 'it is in effect there' refused "$(standing n1 2)"
equals 'and counted' 1 "$(status n1 queued)"
revoke n2 3 >/dev/null
await 'the others go on' has n3 3
await 'when its table is stale, checks fail, if that was chosen' eval \
    '[ "$(standing n1 4711)" = unchecked ]'
equals 'or the table counts' stands "$(standing n1 4711 allows)"
equals 'what is revoked is refused either way' 'refused refused' \
    "$(standing n1 1) $(standing n1 1 allows)"
equals 'what the others revoked meanwhile is not' 'unchecked stands' \
    "$(standing n1 3) $(standing n1 3 allows)"
await 'the feeder says why' says n1 'Redis'
equals 'checks of the others are as before' 'stands stands' \
    "$(standing n2 4711) $(standing n3 4711)"
mend_link n1
await "mended, what was queued arrives$simulated" all_have 2 n2 n3
await 'and what was missed' has n1 3
await 'the host is fresh, and its queue empty' eval 'fresh n1 && is n1 queued 0'
equals 'its checks work' stands "$(standing n1 4711)"

# ---- Two hosts crash ----

# Cut off and with something in its queue, n1 dies; n2 while it revokes. What lay in memory is gone.
cut_link n1
revoke n1 30 >/dev/null 2>&1
# shellcheck disable=SC2086 # several words or none
${within[n2]:-} "$shared" "${reached[n2]}" n2 revoke 1000000 100000 500 >crashed &
writer=$!
sleep 0.5
end_feeders KILL n1 n2
kill -9 $writer
wait $writer 2>/dev/null
rm n1/table n1/state n2/table n2/state
revoke n3 31 >/dev/null
mend_link n1
start_feeder n1
start_feeder n2
await 'two hosts that crashed are fresh again' all_fresh n1 n2 n3
await 'what was in the queue of one arrives' all_have 30 n1 n2 n3
await 'what was revoked meanwhile, too' all_have 31 n1 n2 n3
equals 'some were published before the crash' yes "$([ "$(count published crashed)" -gt 50 ] && echo yes)"
for host in n1 n2 n3; do
    await "all of these are refused on $host" none_missing $host crashed
done
end_feeders TERM n1 n2 n3
equals 'every feeder ends as it should' '' "$badly_ended"
end_redis
rm -rf appendonlydir

# ---- README's three hosts ----

# Folders stand for hosts: 10.0.0.5 becomes this machine, /var/lib/wafer a folder of the host's own.
redis_port=$((20000 + RANDOM % 12000))
here() { # HOST
    sed "s|10\.0\.0\.5:6379|127.0.0.1:$redis_port|g; s|10\.0\.0\.5|127.0.0.1|g
        s|/var/lib/wafer|$folder/$1|g; s|scp -p first:$folder/$1|cp -p $folder/first|
        s|^wafer-demo .*|& --port 0 \&|; s|  *# also .*||"
}
block() { # LANGUAGE BEGINNING: the block of this language that begins so
    awk -v fence="\`\`\`$1" -v beginning="$2" '
        $0 == fence { getline; inside = index($0, beginning) == 1 }
        /^```/ { inside = 0 }
        inside' "$readme"
}
part() { # HOST BEGINNING: the commands below the comment that begins so
    block console '# On the first host' |
        awk -v beginning="# $2" '/^#/ { inside = index($0, beginning) == 1; next } inside' | here "$1"
}
run_part() { # HOST BEGINNING
    part "$1" "$2" >"$1.commands"
    [ -s "$1.commands" ] || return 1
    (cd "$folder" && PATH=$build:$PATH bash -e "$1.commands") >"$1.did" 2>&1
}
whoami() { # HOST
    await_address "$1.said"
    curl -s --max-time 10 -b ada "${url}whoami" | sed -n 's/^verdict: //p'
}
all_say() { # VERDICT
    for host in first second third; do
        [ "$(whoami $host)" = "$1" ] || return 1
    done
}

block conf '# Redis:' | here first >redis.conf
mkdir first second third
cp keys session.keys
redis-server redis.conf --port "$redis_port" --unixsocket "$socket" --dir "$folder" >redis.log 2>&1 &
redis=$!
for _ in $(seq 100); do
    redis-cli -s "$socket" ping 2>/dev/null | grep -q . && break
    sleep 0.05
done
run_part first 'On the first host'
report $? 'README: the first host is set up'
for host in second third; do
    run_part $host 'On the two others'
    report $? "README: so is the $host"
done
# Who types takes a second for a line.
for host in first second third; do
    part $host 'On each' | sed 's/^[^#]/sleep 1; &/; s/&$/\& echo $! >>pids/' >$host.commands
    (PATH=$build:$PATH bash -e $host.commands) >$host.said 2>$host.erred &
done
for host in first second third; do
    await "README: the feeder and the server of the $host run" eval \
        "grep -q '^queued  *0' $host.said && grep -q 'listens at' $host.said && fresh $host/site"
done
while read -r pid; do started+=("$pid"); done <pids
await_address first.said
token=$(curl -s -c ada "${url}csrf")
curl -s -b ada -c ada -d user=ada -d "csrf=$token" "${url}login" >/dev/null
await 'README: who signs in at one is signed in at all' all_say valid
run_part second 'From any'
report $? 'README: one revokes'
await 'README: all refuse' all_say revoked
end_redis

echo "# $total tests"
[ "$failed" -eq 0 ]
