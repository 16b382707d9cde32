#!/bin/sh
# The operator's page of the demo server: its password, what is revoked there, keys that change.
set -u
# shellcheck source=tests/demo.sh
. "$(dirname "$0")/demo.sh"

password=
list_size() { # entries on the list, as the operator's page tells
    visit chief operator >"$folder/page"
    element entry-count "$folder/page" | sed 's/ of .*//'
}
operate() { # PATH ARGUMENT...
    action=$1
    shift
    submit chief operator "operator/$action" "$@"
}
key_count() {
    visit chief operator >"$folder/page.keys"
    grep -c '<li class="key' "$folder/page.keys"
}
key_that() { # STATE: its id
    sed -n "s/.*<li class=\"key $1\"><div><code>\([0-9a-f]*\)<.*/\1/p" "$folder/page.keys"
}

# ---- The password ----

a_password_is_printed() {
    password=$(sed -n 's/^operator: .* with the password //p' "$log")
    equals 'the password that is printed has 20 characters' 20 "${#password}"
    start second
    second_password=$(sed -n 's/^operator: .* with the password //p' "$log")
    [ "$second_password" != "$password" ]
    report $? 'another server has another one'
    second_url=$url second_pid=$pid
    url=$first_url log=$folder/first
}

only_the_operator_gets_in() {
    visit chief operator >"$folder/page"
    contains 'the page asks for the password' 'name="password"' "$folder/page"
    lacks 'and shows no keys' 'id="keys"' "$folder/page"
    lacks 'and no list' 'id="entries"' "$folder/page"
    equals 'a wrong password is refused' 403 "$(operate login -d password=wrong)"
    contains 'which is told' 'password is wrong' "$folder/body"
    equals 'so is none' 403 "$(operate login -d password=)"
    equals 'and one that is longer' 403 "$(operate login -d "password=${password}x")"
    equals 'and one that is cut off' 403 "$(operate login -d "password=${password%?}")"
    equals 'a form without one is refused' 400 "$(operate login -d user=operator)"
    equals 'the right one needs a CSRF token' 403 \
        "$(visit chief operator/login -o /dev/null -w '%{http_code}' -d "password=$password")"
    visit chief operator >"$folder/page"
    contains 'after all these nobody is signed in' 'name="password"' "$folder/page"
    for action in revoke-session revoke-subject revoke-everyone rotate retire; do
        equals "$action is the operator's only" 403 \
            "$(operate $action -d "id=$(repeat 0 32)&subject=ada&key=000000")"
        contains 'as the page says' 'for the operator' "$folder/body"
    done
    equals 'the right one is taken' 303 "$(operate login --data-urlencode "password=$password")"
    contains 'its cookie goes to these pages only, and from no other site' \
        '^Set-Cookie: wafer-operator=[A-Za-z0-9_-]*; Path=/operator; HttpOnly; SameSite=Strict' \
        "$folder/head"
    contains 'it leads back' '^Location: /operator' "$folder/head"
    visit chief operator >"$folder/page"
    contains 'to the list' 'id="entries"' "$folder/page"
    contains 'and the keys' 'id="keys"' "$folder/page"
    equals 'there is nothing on the list yet' 0 "$(list_size)"
    visit chief cookies >"$folder/page"
    lacks 'other pages do not get the cookie' 'wafer-operator' "$folder/page"
}

guessing_is_slow() {
    url=$second_url
    for _ in 1 2 3 4 5; do submit thief operator operator/login -d password=guess; done \
        >"$folder/statuses"
    equals 'five guesses are looked at' 403403403403403 "$(cat "$folder/statuses")"
    equals 'the sixth is too many' 429 "$(submit thief operator operator/login -d password=guess)"
    contains 'for a while' '^Retry-After' "$folder/head"
    equals 'but the right password of the server is taken' 303 \
        "$(submit late operator operator/login -d "password=$second_password")"
    equals 'and a wrong one is not' 429 "$(submit thief operator operator/login -d password=guess)"
    start guessed --operator-password "$folder/password"
    for _ in 1 2 3 4 5; do submit thief operator operator/login -d password=guess; done \
        >"$folder/statuses"
    equals 'five guesses at a password of a file are looked at' 403403403403403 \
        "$(cat "$folder/statuses")"
    equals 'then not even the right one is taken' 429 \
        "$(submit thief operator operator/login --data-urlencode 'password=correct horse battery')"
    stop "$pid" TERM
    log=$folder/first
    url=$first_url
    equals 'at another server there is no harm' 'valid' "$(fact ada verdict)"
}

