# Starts and stops the example of an HTTP stack, for the suite and for load. Source it with stack,
# build, tests, protocol and server_options set, and report.sh read. Everything is in $folder, which
# is removed at the end, when whatever still runs is stopped too.
# shellcheck shell=sh disable=SC2154

. "$tests/stacks/nginx.sh"
. "$tests/stacks/kore.sh"

folder=$(mktemp -d)
pids=
# For builds with AddressSanitizer: something may be loaded before it, and it shall not look for leaks
# in what threads have of GLib's modules, where clang's older ones crash.
ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}verify_asan_link_order=0:intercept_tls_get_addr=0
export ASAN_OPTIONS

# A certificate of a moment, for $folder/tls.
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost \
    -keyout "$folder/key" -out "$folder/certificate" 2>/dev/null
cat "$folder/certificate" "$folder/key" >"$folder/tls"

cleanup() {
    [ ! -e "$folder/log" ] || cat "$folder/log"
    for pid in $pids; do kill -TERM "$pid" 2>/dev/null; done
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# Starts the example, for fastcgi with nginx in front, and waits for its address: sets pid, url, port.
start() { # ENVIRONMENT...
    : >"$folder/out"
    if [ "$stack" = kore ]; then
        # One worker, as each counts only its own sessions.
        kore_configure "$folder" "$build/examples/kore" 1
        set -- "$@" "WAFER_KEYS=$folder/keys" kore -nrqfc "$folder/kore.conf"
    else
        # shellcheck disable=SC2086 # options are words
        set -- "$@" "$build/examples/$stack" --keys "$folder/keys" --port 0 $server_options
    fi
    env "$@" >"$folder/out" 2>"$folder/err" &
    pid=$!
    pids="$pids $pid"
    await_address "$folder/out"
    [ -n "$url" ]
    started=$?
    report $started 'it starts and says where it listens'
    [ $started -eq 0 ] || sed 's/^/# /' "$folder/err"
    [ $started -ne 0 ] || [ "$stack" != fastcgi ] || start_nginx
    return $started
}
start_nginx() {
    nginx_tls=$folder/tls
    backend=127.0.0.1:$port
    port=$(free_port)
    tls_port=$(free_port)
    url=http://127.0.0.1:$port/
    # Without buffering, else nginx would not pass on a body before it has the whole.
    nginx_start "$folder" "$backend" "$port" "$tls_port" 'fastcgi_request_buffering off;'
    pids="$pids $nginx_pid"
    if [ "$protocol" = HTTP/2 ]; then
        port=$tls_port
        url=https://127.0.0.1:$port/
    fi
}
# Ends it as an operator does: the example's exit status is the result.
stop() {
    kill -TERM "$pid" 2>/dev/null
    # The shell forgets a child that has ended while it waits for sleep.
    for _ in $(seq 300); do
        kill -0 "$pid" 2>/dev/null || break
        sleep 0.1
    done
    kill -KILL "$pid" 2>/dev/null
    wait "$pid"
    ended=$?
    if [ "$stack" = fastcgi ]; then
        kill -TERM "$nginx_pid"
        wait "$nginx_pid"
    fi
    pids=
    [ $ended -eq 0 ] || sed 's/^/# /' "$folder/err"
    return $ended
}
