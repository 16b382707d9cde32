# What the scripts that drive the demo server share; they read it with the "." command. As a browser
# and as an attacker would use it: with curl, on 127.0.0.1.
tests=$(cd "$(dirname "$0")" && pwd)

build=${BUILD:-build}
demo=$build/wafer-demo
wafer=$build/wafer
folder=$(mktemp -d)
pids=

cleanup() {
    for pid in $pids; do kill -TERM "$pid" 2>/dev/null; done
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

. "$tests/report.sh"

# Starts a server and waits for its address: sets pid, url and port.
start() { # LOG OPTION...
    log=$folder/$1
    shift
    : >"$log"
    "$demo" --keys "$folder/keys" --port 0 "$@" >"$log" 2>"$log.err" &
    pid=$!
    pids="$pids $pid"
    await_address "$log"
}
# Ends a server of ours by a signal; its exit status is the result.
stop() { # PID SIGNAL
    kill "-$2" "$1"
    wait "$1"
    ended=$?
    remaining=
    for other in $pids; do [ "$other" = "$1" ] || remaining="$remaining $other"; done
    pids=$remaining
    return $ended
}
# Waits until a server's log has a line.
await() { # PATTERN FILE
    for _ in $(seq 50); do
        grep -q "$1" "$2" && return 0
        sleep 0.1
    done
    return 1
}

bare() {
    curl -s --max-time 10 "$@"
}
visit() { # JAR PATH ARGUMENT...
    jar=$folder/$1 path=$2
    shift 2
    bare -b "$jar" -c "$jar" "$@" "$url$path"
}
# The path of an account's CSRF token, by one of its other paths.
csrf_of() { # PATH
    case $1 in
    [23]/*) echo "${1%%/*}/csrf" ;;
    *) echo csrf ;;
    esac
}
post() { # JAR PATH ARGUMENT...: with a CSRF token; prints the status
    with=$1 to=$2
    shift 2
    visit "$with" "$to" -o "$folder/body" -w '%{http_code}' \
        --data-urlencode "csrf=$(visit "$with" "$(csrf_of "$to")")" "$@"
}
# The same as a browser does it: the token is taken from the page, whatever else is there.
submit() { # JAR PAGE PATH ARGUMENT...
    with=$1 page=$2 to=$3
    shift 3
    visit "$with" "$to" -o "$folder/body" -D "$folder/head" -w '%{http_code}' \
        --data-urlencode "csrf=$(visit "$with" "$page" | csrf_in_page)" "$@"
}
csrf_in_page() {
    sed -n 's/.*name="csrf" value="\([^"]*\)".*/\1/p' | head -n 1
}
# What an element with this id holds, when it does so on one line.
element() { # ID FILE
    sed -n "s/.* id=\"$1\"[^>]*>\([^<]*\)<.*/\1/p" "$2"
}
fact() { # JAR NAME [BASE]: what whoami says
    visit "$1" "${3:-}whoami" | sed -n "s/^$2: //p"
}
token() { # JAR [NAME]
    awk -v name="${2:-wafer-demo}" '$6 == name { print $7 }' "$folder/$1"
}
verdict_of() { # ARGUMENT...: of a request with these arguments
    bare "$@" "${url}whoami" | sed -n 's/^verdict: //p'
}
status_of() { # ARGUMENT...
    bare -o "$folder/body" -w '%{http_code}' "$@"
}
# Sends bytes as they are and prints what comes back.
raw() { # FILE
    bare --max-time 5 "telnet://127.0.0.1:$port" <"$1"
}
repeat() { # TEXT TIMES
    awk -v text="$1" -v times="$2" 'BEGIN { while (times-- > 0) printf "%s", text }'
}

refused() { # SENTENCE STATUS ARGUMENT...: with exactly one line on stderr
    sentence=$1 expected=$2
    shift 2
    timeout 10 "$demo" "$@" >"$folder/out" 2>"$folder/err" </dev/null
    actual=$?
    equals "$sentence: status $expected, one line" "$expected, 1, 0" \
        "$actual, $(wc -l <"$folder/err"), $(wc -c <"$folder/out")"
}

# The first server of a script.
begin() {
    "$wafer" keys new "$folder/keys" >/dev/null || exit 1
    start first "$@"
    [ -n "$url" ] || { cat "$log" "$log.err"; exit 1; }
}
finish() { # WHAT
    echo "$1: $((total - failed)) of $total passed"
    [ "$failed" -eq 0 ]
}