sessions_are_of_one_password() {
    url=$second_url
    equals 'somebody signs in at the other server' 303 \
        "$(submit borrowed operator operator/login -d "password=$second_password")"
    visit borrowed operator >"$folder/page"
    contains 'and sees its list' 'id="entries"' "$folder/page"
    url=$first_url
    visit borrowed operator >"$folder/page"
    contains 'with the same keys but another password nobody is signed in' 'name="password"' \
        "$folder/page"
    bare -H "Cookie: wafer-operator=$(token ada)" "${url}operator" >"$folder/page"
    contains 'the cookie of an account is none of the operator' 'name="password"' "$folder/page"
    printf 'correct horse battery\nsecond line\n' >"$folder/password"
    for mode in 640 604 620; do
        chmod $mode "$folder/password"
        refused "a password file of mode $mode" 1 --keys "$folder/keys" --port 0 \
            --operator-password "$folder/password"
        contains 'which says what to do' "chmod 600 $folder/password" "$folder/err"
    done
    chmod 600 "$folder/password"
    start fourth --operator-password "$folder/password"
    fourth_url=$url fourth_pid=$pid
    start third --operator-password "$folder/password"
    contains 'a password of a file is not printed' "with the password of $folder/password" "$log"
    lacks 'at all' 'correct horse' "$log"
    equals 'its first line is taken' 303 \
        "$(submit third operator operator/login --data-urlencode 'password=correct horse battery')"
    visit third operator >"$folder/page"
    contains 'and shows the list' 'id="entries"' "$folder/page"
    cp "$folder/third" "$folder/third-copy"
    third_url=$url
    url=$fourth_url
    visit third operator >"$folder/page"
    contains 'another server with the same keys wants the password, too' 'name="password"' \
        "$folder/page"
    cp "$folder/third-copy" "$folder/third"
    url=$third_url
    equals 'the operator signs out at the one' 303 "$(submit third operator operator/logout)"
    for url in "$third_url" "$fourth_url"; do
        cp "$folder/third-copy" "$folder/old"
        visit old operator >"$folder/page"
        contains 'a copy of the cookie is then good at neither' 'name="password"' "$folder/page"
    done
    stop "$pid" TERM
    stop "$fourth_pid" TERM
    url=$first_url log=$folder/first
    echo short >"$folder/short"
    chmod 600 "$folder/short"
    refused 'a password of five bytes' 1 --keys "$folder/keys" --operator-password "$folder/short"
    contains 'which says how many it needs' 'at least 8' "$folder/err"
    refused 'a password file that is not there' 1 --keys "$folder/keys" \
        --operator-password "$folder/none"
    refused 'a password file that is a folder' 1 --keys "$folder/keys" \
        --operator-password "$folder"
    repeat x 1025 >"$folder/long"
    chmod 600 "$folder/long"
    refused 'a password file of 1,025 bytes' 1 --keys "$folder/keys" \
        --operator-password "$folder/long"
}

# ---- Revoking ----

every_action_needs_a_csrf_token() {
    for action in revoke-session revoke-subject revoke-everyone rotate retire logout; do
        equals "$action needs a CSRF token" 403 "$(visit chief "operator/$action" -o /dev/null \
            -w '%{http_code}' -d "id=$(fact ada id)&subject=ada&key=000000")"
        equals 'one of an account is none' 403 "$(visit chief "operator/$action" -o /dev/null \
            -w '%{http_code}' --data-urlencode "csrf=$(visit ada csrf)" \
            -d "id=$(fact ada id)&subject=ada&key=000000")"
    done
    equals 'nothing was revoked' 'valid' "$(fact ada verdict)"
    equals 'there is still one key' 1 "$(key_count)"
}

