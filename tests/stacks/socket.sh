#!/bin/sh
# Sessions on WebSockets: drives the example of a stack that has them, with nothing but curl.
#
#     tests/stacks/socket.sh BASE_URL
#
# BASE_URL is that of a running example, such as http://127.0.0.1:8080/, which nobody else uses.
# Exit status 77: something that this needs is missing.
set -u

url=${1%/}
host=${url#http://}
tests=$(cd "$(dirname "$0")/.." && pwd)

# shellcheck source=tests/report.sh
. "$tests/report.sh"

command -v curl >/dev/null || {
    echo 'skipped: there is no curl'
    exit 77
}

folder=$(mktemp -d)
pids=

cleanup() {
    for pid in $pids; do kill "$pid" 2>/dev/null; done
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 1' INT TERM HUP

# ---- Helpers ----

# Signs a user in, and leaves the cookie in a file of the user's name.
login() { # USER
    rm -f "$folder/jar"
    curl -s -m 5 -o /dev/null -c "$folder/jar" -d "$1" "$url/login"
    awk '$6 == "wafer-example" { print $6 "=" $7 }' "$folder/jar" >"$folder/$1"
}
post() { # USER PATH
    curl -s -m 5 -o /dev/null -H "Cookie: $(cat "$folder/$1")" -d '' "$url/$2"
}
sessions() {
    curl -s -m 5 "$url/sessions"
}

# What a client sends to get a WebSocket (RFC 6455 4.1), with more header lines if given. It must
# not send frames before the answer has come; curl cannot tell.
upgrade() { # LINE...
    printf '%s\r\n' 'GET / HTTP/1.1' "Host: $host" 'Upgrade: websocket' 'Connection: Upgrade' \
        'Sec-WebSocket-Version: 13' 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==' "$@" ''
    sleep 0.2
}
cookie() { # USER
    echo "Cookie: $(cat "$folder/$1")"
}
byte() { # NUMBER
    # shellcheck disable=SC2059 # the format is made
    printf "\\$(printf '%03o' "$1")"
}
# A frame (RFC 6455 5.2) under a mask of zeros, which leaves the text as it is. The first byte is
# 128, if it is the last frame of its message, and the opcode: 1 text, 2 binary, 8 close, 0 more.
frame() { # FIRST_BYTE TEXT
    byte "$1"
    if [ ${#2} -lt 126 ]; then
        byte $((128 + ${#2}))
    else
        byte 254
        byte $((${#2} / 256))
        byte $((${#2} % 256))
    fi
    printf '\0\0\0\0%s' "$2"
}
text() { # TEXT
    frame 129 "$1"
}
hang_up() {
    frame 136 "$(printf '\003\350')"
}

# Sends what it is given, and leaves what comes back in a file, until the server closes.
talk() { # NAME
    curl -s -N -m 3 "telnet://$host" >"$folder/$1"
}
# Opens a socket in the background, and waits for the answer to a text: sets pid.
open_socket() { # NAME USER
    { upgrade "$(cookie "$2")" && text ping; } | curl -s -N -m 20 "telnet://$host" >"$folder/$1" &
    pid=$!
    pids="$pids $pid"
    await "$1" "$2: ping"
}
status() { # NAME
    sed -n '1s|^HTTP/1.[01] \([0-9]*\).*|\1|p' "$folder/$1"
}
# What came after the head, in hexadecimal: 81 begins a text, 88 a close with its code.
frames() { # NAME
    LC_ALL=C sed '1,/^\r*$/d' "$folder/$1" | od -An -v -tx1 | tr -d ' \n'
}
hexadecimal() { # TEXT
    printf %s "$1" | od -An -v -tx1 | tr -d ' \n'
}
# The frame in which a server sends a short text.
expected() { # TEXT
    printf '81%02x%s' ${#1} "$(hexadecimal "$1")"
}
closed() { # CODE REASON
    printf '88%02x%04x%s' $((2 + ${#2})) "$1" "$(hexadecimal "$2")"
}
# Waits for a text in what comes back, for 1.5 s at most.
await() { # NAME TEXT
    for _ in $(seq 30); do
        ! grep -aq -- "$2" "$folder/$1" || return 0
        sleep 0.05
    done
    return 1
}
await_sessions() { # COUNT
    for _ in $(seq 30); do
        [ "$(sessions)" != "$1" ] || break
        sleep 0.05
    done
    sessions
}

# ---- Who gets a socket ----

login ada
{ upgrade && text ping; } | talk nobody
equals 'without a cookie there is no socket' 401 "$(status nobody)"
lacks 'and nothing is answered' ': ping' "$folder/nobody"
upgrade "$(cookie ada)x" | talk forged
equals 'with a forged one neither' 401 "$(status forged)"

{ upgrade "$(cookie ada)" && text ping && hang_up; } | talk own
equals 'who is signed in gets one' 101 "$(status own)"
lacks 'no cookie is set' '[Ss]et-[Cc]ookie' "$folder/own"
equals 'a text is answered with the name in front' \
    "$(expected 'ada: ping')$(closed 1000 '')" "$(frames own)"
{
    upgrade "$(cookie ada)" && text one && text two && frame 1 th && frame 0 re && frame 128 e &&
        text '' && text "$(printf '%0200d' 7)" && hang_up
} | talk several
equals 'several are, one in pieces, an empty one and a long one' \
    "$(expected 'ada: one')$(expected 'ada: two')$(expected 'ada: three')$(expected 'ada: '
    )817e00cd$(hexadecimal "ada: $(printf '%0200d' 7)")$(closed 1000 '')" "$(frames several)"
{ upgrade "$(cookie ada)" 'Sec-WebSocket-Protocol: wafer-example' && hang_up; } | talk named
equals 'the protocol may be named' 101 "$(status named)"
contains 'and is confirmed' '^Sec-WebSocket-Protocol: wafer-example' "$folder/named"
{ upgrade "$(cookie ada)" 'Sec-WebSocket-Protocol: nonsense' && hang_up; } | talk misnamed
equals 'a protocol of another name is refused' '' "$(status misnamed)"
{ upgrade 'Cookie: a=1' "$(cookie ada)" 'Cookie: b=2' && hang_up; } | talk lines
equals 'the cookie is found between lines of others' 101 "$(status lines)"

# ---- From where ----

{ upgrade "$(cookie ada)" "Origin: http://$host" && hang_up; } | talk origin
equals 'a page of this origin gets a socket' 101 "$(status origin)"
for origin in http://example.org "http://${host%:*}" "http://$host.example.org" "https://$host" \
    null; do
    upgrade "$(cookie ada)" "Origin: $origin" | talk foreign
    equals "a page of $origin does not" 403 "$(status foreign)"
done

# ---- What is refused later ----

{ upgrade "$(cookie ada)" && frame 130 ping; } | talk binary
equals 'bytes that are no text close it' "$(closed 1003 'text only')" "$(frames binary)"
{ upgrade "$(cookie ada)" && frame 129 "$(printf '%05000d' 7)"; } | talk large
equals 'so does a text of 5,000 bytes' "$(closed 1009 'too large')" "$(frames large)"

# ---- Logging out ----

open_socket first ada
equals 'a socket holds a session' 1 "$(await_sessions 1)"
post ada logout
await first revoked
report $? 'logging out elsewhere closes it within 1.5 seconds'
equals 'as a matter of policy, and says why' "$(expected 'ada: ping')$(closed 1008 revoked)" \
    "$(frames first)"
equals 'the session was given back' 0 "$(await_sessions 0)"
upgrade "$(cookie ada)" | talk again
equals 'a copy of the cookie gets no socket any more' 401 "$(status again)"

login ada
open_socket first ada
open_socket second ada
login bob
open_socket other bob
equals 'three sockets hold three sessions' 3 "$(await_sessions 3)"
post ada logout-everywhere
{ await first revoked && await second revoked; }
report $? 'logging out everywhere closes all of a user'
sleep 1.1
equals 'and none of another' "$(expected 'bob: ping')" "$(frames other)"
equals 'whose session stays' 1 "$(await_sessions 1)"
kill "$pid"
equals 'until the client goes away' 0 "$(await_sessions 0)"
# shellcheck disable=SC2154 # report.sh sets it
[ "$failed" -eq 0 ]
