#!/bin/bash
# A Redis that hangs, becomes a replica, or loses the stream when it is least looked at; and a machine
# with another secret than the others.
set -u

# shellcheck source=tests/redis.sh
. "$(dirname "$0")/redis.sh"

# ---- A Redis that hangs ----

"$wafer" feed secret a >/dev/null
cp -p a/secret secret
start_redis
start_feeder a
await 'a feeder is ready' fresh a
kill -STOP "$redis"
sleep 1
begun=$(date +%s%N)
end_feeder TERM a
took=$((($(date +%s%N) - begun) / 1000000))
echo "# it ended within $took ms"
equals 'a feeder whose Redis hangs ends within a second' yes "$([ $took -lt 1000 ] && echo yes)"
lacks 'and that is no trouble' 'Redis does not answer' a.log
kill -CONT "$redis"

# ---- A machine with another secret ----

refused() { # HOST SESSION
    [ "$("$shared" "$socket" "$1" check "$2")" = refused ]
}
start_feeder a
await 'a machine is alone' fresh a
"$wafer" feed secret stranger >/dev/null
start_feeder stranger
await 'another whose secret is another says so' says stranger 'copy the file "secret"'
contains 'also on its standard error' "this machine's secret is another" stranger.log
equals 'it is not ready' '0 1' "$(status stranger ready) $(status stranger other_secret)"
"$wafer" feed status --prometheus --folder stranger >out
contains 'nor in its metrics' '^wafer_feed_other_secret 1$' out
equals 'no table of it is a basis for checks' unchecked "$("$shared" "$socket" stranger check 4711)"
revoke stranger 50 >out 2>err
equals 'what is revoked there is said to be known there alone' '0 1' \
    "$? $(grep -c 'tell the others' err)"
revoke a 51 >/dev/null
end_feeder TERM stranger
start_feeder stranger
await 'when it is started again it is no wiser' eval \
    '[ "$(grep -c "copy the file" stranger.log)" = 2 ]'
await 'the machine that was there first goes on' fresh a
equals 'and heard nothing of it' 0 "$(status a bad)"
end_feeder TERM stranger
cp secret stranger/secret
start_feeder stranger
await 'with the right secret it is ready' fresh stranger
await 'knows what was revoked' refused stranger 51
await 'and tells what it knew alone' refused a 50

# Junk that looks like heartbeats stops nobody.
for _ in 1 2 3; do
    printf '\001\100%044d' 0 | cli -x XADD wafer '*' e >/dev/null
done
await 'heartbeats of strangers are counted' is a bad 3
await 'and the machine stays fresh' fresh a
equals 'with a word of it' 1 "$(grep -c 'signed with another secret' a.log)"
end_feeder TERM stranger
end_feeder TERM a
start_feeder a
await 'also when it is started again' fresh a
end_feeder TERM a

# All that is left is of another secret, and nobody is alive who has it.
"$wafer" feed secret fresh >/dev/null
begun=$(date +%s)
start_feeder fresh
await 'heartbeats that were left make a machine listen' says fresh listening
equals 'and wait' 0 "$(status fresh ready)"
await 'until it is sure that nobody is there' fresh fresh
equals 'for some time' yes "$([ $(($(date +%s) - begun)) -ge 9 ] && echo yes)"
end_feeder TERM fresh

# ---- A stream that is filled with something else ----

rm -rf stranger fresh
cli EVAL "for i = 1, 700 do
    redis.call('XADD', KEYS[1], '*', 'e', string.rep('x', 100000))
end" 1 wafer >/dev/null
start_feeder a
await 'what is too much for one answer is read in smaller pieces' fresh a
equals 'and counted' yes "$([ "$(status a bad)" -ge 700 ] && echo yes)"
end_feeder TERM a
cli DEL wafer >/dev/null

# ---- A stream that is removed again and again ----

start_feeder a
await 'a machine is ready once more' fresh a
for session in 71 72 73; do
    revoke a $session >/dev/null
done
entries=$(status a entries)
for _ in 1 2 3; do
    before=$(status a republished)
    cli DEL wafer >/dev/null
    await 'a stream that was removed is given back' eval \
        '[ "$(status a republished)" -gt "$before" ]'
done
cli DEL wafer >/dev/null
revoke a 74 >/dev/null
make_host c
start_feeder c
await 'also when it is removed while it is given back' eval \
    '[ "$(status c entries)" = $((entries + 1)) ]'
end_feeder TERM a
end_feeder TERM c

# ---- A Redis that repeats what it is told ----

end_redis
start_redis --rename-command AUTH ANOTHER
echo unspeakable >a/password
chmod 600 a/password
start_feeder a
await 'a Redis that knows no AUTH is named' says a 'refuses to let this machine sign in'
end_feeder TERM a
cat a/state a.log >told
lacks 'what it repeats of the password is told to nobody' unspeakable told
rm a/password
end_redis
start_redis

# ---- A primary that becomes a replica ----

# Its address then leads to the new one, as with a name or an address that moves.
listen() { # sets port; one that is taken is not an answer
    for _ in $(seq 20); do
        port=$((20000 + RANDOM % 12000))
        [ "$(cli CONFIG SET port $port 2>/dev/null)" = OK ] && return
    done
}
address=$socket
first=$redis
started+=("$first")
first_socket=$socket
listen
first_port=$port
socket=$folder/second.sock
start_redis
second=$redis
second_socket=$socket
listen
second_port=$port
redis=$first
socket=$folder/moves.sock
ln -s "$first_socket" "$socket"
make_host b
redis-cli -s "$second_socket" REPLICAOF 127.0.0.1 "$first_port" >/dev/null
start_feeder a
start_feeder b
await 'two machines follow the primary' eval 'fresh a && fresh b'
revoke a 1 >/dev/null
in_second() {
    [ "$(redis-cli -s "$second_socket" XLEN wafer)" -ge "$1" ]
}
await 'its replica has what was published' in_second 2
# A server of its own, whose connection is idle in between.
"$shared" "$socket" a revoke 2 40 100000 >server &
server=$!
sleep 0.5
redis-cli -s "$second_socket" REPLICAOF NO ONE >/dev/null
ln -sfn "$second_socket" "$socket"
redis-cli -s "$first_socket" REPLICAOF 127.0.0.1 "$second_port" >/dev/null
wait $server
equals 'a server that revokes goes over to the new primary' published \
    "$(tail -n 1 server | sed 's/ .*//')"
await 'what was revoked is refused on the other machine' none_missing b server
await 'machines go over to the new primary' eval \
    '[ "$(redis-cli -s "$second_socket" CLIENT LIST TYPE normal | grep -c "cmd=xread")" = 2 ]'
await 'and are fresh there' eval 'fresh a && fresh b'
ln -sfn "$first_socket" "$socket"
end_feeder TERM b
start_feeder b
await 'an address that leads to a replica is told' says b 'use its primary'
equals 'and not used' 0 "$(status b ready)"
end_feeder TERM a
end_feeder TERM b

# ---- The end ----

equals 'all feeders ended well' '' "$badly_ended"
echo "# $total tests"
[ "$failed" -eq 0 ]
