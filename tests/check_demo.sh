#!/bin/sh
# The demo server's sessions, fields, forms and its life.
set -u
# shellcheck source=tests/demo.sh
. "$(dirname "$0")/demo.sh"

# ---- Sessions ----

sign_in_and_remember() {
    equals 'a first visit is nobody' 'none' "$(fact ada verdict)"
    equals 'signing in answers with a redirect' 303 "$(post ada login -d user=ada)"
    equals 'the session is valid' 'valid' "$(fact ada verdict)"
    equals 'the user is known' 'ada' "$(fact ada subject)"
    for _ in 1 2 3; do visit ada '' >"$folder/home"; done
    equals 'three visits are counted' 3 "$(fact ada visits)"
    contains 'the home page says who is signed in' '<h1>ada is signed in</h1>' "$folder/home"
    visit ada '' -I >/dev/null
    equals 'a HEAD request is no visit' 3 "$(fact ada visits)"
    post ada set --data-urlencode 'value=tea & <b>"cake"</b>' >/dev/null
    equals 'the note is there on the next request' 'tea & <b>"cake"</b>' "$(fact ada note)"
    visit ada '' >"$folder/home"
    lacks 'the note is escaped in HTML' '<b>' "$folder/home"
    contains 'the escaped note is the whole note' \
        'tea &amp; &lt;b&gt;&quot;cake&quot;&lt;/b&gt;' "$folder/home"
    post ada set --data-urlencode "value=$(printf 'a\nverdict: valid\033')" >/dev/null
    equals 'controls are escaped in plain text' 'a\nverdict: valid\x1b' "$(fact ada note)"
    post ada set -d value= >/dev/null
    equals 'an empty note is no note' '' "$(fact ada note)"
    "$wafer" open --keys "$folder/keys" --name wafer-demo "$(token ada)" >"$folder/opened"
    contains 'the command opens the cookie of the server' '^subject: ada$' "$folder/opened"
}

what_goes_out() {
    visit ada '' -o /dev/null -D "$folder/head"
    contains 'the cookie is HttpOnly, SameSite=Lax and for all paths' \
        '^Set-Cookie: wafer-demo=[A-Za-z0-9_-]*; Path=/; HttpOnly; SameSite=Lax' "$folder/head"
    lacks 'the cookie is not Secure on plain http' 'Secure' "$folder/head"
    contains 'a response with a cookie is not stored' '^Cache-Control: no-store' "$folder/head"
    contains 'a response varies by cookie' '^Vary: Cookie' "$folder/head"
    visit ada whoami -o /dev/null -D "$folder/head"
    lacks 'a request that changes nothing gets no cookie' '^Set-Cookie' "$folder/head"
    contains 'nor may caches mix that up' '^Vary: Cookie' "$folder/head"
}

sign_out_reaches_copies() {
    cp "$folder/ada" "$folder/copy"
    equals 'a copied jar is the same session' 'ada' "$(fact copy subject)"
    visit ada '' -o /dev/null
    equals 'signing out answers with a redirect' 303 "$(post ada logout)"
    equals 'the browser has no cookie any more' 'none' "$(fact ada verdict)"
    equals 'the copied jar is refused' 'revoked' "$(fact copy verdict)"
    equals 'the copied jar is nobody' '' "$(fact copy subject)"
    visit copy '' >"$folder/home"
    contains 'the home page asks to sign in again' 'Please sign in again' "$folder/home"
    equals 'signing in again works' 303 "$(post ada login -d user=ada)"
    equals 'and is valid' 'valid' "$(fact ada verdict)"
}

sign_out_everywhere() {
    post second login -d user=ada >/dev/null
    post other login -d user=bob >/dev/null
    equals 'the second jar of a user is valid' 'valid' "$(fact second verdict)"
    equals 'signing out everywhere redirects' 303 "$(post ada logout-everywhere)"
    equals 'the second jar of the user is refused' 'revoked' "$(fact second verdict)"
    equals 'another user stays signed in' 'bob' "$(fact other subject)"
    post ada login -d user=ada >/dev/null
    equals 'signing in right afterwards works' 'valid' "$(fact ada verdict)"
}

one_user_after_another() {
    cp "$folder/other" "$folder/before"
    post other set -d value=secret >/dev/null
    equals 'another user may sign in over the first' 303 "$(post other login -d user=carol)"
    equals 'and finds no note of the first' '' "$(fact other note)"
    equals 'the session of the first is refused' 'revoked' "$(fact before verdict)"
}

# ---- Cookie fields ----

