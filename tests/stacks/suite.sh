#!/bin/sh
# The same questions to the example of every HTTP stack, and the same answers wanted from all.
#
#     tests/stacks/suite.sh STACK
#
# BUILD (build) has examples/STACK and wafer. Exit status 77: something that this needs is missing.
set -u

stack=$1
tests=$(cd "$(dirname "$0")/.." && pwd)
build=${BUILD:-build}
wafer=$build/wafer

for needed in curl openssl; do
    command -v "$needed" >/dev/null || {
        echo "skipped: $stack: there is no $needed"
        exit 77
    }
done

. "$tests/report.sh"
. "$tests/stacks/serve.sh"

# ---- What differs from stack to stack ----

# How a stack can be reached: a line a protocol, its name and the long options for curl. HTTP/2 goes
# over TLS, because curl before 8.0 breaks the second request of a connection without.
protocols() {
    echo 'HTTP/1.1 http1.1'
    case $stack in
    fastcgi | h2o | libwebsockets) echo 'HTTP/2 http2 insecure' ;;
    soup) echo 'HTTPS http1.1 insecure' ;; # its HTTP/2 is for its own tests only
    esac
}

# Where a stack may answer something else than the others, and why. What is not here must be the
# same for all.
differs() { # CASE USUAL
    case "$stack, $protocol, $1" in
    # 32 KiB of memory a connection, for everything.
    'microhttpd, HTTP/1.1, '*' KiB' | 'ulfius, HTTP/1.1, '*' KiB') echo 431 ;;
    # The example allows 64 KiB for a head.
    'evhttp, HTTP/1.1, 70 KiB') echo 400 ;;
    # It keeps 64 fields of a request; the adapter sees that some may be missing.
    'civetweb, HTTP/1.1, many lines') echo 'none, frozen' ;;
    # nginx takes 8 KiB a field, and over HTTP/2, where it closes the connection, 4 KiB.
    'fastcgi, HTTP/1.1, '*' KiB') echo 400 ;;
    'fastcgi, HTTP/2, '*' KiB') echo 'no answer' ;;
    # libsoup closes connections with 64 KiB of head.
    'soup, '*', 70 KiB') echo 'no answer' ;;
    # It keeps 22 fields of a request; the adapter sees that some may be missing.
    'kore, HTTP/1.1, many lines') echo 'none, frozen' ;;
    # A head has 64 KiB at most. It closes the connection then.
    'kore, HTTP/1.1, 70 KiB') echo 'no answer' ;;
    # It reads only bodies whose length is told before, and wants to be told that there is none.
    'kore, HTTP/1.1, body without length' | 'kore, HTTP/1.1, neither body nor length') echo 411 ;;
    # Before 3.3 it keeps for ever those that clients close, so the example keeps none alive.
    'soup, '*', connections') echo '1 1 1 1 1' ;;
    # The example has it take 32 KiB of head. It closes the connection then.
    'libwebsockets, '*', 60 KiB' | 'libwebsockets, '*', 70 KiB') echo 'no answer' ;;
    # It reads only bodies whose length is told before.
    'libwebsockets, HTTP/1.1, body without length') echo 501 ;;
    'libwebsockets, HTTP/2, body without length') echo 411 ;;
    # Nor does it tell whether there is none.
    'libwebsockets, HTTP/2, neither body nor length') echo 411 ;;
    *) echo "$2" ;;
    esac
}

# Stacks whose calls that add a response field cannot fail, so that nothing can be refused.
cannot_refuse() {
    case $stack in
    h2o) ;;  # h2o_add_header returns nothing; its pool aborts the process without memory
    kore) ;; # http_response_header returns nothing; kore ends the worker without memory
    soup) ;; # soup_message_headers_append returns nothing; GLib aborts without memory
    *) return 1 ;;
    esac
}

# ---- Helpers ----

