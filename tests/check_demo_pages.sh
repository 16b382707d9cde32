#!/bin/sh
# The pages of the demo server: variables, sizes, times and reasons; what is in the cookie; the
# cookies of a request; several accounts in one browser. And that nothing a user sends is markup.
set -u
# shellcheck source=tests/demo.sh
. "$(dirname "$0")/demo.sh"

page() { # JAR PATH: to $folder/page, its head to $folder/head
    visit "$1" "$2" -o "$folder/page" -D "$folder/head"
}
shows() { # SENTENCE ID TEXT
    equals "$1" "$3" "$(element "$2" "$folder/page")"
}
attribute() { # ID NAME: of an element that stands on one line
    sed -n "s/.* id=\"$1\"[^>]* $2=\"\([^\"]*\)\".*/\1/p" "$folder/page"
}
set_cookie() { # the field of $folder/head
    sed -n 's/^Set-Cookie: //p' "$folder/head" | tr -d '\r'
}

# ---- Variables ----

put() { # JAR NAME TYPE VALUE
    submit "$1" '' put --data-urlencode "name=$2" -d "type=$3" --data-urlencode "value=$4"
}

variables_of_each_type() {
    post ada login -d user=ada >/dev/null
    equals 'a text is added' 303 "$(put ada colour text 'dark blue')"
    equals 'an integer' 303 "$(put ada apples integer -42)"
    equals 'a boolean' 303 "$(put ada ready boolean true)"
    equals 'bytes' 303 "$(put ada digest bytes c0FFee00)"
    "$wafer" open --keys "$folder/keys" --name wafer-demo "$(token ada)" >"$folder/opened"
    contains 'the text is in the cookie' 'colour.*dark blue' "$folder/opened"
    contains 'so is the integer' 'apples.*-42' "$folder/opened"
    contains 'and the boolean' 'ready.*true' "$folder/opened"
    contains 'and the bytes' 'digest.*c0ffee00' "$folder/opened"
    page ada ''
    contains 'the page has the text in a form' '^dark blue</textarea>' "$folder/page"
    contains 'the integer' 'value="-42" aria-label="Value of apples"' "$folder/page"
    contains 'the boolean' '<option selected>true</option>' "$folder/page"
    contains 'the bytes' 'value="c0ffee00"' "$folder/page"
    equals 'a value is changed' 303 "$(put ada apples integer 9223372036854775807)"
    page ada ''
    contains 'to the largest integer' 'value="9223372036854775807"' "$folder/page"
    equals 'a type is changed' 303 "$(put ada ready text later)"
    page ada ''
    contains 'with the value' '^later</textarea>' "$folder/page"
    equals 'a variable is removed' 303 "$(submit ada '' remove -d name=colour)"
    page ada ''
    lacks 'and is gone' 'colour' "$folder/page"
    equals 'removing it again is no error' 303 "$(submit ada '' remove -d name=colour)"
    put ada lines text "$(printf 'one\r\ntwo')" >/dev/null
    page ada token
    contains 'ends of lines are one character' '>one$' "$folder/page"
}

