#!/bin/sh
# What a list costs that many machines share: from revoking on one host to refusal on another, how
# many are published in a second, how long a new host takes to catch up with 1,000,000 entries, and
# 1000 mirrors at 1000 revocations a second. Hosts are folders on this machine, around a Redis of
# its own on a socket (appendfsync everysec), which is stopped at the end.
#
#     bench/redis.sh [delay | publish | mirrors]      everything, if nothing is named; 2 minutes
#
# Prints a row a figure, and writes them to BUILD/bench/redis.json, a line of JSON each. Bars are for
# a quiet machine. Where others compete for the processors, who revokes waits for them: as root,
# `chrt -f 10 bench/redis.sh delay` is served before they are. Files go to TMPDIR (/tmp).
set -u

build=${BUILD:-build}
program=$build/bench/bench_redis
for needed in redis-server redis-cli "$program"; do
    command -v "$needed" >/dev/null || {
        echo "bench/redis.sh: $needed is missing" >&2
        exit 1
    }
done

folder=$(mktemp -d)
socket=$folder/redis.sock
redis=
cleanup() {
    [ -z "$redis" ] || { kill -9 "$redis" && wait "$redis"; } 2>/dev/null
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

redis-server --port 0 --unixsocket "$socket" --dir "$folder" --save '' --appendonly yes \
    --appendfsync everysec >"$folder/redis.log" 2>&1 &
redis=$!
for _ in $(seq 100); do
    [ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ] && break
    sleep 0.05
done
mkdir -m 700 "$folder/hosts"
sed -n 's/^model name[^:]*: */CPU        /p' /proc/cpuinfo | head -n 1
echo "Redis      $(redis-server --version | sed 's/.* v=\([^ ]*\).*/\1/')"
echo "machine    $(nproc) processors;$(uptime | sed 's/.*up/ up/')"
echo
timeout 300 "$program" "$socket" "$folder/hosts" "$@"
result=$?
[ $result -ne 124 ] || echo 'bench/redis.sh: it took more than 5 minutes' >&2
exit $result