# One request; leaves its head and body, and prints the status, 000 without an answer.
ask() { # PATH ARGUMENT...
    path=$1
    shift
    : >"$folder/head"
    : >"$folder/body"
    curl -K "$folder/curl" -o "$folder/body" -D "$folder/head" -w '%{http_code}' "$@" "$url$path"
}
# As a browser with a jar of its own.
browse() { # JAR PATH ARGUMENT...
    jar=$folder/$1 path=$2
    shift 2
    ask "$path" -b "$jar" -c "$jar" "$@"
}
fact() { # NAME: what the last whoami said
    sed -n "s/^$1: //p" "$folder/body"
}
verdict_of() { # ARGUMENT...: of a request with these
    ask whoami "$@" >/dev/null
    fact verdict
}
verdict_in() { # JAR
    verdict_of -b "$folder/$1"
}
field() { # NAME: every value of that field in the last response
    tr -d '\r' <"$folder/head" | awk -v name="$1:" '
        tolower(substr($0, 1, length(name))) == name { print substr($0, length(name) + 2) }'
}
token() { # JAR
    awk -v name="$name" '$6 == name { print $7 }' "$folder/$1"
}
seal() { # ARGUMENT...
    "$wafer" seal --keys "$folder/keys" --name "$name" --subject ada "$@"
}
repeat() { # TEXT TIMES
    awk -v text="$1" -v times="$2" 'BEGIN { while (times-- > 0) printf "%s", text }'
}
# Waits until no request is under way.
await_silence() { # SENTENCE
    for _ in $(seq 50); do
        ask sessions >/dev/null
        [ "$(cat "$folder/body")" != 0 ] || break
        sleep 0.1
    done
    equals "$1" 0 "$(cat "$folder/body")"
}

# ---- First visit, login, and what goes out ----

first_visit() {
    case $protocol in
    HTTP/2) version=2 ;;
    *) version=1.1 ;;
    esac
    equals 'the protocol is spoken' "$version" \
        "$(curl -K "$folder/curl" -o "$folder/body" -w '%{http_version}' "${url}plain")"
    equals 'a page without a session is answered' 200 "$(ask plain)"
    equals 'as it should be' 'no session' "$(cat "$folder/body")"
    equals 'its text is UTF-8' 'text/plain; charset=utf-8' "$(field content-type)"
    equals 'it neither sets a cookie nor varies' '' "$(field set-cookie)$(field vary)"
    equals 'a first visit is answered' 200 "$(ask whoami)"
    equals 'it is nobody' 'none, ' "$(fact verdict), $(fact subject)"
    equals 'it gets no cookie' '' "$(field set-cookie)"
    equals 'and varies by cookie' 'Cookie' "$(field vary)"
    equals 'a query is no part of the path' 200 "$(ask 'whoami?a=b')"
}

login() {
    equals 'login is answered' 200 "$(browse ada login -d ada)"
    equals 'it says so' 'welcome' "$(cat "$folder/body")"
    field set-cookie >"$folder/cookies"
    equals 'the cookie goes out once, under the name of the session' 1 \
        "$(grep -c "^$name=" "$folder/cookies")"
    equals "and beside it the program's own" 'own=1' "$(grep -v "^$name=" "$folder/cookies")"
    equals 'it is HttpOnly, SameSite=Lax and for all paths' "Path=/; ${secure}HttpOnly; SameSite=Lax" \
        "$(sed -n "s/^$name=[^;]*; //p" "$folder/cookies")"
    equals 'caches keep off' 'no-store' "$(field cache-control)"
    equals "the response varies by cookie, and by what the program's own field says" \
        'Accept Cookie ' "$(field vary | tr -d ' ' | tr ',' '\n' | sort | tr '\n' ' ')"
    equals 'the session is valid' 'valid' "$(verdict_in ada)"
    equals 'it is of the one who signed in' 'ada' "$(fact subject)"
    equals 'reading it sets no cookie' '' "$(field set-cookie)"
    ask plain -b "$folder/ada" >/dev/null
    equals 'a page without a session takes no notice' '' "$(field set-cookie)$(field vary)"
}

# ---- Cookie fields ----

