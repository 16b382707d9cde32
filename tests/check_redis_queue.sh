#!/bin/bash
# A list that many machines share: a long queue, sent by feeders that are killed, and a stream into
# which strangers put what is too large to be read.
set -u

# shellcheck source=tests/redis.sh disable=SC2016 # commands for eval
. "$(dirname "$0")/redis.sh"

start_redis
"$wafer" feed secret a >/dev/null
cp -p a/secret secret
make_host b
start_feeder a
start_feeder b
await 'two machines are up' eval 'fresh a && fresh b'

# ---- A long queue ----

# Redis goes on, so that nothing has to be given back; who connects anew does not find it.
end_feeder TERM a
mv "$socket" hidden
all=40000
"$shared" "$socket" a bulk 1 $all >out
contains 'logouts that cannot be published are queued' "^queued $all in" out
sed 's/^/# /' out
equals 'all of them' $all "$(status a queued)"
equals 'for nobody else to see' '600' "$(stat -c %a a/queue)"
mv hidden "$socket"
before=$(cli XLEN wafer)
kills=0
left=$all
while [ $kills -lt 5 ]; do
    start_feeder a
    for _ in $(seq 1000); do
        queued=$(status a queued)
        [ "${queued:-$left}" -ge "$left" ] || break
    done
    end_feeder KILL a
    kills=$((kills + 1))
    left=$(status a queued)
    echo "# $left are left when a feeder is killed"
done
equals 'the queue falls while it is sent' yes "$([ "$left" -lt $all ] && echo yes)"
start_feeder a
await 'and is empty at last, whoever is killed' is a queued 0
seq $all | sed 's/^/queued /' >sessions
await 'the other machine has all of it' none_missing b sessions
more=$(($(cli XLEN wafer) - before - all))
equals 'a kill lets five hundred be sent twice at most' yes \
    "$([ $more -ge 0 ] && [ $more -le $((kills * 500 + 20)) ] && echo yes || echo $more)"
echo "# $more of $all are in the stream twice, or are heartbeats"
await 'both are fresh' eval 'fresh a && fresh b'

# Both at once, as after an outage.
end_feeder TERM a
end_feeder TERM b
mv "$socket" hidden
"$shared" "$socket" a bulk 200001 15000 >out
"$shared" "$socket" b bulk 300001 15000 >>out
equals 'two machines have a queue' 2 "$(grep -c '^queued 15000 in' out)"
mv hidden "$socket"
start_feeder a
start_feeder b
await 'both send theirs' eval 'is a queued 0 && is b queued 0'
seq 300001 315000 | sed 's/^/queued /' >of_b
seq 200001 215000 | sed 's/^/queued /' >of_a
await 'each has what the other sent' eval 'none_missing a of_b && none_missing b of_a'
await 'and is fresh' eval 'fresh a && fresh b'

# ---- A queue that somebody holds ----

end_feeder TERM a
mv "$socket" hidden
revoke a 100001 >out 2>err
(exec 9<a/queue && flock 9 && exec sleep 60) &
holder=$!
started+=("$holder")
await 'somebody holds the queue' eval '! flock -n a/queue true'
begun=$(date +%s%N)
revoke a 100002 >out 2>err
equals 'revoking fails then' 1 $?
took=$((($(date +%s%N) - begun) / 1000000))
sed 's/^/# /' err
equals 'after a while' yes "$([ $took -lt 3000 ] && echo yes || echo $took)"
has a 100002
report $? 'it is in effect here all the same'
mv hidden "$socket"
start_feeder a
await 'the feeder says why nothing is sent' says a 'fuser'
await 'and goes on reading' fresh a
kill "$holder"
await 'what was queued arrives when it is let go' has b 100001
end_feeder TERM a
end_feeder TERM b

# ---- Entries that are too large ----

add_large() { # BYTES [ID]
    head -c "$1" /dev/zero | cli -x XADD wafer "${2:-*}" e >/dev/null
}
end_redis
start_redis
make_host c
add_large 6000000
for _ in 1 2 3 4 5 6 7 8 9 10; do
    add_large 1000000
done
start_feeder c
await 'a machine begins with a stream of large entries' fresh c
await 'which are counted' is c bad 11
contains 'and named if too large to be read' 'remove it with: XDEL wafer [0-9]*-0$' c.log
revoke c 1 >/dev/null
add_large 6000000
revoke c 2 >/dev/null
add_large 3000000
add_large 3000000
revoke c 3 >/dev/null
add_large 6000000
await 'more of them are skipped when they come' is c bad 15
make_host d
start_feeder d
await 'a machine that comes later' fresh d
equals 'has what is between them' 3 "$(status d entries)"
equals 'and skipped as many' 15 "$(status d bad)"
before=$(status c reconnects)$(status c syncs)
sleep 7
equals 'looking whether the stream is the same loses no connection' "$before" \
    "$(status c reconnects)$(status c syncs)"
await 'and both stay fresh' eval 'fresh c && fresh d'
end_feeder TERM d

# The same ids, with other contents.
end_feeder TERM c
end_redis
start_redis
make_host e
start_feeder e
await 'a machine with a stream of its own' fresh e
revoke e 4 >/dev/null
await 'reads what it wrote' is e applied 1
ids=$(cli XRANGE wafer - + | grep -a '^[0-9]*-[0-9]*$')
cli DEL wafer >/dev/null
for id in $ids; do
    add_large 6000000 "$id"
done
rm -rf d
make_host d
await 'what was in the stream is given back when other things have taken its place' eval \
    '[ "$(cli XLEN wafer)" -gt 2 ] && is e syncs 2 && fresh e'
start_feeder d
await 'for others to read' has d 4
end_feeder TERM d
end_feeder TERM e
equals 'all feeders ended well' '' "$badly_ended"
echo "# $total tests"
[ "$failed" -eq 0 ]