a_session_is_revoked() {
    post second login -d user=ada >/dev/null
    equals 'a session is revoked by its id' 303 "$(operate revoke-session -d "id=$(fact ada id)")"
    equals 'it is refused' 'revoked' "$(fact ada verdict)"
    equals 'another one of the user is not' 'ada' "$(fact second subject)"
    equals 'one entry is on the list' 1 "$(list_size)"
    contains 'of the kind' 'kind">session<' "$folder/page"
    contains 'with its age' '<time datetime="[0-9TZ:-]*" title="[^"]*">[0-9]* s</time>' \
        "$folder/page"
    visit chief 'operator?done=session' >"$folder/page"
    contains 'what was done is told' 'id="done">The session is on the list' "$folder/page"
    visit chief 'operator?done=%3Cscript%3E' >"$folder/page"
    lacks 'what was not done is not' 'id="done"' "$folder/page"
    for id in '' 12 "$(repeat 0 31)" "$(repeat 0 33)" "$(repeat g 32)" "$(repeat 0 64)"; do
        equals "\"$id\" is no id" 400 "$(operate revoke-session -d "id=$id")"
    done
    contains 'the page says what an id is' '32 hex digits' "$folder/body"
    equals 'and nothing else is on the list' 1 "$(list_size)"
}

a_user_is_revoked() {
    post phone login -d user=ada >/dev/null
    post other login -d user=bob >/dev/null
    equals 'a user is revoked' 303 "$(operate revoke-subject -d subject=ada)"
    equals 'on one device' 'revoked' "$(fact second verdict)"
    equals 'and the other' 'revoked' "$(fact phone verdict)"
    equals 'but nobody else' 'bob' "$(fact other subject)"
    post ada login -d user=ada >/dev/null
    equals 'until the user signs in again' 'ada' "$(fact ada subject)"
    visit chief operator >"$folder/page"
    contains 'the list has the kind' 'kind">subject<' "$folder/page"
    lacks 'but not the name' '<code>ada' "$folder/page"
    equals 'no name is no user' 400 "$(operate revoke-subject -d subject=)"
    equals 'nor are 256 bytes' 400 "$(operate revoke-subject -d "subject=$(repeat x 256)")"
}

everyone_is_revoked() {
    equals 'everyone is revoked' 303 "$(operate revoke-everyone)"
    equals 'the one' 'revoked' "$(fact ada verdict)"
    equals 'and the other' 'revoked' "$(fact other verdict)"
    visit chief operator >"$folder/page"
    contains 'but not the operator' 'id="entries"' "$folder/page"
    contains 'the list tells' 'kind">everyone<' "$folder/page"
    for user in ada other; do post $user login -d user=$user >/dev/null; done
    equals 'signing in works' 'ada' "$(fact ada subject)"
}

sessions_of_this_browser_are_offered() {
    post chief 2/login --data-urlencode 'user=<b>"bob"</b>' >/dev/null
    visit chief operator >"$folder/page"
    contains 'sessions of the browser are offered by their ids' \
        "<option value=\"$(fact chief id 2/)\">account 2 &lt;b&gt;" "$folder/page"
    lacks 'with names that are no markup' '<b>' "$folder/page"
}

# ---- Keys ----

keys_are_rotated() {
    key_count >/dev/null
    equals 'the only key cannot be retired' 400 "$(operate retire -d "key=$(key_that seals)")"
    contains 'which says why' 'not changed' "$folder/body"
    cp "$folder/other" "$folder/old"
    before=$(token ada | cut -c1-6)
    equals 'the keys are rotated' 303 "$(operate rotate)"
    equals 'there are two' 2 "$(key_count)"
    contains 'one opens' '<li class="key opens">' "$folder/page.keys"
    contains 'one seals' '<li class="key seals">' "$folder/page.keys"
    equals 'the file has them' 2 "$(grep -c '^1 ' "$folder/keys")"
    visit ada '' >"$folder/page"
    contains 'a user stays signed in' '<h1>ada is signed in</h1>' "$folder/page"
    contains 'and is told why the cookie is new' 'key that seals no more' "$folder/page"
    [ "$(token ada | cut -c1-6)" != "$before" ]
    report $? 'it is under the new key'
    visit chief operator >"$folder/page"
    contains 'the operator stays, too' 'id="entries"' "$folder/page"
}