cookie_lines() {
    good=$name=$(token ada)
    equals 'the session in the first of three Cookie lines is found' 'valid' \
        "$(verdict_of -H "Cookie: $good" -H 'Cookie: a=1' -H 'Cookie: b=2')"
    equals 'in the middle one' 'valid' \
        "$(verdict_of -H 'Cookie: a=1' -H "Cookie: $good" -H 'Cookie: b=2')"
    equals 'in the last one' 'valid' \
        "$(verdict_of -H 'Cookie: a=1' -H 'Cookie: b=2' -H "Cookie: $good")"
    equals 'lines of several cookies are read' 'valid' \
        "$(verdict_of -H 'Cookie: a=1; b=2' -H "Cookie: c=3; $good; d=4" -H 'Cookie: e=5')"
    equals 'one cookie a line is read' 'valid' \
        "$(verdict_of -H 'Cookie: a=1' -H 'Cookie: b=2' -H 'Cookie: c=3' -H "Cookie: $good" \
            -H 'Cookie: d=4' -H 'Cookie: e=5')"
    others=$(seq 20 | sed 's/.*/other&=value&;/' | tr '\n' ' ')
    equals 'twenty other cookies around do no harm' 'valid' \
        "$(verdict_of -H "Cookie: $others$good; ${others%; }")"
    seq 80 | sed 's/.*/Cookie: other&=value&/' >"$folder/lines"
    echo "Cookie: $good" >>"$folder/lines"
    equals 'eighty lines in front' "$(differs 'many lines' 'valid')" \
        "$(oversized -H "@$folder/lines")"
    equals 'the name of the field may be in any case' 'valid' "$(verdict_of -H "cOOKIE: $good")"
    equals 'a field whose name only begins with Cookie is another' 'none' \
        "$(verdict_of -H "Cookies: $good" -H "X-Cookie: $good" -H "Cookie2: $good")"
    equals 'a cookie of another name is none' 'none' "$(verdict_of -H "Cookie: x$good")"
    equals 'a name that differs in case is another' 'none' \
        "$(verdict_of -H "Cookie: $(echo "$name" | tr '[:lower:]' '[:upper:]')=$(token ada)")"
}

forged_cookies() {
    good=$(token ada)
    flipped=$(echo "$good" | awk '{ print substr($0, 1, 59) (substr($0, 60, 1) == "A" ? "B" : "A") \
        substr($0, 61) }')
    foreign=$("$wafer" seal --keys "$folder/foreign-keys" --name "$name" --subject eve)
    renamed=$("$wafer" seal --keys "$folder/keys" --name other --subject eve)
    cut=${good%???}
    garbage=$(repeat A ${#good})
    for forged in "$flipped" "$cut" "$garbage" "$foreign" "$renamed"; do
        verdict_of -H "Cookie: $name=$forged"
    done | sort | uniq -c | tr -d '\n ' >"$folder/verdicts"
    equals 'a flipped bit, a cut, garbage, another key ring, another name: all are rejected' \
        '5rejected' "$(cat "$folder/verdicts")"
    equals 'all of them in front of the real one do no harm' 'valid, ada' \
        "$(verdict_of -H "Cookie: $name=$flipped; $name=$cut; $name=$garbage; $name=$foreign; \
$name=$renamed; $name=$good"), $(fact subject)"
    equals 'nor do they in lines of their own' 'valid, ada' \
        "$(verdict_of -H "Cookie: $name=$flipped" -H "Cookie: $name=$cut" \
            -H "Cookie: $name=$garbage" -H "Cookie: $name=$foreign" -H "Cookie: $name=$renamed" \
            -H "Cookie: $name=$good"), $(fact subject)"
    equals 'nor behind it' 'valid, ada' \
        "$(verdict_of -H "Cookie: $name=$good; $name=$flipped" -H "Cookie: $name=$foreign"), \
$(fact subject)"
    equals 'an authentic cookie that expired is expired' 'expired' \
        "$(verdict_of -H "Cookie: $name=$expired")"
    equals 'in front of a valid one it does no harm' 'valid, ada' \
        "$(verdict_of -H "Cookie: $name=$expired; $name=$good"), $(fact subject)"
}

# What comes of many cookies: the verdict, or the status, or nothing.
oversized() { # ARGUMENT...
    status=$(ask whoami "$@")
    case $status in
    200) echo "$(fact verdict)$(fact frozen | sed 's/yes/, frozen/; s/no//')" ;;
    000) echo 'no answer' ;;
    *) echo "$status" ;;
    esac
}