values_that_do_not_fit() {
    cp "$folder/ada" "$folder/before"
    for value in '' 9223372036854775808 -9223372036854775809 1.5 ' 1' 1x 0x10 --1 +1 -; do
        equals "\"$value\" is no integer" 400 "$(put ada apples integer "$value")"
    done
    contains 'the page says what would be one' 'whole number' "$folder/body"
    equals '"yes" is no boolean' 400 "$(put ada ready boolean yes)"
    equals 'nor "true" with a NUL behind it' 400 \
        "$(submit ada '' put -d name=ready -d type=boolean -d value=true%00)"
    equals 'nor is a type with one a type' 400 \
        "$(submit ada '' put -d name=ready -d type=boolean%00x -d value=true)"
    equals '"abc" is no bytes' 400 "$(put ada digest bytes abc)"
    equals '"zz" is no bytes' 400 "$(put ada digest bytes zz)"
    equals 'a type nobody knows is refused' 400 "$(put ada digest float 1)"
    equals 'a name without a letter is refused' 400 "$(put ada '' text x)"
    equals 'a name of 256 bytes is refused' 400 "$(put ada "$(repeat n 256)" text x)"
    equals 'a name with a control is refused' 400 "$(put ada "$(printf 'a\001b')" text x)"
    equals 'a name that is not UTF-8 is refused' 400 \
        "$(submit ada '' put -d name=%ff -d type=text -d value=x)"
    equals 'a text that is not UTF-8 is refused' 400 \
        "$(submit ada '' put -d name=colour -d type=text -d value=%ff)"
    equals 'a form without a type is refused' 400 "$(submit ada '' put -d name=a -d value=x)"
    contains 'which is told' '&quot;type&quot; is missing' "$folder/body"
    equals 'a name of 255 bytes is taken' 303 "$(put ada "$(repeat n 255)" text x)"
    submit ada '' remove -d "name=$(repeat n 255)" >/dev/null
    page ada ''
    contains 'after all these the values are as they were' 'value="9223372036854775807"' \
        "$folder/page"
    equals 'a variable is not put without a CSRF token' 403 \
        "$(visit ada put -o /dev/null -w '%{http_code}' -d 'name=a&type=text&value=b')"
    equals 'nor removed' 403 \
        "$(visit ada remove -o /dev/null -w '%{http_code}' -d 'name=apples')"
    page ada ''
    contains 'nothing was changed by them' 'Value of apples' "$folder/page"
    lacks 'nor added' 'Value of a"' "$folder/page"
}

a_full_cookie_loses_nothing() {
    post many login -d user=many >/dev/null
    equals 'a text of 3,000 bytes is refused' 400 "$(put many large text "$(repeat x 3000)")"
    contains 'the page says that nothing was cut off' 'nothing was cut off' "$folder/body"
    equals 'one of 2,000 is taken' 303 "$(put many large text "$(repeat x 2000)")"
    equals 'another one is refused' 400 "$(put many another text "$(repeat y 2000)")"
    page many ''
    contains 'and the first is whole' "^x\{2000\}</textarea>" "$folder/page"
    submit many '' remove -d name=large >/dev/null
    for number in $(seq 63); do put many "v$number" integer 1 >/dev/null; done
    equals 'the 65th variable is refused' 400 "$(put many v64 integer 1)"
    contains 'the page says how many there may be' 'more than 64 variables' "$folder/body"
    page many ''
    contains 'and shows them' 'Variables <small>64 of 64' "$folder/page"
}

# ---- Sizes, times and reasons ----

