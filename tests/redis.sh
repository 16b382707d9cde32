# What the scripts share that drive feeders and a Redis of their own; they read it with the "."
# command. A host is a folder in the temporary one, which is the current one then.
tests=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-build}
case $build in /*) ;; *) build=$PWD/$build ;; esac
wafer=$build/wafer
shared=$build/tests/programs/shared

if ! command -v redis-server >/dev/null || [ ! -x "$shared" ]; then
    echo 'skipped: redis-server or libhiredis is not here'
    exit 77
fi
folder=$(mktemp -d)
socket=$folder/redis.sock
redis=
declare -A feeders=()
# Words in front of what a host runs, and how it reaches Redis if not over the socket.
declare -A within=()
declare -A reached=()
started=()
badly_ended=

cleanup() {
    exec 2>/dev/null # the shell tells of each that it was killed
    for pid in $redis "${started[@]:-}"; do
        [ -z "$pid" ] || kill -9 "$pid"
    done
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP
cd "$folder" || exit 1

. "$tests/report.sh"

start_redis() { # OPTION...
    redis-server --port 0 --bind 127.0.0.1 --unixsocket "$socket" --dir "$folder" --save '' "$@" >redis.log 2>&1 &
    redis=$!
    for _ in $(seq 200); do
        [ "$(redis-cli -s "$socket" ping 2>/dev/null)" = PONG ] && return
        kill -0 "$redis" 2>/dev/null || break
        sleep 0.05
    done
}
end_redis() { # as a crash does
    kill -9 "$redis"
    wait "$redis" 2>/dev/null
    redis=
}
address() { # HOST
    echo "${reached[$1]:-$socket}"
}
on() { # HOST COMMAND...
    local host=$1
    shift
    ${within[$host]:-} "$@"
}
cli() {
    redis-cli -s "$socket" "$@"
}
make_host() { # NAME
    mkdir -m 700 "$1"
    cp -p secret "$1"
}
start_feeder() { # HOST [NUMBER [OPTION...]]
    local host=$1 number=${2:-1}
    shift $(($# < 2 ? $# : 2))
    # shellcheck disable=SC2086 # several words or none
    ${within[$host]:-} "$wafer" feed --redis "$(address "$host")" --folder "$host" --capacity 100000 \
        "$@" 2>>"$host.log" &
    feeders[$host$number]=$!
    started+=("$!")
}
end_feeder() { # SIGNAL HOST [NUMBER]
    local name=$2${3:-1}
    kill "-$1" "${feeders[$name]}"
    wait "${feeders[$name]}" 2>/dev/null
    local ended=$?
    [ "$1" = KILL ] || [ "$ended" = 0 ] || badly_ended="$badly_ended $name:$ended"
}
status() { # HOST FIGURE
    on "$1" "$wafer" feed status --folder "$1" 2>/dev/null | sed -n "s/^$2  *//p"
}
revoke() { # FOLDER SESSION: its two digits are 32
    on "$1" "$wafer" revoke session "$(printf '%032x' "$2")" --revocations "redis:$(address "$1")@$1"
}
has() { # HOST SESSION
    "$wafer" revocations list --revocations "redis:$(address "$1")@$1" 2>/dev/null |
        grep -q "$(printf '%032x' "$2")"
}
says() { # HOST WORDS: in its last error
    status "$1" error | grep -q "$2"
}
is() { # HOST FIGURE VALUE
    [ "$(status "$1" "$2")" = "$3" ]
}
# The lag is that of a heartbeat that came just now.
fresh() { # HOST
    local lag
    lag=$(status "$1" lag_ms)
    is "$1" ready 1 && [ "${lag:--1}" -ge 0 ] && [ "$lag" -lt 2200 ]
}
await() { # SENTENCE COMMAND...: at most 15 s
    local sentence=$1 until=$((SECONDS + 15))
    shift
    while ! "$@" && [ $SECONDS -lt $until ]; do
        sleep 0.05
    done
    "$@"
    report $? "$sentence"
}
missing() { # HOST FILE: how many of the sessions that were revoked are not refused there
    sed -n 's/^\(published\|queued\) //p' "$2" | "$shared" "$socket" "$1" missing 2>/dev/null
}
none_missing() { # HOST FILE
    [ "$(missing "$1" "$2")" = 0 ]
}
count() { # WORD FILE
    grep -c "^$1 " "$2"
}