oversized_cookies() {
    good=$name=$(token ada)
    equals '3 KiB of other cookies' 'valid' "$(oversized -H "Cookie: a=$(repeat x 3072); $good")"
    equals '16 KiB of other cookies' "$(differs '16 KiB' valid)" \
        "$(oversized -H "Cookie: a=$(repeat x 16384); $good")"
    equals '60 KiB of other cookies' "$(differs '60 KiB' valid)" \
        "$(oversized -H "Cookie: a=$(repeat x 61440); $good")"
    if [ "$protocol" != HTTP/2 ]; then # where curl sends no more than 64 KiB
        seq 10 | sed "s/.*/Cookie: a&=$(repeat x 7168)/" >"$folder/lines"
        equals '70 KiB of other cookies in ten lines' "$(differs '70 KiB' 'valid, frozen')" \
            "$(oversized -H "Cookie: $good" -H "@$folder/lines")"
    fi
    seq 5 | sed "s/.*/Cookie: $(repeat "$name=$(seal); " 14)a=&/" >"$folder/lines"
    equals 'seventy cookies of the name are too many to be changed' 'valid, frozen' \
        "$(oversized -H "@$folder/lines")"
    equals 'a visit with these is 503' 503 "$(ask visit -H "@$folder/lines")"
    equals 'it sets no cookie' '' "$(field set-cookie)"
    equals 'the server goes on' 'valid' "$(verdict_in ada)"
    await_silence 'and every session was given back'
}

# ---- State ----

state() {
    curl -K "$folder/curl" -b "$folder/ada" -c "$folder/ada" -w '%{stderr}%{num_connects} ' \
        "${url}visit" "${url}visit" "${url}visit" "${url}visit" "${url}visit" \
        >"$folder/body" 2>"$folder/connections"
    equals 'five visits one after another are counted' '1 2 3 4 5 ' "$(fact visits | tr '\n' ' ')"
    equals 'on one connection' "$(differs connections '1 0 0 0 0') " "$(cat "$folder/connections")"
    equals 'a visit is answered later' 200 "$(browse ada later)"
    equals 'and counted' 'visits: 6' "$(cat "$folder/body")"
    printf 'Gr\303\274\303\237e; "a=1, b" 100%% \\ & + <b> \360\237\215\252' >"$folder/note"
    repeat x $((100 - $(wc -c <"$folder/note"))) >>"$folder/note"
    equals 'a note is kept' 200 "$(browse ada note --data-binary "@$folder/note")"
    verdict_in ada >/dev/null
    equals 'with its 100 bytes as they were' "$(cat "$folder/note")" "$(fact note)"
    equals 'a note that is not UTF-8 is 400' 400 "$(browse ada note -d "$(printf '\377')")"
    repeat y 3000 >"$folder/large"
    equals 'a note that is too large for a cookie is 413' 413 \
        "$(browse ada note -d "@$folder/large")"
    equals 'it sets no cookie' '' "$(field set-cookie)"
    repeat y 5000 >"$folder/larger"
    equals 'a body of 5,000 bytes is 413' 413 "$(browse ada note -d "@$folder/larger")"
    contains 'which says how large it may be' '4096 bytes' "$folder/body"
    repeat y 200000 >"$folder/largest"
    equals 'one of 200,000 bytes is 413' 413 "$(browse ada note -d "@$folder/largest")"
    verdict_in ada >/dev/null
    equals 'the note is as it was' "$(cat "$folder/note")" "$(fact note)"
    equals 'so are the visits' 6 "$(fact visits)"
    equals 'a body whose length was not told is read' "$(differs 'body without length' 200)" \
        "$(browse ada note -X POST -H 'Expect:' -T - <"$folder/note")"
    equals 'a login without a body is 400' 400 "$(browse empty login -d '')"
    equals 'and sets no cookie' '' "$(field set-cookie)"
    equals 'a login with neither body nor length, too' \
        "$(differs 'neither body nor length' 400)" "$(browse empty login -X POST)"
}

