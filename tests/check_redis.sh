#!/bin/bash
# A list that many machines share: several folders and feeders on this machine, around a Redis of the
# test's own on a socket, which is killed, emptied, filled up, locked and lied to.
set -u

. "$(dirname "$0")/redis.sh"

# ---- A feeder alone ----

# A second signal while it ends finds nothing to write to; the trace shows the order.
mkdir -m 700 ends
"$wafer" feed secret ends >/dev/null
traced=
# A search for leaks, where a build has one, cannot run under strace.
strace -o /dev/null true 2>/dev/null &&
    traced='strace -D -o trace -E ASAN_OPTIONS=detect_leaks=0 -e trace=rt_sigaction,munmap'
# shellcheck disable=SC2086 # several words or none
$traced "$wafer" feed --redis "$folder/none.sock" --folder ends 2>ends.log &
feeders[ends1]=$!
started+=("$!")
await 'a feeder without Redis says so' grep -q 'cannot be reached' ends.log
end_feeder TERM ends
if [ -n "$traced" ]; then
    await 'it ends when it is told to' grep -q '^+++ exited with 0' trace
    equals 'and heeds no signal before it lets go of its memory' 'SIGTERM SIGINT munmap' "$(
        sed -n '/^--- SIGTERM/,$ {
            s/^rt_sigaction(\(SIG[A-Z]*\), {sa_handler=SIG_IGN.*/\1/p; s/^\(munmap\)(.*/\1/p
        }' trace | head -n 3 | paste -sd' ')"
fi
# What Redis said is any bytes. They are put where the feeder keeps them, in as many bytes.
LC_ALL=C sed -i 's/cannot be/c"n\\ot\x9b\x1be/' ends/state
"$wafer" feed --status --json --folder ends >out
contains 'JSON of the status escapes what was said' \
    '"error":"Redis c\\"n\\\\ot\\ufffd\\u001be reached: [^"]*"}$' out

# ---- Two machines ----

"$wafer" feed secret a >out 2>err
equals 'the secret is made once' '0 1' "$? $("$wafer" feed secret a >/dev/null 2>&1; echo $?)"
cp -p a/secret secret
make_host b
start_redis
start_feeder a
start_feeder b
await 'a feeder says when it is ready' fresh a
await 'and so does that of another machine' fresh b
revoke a 1 >out 2>err
equals 'revoking over Redis says nothing but what it did' '0 1 0' "$? $(grep -c . out) $(wc -c <err)"
await 'what one machine revokes the other refuses' has b 1
"$wafer" revoke subject ada --revocations "redis:$socket@b" >/dev/null
await 'also the other way, and a user' is a entries 2
"$shared" "$socket" a delay b 300 1000 >out
report $? 'three hundred logouts reach the other machine'
sed 's/^/# revoked until refused on the other machine: /' out
equals 'the table is fresh for checks' stands "$("$shared" "$socket" b check 4711)"
"$shared" "$socket" a fork 5000 50 >forked
equals 'processes that are forked publish on connections of their own' 150 "$(count published forked)"
await 'and all of it arrives' none_missing b forked
"$wafer" feed --status --json --folder b >out
report $? 'the status is there as JSON'
contains 'with the figures' '^{"ready":true,"lag_ms":[0-9]*,"entries":452,"capacity":100000,"queued":0,' out
"$wafer" feed status --prometheus --folder b >out
contains 'and for Prometheus' '^wafer_feed_applied_total 4[5-9][0-9]$' out
entries_of_stream=$(cli XLEN wafer)
sleep 6
equals 'heartbeats do not pile up' yes \
    "$([ "$(cli XLEN wafer)" -le $((entries_of_stream + 2)) ] && echo yes || cli XLEN wafer)"

# ---- Without Redis ----

end_redis
revoke a 2 >out 2>err
equals 'without Redis revoking succeeds and says that it is queued' '0 1' "$? $(grep -c 'tell the others' err)"
has a 2
report $? 'it is in effect on this machine'
await 'the status counts it' is a queued 1
await 'and says why' says b 'cannot be reached'
await 'a stale table is no basis for checks' eval \
    '[ "$("$shared" "$socket" b check 4711)" = unchecked ]'
equals 'but what is revoked is refused' refused "$("$shared" "$socket" b check 1)"
start_redis
await 'when Redis is back the queued entry arrives' has b 2
await 'the queue is empty' is a queued 0
make_host late
start_feeder late
await 'a machine that comes later catches up with a Redis that had lost everything' is late entries 453
await 'all are fresh again' eval 'fresh a && fresh b && fresh late'
end_feeder TERM late

# ---- Redis is killed under load ----

# The files promise: with appendfsync always what was published is in Redis, whatever it stores the
# machines that live give back.
killed_under_load() { # NAME FROM REDIS-OPTION...
    local name=$1 from=$2
    shift 2
    end_redis
    rm -rf appendonlydir
    start_redis "$@"
    await "$name: the feeders come back" eval 'fresh a && fresh b'
    "$shared" "$socket" a revoke "$from" 3000 500 >"$name.a" &
    local one=$!
    "$shared" "$socket" b revoke $((from + 100000)) 3000 500 >"$name.b" &
    local other=$!
    for _ in 1 2; do
        sleep 0.8
        end_redis
        sleep 0.2
        start_redis "$@"
    done
    wait "$one" "$other"
    cat "$name.a" "$name.b" >"$name"
    equals "$name: each call succeeded" 6000 "$(($(count published "$name") + $(count queued "$name")))"
    await "$name: all that b revoked is refused on a" none_missing a "$name.b"
    await "$name: all that a revoked is refused on b" none_missing b "$name.a"
    echo "# $name: $(count published "$name") published, $(count queued "$name") queued, 0 lost"
}
killed_under_load everysec 1000000 --appendonly yes --appendfsync everysec
killed_under_load memory 2000000 --appendonly no
killed_under_load always 3000000 --appendonly yes --appendfsync always
# Nobody is left who could give back: only Redis knows.
await 'the queues are empty' eval 'is a queued 0 && is b queued 0'
end_feeder KILL a
end_feeder KILL b
end_redis
start_redis --appendonly yes --appendfsync always
make_host alone
start_feeder alone
await 'with appendfsync always Redis alone has all that was published' none_missing alone always
end_feeder TERM alone
start_feeder a
start_feeder b
await 'feeders that were killed go on' eval 'fresh a && fresh b'

# ---- Feeders are killed ----

"$shared" "$socket" b revoke 4000000 4000 1000 >feeders &
writer=$!
start_feeder a 2
longest=0
next=2
for _ in $(seq "${FEEDER_KILLS:-6}"); do
    other=$((3 - next))
    for _ in $(seq 100); do
        is a feeder "${feeders[a$other]}" && break
        sleep 0.02
    done
    end_feeder KILL a $other
    begun=$(date +%s%N)
    for _ in $(seq 500); do
        is a feeder "${feeders[a$next]}" && break
        sleep 0.005
    done
    took=$((($(date +%s%N) - begun) / 1000000))
    [ $took -le $longest ] || longest=$took
    start_feeder a $other
    next=$other
done
echo "# a second feeder took over within $longest ms at the longest"
equals 'a second feeder takes over' yes "$([ "$longest" -lt 2000 ] && echo yes || echo no)"
wait $writer
await 'feeders killed under load miss nothing' none_missing a feeders
end_feeder TERM a 1
end_feeder TERM a 2
start_feeder a

# ---- A Redis that lost what it had and takes nothing ----

await 'all are up' eval 'fresh a && fresh b'
end_feeder TERM a
end_feeder TERM b
cli FLUSHALL >/dev/null
revoke b 8 >/dev/null
lost=$(status a entries)
cli CONFIG SET min-replicas-to-write 1 >/dev/null
start_feeder a
await 'giving back to a Redis that takes nothing is told' says a 'too few replicas'
end_feeder TERM a
cli CONFIG SET min-replicas-to-write 0 >/dev/null
start_feeder a
make_host heir
start_feeder heir
await 'a feeder that is started again gives back what was refused' eval \
    '[ "$(status heir entries)" = $((lost + 1)) ]'
end_feeder TERM heir

# ---- A stream that is removed, and begun anew before anybody looks ----

end_feeder TERM a
cli FLUSHALL >/dev/null
make_host first
start_feeder first
await 'a machine begins with an empty stream' fresh first
for session in 11 12 13 14 15; do
    revoke first $session >/dev/null
done
await 'its feeder has read five logouts' is first applied 5
cli DEL wafer >/dev/null
revoke first 16 >/dev/null
make_host second
start_feeder second
await 'it gives back what was before the newest entry' is second entries 6
for session in 17 18; do
    revoke second $session >/dev/null
done
await 'more arrive' has first 18
cli DEL wafer >/dev/null
revoke second 19 >/dev/null
make_host third
start_feeder third
await 'and so it does the next time' is third entries 9
for host in first second third; do
    end_feeder TERM $host
done
rm -rf second
start_feeder a
start_feeder b
await 'and the machines go on' eval 'fresh a && fresh b'

# ---- A Redis that refuses, lies and forgets ----

before=$(status a entries)
cli XADD wafer '*' e junk >/dev/null
cli XADD wafer '*' other thing >/dev/null
cli XADD wafer '*' e "$(printf 'x%.0s' $(seq 46))" more fields >/dev/null
cli XADD wafer '*' e "$(head -c 100000 /dev/zero | tr '\0' '\1')" >/dev/null
await 'entries of strangers are counted and skipped' is a bad 4
revoke b 3 >/dev/null
await 'those behind them arrive' has a 3
equals 'the table has what it should' $((before + 1)) "$(status a entries)"
await 'and stays fresh' fresh a

cli DEL wafer >/dev/null
make_host second
start_feeder second
await 'a stream that was removed is given back' eval \
    '[ "$(status second entries)" = "$(status a entries)" ]'
end_feeder TERM second

cli DEL wafer >/dev/null
cli SET wafer taken >/dev/null
await 'a key that is no stream is named' says a 'is no stream'
revoke b 4 >/dev/null 2>&1
equals 'revoking is then queued' yes "$([ "$(status b queued)" -ge 1 ] && echo yes)"
cli DEL wafer >/dev/null
await 'and arrives when the key is removed' has a 4
await 'all is well again' eval 'fresh a && fresh b'

cli CONFIG SET maxmemory-policy noeviction >/dev/null
cli CONFIG SET maxmemory 1 >/dev/null
await 'a Redis without memory is named' says a 'no memory left'
revoke b 5 >/dev/null 2>&1
await 'what it does not take is queued' is b queued 1
before=$(status a reconnects)
sleep 1.5
equals 'the stream is read on over the same connection' "$before" "$(status a reconnects)"
cli CONFIG SET maxmemory 0 >/dev/null
await 'and arrives later' has a 5

cli REPLICAOF 127.0.0.1 1 >/dev/null
await 'a replica is named' says a 'replica'
cli REPLICAOF NO ONE >/dev/null
await 'and forgotten when it is none any more' fresh a

listens() { # sets port; one that is taken is not an answer
    port=$((20000 + RANDOM % 12000))
    [ "$(cli CONFIG SET port $port 2>/dev/null)" = OK ]
}
for _ in $(seq 20); do
    listens && break
done
end_feeder TERM a
socket_before=$socket
socket=127.0.0.1:$port
start_feeder a
await 'Redis may be a host and a port, too' fresh a
revoke a 60 >out 2>err
equals 'also for the command' 0 "$(wc -c <err)"
socket=$socket_before
await 'what was revoked over one way arrives over the other' has b 60

await 'the queues are empty again' eval 'is a queued 0 && is b queued 0'
cli CONFIG SET requirepass right >/dev/null
end_feeder TERM a
start_feeder a
await 'a missing password is named' says a 'wants a password'
end_feeder TERM a
echo wrong >a/password
chmod 600 a/password
start_feeder a
await 'a wrong password is named' says a 'no such user and password'
end_feeder TERM a
echo right >a/password
start_feeder a
await 'the right one is taken from the folder' fresh a
revoke a 6 >out 2>err
equals 'also by the command' 0 "$(wc -c <err)"
end_feeder TERM b
WAFER_REDIS_PASSWORD=right start_feeder b
await 'or from the environment' has b 6
cli --no-auth-warning -a right ACL SETUSER mirror on '>secret' '~wafer' \
    +xadd +xread +xrange +xdel '+xinfo|stream' +info >/dev/null
end_feeder TERM b
echo secret >b/password
chmod 600 b/password
start_feeder b 1 --user mirror
await 'a user with the rights that the README lists is enough' fresh b
echo mirror >b/user
chmod 600 b/user
end_feeder TERM b
start_feeder b
await 'the user may be named in the folder, too' fresh b
revoke b 7 >out 2>err
equals 'for the command as well' 0 "$(wc -c <err)"
end_feeder TERM b
status b error | sed 's/^/# /'

# ---- The end ----

end_feeder TERM a
equals 'a feeder that is told to stop says so by its status' 0 "$(status a feeder)"
equals 'so did all that were' '' "$badly_ended"
cat ./*.log >all.log
lacks 'no log tells the password' 'right' all.log
echo "# $total tests"
[ "$failed" -eq 0 ]