cookie_fields() {
    good=wafer-demo=$(token ada)
    many=$(seq 20 | sed 's/.*/other&=value&;/' | tr '\n' ' ')
    forged=$(seq 5 | sed 's/.*/wafer-demo=AAAAAA&;/' | tr '\n' ' ')
    near=$(printf '%s' "$good" | sed 's/.$//')
    equals 'a second Cookie line is read' 'valid' "$(verdict_of -H 'Cookie: a=1' -H "Cookie: $good")"
    equals 'the first of two Cookie lines is read' 'valid' \
        "$(verdict_of -H "Cookie: $good" -H 'cookie: a=1')"
    equals 'the name of the field may be in any case' 'valid' "$(verdict_of -H "cOOKIE: $good")"
    equals 'one cookie a line is read' 'valid' \
        "$(verdict_of -H 'Cookie: a=1' -H 'Cookie: b=2' -H 'Cookie: c=3' -H "Cookie: $good" \
            -H 'Cookie: d=4')"
    equals 'twenty other cookies do no harm' 'valid' \
        "$(verdict_of -H "Cookie: $many$good; ${many%; }")"
    equals 'five forged cookies in front do no harm' 'valid' \
        "$(verdict_of -H "Cookie: $forged$good")"
    equals 'a name that only ends like ours is another' 'none' "$(verdict_of -H "Cookie: x$good")"
    equals 'a field whose name only begins with Cookie is another' 'none' \
        "$(verdict_of -H "Cookies: $good" -H "X-Cookie: $good")"
    equals 'a cookie that lost a character is rejected' 'rejected' \
        "$(verdict_of -H "Cookie: $near")"
    equals 'a quoted cookie is rejected' 'rejected' \
        "$(verdict_of -H "Cookie: wafer-demo=\"$(token ada)\"")"
    equals 'an oversized cookie is rejected' 'rejected' \
        "$(verdict_of -H "Cookie: wafer-demo=$(repeat A 8000)")"
    equals 'an oversized cookie in front of the real one does no harm' 'valid' \
        "$(verdict_of -H "Cookie: wafer-demo=$(repeat A 8000); $good")"
    equals 'bytes that belong in no cookie do no harm' 'valid' \
        "$(verdict_of -H "$(printf 'Cookie: \001\033\377=\200"; ;;=;%s' "$good")")"
    equals 'sixty-five candidates are too many' 431 \
        "$(status_of -H "Cookie: $(repeat "$good; " 65)" "${url}whoami")"
    equals 'sixty-four are not' 'valid' "$(verdict_of -H "Cookie: $(repeat "$good; " 64)")"
    equals 'a head of 60,000 bytes is too large' 431 \
        "$(status_of -H "Cookie: $(repeat A 60000)" "${url}whoami")"
    {
        printf 'GET /whoami HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: a=\000b; %s' "$good"
        printf '\r\n\r\n'
    } >"$folder/request"
    raw "$folder/request" >"$folder/response"
    contains 'a NUL in a cookie gets an answer' '^HTTP/1.1 [24]' "$folder/response"
    equals 'the server goes on' 'valid' "$(fact ada verdict)"
}

# ---- Forms and methods ----

forms_need_csrf_tokens() {
    equals 'a form without a CSRF token is refused' 403 "$(visit ada set -o "$folder/body" \
        -w '%{http_code}' -d value=planted)"
    contains 'the page says what to do' 'csrf' "$folder/body"
    equals 'a form with a wrong CSRF token is refused' 403 "$(visit ada set -o /dev/null \
        -w '%{http_code}' -d "csrf=$(repeat A 48)" -d value=planted)"
    equals 'a CSRF token of another session is refused' 403 "$(visit ada set -o /dev/null \
        -w '%{http_code}' -d "csrf=$(visit other csrf)" -d value=planted)"
    equals 'a CSRF token in the address is none' 403 "$(visit ada "set?csrf=$(visit ada csrf)" \
        -o /dev/null -w '%{http_code}' -d value=planted)"
    equals 'signing in needs a CSRF token' 403 "$(status_of -d user=eve "${url}login")"
    equals 'signing out needs a CSRF token' 403 \
        "$(visit ada logout -o /dev/null -w '%{http_code}' -X POST)"
    equals 'nothing was changed by them' '' "$(fact ada note)"
    equals 'and nobody was signed out' 'ada' "$(fact ada subject)"
    before=$(visit other csrf)
    post other login -d user=dora >/dev/null
    equals 'a CSRF token from before signing in is refused' 403 "$(visit other set -o /dev/null \
        -w '%{http_code}' -d "csrf=$before" -d value=planted)"
}