paths_and_methods() {
    equals 'an unknown path is 404' 404 "$(ask nothing -b "$folder/ada")"
    equals 'it sets no cookie' '' "$(field set-cookie)"
    equals 'GET where POST is meant is 405' 405 "$(ask logout -b "$folder/ada")"
    equals 'it sets no cookie either' '' "$(field set-cookie)"
    equals 'POST where GET is meant is 405' 405 "$(ask visit -b "$folder/ada" -d x)"
    equals 'DELETE is 405' 405 "$(ask whoami -X DELETE)"
    equals 'nothing of it changed anything' 'valid' "$(verdict_in ada)"
}

logout() {
    cp "$folder/ada" "$folder/copy"
    equals 'logout is answered' 200 "$(browse ada logout -d '')"
    equals 'it says so' 'goodbye' "$(cat "$folder/body")"
    equals 'it deletes the cookie' 'Max-Age=0' "$(field set-cookie | grep -o 'Max-Age=0')"
    equals 'the browser has none any more' '' "$(token ada)"
    equals 'a copy is refused' 'revoked, ' "$(verdict_in copy), $(fact subject)"
    browse first login -d bob >/dev/null
    browse second login -d bob >/dev/null
    browse other login -d carol >/dev/null
    equals 'logout everywhere is answered' 200 "$(browse first logout-everywhere -d '')"
    equals 'the other session of that user is refused' 'revoked' "$(verdict_in second)"
    equals 'another user stays signed in' 'valid' "$(verdict_in other)"
    equals 'login right afterwards works' '200, valid' \
        "$(browse first login -d bob), $(verdict_in first)"
}

# ---- Many at once ----

# Separates the requests of a curl configuration, and gives each the options of all.
request() {
    [ ! -s "$folder/requests" ] || echo next
    cat "$folder/curl"
}

cookie_of() { # HEAD
    sed -n 's/^[Ss]et-[Cc]ookie: \([^;]*\);.*/\1/p' "$1"
}

many_at_once() {
    mkdir "$folder/many"
    : >"$folder/requests"
    for number in $(seq 40); do
        request
        echo "url = \"${url}login\""
        echo "data = \"user$number\""
        echo "dump-header = \"$folder/many/head$number\""
        echo "output = \"$folder/many/body$number\""
    done >>"$folder/requests"
    curl -Z -K "$folder/requests" 2>/dev/null # curl insists on a meter
    equals 'forty logins at once succeed' 40 "$(cat "$folder/many"/body* | grep -c welcome)"
    for number in $(seq 40); do
        cookie_of "$folder/many/head$number" | sed "s/^/$number /"
    done >"$folder/cookies"
    equals 'each sets one cookie, and no two are the same' '40 40' \
        "$(grep -c . "$folder/cookies") $(sort -u -k 2 "$folder/cookies" | grep -c .)"
    : >"$folder/requests"
    for round in 1 2 3 4 5; do
        while read -r number cookie; do
            request
            echo "url = \"${url}whoami\""
            echo "header = \"Cookie: a=$number; $cookie\""
            echo "output = \"$folder/many/$number.$round\""
        done <"$folder/cookies"
    done >>"$folder/requests"
    curl -Z --parallel-max 40 -K "$folder/requests" 2>/dev/null
    equals 'of two hundred requests at once each is answered' 200 \
        "$(grep -h '^verdict: valid$' "$folder/many"/*.* | grep -c .)"
    equals 'and finds its own user' '' \
        "$(grep -H '^subject: ' "$folder/many"/*.* | sed 's|.*/||' | awk -F '[.:]' '
            $4 != " user" $1 { print }')"
    late_among_many
    await_silence 'and every session was given back'
    rm -r "$folder/many"
}

