#!/bin/sh
# Load on the example of each HTTP stack, from wrk, over loopback: what Wafer costs there, and
# whether errors or memory grow.
#
#     bench/stacks.sh [STACK...]       all that were built, if none is named
#
# First each stack's throughput in turns of TURN_SECONDS (1), ROUNDS (5) times: an answer without a
# session, one that opens a session, one that opens, changes and seals it. Then LOAD_SECONDS (60) of
# valid, forged and expired cookies mixed. Prints a row a stack; exit status 1 if a request failed
# or memory kept growing. Compare within a row only.
set -u

build=${BUILD:-build}
tests=$(cd "$(dirname "$0")/../tests" && pwd)
script=$tests/stacks/requests.lua
[ $# -gt 0 ] || set -- $(ls "$build/examples")
[ $# -gt 0 ] || {
    echo 'bench/stacks.sh: no stack was built' >&2
    exit 1
}

for needed in wrk openssl curl; do
    command -v "$needed" >/dev/null || {
        echo "bench/stacks.sh: $needed is missing" >&2
        exit 1
    }
done

# KiB that a stack may keep of each request, in thousandths, and why.
leaks() {
    case $1 in
    soup) echo 400 ;; # libsoup 3.2 frees no socket object, and the example closes each connection
    *) echo 0 ;;
    esac
}

median() {
    sort -n | awk '{ line[NR] = $1 } END { print line[int((NR + 1) / 2)] }'
}
# "requests errors requests-a-second"
load() { # SECONDS REQUEST...
    seconds=$1
    shift
    wrk -t 1 -c 8 -d "${seconds}s" --timeout 5s -s "$script" "${url%/}" -- "$@" |
        sed -n 's/^result //p'
}
ratio() { # VALUES-OVER VALUES-UNDER: of the medians
    awk -v over="$(median <"$1")" -v under="$(median <"$2")" 'BEGIN { printf "%.2f", over / under }'
}
memory() { # of the example and its workers, in KiB
    for process in "$pid" $(cat "/proc/$pid/task/$pid/children"); do
        cat "/proc/$process/status"
    done | awk '/^VmRSS:/ { sum += $2 } END { print sum }'
}
seal() { # ARGUMENT...
    "$build/wafer" seal --keys "$folder/keys" --name wafer-example --subject ada "$@" visits=0 \
        name='Ada Lovelace' role=admin note=0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNO
}

row() { # STACK
    stack=$1 protocol=HTTP/1.1 server_options=
    . "$tests/report.sh"
    . "$tests/stacks/serve.sh"
    "$build/wafer" keys new "$folder/keys" >/dev/null
    start >/dev/null || {
        echo "$stack does not start" >&2
        return 1
    }
    valid=wafer-example=$(seal)
    expired=wafer-example=$(seal --expiry 1)
    forged=${valid%????}AAAA
    sleep 1.2

    load 1 "/visit $valid" >/dev/null
    for _ in $(seq "${ROUNDS:-5}"); do
        load "${TURN_SECONDS:-1}" /plain | cut -d ' ' -f 3 >>"$folder/plain"
        load "${TURN_SECONDS:-1}" "/whoami $valid" | cut -d ' ' -f 3 >>"$folder/open"
        load "${TURN_SECONDS:-1}" "/visit $valid" | cut -d ' ' -f 3 >>"$folder/seal"
    done
    before=$(memory)
    mixed=$(load "${LOAD_SECONDS:-60}" "/whoami $valid" "/whoami $forged" "/visit $valid" \
        "/whoami $expired" "/whoami $expired; $forged; $valid" /whoami)
    after=$(memory)
    requests=${mixed%% *}
    errors=${mixed#* }
    errors=${errors% *}
    stop
    status=$?

    printf '%-14s %9s %9s %9s %10s %7s %9s %9s\n' "$stack" "$(median <"$folder/plain")" \
        "$(ratio "$folder/open" "$folder/plain")" "$(ratio "$folder/seal" "$folder/plain")" \
        "$requests" "$errors" "$before" "$after"
    allowed=$((before + 1024 + requests * $(leaks "$stack") / 1000))
    [ "$errors" -eq 0 ] && [ "$after" -le "$allowed" ] && [ $status -eq 0 ] && return
    echo "$stack: errors, memory beyond $allowed KiB, or exit status $status" >&2
    return 1
}

printf '%-14s %9s %9s %9s %10s %7s %9s %9s\n' stack plain/s open seal mixed errors \
    'KiB then' 'and now'
result=0
for each in "$@"; do
    (row "$each") || result=1
done
exit $result