forms_are_checked() {
    equals 'a form without its field is refused' 400 "$(post other login -d name=x)"
    equals 'a broken escape is refused' 400 "$(post other login -d user=%zz)"
    equals 'a cut escape is refused' 400 "$(post other login -d user=%4)"
    equals 'an empty name is refused' 400 "$(post other login -d user=)"
    equals 'a name with a NUL is refused' 400 "$(post other login -d user=a%00b)"
    equals 'a name that is not UTF-8 is refused' 400 "$(post other login -d user=%ff)"
    equals 'a name of 256 bytes is refused' 400 "$(post other login -d "user=$(repeat x 256)")"
    equals 'a note with a NUL is refused' 400 "$(post other set -d value=a%00b)"
    equals 'after all these the session is as it was' 'dora' "$(fact other subject)"
    equals 'a name of 255 bytes is taken' 303 "$(post other login -d "user=$(repeat x 255)")"
    equals 'plus and percent are decoded' 303 "$(post other login -d user=J%C3%B6rg+%2b)"
    equals 'as they should be' "$(printf 'J\303\266rg +')" "$(fact other subject)"
}

a_cookie_has_limits() {
    post full login -d user=full >/dev/null
    for _ in $(seq 23); do visit full '' -o /dev/null; done
    equals 'a note of 3,000 bytes is refused' 400 "$(post full set -d "value=$(repeat x 3000)")"
    contains 'the page tells the limit' '3500 bytes' "$folder/body"
    equals 'and the session stays' 23 "$(fact full visits)"
    low=1 high=3000
    while [ $((high - low)) -gt 1 ]; do
        middle=$(((low + high) / 2))
        if [ "$(post full set -d "value=$(repeat x $middle)")" = 303 ]; then
            low=$middle
        else
            high=$middle
        fi
    done
    equals 'the longest note is kept whole' "$low" "$(fact full note | tr -d '\n' | wc -c)"
    equals 'a full cookie does not lock the page' 200 \
        "$(visit full '' -o "$folder/body" -w '%{http_code}')"
    contains 'the page says that the visit was not counted' 'could not be counted' "$folder/body"
    equals 'and it was not' 23 "$(fact full visits)"
    equals 'a shorter note is taken' 303 "$(post full set -d value=short)"
    visit full '' -o /dev/null
    equals 'and visits count again' 24 "$(fact full visits)"
}

methods_and_paths() {
    equals 'HEAD is answered' 200 "$(visit ada '' -I -o /dev/null -w '%{http_code}')"
    equals 'an unknown path is 404' 404 "$(status_of "${url}nothing")"
    equals 'so is a form to one' 404 "$(status_of -d a=b "${url}nothing")"
    equals 'GET on a form is 405' 405 "$(status_of -D "$folder/head" "${url}login")"
    contains 'which says that POST is allowed' '^Allow: POST' "$folder/head"
    equals 'DELETE on a page is 405' 405 "$(status_of -X DELETE -D "$folder/head" "$url")"
    contains 'which says that GET and HEAD are allowed' '^Allow: GET, HEAD' "$folder/head"
    equals 'a method nobody knows is 405' 405 "$(status_of -X TEAPOT "$url")"
    repeat x 4097 >"$folder/large"
    repeat x 100000 >"$folder/larger"
    repeat x 2000000 >"$folder/largest"
    equals 'a form of 4,097 bytes is 413' 413 "$(status_of -d "@$folder/large" "${url}set")"
    equals 'one of 100,000 bytes is 413' 413 "$(status_of -d "@$folder/larger" "${url}set")"
    equals 'one of 2,000,000 bytes is 413' 413 "$(status_of -d "@$folder/largest" "${url}set")"
    equals 'one whose length was not told is 413' 413 \
        "$(status_of -H 'Transfer-Encoding: chunked' -d "@$folder/larger" "${url}set")"
    status_of -H 'Transfer-Encoding: chunked' -d "@$folder/largest" "${url}set" >/dev/null
    report $((! $?)) 'one that does not end is cut off'
    equals 'what is no form is 415' 415 \
        "$(status_of -H 'Content-Type: application/json' -d '{}' "${url}set")"
    equals 'a form of 4,096 bytes is read' 403 \
        "$(status_of -d "value=$(repeat x 4090)" "${url}set")"
}

# ---- The server ----

clients_go_away() {
    printf 'POST /set HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nvalue=' >"$folder/request"
    for _ in 1 2 3; do raw "$folder/request" >/dev/null & done
    printf 'GET / HT' >"$folder/start"
    bare --max-time 0.3 "telnet://127.0.0.1:$port" <"$folder/start" >/dev/null
    bare --max-time 0.3 -H 'Expect:' -T - "${url}set" </dev/zero >/dev/null
    printf 'x\000\377\r\n\r\n' >"$folder/garbage"
    bare --max-time 1 "telnet://127.0.0.1:$port" <"$folder/garbage" >/dev/null
    equals 'clients that go away do no harm' 'valid' "$(fact ada verdict)"
}