# Eight sessions are open for a while, as long as others come and go.
late_among_many() {
    : >"$folder/requests"
    while read -r number cookie; do
        request
        echo "header = \"Cookie: $cookie\""
        if [ "$number" -le 8 ]; then
            echo "url = \"${url}later\""
            echo "dump-header = \"$folder/many/head$number\""
            echo "output = \"$folder/many/late$number\""
        else
            echo "url = \"${url}whoami\""
            echo "output = \"$folder/many/$number.0\""
        fi
    done <"$folder/cookies" >>"$folder/requests"
    curl -Z -K "$folder/requests" 2>/dev/null
    equals 'eight late answers among these are given' 8 \
        "$(grep -h '^visits: 1$' "$folder/many"/late* | grep -c .)"
    for number in $(seq 8); do
        verdict_of -H "Cookie: $(cookie_of "$folder/many/head$number")" >/dev/null
        echo "$number $(fact subject) $(fact visits)"
    done >"$folder/users"
    equals 'each to its own user' "$(seq 8 | sed 's/.*/& user& 1/')" "$(cat "$folder/users")"
    equals 'and the others find theirs' 32 \
        "$(grep -H '^subject: ' "$folder/many"/*.0 | sed 's|.*/||' | awk -F '[.:]' '
            $4 == " user" $1 { print }' | grep -c .)"
}

# ---- Clients that go away ----

# Sends bytes as they are, and goes away soon, or as soon as the first byte comes back.
raw() { # FILE
    case $url in
    https:*)
        { cat "$1" && sleep 0.4; } | timeout 0.4 openssl s_client -quiet -alpn "$alpn" \
            -connect "127.0.0.1:$port" >/dev/null 2>&1
        ;;
    *) curl -s -N --max-time 0.2 "telnet://127.0.0.1:$port" <"$1" >/dev/full 2>/dev/null ;;
    esac
}
twenty_times() { # COMMAND...: at the same time
    (
        for _ in $(seq 20); do "$@" & done
        wait
    )
}

# Files of bytes: the beginning of a head, a head with the beginning of a body, twenty requests.
write_fragments() {
    case $protocol in
    HTTP/2)
        alpn=h2
        write_frames
        ;;
    *)
        alpn=http/1.1
        printf 'GET /visit HTTP/1.1\r\nHost: x\r\nCook' >"$folder/in-head"
        printf 'POST /note HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nbegin' \
            >"$folder/in-body"
        for _ in $(seq 20); do
            printf 'GET /visit HTTP/1.1\r\nHost: x\r\n\r\n'
        done >"$folder/unread"
        ;;
    esac
}
# The same as frames (RFC 9113, 4.1): length (3), type, flags, stream (4); then fields as RFC 7541 has
# them: method, scheme, path, authority.
write_frames() {
    for file in in-head in-body unread; do
        printf 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\4\0\0\0\0\0' >"$folder/$file"
    done
    printf '\0\0\100\1\1\0\0\0\1\202\207\4\6/visit' >>"$folder/in-head"
    printf '\0\0\14\1\4\0\0\0\1\203\207\4\5/note\101\1x\0\0\144\0\0\0\0\0\1begin' \
        >>"$folder/in-body"
    for number in $(seq 1 2 39); do
        printf "\\0\\0\\15\\1\\5\\0\\0\\0\\$(printf %o $number)\\202\\207\\4\\6/visit\\101\\1x"
    done >>"$folder/unread"
}

clients_go_away() {
    write_fragments
    twenty_times raw "$folder/in-head"
    await_silence 'twenty clients that go away within the head leave nothing'
    twenty_times raw "$folder/in-body"
    await_silence 'within the body neither'
    twenty_times raw "$folder/unread"
    await_silence 'without reading the answers neither'
    twenty_times ask later --max-time 0.03 >/dev/null
    await_silence 'before a late answer neither'
    equals 'the server goes on' 'valid' "$(verdict_in other)"
}

# ---- The end ----

the_end() {
    for fragment in in-head in-body; do
        raw "$folder/$fragment" &
        pids="$pids $!"
    done
    ask later --max-time 1 >/dev/null &
    pids="$pids $!"
    sleep 0.03
    # Comes after the signal, while the one above is under way.
    { sleep 0.01 && ask later --max-time 1; } >/dev/null &
    pids="$pids $!"
    stop
    equals 'SIGTERM ends it with status 0, also with requests under way' 0 $?
    wait
}