a_key_is_retired() {
    key_count >/dev/null
    opens=$(key_that opens)
    equals 'a key that is not there cannot be retired' 400 "$(operate retire -d key=000000)"
    equals 'nor what is no id' 400 "$(operate retire -d key=xyz)"
    equals 'the session under the old key is good' 'valid' "$(fact old verdict)"
    cp "$folder/other" "$folder/old"
    equals 'the old key is retired' 303 "$(operate retire -d "key=$opens")"
    equals 'what it sealed is rejected' 'rejected' "$(fact old verdict)"
    equals 'what the new one sealed is good' 'valid' "$(fact ada verdict)"
    equals 'one key is left' 1 "$(key_count)"
}

a_file_that_is_wrong_changes_nothing() {
    cp "$folder/keys" "$folder/good-keys"
    echo garbage >>"$folder/keys"
    equals 'a wrong key file is not rotated' 400 "$(operate rotate)"
    contains 'which says why' 'line 2' "$folder/body"
    visit chief operator >"$folder/page"
    contains 'the page tells, too' 'id="keys-error"' "$folder/page"
    equals 'the keys in use stay' 'valid' "$(fact ada verdict)"
    cp "$folder/good-keys" "$folder/keys"
}

# Signs in, rotates and ends the server of the log "failing", which runs with fail_nth in front.
rotate_failing() { # WAFER_FAIL
    "$wafer" keys new "$folder/failing-keys" >/dev/null
    : >"$folder/failing"
    WAFER_FAIL=$1 WAFER_CALLS=$folder/calls LD_PRELOAD=$folder/fail_nth.so "$demo" \
        --keys "$folder/failing-keys" --port 0 >"$folder/failing" 2>"$folder/failing.err" &
    pid=$!
    pids="$pids $pid"
    await_address "$folder/failing"
    chief_password=$(sed -n 's/^operator: .* with the password //p' "$folder/failing")
    rm -f "$folder/failing-jar"
    submit failing-jar operator operator/login -d "password=$chief_password" >/dev/null
    submit failing-jar operator operator/rotate
    stop "$pid" TERM
    kept=$(grep -c '^1 ' "$folder/failing-keys")
    rm "$folder/failing-keys"
}
# A sanitizer's runtime wants to be the first library itself.
a_file_that_is_not_read_anew() {
    ! grep -q '__[at]san_init' "$demo" || return 0
    "${CC:-gcc}" -std=c11 -D_GNU_SOURCE -O1 -shared -fPIC "$tests/programs/fail_nth.c" -ldl \
        -o "$folder/fail_nth.so" || exit 1
    equals 'rotating works while nothing fails' 303 "$(rotate_failing none:1:12)"
    # The last of them is for the keys that come into use.
    last=$(sed -n 's/^sodium_malloc //p' "$folder/calls")
    rotate_failing "sodium_malloc:$last:12" >"$folder/status"
    equals 'when memory fails after the file was changed' 503 "$(cat "$folder/status")"
    equals 'which has the new key' 2 "$kept"
    contains 'the page does not say that it was not' 'The file was changed, but not read anew' \
        "$folder/body"
}