many_at_once() {
    statuses=$(seq 40 | xargs -P 8 -I '{}' curl -s --max-time 10 -o /dev/null -w '%{http_code}\n' \
        -H "Cookie: wafer-demo=$(token ada)" "${url}?{}" | sort | uniq -c | tr -d ' \n')
    equals 'forty requests, eight at once, are all answered' '40200' "$statuses"
}

keys_change_under_way() {
    cp "$folder/ada" "$folder/copy"
    "$wafer" keys rotate "$folder/keys" --now >/dev/null
    report $? 'the keys are rotated'
    kill -HUP "$pid"
    await 'read anew' "$log"
    report $? 'SIGHUP reads the key file anew, and the server says so'
    visit ada whoami -o "$folder/body" -D "$folder/head"
    contains 'the user stays signed in' '^subject: ada$' "$folder/body"
    contains 'the cookie is sealed under the new key' '^Set-Cookie' "$folder/head"
    visit ada whoami -o "$folder/body" -D "$folder/head"
    lacks 'once' '^Set-Cookie' "$folder/head"
    contains 'and is valid' '^verdict: valid$' "$folder/body"
    [ "$(token ada | cut -c1-6)" != "$(token copy | cut -c1-6)" ]
    report $? 'it names another key'
    cp "$folder/keys" "$folder/good-keys"
    echo 'garbage' >>"$folder/keys"
    kill -HUP "$pid"
    await 'old keys stay' "$log.err"
    report $? 'a key file that is wrong is refused, and the server says so'
    cp "$folder/good-keys" "$folder/keys"
    equals 'the old keys stay in use' 'valid' "$(fact ada verdict)"
}

only_this_machine() {
    status_of --max-time 3 "http://127.0.0.2:$port/" >/dev/null
    equals 'no other address is listened to' 7 $?
    contains 'the cookie without __Host- is explained' '__Host-' "$log"
    contains 'the choice for revocation is told' 'signs in anew' "$log"
    [ ! -s "$log.err" ]
    report $? 'there is no warning on 127.0.0.1'
}

the_end() {
    first=$port
    stop "$pid" INT
    equals 'SIGINT ends it with status 0' 0 $?
    status_of --max-time 3 "http://127.0.0.1:$first/" >/dev/null
    equals 'and nobody listens any more' 7 $?
    [ -z "$(sed '/the old keys stay/d' "$log.err")" ]
    report $? 'nothing else was complained about'
}

after_a_restart() {
    cp "$folder/ada" "$folder/copy"
    start restarted
    equals 'after a restart old sessions are refused' 'revoked' "$(fact copy verdict)"
    equals 'signing in works' 303 "$(post ada login -d user=ada)"
    equals 'and is valid' 'valid' "$(fact ada verdict)"
    "$demo" --keys "$folder/keys" --port "$port" >"$folder/out" 2>"$folder/err"
    equals 'a port that is taken is an error' 1 $?
    contains 'which is told' 'cannot listen' "$folder/err"
    stop "$pid" TERM
    equals 'SIGTERM ends it with status 0' 0 $?
}

sessions_end() {
    start idle --idle 1
    idle_pid=$pid idle_url=$url
    start absolute --absolute 1
    absolute_pid=$pid
    post absolute login -d user=ada >/dev/null
    absolute_url=$url url=$idle_url
    post idle login -d user=ada >/dev/null
    equals 'a session that is used is valid' 'valid' "$(fact idle verdict)"
    sleep 2.2
    equals 'an unused session is idle' 'idle' "$(fact idle verdict)"
    visit idle '' >"$folder/home"
    contains 'which the page explains' 'away for too long' "$folder/home"
    url=$absolute_url
    equals 'an old session is expired' 'expired' "$(fact absolute verdict)"
    visit absolute '' >"$folder/home"
    contains 'which the page explains, too' 'reached its end' "$folder/home"
    stop "$idle_pid" INT && stop "$absolute_pid" INT
    equals 'both servers end with status 0' 0 $?
}

begin
only_this_machine
sign_in_and_remember
what_goes_out
sign_out_reaches_copies
sign_out_everywhere
one_user_after_another
cookie_fields
forms_need_csrf_tokens
forms_are_checked
a_cookie_has_limits
methods_and_paths
clients_go_away
many_at_once
keys_change_under_way
the_end
after_a_restart
sessions_end
finish demo