# A library in front of the stack's own that refuses the field Set-Cookie.
refusals() {
    "${CC:-gcc}" -shared -fPIC -O1 -Wall -Wextra -Werror "$tests/programs/refuse_headers.c" \
        -o "$folder/refuse_headers.so" -ldl
    start "LD_PRELOAD=$folder/refuse_headers.so" || return
    equals 'a login whose cookie the stack refuses is 500' 500 "$(browse refused login -d ada)"
    equals 'it sets no cookie' '' "$(field set-cookie)"
    equals 'who comes next is answered' '200, none' "$(ask whoami), $(fact verdict)"
    await_silence 'and every session was given back'
    stop
    equals 'the end is as ever' 0 $?
}

# ---- All of it ----

drive() { # PROTOCOL OPTION...
    protocol=$1
    shift
    printf '%s\n' silent 'max-time = 10' "$@" >"$folder/curl"
    server_options='' name=wafer-example secure=''
    case " $* " in
    *' insecure '*) [ "$stack" = fastcgi ] || secure='Secure; ' ;; # nginx has the TLS
    esac
    if [ -n "$secure" ]; then
        server_options="--tls $folder/tls" name=__Host-session
    fi
    rm -f "$folder/ada" "$folder/first" "$folder/second" "$folder/other"
    expired=$(seal --expiry 1)
    start || return
    first_visit
    login
    state
    cookie_lines
    oversized_cookies
    paths_and_methods
    many_at_once
    forged_cookies
    logout
    clients_go_away
    the_end
    cannot_refuse || refusals
}

# What only one stack has.
sockets() {
    protocol=HTTP/1.1 server_options=''
    start || return
    "$tests/stacks/socket.sh" "$url" >"$folder/sockets"
    report $? 'the script on WebSockets ran to its end'
    cat "$folder/sockets"
    failed=$((failed + $(grep -c '^not ok' "$folder/sockets")))
    stop
    equals 'the end is as ever' 0 $?
}

# The list was made before kore forked its workers, and outlives the one that signed somebody out.
workers() {
    protocol=HTTP/1.1 server_options=''
    start || return
    browse ada login -d ada >/dev/null
    cp "$folder/ada" "$folder/copy"
    browse ada logout -d '' >/dev/null
    read -r worker <"/proc/$pid/task/$pid/children"
    kill -KILL "$worker"
    equals 'another worker knows who signed out' 'revoked' "$(verdict_in copy)"
    read -r another <"/proc/$pid/task/$pid/children"
    lacks 'it is another' "^$worker *\$" - <<WORKER
$another
WORKER
    stop
    equals 'the end is as ever' 0 $?
}

if [ "$stack" = fastcgi ] && ! command -v nginx >/dev/null; then
    missing=nginx
fi
if [ "$stack" = kore ] && ! command -v kore >/dev/null; then
    missing=kore
elif [ "$stack" = kore ] && ! kore_can_load "$build/examples/kore"; then
    # Not for lack of something: nobody is to install anything.
    echo 'kore: not tried with a sanitizer'
    exit 0
fi
if [ -n "${missing:-}" ]; then
    echo "skipped: $stack: there is no $missing"
    exit 77
fi
"$wafer" keys new "$folder/keys" >/dev/null && "$wafer" keys new "$folder/foreign-keys" >/dev/null || exit 1

protocols >"$folder/protocols"
while read -r protocol options; do
    # shellcheck disable=SC2086 # options are words
    drive "$protocol" $options >"$folder/log" </dev/null
    sed "s|^\(not \)\{0,1\}ok - |&$stack over $protocol: |" "$folder/log"
    rm "$folder/log"
done <"$folder/protocols"
if [ "$stack" = libwebsockets ]; then
    sockets >"$folder/log" </dev/null
    sed "s|^\(not \)\{0,1\}ok - |&$stack, WebSockets: |" "$folder/log"
    rm "$folder/log"
fi
if [ "$stack" = kore ]; then
    workers >"$folder/log" </dev/null
    sed "s|^\(not \)\{0,1\}ok - |&$stack, workers: |" "$folder/log"
    rm "$folder/log"
fi
[ "$failed" -eq 0 ]