sizes_are_true() {
    page ada ''
    line=$(set_cookie)
    shows 'the size of the line is that of the line' line-size "${#line}"
    pair=${line%%;*}
    shows 'name and value are as long as they are' pair-size $((${#pair} - 1))
    equals 'the bar ends at the limit' 3500 "$(attribute line-bar max)"
    equals 'and at what browsers take' 4096 "$(attribute pair-bar max)"
    before=$(token ada)
    visit ada '' -I -D "$folder/head" -o /dev/null
    equals 'a HEAD request gets no cookie' '' "$(set_cookie)"
    equals 'and keeps the one there is' "$before" "$(token ada)"
}

times_are_true() {
    page ada ''
    now=$(sed -n 's/.* data-now="\([0-9]*\)".*/\1/p' "$folder/page")
    clock=$(date +%s)
    near=$((now / 1000 - clock))
    [ $near -ge -5 ] && [ $near -le 5 ]
    report $? 'the page tells the time of the server'
    equals 'the idle bar begins full' 1800000 "$(attribute idle-bar max)"
    left=$(attribute idle-bar value)
    [ "$left" -gt 1790000 ] && [ "$left" -le 1800000 ]
    report $? 'and has as much left'
    shows 'which is told in words' idle-left "$(if [ "$left" -eq 1800000 ]; then echo 30 min; else
        echo "29 min $((left / 1000 % 60)) s"; fi)"
    shows 'the end is the one that whoami tells' expires "$(fact ada expires)"
    until=$(attribute expires-bar data-until)
    equals 'which is where the bar ends' "$(fact ada expires)" \
        "$(date -u -d "@$((until / 1000))" +%Y-%m-%dT%H:%M:%SZ)"
}

sessions_last_as_told() {
    equals 'signing in' 303 "$(submit eve '' login -d user=eve)"
    lacks 'without more gives a cookie that ends with the browser' 'Max-Age\|Expires' "$folder/head"
    equals 'signing in to be remembered' 303 "$(submit eve '' login -d user=eve -d remember=yes)"
    contains 'gives one that the browser keeps' '^Set-Cookie: .*Max-Age=43[12]' "$folder/head"
    contains 'by the old rule, too' '^Set-Cookie: .*Expires=' "$folder/head"
    equals 'with an end of its own' 303 \
        "$(submit eve '' login -d user=eve -d remember=yes -d lasts=60)"
    contains 'for so long only' '^Set-Cookie: .*Max-Age=\(60\|59\);' "$folder/head"
    page eve ''
    [ "$(attribute expires-bar value)" -le 60000 ]
    report $? 'as the bar shows'
    for lasts in 0 -1 43201 1.5 x 99999999999999999999; do
        equals "a session cannot last \"$lasts\" seconds" 400 \
            "$(submit mallory '' login -d user=mallory -d "lasts=$lasts")"
    done
    for field in lasts=%zz lasts=6% remember=%zz; do
        equals "\"$field\" is refused" 400 \
            "$(submit mallory '' login -d user=mallory -d "$field")"
    done
    equals 'and nobody was signed in' '' "$(fact mallory subject)"
    submit eve '' login -d user=eve -d lasts=1 >/dev/null
    sleep 1.2
    page eve ''
    shows 'a session that was to last a second is then over' verdict expired
    contains 'which the page explains' 'reached its end' "$folder/page"
}

reasons_are_told() {
    submit frank '' login -d user=frank -d lasts=60 >/dev/null
    location=$(sed -n 's/^Location: //p' "$folder/head" | tr -d '\r')
    contains 'a form leads back to the page' '^Location: /?sent=[0-9]*' "$folder/head"
    page frank "${location#/}"
    sed -n '/id="why-form"/,/<\/ul>/p' "$folder/page" >"$folder/why"
    contains 'which says that the cookie went out for signing in' 'Somebody signed in' "$folder/why"
    contains 'and for the end it was given' 'end of its own' "$folder/why"
    sed -n '/id="why-page"/,/<\/ul>/p' "$folder/page" >"$folder/why"
    contains 'and that another one goes out as the visit is counted' 'variable changed' \
        "$folder/why"
    lacks 'for no other reason' 'signed in' "$folder/why"
    submit frank '' logout >/dev/null
    location=$(sed -n 's/^Location: //p' "$folder/head" | tr -d '\r')
    page frank "${location#/}"
    contains 'signing out is told' 'told to delete the cookie' "$folder/page"
    for sent in 0 256 -1 x 1x '' '<b>'; do
        visit frank '' -G --data-urlencode "sent=$sent" -o "$folder/page"
        lacks "what was not sent (\"$sent\") is not told" 'why-form' "$folder/page"
    done
    visit frank '' -I -o "$folder/head"
    page none ''
    contains 'a first visit needs a cookie for its forms' 'needed a CSRF token' "$folder/page"
    "$wafer" keys rotate "$folder/keys" --now >/dev/null
    kill -HUP "$pid"
    await 'read anew' "$log"
    page ada ''
    contains 'so does a cookie under an old key' 'key that seals no more' "$folder/page"
    page ada ''
    lacks 'once' 'key that seals no more' "$folder/page"
}

# ---- What is in the cookie ----

hex_of() { # TOKEN
    text=$(printf '%s' "$1" | tr -- '-_' '+/')
    while [ $((${#text} % 4)) -ne 0 ]; do text="$text="; done
    printf '%s' "$text" | base64 -d | od -An -v -tx1 | tr -d ' \n'
}
with_cookie() { # VALUE PATH: to $folder/page
    bare -H "Cookie: wafer-demo=$1" "$url$2" >"$folder/page"
}

the_token_is_taken_apart() {
    page ada token
    hex=$(hex_of "$(token ada)")
    parts=
    for part in version key-id nonce ciphertext tag; do
        parts=$parts$(element "hex-$part" "$folder/page")
    done
    equals 'the parts in hex are the whole cookie' "$hex" "$parts"
    equals 'the coloured text is the whole cookie' "$(token ada)" \
        "$(sed -n 's/.*id="token">\(.*\)<\/code>.*/\1/p' "$folder/page" | sed 's/<[^>]*>//g')"
    contains 'of which two characters are the version' \
        "data-part=\"version\" title=\"Version\">$(token ada | cut -c1-2)<" "$folder/page"
    contains 'and the next four the key id' \
        "data-part=\"key-id\" title=\"Key id\">$(token ada | cut -c3-6)<" "$folder/page"
    shows 'the version is the first byte' hex-version "$(echo "$hex" | cut -c1-2)"
    shows 'the key id is the next three' hex-key-id "$(echo "$hex" | cut -c3-8)"
    shows 'the nonce the next 24' hex-nonce "$(echo "$hex" | cut -c9-56)"
    shows 'the tag the last 16' hex-tag "$(echo "$hex" | tail -c 33)"
    sed -n '/id="attacker"/,/<\/section>/p' "$folder/page" >"$folder/attacker"
    sed -n '/id="server"/,/<\/section>/p' "$folder/page" >"$folder/server"
    contains 'an attacker sees the key id' "$(echo "$hex" | cut -c3-8)" "$folder/attacker"
    lacks 'and no subject' '>ada<' "$folder/attacker"
    lacks 'and no variables' 'apples' "$folder/attacker"
    contains 'the server sees the subject' 'id="subject">ada<' "$folder/server"
    contains 'the id' "$(fact ada id)" "$folder/server"
    contains 'the variables' 'apples' "$folder/server"
    contains 'and their values' '9223372036854775807' "$folder/server"
    contains 'and the end' "$(fact ada expires)" "$folder/server"
}

other_tokens() {
    bare "${url}token" >"$folder/page"
    contains 'without a cookie the page says so' 'id="no-cookie"' "$folder/page"
    with_cookie garbage token
    contains 'what is no token is called that' 'id="no-token"' "$folder/page"
    with_cookie '' token
    contains 'an empty one, too' 'id="no-token"' "$folder/page"
    lacks 'though one came' 'id="no-cookie"' "$folder/page"
    good=$(token ada)
    with_cookie "${good%?????}AAAAA" token
    shows 'a forged token is rejected' verdict rejected
    contains 'its outside is shown' 'id="hex-nonce"' "$folder/page"
    lacks 'and nothing of its inside' 'id="session-id"' "$folder/page"
    with_cookie "$good; wafer-demo=garbage; wafer-demo=${good%?????}AAAAA" token
    shows 'of several the good one is shown' verdict valid
    with_cookie "garbage; wafer-demo=$good" token
    shows 'in any order' verdict valid
    post gone login -d user=gone >/dev/null
    cp "$folder/gone" "$folder/copy"
    post gone logout >/dev/null
    with_cookie "$(token copy)" token
    shows 'one that was signed out is revoked' verdict revoked
    lacks 'and its user is not shown' 'id="subject">gone' "$folder/page"
    with_cookie "$(repeat A 8000)" token
    contains 'one that is too long is no token' 'id="no-token"' "$folder/page"
}

# ---- The cookies of a request ----

each_pair_is_shown() {
    bare -H "Cookie: a=1; b = 2 ;c; =d; e=f=g" -H "cookie: wafer-demo=$(token ada)" \
        "${url}cookies" >"$folder/page"
    shows 'two lines came' line-count 2
    shows 'with four cookies' pair-count 4
    shows 'one of them ours' our-count 1
    shows 'which is valid' verdict valid
    contains 'the line is shown as it came' '<code>a=1; b = 2 ;c; =d; e=f=g</code>' "$folder/page"
    contains 'blanks are trimmed' '<code class="name">b</code> <small>2 bytes' "$folder/page"
    contains 'the first equals sign parts' '<code class="value">f=g</code>' "$folder/page"
    lacks 'what has no equals sign is no cookie' '<code class="name">c</code>' "$folder/page"
    contains 'ours are of an account' 'account 1</span> <span class="verdict valid">' \
        "$folder/page"
    contains 'others are not' 'not ours' "$folder/page"
    bare "${url}cookies" >"$folder/page"
    shows 'no cookie is no line' line-count 0
    bare -H 'Cookie;' "${url}cookies" >"$folder/page"
    contains 'an empty line has no cookie' 'There is no cookie in it' "$folder/page"
    post twin login -d user=twin >/dev/null
    bare -H "Cookie: wafer-demo=$(token ada); wafer-demo=$(token twin)" "${url}cookies" \
        >"$folder/page"
    contains 'two valid ones are a conflict, which is told' 'id="conflict"' "$folder/page"
    good="wafer-demo=$(token ada)"
    equals 'too many cookies are shown, too' 200 \
        "$(status_of -D "$folder/head" -H "Cookie: $(repeat "$good; " 65)" "${url}cookies")"
    contains 'with what that means' 'id="frozen"' "$folder/body"
    lacks 'though no cookie goes out' '^Set-Cookie' "$folder/head"
}

# ---- Several accounts ----

accounts_are_independent() {
    post side login -d user=ada >/dev/null
    equals 'somebody else signs in as second account' 303 "$(post side 2/login -d user=bob)"
    equals 'the first one stays' 'ada' "$(fact side subject)"
    equals 'beside the second' 'bob' "$(fact side subject 2/)"
    equals 'the third is nobody' '' "$(fact side subject 3/)"
    [ "$(fact side id)" != "$(fact side id 2/)" ]
    report $? 'they are two sessions'
    page side 2/
    contains 'the page is that of the second' '<h1>bob is signed in</h1>' "$folder/page"
    contains 'and knows the first' 'who">ada<' "$folder/page"
    contains 'whose page is a link' 'href="/" id="account-1">' "$folder/page"
    contains 'the current one is marked' 'id="account-2" aria-current' "$folder/page"
    equals 'an account has its page without a slash, too' 200 "$(visit side 2 -o /dev/null -w '%{http_code}')"
    equals 'a fourth there is not' 404 "$(visit side 4/ -o /dev/null -w '%{http_code}')"
    equals 'nor what only begins like one' 404 "$(visit side 22 -o /dev/null -w '%{http_code}')"
    visit side 2/put -o /dev/null -d name=a -d type=text -d value=b \
        --data-urlencode "csrf=$(visit side 2/csrf)"
    page side 2/
    contains 'a variable of the second' 'Value of a"' "$folder/page"
    page side ''
    lacks 'is none of the first' 'Value of a"' "$folder/page"
    equals 'a CSRF token of one is none of the other' 403 "$(visit side 2/set -o /dev/null \
        -w '%{http_code}' --data-urlencode "csrf=$(visit side csrf)" -d value=x)"
    equals 'a cookie of one is none of the other' rejected "$(bare \
        -H "Cookie: wafer-demo-2=$(token side)" "${url}2/whoami" | sed -n 's/^verdict: //p')"
    equals 'the first signs out' 303 "$(post side logout)"
    equals 'and the second stays' 'bob' "$(fact side subject 2/)"
    post side login -d user=bob >/dev/null
    post side 3/login -d user=carol >/dev/null
    equals 'signing out everywhere' 303 "$(post side 2/logout-everywhere)"
    equals 'reaches the same user in another account' 'revoked' "$(fact side verdict)"
    equals 'and no other user' 'carol' "$(fact side subject 3/)"
    page side 3/cookies
    shows 'the cookies of all came with the request' our-count 2
}

# ---- What a user sends is no markup ----

evil="\"'><script>alert(1)</script>&amp;<img src=x onerror=alert(2)>"

no_markup() { # SENTENCE: in $folder/page
    ! grep -q '<script>\|<img src=x\|"'"'"'><' "$folder/page"
    report $? "$1"
}

markup_is_escaped() {
    post evil login --data-urlencode "user=$evil" >/dev/null
    put evil "$evil" text "$evil</textarea>" >/dev/null
    put evil "bytes $evil" bytes 3c623e >/dev/null
    post evil set --data-urlencode "value=$evil" >/dev/null
    for path in '' token cookies operator nothing 2/; do
        page evil "$path"
        no_markup "the page \"/$path\" escapes subject, names and values"
        contains 'and shows the user in the switcher' 'who">&quot;&#39;&gt;&lt;script' \
            "$folder/page"
    done
    page evil ''
    equals 'a text cannot leave its field' "$(grep -c '<textarea' "$folder/page")" \
        "$(grep -c '</textarea>' "$folder/page")"
    equals 'the form of an evil name removes it' 303 \
        "$(submit evil '' remove --data-urlencode "name=$evil")"
    page evil ''
    lacks 'and it is gone' 'Value of &quot;' "$folder/page"
    bare -H "Cookie: <script>=$evil; wafer-demo=$evil; x\"><img src=x>=1" "${url}cookies" \
        >"$folder/page"
    no_markup 'names and values of cookies are escaped'
    contains 'and shown' '<code class="name">&lt;script&gt;</code>' "$folder/page"
    with_cookie "$evil" token
    no_markup 'so is what is no token'
    bare "${url}%3Cscript%3Ealert(1)%3C/script%3E" >"$folder/page"
    no_markup 'so is a path'
    bare "${url}?sent=%3Cscript%3E" >"$folder/page"
    no_markup 'so is an address'
    bare -H "$(printf 'Cookie: a=\001\033\377{{subject}}{{>home.html}}')" "${url}cookies" \
        >"$folder/page"
    contains 'a value is no template' '{{subject}}{{&gt;home.html}}' "$folder/page"
}

# ---- What all pages have ----

pages_are_strict() {
    for path in '' token cookies operator nothing whoami csrf; do
        page ada "$path"
        contains "\"/$path\" loads nothing that is not the server's" \
            "^Content-Security-Policy: default-src 'none'; style-src 'self'; script-src 'self'" \
            "$folder/head"
        lacks 'nor what stands in the page' 'unsafe' "$folder/head"
        contains 'is not stored' '^Cache-Control: no-store' "$folder/head"
        equals 'which is said once' 1 "$(grep -c '^Cache-Control' "$folder/head")"
        contains 'is of the type it says' '^X-Content-Type-Options: nosniff' "$folder/head"
        lacks 'and has no style or script inside' ' style=\|<style\|<script>\| on[a-z]*=' \
            "$folder/page"
        lacks 'nor an unfilled place' '{{\|}}' "$folder/page"
    done
}

files_are_sent() {
    for file in style.css:text/css page.js:text/javascript icon.svg:image/svg+xml; do
        name=${file%%:*}
        visit ada "$name" -o "$folder/page" -D "$folder/head"
        contains "$name has its type" "^Content-Type: ${file#*:}" "$folder/head"
        lacks 'and sets no cookie' '^Set-Cookie' "$folder/head"
        cmp -s "$folder/page" "$tests/../src/demo/pages/$name"
        report $? 'and is the file of the source'
    done
    equals 'HEAD is answered' 200 "$(visit ada style.css -I -o /dev/null -w '%{http_code}')"
    equals 'POST is not' 405 "$(status_of -d a=b "${url}style.css")"
    equals 'templates are no files' 404 "$(status_of "${url}home.html")"
    equals 'nor is what is beside them' 404 "$(status_of --path-as-is "${url}../demo/main.c")"
}

begin
variables_of_each_type
values_that_do_not_fit
a_full_cookie_loses_nothing
sizes_are_true
times_are_true
sessions_last_as_told
reasons_are_told
the_token_is_taken_apart
other_tokens
each_pair_is_shown
accounts_are_independent
markup_is_escaped
pages_are_strict
files_are_sent
stop "$pid" TERM
equals 'the server ends with status 0' 0 $?
finish 'demo, pages'