# Two servers with one key file, of which only the one whose page is used reads it anew.
servers_with_one_key_file() {
    start worker --revocations "file:$folder/workers"
    worker_url=$url worker_pid=$pid
    start asked --revocations "file:$folder/workers"
    chief_password=$(sed -n 's/^operator: .* with the password //p' "$log")
    submit boss operator operator/login -d "password=$chief_password" >/dev/null
    visit boss operator >"$folder/page"
    contains 'the page of a server that may not be the only one says when a key seals' \
        'seals in an hour' "$folder/page"
    equals 'there the keys are rotated' 303 "$(submit boss operator operator/rotate)"
    location=$(sed -n 's/^Location: \/\(.*\)/\1/p' "$folder/head" | tr -d '\r')
    visit boss "$location" >"$folder/page"
    contains 'the page says what the other servers need' 'id="done">.*send SIGHUP to the other' \
        "$folder/page"
    contains 'the key waits for it' '<li class="key waits">' "$folder/page"
    post shared login -d user=ada >/dev/null
    cp "$folder/shared" "$folder/shared-copy"
    url=$worker_url
    equals 'what is sealed then is good at the other' 'ada' "$(fact shared-copy subject)"
    url=$(sed -n 's/.* listens at \(http[^ ]*\)$/\1/p' "$log")
    key=$(sed -n 's/.*<li class="key waits"><div><code>\([0-9a-f]*\)<.*/\1/p' "$folder/page")
    equals 'a key is retired there' 303 "$(submit boss operator operator/retire -d "key=$key")"
    location=$(sed -n 's/^Location: \/\(.*\)/\1/p' "$folder/head" | tr -d '\r')
    visit boss "$location" >"$folder/page"
    contains 'which the others need to know, too' 'id="done">.*Send SIGHUP to the other' \
        "$folder/page"
    stop "$pid" TERM
    stop "$worker_pid" TERM
}

# ---- The end ----

the_operator_signs_out() {
    cp "$folder/chief" "$folder/copy"
    equals 'the operator signs out' 303 "$(operate logout)"
    visit chief operator >"$folder/page"
    contains 'and is asked for the password' 'name="password"' "$folder/page"
    visit copy operator >"$folder/page"
    contains 'and so is who has a copy' 'name="password"' "$folder/page"
    equals 'GET on a form is 405' 405 "$(status_of "${url}operator/rotate")"
    equals 'an unknown path is 404' 404 "$(status_of "${url}operator/nothing")"
    stop "$pid" TERM
    stop "$second_pid" TERM
    equals 'the server ends with status 0' 0 $?
    [ -z "$(cat "$folder/first.err" "$folder/second.err")" ]
    report $? 'nothing was complained about'
}

a_list_in_a_file_is_shown() {
    start listed --revocations "file:$folder/list"
    password=$(sed -n 's/^operator: .* with the password //p' "$log")
    operate login -d "password=$password" >/dev/null
    operate revoke-subject -d subject=eve >/dev/null
    equals 'the command sees what the page revoked' 1 \
        "$("$wafer" revocations count --revocations "file:$folder/list" |
            sed -n 's/^entries: //p')"
    "$wafer" revoke subject frank --revocations "file:$folder/list" >/dev/null
    equals 'and the page what the command revoked' 2 "$(list_size)"
    for number in $(seq 60); do
        "$wafer" revoke subject "user$number" --revocations "file:$folder/list" >/dev/null
    done
    visit chief operator >"$folder/page"
    equals 'a long list is cut at 50' 50 "$(grep -c 'class="chip kind"' "$folder/page")"
    # 62 users, and the one for everyone from before the list was made.
    contains 'which is told' 'And 13 older ones' "$folder/page"
    stop "$pid" TERM
}

begin
first_url=$url first_pid=$pid
post ada login -d user=ada >/dev/null
a_password_is_printed
only_the_operator_gets_in
sessions_are_of_one_password
guessing_is_slow
every_action_needs_a_csrf_token
a_session_is_revoked
a_user_is_revoked
everyone_is_revoked
sessions_of_this_browser_are_offered
keys_are_rotated
a_key_is_retired
a_file_that_is_wrong_changes_nothing
pid=$first_pid
the_operator_signs_out
a_list_in_a_file_is_shown
servers_with_one_key_file
a_file_that_is_not_read_anew
finish 'demo, operator'
