#!/bin/sh
# The command: everything it does, and every kind of wrong input.
set -u

tests=$(cd "$(dirname "$0")" && pwd)

. "$tests/tool.sh"
list=$build/tests/programs/list
watcher=

cleanup() {
    [ -z "$watcher" ] || kill "$watcher" 2>/dev/null
    rm -rf "$folder"
}

# ---- Helpers ----

# What list says of a list, without keys and times.
kinds() { # LIST
    "$wafer" revocations list --revocations "$1" | awk '{ print $1 }' | uniq -c |
        awk '{ print $1, $2 }' | paste -sd,
}

# ---- Keys ----

keys_new() {
    works 'a key file is made' keys new keys
    equals 'only its owner may read it' '-rw-------' "$(mode keys)"
    equals 'it holds one key' 1 "$(grep -c '^1 ' keys)"
    hides_keys 'the key is not printed'
    cp keys before
    refused 'a file that is there is not made again' 1 keys new keys
    cmp -s keys before
    report $? 'and stays as it was'
    works 'a key file for a group is made' keys new shared --group
    equals 'which the group may read' '-rw-r-----' "$(mode shared)"
    (umask 077 && "$wafer" keys new strict >/dev/null)
    equals 'two key files have different keys' 2 \
        "$(cat keys strict | awk '{ print $3 }' | sort -u | grep -c .)"
    refused 'a key file in a folder that is not there is not made' 1 keys new none/keys
    refused 'a key file without a name is not made' 2 keys new
    refused 'two at a time are not made' 2 keys new one two
    refused 'an option of rotate is none of new' 2 keys new one --now
    [ ! -e one ] && [ ! -e two ]
    report $? 'and none was'
}

keys_rotate() {
    works 'a key is added' keys rotate keys
    equals 'so there are two' 2 "$(grep -c '^1 ' keys)"
    hides_keys 'no key is printed by rotate'
    old=$("$wafer" seal --keys keys a=1)
    works 'a key is added that seals at once' keys rotate keys --now
    new=$("$wafer" seal --keys keys a=1)
    [ "$(echo "$old" | cut -c1-5)" != "$(echo "$new" | cut -c1-5)" ]
    report $? 'and does'
    works 'what the old one sealed still opens' open --keys keys "$old"
    works 'the overlap can be set' keys rotate keys --overlap 3
    refused 'a file for the group is not rotated without being told' 1 keys rotate shared
    works 'and is when told' keys rotate shared --group
    equals 'its mode stays' '-rw-r-----' "$(mode shared)"
    refused 'a file that is not there is not rotated' 1 keys rotate none
    refused 'an overlap of letters is refused' 2 keys rotate keys --overlap month
    refused 'an overlap below zero is refused' 2 keys rotate keys --overlap -1
    refused 'an overlap of 3652 days is refused' 2 keys rotate keys --overlap 3652
    refused 'an empty overlap is refused' 2 keys rotate keys --overlap ''
    refused 'an overlap without days is refused' 2 keys rotate keys --overlap
    refused 'rotate without a file is refused' 2 keys rotate
}

keys_check() {
    works 'a good file is good' keys check strict
    contains 'and it is said' 'good' out
    "$wafer" keys rotate strict --now --overlap 2 >/dev/null
    refused 'a key that stops opening before the overlap is told' 1 keys check strict
    works 'unless a shorter one is asked for' keys check strict --overlap 1
    chmod 644 strict
    refused 'a file that others may read is refused' 1 keys check strict
    refused 'also for a group' 1 keys check strict --group
    chmod 600 strict
    for damage in 's/^1 /2 /' 's/^\(1 [0-9a-f]*\) ../\1 /' 's/^1 ....../1 000000/' 's/Z/z/' \
        's/20[0-9][0-9]-/20xx-/' 's/^1.*/nonsense/' '1{p;}' 'd'; do
        sed "$damage" before >damaged
        chmod 600 damaged
        refused "a file damaged by $damage is refused" 1 keys check damaged
        hides_keys 'without showing the key'
    done
    contains 'an empty file is told apart' 'key' err
    mkdir folder
    refused 'a folder is no key file' 1 keys check folder
    refused 'a device is no key file' 1 keys check /dev/zero
    refused 'check without a file is refused' 2 keys check
}

# ---- Tokens ----

seal_and_open() {
    works 'variables are sealed' seal --keys keys --subject ada visits=3 ok=true off=false \
        note=hello low=-5 text:text=12 raw:bytes=00ff least=-9223372036854775808 \
        large=9223372036854775808 empty= 'sum=a=b' 'path:x=y'
    equals 'the token is one line of base64url' 1 "$(grep -c '^[A-Za-z0-9_-]*$' out)"
    hides_keys 'the token shows no key'
    token=$(cat out)
    works 'the token opens' open --keys keys "$token"
    hides_keys 'nor does what is in it'
    equals 'it is valid' 'valid' "$(fact verdict out)"
    equals 'the subject is in it' 'ada' "$(fact subject out)"
    equals 'it has an id' 32 "$(fact id out | tr -d '\n' | wc -c)"
    equals 'it expires at a time' 1 "$(grep -c '^expires: 20[0-9-]*T[0-9:]*Z$' out)"
    for variable in visits:integer=3 ok:boolean=true off:boolean=false note:text=hello \
        low:integer=-5 text:text=12 raw:bytes=00ff least:integer=-9223372036854775808 \
        large:text=9223372036854775808 empty:text= sum:text=a=b path:x:text=y; do
        equals "$variable is in it" 1 "$(grep -cxF -e "$variable" out)"
    done
    sed 1,6d out >variables
    # shellcheck disable=SC2046 # no value here has a space
    "$wafer" open --keys keys "$("$wafer" seal --keys keys $(cat variables))" | sed 1,6d >again
    cmp -s variables again
    report $? 'what open prints, seal takes'
    echo "  $token " | "$wafer" open --keys keys >out
    equals 'a token is read from the standard input' 'valid' "$(fact verdict out)"
    echo "$token" | "$wafer" open --keys keys - >out
    equals 'also when asked with a dash' 'valid' "$(fact verdict out)"
    [ "$("$wafer" seal --keys keys a=1)" != "$("$wafer" seal --keys keys a=1)" ]
    report $? 'no two tokens are the same'
    works 'an empty session is sealed' seal --keys keys
    works 'a name that starts with a dash is sealed' seal --keys keys -- --a=1
    works 'text with controls is sealed' seal --keys keys --subject "$(printf 'a\nb')" \
        "x=$(printf 'one\n\033[2J\\ \302\205 \303\251')"
    works 'and opens' open --keys keys "$(cat out)"
    equals 'the controls are escaped, letters are not' \
        "$(printf 'x:text=one\\n\\x1b[2J\\\\ \\xc2\\x85 \303\251')" "$(grep '^x' out)"
    equals 'in the subject, too' 'a\nb' "$(fact subject out)"
    works 'a key file for the group seals when told' seal --keys shared --group a=1
    works 'and opens when told' open --keys shared --group "$(cat out)"
    refused 'and is refused when not' 1 seal --keys shared a=1
}

what_does_not_open() {
    refused 'another key file does not open a token' 1 open --keys strict "$token"
    equals 'which is rejected' 'rejected' "$(fact verdict out)"
    equals 'nothing but the verdict and why is shown' 2 "$(wc -l <out)"
    refused 'another name does not open it' 1 open --keys keys --name other "$token"
    refused 'another context does not open it' 1 open --keys keys --context other "$token"
    works 'a token is sealed for a name and a context' seal --keys keys --name id --context app a=1
    cp out bound
    works 'which open it' open --keys keys --name id --context app "$(cat bound)"
    refused 'but not the defaults' 1 open --keys keys "$(cat bound)"
    refused 'a token that lost its end does not open' 1 open --keys keys "${token%?}"
    refused 'nor one that lost its beginning' 1 open --keys keys "${token#?}"
    refused 'nor one with something added' 1 open --keys keys "${token}A"
    refused 'nor one with padding' 1 open --keys keys "${token}="
    refused 'nor one with a changed end' 1 open --keys keys \
        "$(echo "$token" | sed 's/....$/AAAA/')"
    refused 'nor an empty one' 1 open --keys keys ''
    refused 'nor nothing on the standard input' 1 open --keys keys
    refused 'nor text' 1 open --keys keys 'hello, world'
    refused 'nor a token behind a dash' 1 open --keys keys -- -AAAA
    head -c 100000 /dev/zero | "$wafer" open --keys keys >out 2>err
    equals 'nor an endless input' 1 $?
    contains 'which is not read to its end' 'longer than any token' err
    printf '%s\0%s' "$token" "$token" | "$wafer" open --keys keys >out 2>err
    equals 'nor a token with a NUL behind it' 1 $?
    "$wafer" open --keys keys - <&- >out 2>err
    equals 'a closed standard input is an error' 1 $?
    "$wafer" open --keys keys - <. >out 2>err
    equals 'and so is a folder' 1 $?
    "$wafer" seal --keys keys --expiry 1 a=1 >short
    works 'a token of a second opens at once' open --keys keys "$(cat short)"
    sleep 1.1
    refused 'and not after it' 1 open --keys keys "$(cat short)"
    equals 'because it is expired' 'expired' "$(fact verdict out)"
}

what_is_not_sealed() {
    refused 'no key file' 2 seal a=1
    refused 'a key file that is not there' 1 seal --keys none a=1
    refused 'a name without a value' 2 seal --keys keys a
    refused 'a value without a name' 2 seal --keys keys =1
    refused 'a number that is none' 2 seal --keys keys a:integer=x
    refused 'a number that is too large' 2 seal --keys keys a:integer=9223372036854775808
    refused 'a number with a blank' 2 seal --keys keys 'a:integer= 1'
    refused 'a boolean that is none' 2 seal --keys keys a:boolean=yes
    refused 'bytes of letters' 2 seal --keys keys a:bytes=xy
    refused 'bytes of half a pair' 2 seal --keys keys a:bytes=abc
    refused 'an empty name before a type' 1 seal --keys keys :text=1
    refused 'text that is not UTF-8' 1 seal --keys keys "a=$(printf '\377')"
    refused 'a name that is not UTF-8' 1 seal --keys keys "$(printf '\377')=1"
    refused 'a name of 256 bytes' 1 seal --keys keys "$(repeat n 256)=1"
    works 'one of 255 is' seal --keys keys "$(repeat n 255)=1"
    refused 'a value of 3,100 bytes' 1 seal --keys keys "a=$(repeat x 3100)"
    # shellcheck disable=SC2046 # many words
    refused 'sixty-five variables' 1 seal --keys keys $(seq -f 'a%g=1' 65)
    # shellcheck disable=SC2046 # many words
    works 'sixty-four are' seal --keys keys $(seq -f 'a%g=1' 64)
    refused 'an empty subject' 1 seal --keys keys --subject ''
    refused 'a subject of 256 bytes' 1 seal --keys keys --subject "$(repeat s 256)"
    refused 'a subject that is not UTF-8' 1 seal --keys keys --subject "$(printf '\377')"
    refused 'an expiry of nothing' 2 seal --keys keys --expiry 0
    refused 'an expiry of letters' 2 seal --keys keys --expiry soon
    refused 'an expiry of a century' 2 seal --keys keys --expiry 3153600000
    works 'an expiry of ten years is' seal --keys keys --expiry 315360000 a=1
    works 'and opens' open --keys keys "$(cat out)"
    refused 'an expiry that overflows' 2 seal --keys keys --expiry 99999999999999999999
    refused 'a cookie name with a semicolon' 1 seal --keys keys --name 'a;b' a=1
    refused 'an empty cookie name' 1 seal --keys keys --name '' a=1
    refused 'a context that is not UTF-8' 1 seal --keys keys --context "$(printf '\377')" a=1
    refused 'an unknown option' 2 seal --keys keys --bogus a=1
    refused 'an option without its value' 2 seal --keys
    refused 'two tokens to open' 2 open --keys keys one two
    refused 'nothing opens without a key file' 2 open token
    refused 'an option of seal is none of open' 2 open --keys keys --subject ada token
}

# ---- Revocation ----

id=0123456789abcdef0123456789abcdef

revoke() {
    "$list" file:list 64 2 || exit 1
    works 'a session is revoked' revoke session $id --revocations file:list
    equals 'which is said, with the date' 1 \
        "$(grep -c "^session $id: refused since 20[0-9-]*T[0-9:]*Z$" out)"
    works 'again' revoke session $id --revocations file:list
    works 'a subject is revoked' revoke subject ada --revocations file:list
    equals 'which is said, too' 1 "$(grep -c \
        '^subject ada: all from before 20[0-9-]*T[0-9:]*Z is refused; logins from now' out)"
    works 'a subject of a realm is another' revoke subject --realm staff ada \
        --revocations file:list
    works 'a subject that starts with a dash' revoke subject --revocations file:list -- -a
    works 'controls in a subject are escaped' revoke subject "$(printf 'a\nb')" \
        --revocations file:list
    equals 'as they are anywhere' 1 "$(grep -c '^subject a\\nb: ' out)"
    works 'everyone is revoked' revoke everyone --revocations file:list
    equals 'which is said' 1 "$(grep -c '^everyone: all from before 20' out)"
    equals 'all of it is on the list' '3 session,4 subject,1 everyone' "$(kinds file:list)"
    for who in "session $id" 'subject ada' 'everyone'; do
        kind=${who%% *}
        # shellcheck disable=SC2086 # two words
        works "JSON for $kind" revoke $who --revocations file:list --json
        equals 'is an object' "$kind" "$(members kind)"
        at=$("$json" at_ms <out)
        [ "$at" -ge "$(($(date +%s) * 1000 - 5000))" ] &&
            [ "$at" -le "$(($(date +%s) * 1000 + 70000))" ]
        report $? 'with a time of now'
        equals 'that list knows' 1 \
            "$("$wafer" revocations list --revocations file:list --json | grep -c "$at")"
    done
    works 'JSON for a session has its id' revoke session $id --revocations file:list --json
    equals 'as its key' "$id" "$(members key)"
}

# Who signed in while the command waited is logged out, too.
revoking_waits() {
    flock list sh -c 'echo >held; sleep 0.5; date +%s%3N >released' &
    for _ in $(seq 200); do [ -e held ] || sleep 0.01; done
    works 'a list that another opens is waited for' revoke session $id --revocations file:list --json
    wait $!
    [ "$("$json" at_ms <out)" -ge "$(cat released)" ]
    report $? 'and the time is that after waiting'
}

what_is_not_revoked() {
    before=$("$wafer" revocations list --revocations file:list --json | sed 's/"age_ms":-*[0-9]*//g')
    refused 'nobody' 2 revoke --revocations file:list
    refused 'nobody at all' 2 revoke
    refused 'somebody else' 2 revoke user ada --revocations file:list
    refused 'a session without its id' 2 revoke session --revocations file:list
    refused 'a subject without a name' 2 revoke subject --revocations file:list
    refused 'two sessions' 2 revoke session $id $id --revocations file:list
    refused 'two subjects' 2 revoke subject ada bob --revocations file:list
    refused 'everyone and somebody' 2 revoke everyone ada --revocations file:list
    refused 'an id of 31 digits' 2 revoke session ${id%?} --revocations file:list
    refused 'an id of 33 digits' 2 revoke session ${id}0 --revocations file:list
    refused 'an empty id' 2 revoke session '' --revocations file:list
    refused 'an id in capitals' 2 revoke session ${id%f}F --revocations file:list
    refused 'an id with a letter' 2 revoke session ${id%f}g --revocations file:list
    refused 'an id with a blank' 2 revoke session " ${id%f}" --revocations file:list
    refused 'an empty subject' 1 revoke subject '' --revocations file:list
    refused 'a subject of 256 bytes' 1 revoke subject "$(repeat s 256)" --revocations file:list
    refused 'a session of a realm' 2 revoke session $id --realm staff --revocations file:list
    refused 'everyone of a realm' 2 revoke everyone --realm staff --revocations file:list
    refused 'an unknown option' 2 revoke everyone --revocations file:list --bogus
    equals 'none of these is on the list' "$before" \
        "$("$wafer" revocations list --revocations file:list --json | sed 's/"age_ms":-*[0-9]*//g')"
    for command in 'revoke everyone' 'revocations list' 'revocations count' \
        'revocations purge' 'revocations watch' 'revocations check'; do
        # shellcheck disable=SC2086 # several words
        {
            refused "$command without a list" 2 $command
            refused "$command on a list without a name" 2 $command --revocations
            refused "$command on an empty name" 2 $command --revocations ''
            refused "$command on a list in memory" 2 $command --revocations memory
            refused "$command on a bare path" 2 $command --revocations list
            refused "$command on no file" 2 $command --revocations file:
            refused "$command on no folder" 2 $command --revocations lmdb:
            refused "$command on a list that is not there" 1 $command --revocations file:none
            refused "$command with what it does not know" 2 $command --revocations file:list a
        }
    done
    [ ! -e none ]
    report $? 'and none was made'
    refused 'controls in the name of a list are escaped' 1 revoke everyone \
        --revocations "$(printf 'file:a\nb\033')"
}

revocations() {
    "$list" file:counted 64 3 100 copies || exit 1
    "$wafer" revoke subject ada --revocations file:counted >/dev/null
    works 'entries are listed' revocations list --revocations file:counted
    equals 'oldest first' 'session session session copies subject' \
        "$(awk '{ print $1 }' out | paste -sd' ')"
    equals 'with key, date and age' 3 "$(grep -c \
        '^session  0\{31\}[123] 20[0-9-]*T[0-9:]*Z 1m$' out)"
    equals 'copies with their renewals' 1 "$(grep -c '^copies   0\{30\}ff 20[^ ]* 1m 3$' out)"
    equals 'a not-before lies ahead by the skew' 1 \
        "$(grep -c '^subject  [0-9a-f]\{32\} 20[^ ]* -\([56][0-9]s\|1m\)$' out)"
    works 'JSON for list' revocations list --revocations file:counted --json
    equals 'is an object with the entries' 5 "$(members entries)"
    contains 'in which copies have renewals' '"kind":"copies",[^}]*"renewals":3}' out
    works 'entries are counted' revocations count --revocations file:counted
    equals 'all of them' '5 64 7.8 % 3 1 1 none' "$(for fact in entries capacity full sessions \
        subjects copies not-before; do fact $fact out; done | paste -sd' ')"
    equals 'and limits are told' '86400 s 60 s 30 s' "$(for fact in retention skew grace; do
        fact $fact out; done | paste -sd' ')"
    works 'JSON for count' revocations count --revocations file:counted --json
    equals 'is an object' '5 64 7.8 3 1 1 86400000 60000 30000 0' "$(members entries capacity \
        percent sessions subjects copies retention_ms skew_ms grace_ms not_before_ms)"
    "$wafer" revoke everyone --revocations file:counted >/dev/null
    works 'everyone is counted' revocations count --revocations file:counted
    equals 'as a not-before, not as an entry' '5 20' \
        "$(fact entries out) $(fact not-before out | cut -c1-2)"
    works 'a list is checked' revocations check --revocations file:counted
    equals 'and is good' 'file:counted: good, 7.8 % full' "$(cat out)"
    works 'JSON for check' revocations check --revocations file:counted --json
    equals 'is an object' 'true 7.8 false' "$(members good percent warning)"

    works 'nothing is due yet' revocations purge --revocations file:counted
    equals 'which is said' '0 dropped' "$(cat out)"
    "$list" file:old 64 7 90000 || exit 1
    "$wafer" revoke session $id --revocations file:old >/dev/null
    cp old older
    works 'what is due is dropped' revocations purge --revocations file:old
    equals 'and counted' '7 dropped' "$(cat out)"
    equals 'the rest stays' '1 session' "$(kinds file:old)"
    works 'JSON for purge' revocations purge --revocations file:older --json
    equals 'is an object' 7 "$(members dropped)"
}

full_list() {
    "$list" file:half 64 51 || exit 1
    works 'a list that is 79 % full is good' revocations check --revocations file:half
    lacks 'without a warning' 'warning' out
    "$wafer" revoke session $id --revocations file:half >/dev/null
    works 'one that is 81 % full is, too' revocations check --revocations file:half
    contains 'but warned about' 'warning' out
    works 'JSON for check' revocations check --revocations file:half --json
    equals 'warns, too' 'true true' "$(members good warning)"
    "$list" file:full 64 56 || exit 1
    refused 'a full list takes no session' 1 revoke session $id --revocations file:full
    contains 'which is said' 'full; nothing was revoked' err
    works 'but a subject' revoke subject ada --revocations file:full
    works 'and everyone' revoke everyone --revocations file:full
    equals 'as room is kept for them' '56 session,1 subject,1 everyone' "$(kinds file:full)"
}

bad_list() { # SENTENCE FILE
    for command in 'revoke everyone' 'revocations list' 'revocations count' \
        'revocations purge' 'revocations watch' 'revocations check'; do
        # shellcheck disable=SC2086 # several words
        refused "$1 is refused by $command" 1 $command --revocations "file:$2"
    done
}

what_is_no_list() {
    "$list" file:good 64 5 || exit 1
    size=$(wc -c <good)
    bad_list 'a folder' .
    bad_list 'a device' /dev/zero
    bad_list 'a key file' keys
    ln -s good link
    bad_list 'a symbolic link' link
    : >bad && chmod 600 bad
    bad_list 'an empty file' bad
    head -c $((size - 1)) good >bad
    bad_list 'a file that lost a byte' bad
    cp good bad && echo >>bad
    bad_list 'a file with a byte too many' bad
    cp good bad && printf 'x' | dd of=bad conv=notrunc status=none
    bad_list 'a file of another version' bad
    cp good bad && printf 'x' | dd of=bad bs=1 seek=24 conv=notrunc status=none
    bad_list 'a file with another capacity in it' bad
    cp good bad && chmod 644 bad
    bad_list 'a file that others may read' bad
    chmod 640 bad
    bad_list 'a file that a group may read' bad
    cp good bad && chmod 600 bad
    works 'without all this it is good' revocations check --revocations file:bad
}

lists_of_a_group() {
    "$list" file:shared-list 64 5 0 group || exit 1
    equals 'a list for a group has mode 0640' '-rw-r-----' "$(mode shared-list)"
    bad_list 'without being told it' shared-list
    works 'when told, it is counted' revocations count --revocations file:shared-list --group
    works 'and changed' revoke everyone --group --revocations file:shared-list
    [ "$(id -u)" -eq 0 ] && command -v setpriv >/dev/null || return 0
    cp "$wafer" command
    chgrp 65534 shared-list
    chmod 711 .
    for command in 'list' 'count' 'check' 'purge' 'check --json'; do
        # shellcheck disable=SC2086 # several words
        setpriv --reuid 65534 --regid 65534 --clear-groups ./command revocations $command \
            --revocations file:shared-list --group >out 2>err
        equals "another user of the group may use $command" \
            "$([ "$command" = purge ] && echo 1 || echo 0)" $?
    done
    chmod 700 .
}

# Waits until the watcher has printed a line.
await() { # PATTERN
    for _ in $(seq 80); do
        grep -q -- "$1" watched && return 0
        sleep 0.1
    done
    return 1
}
# Starts a watcher and waits until it sees what comes; a number says which ids to try.
watch() { # NUMBER OPTION...
    number=$1
    shift
    : >watched
    "$wafer" revocations watch "$@" >watched 2>watched.err &
    watcher=$!
    for attempt in $(seq 30); do
        "$wafer" revoke session "$(printf '%032x' $((number + attempt)))" \
            --revocations file:watched-list >/dev/null
        sleep 0.2
        [ ! -s watched ] || break
    done
    [ -s watched ]
}
ends() { # SENTENCE SIGNAL STATUS
    [ "$2" = none ] || kill "-$2" "$watcher"
    wait "$watcher"
    equals "$1" "$3" $?
    watcher=
}

watching() {
    "$list" file:watched-list 640 3 || exit 1
    watch 4096 --revocations file:watched-list --json
    report $? 'what comes is seen by a watcher'
    "$wafer" revoke subject ada --revocations file:watched-list --json >first
    await "$("$json" at_ms <first)"
    report $? 'a subject is, too'
    "$wafer" revoke subject ada --revocations file:watched-list --json >second
    await "$("$json" at_ms <second)"
    report $? 'and again, when it is raised'
    "$wafer" revoke everyone --revocations file:watched-list >/dev/null
    await '"everyone"'
    report $? 'and everyone'
    ends 'SIGTERM ends it with status 0' TERM 0
    lacks 'what was there before is not told' '0\{31\}[123]"' watched
    "$json" kind key at_ms <watched >members
    report $? 'each line is a JSON object'
    [ -z "$(cut -d' ' -f1,2,3 members | sort | uniq -d)" ]
    report $? 'no entry is told twice'
    equals 'of each kind there is what was revoked' '1 everyone, 2 subject' \
        "$(grep -o '^everyone\|^subject' members | sort | uniq -c | awk '{ print $1, $2 }' |
            paste -sd, | sed 's/,/, /')"
    watch 8192 --revocations file:watched-list
    report $? 'without JSON it prints lines'
    contains 'as list does' '^session  0*2[0-9a-f]\{3\} 20[^ ]* [0-9]s$' watched
    ends 'SIGINT ends it with status 0' INT 0
    equals 'nothing was complained about' 0 "$(wc -c <watched.err)"
    watch 12288 --revocations file:watched-list
    rm watched-list
    ends 'a list that goes away ends it with status 1' none 1
    equals 'which is said' '1, 1' \
        "$(wc -l <watched.err), $(grep -c '^wafer: .*watched-list' watched.err)"
    "$list" file:watched-list 640 3 || exit 1
    "$wafer" revocations watch --revocations file:watched-list >/dev/full 2>watched.err &
    watcher=$!
    sleep 0.3
    for number in 1 2 3 4 5; do
        "$wafer" revoke session "$(printf '%032x' $((number + 9)))" \
            --revocations file:watched-list >/dev/null
        sleep 0.3
    done
    ends 'a full disk ends it with status 1' none 1
}

with_journal() {
    "$wafer" revocations check --revocations lmdb:none >out 2>err
    if grep -q 'built without LMDB' err; then
        refused 'what was built without LMDB says so' 1 revoke everyone --revocations lmdb:none
        return
    fi
    bad_journal 'a folder that is not there' none
    contains 'which says how to make one' 'mkdir -m 700 none' err
    bad_journal 'a file' keys
    mkdir -m 700 empty
    bad_journal 'a folder without a list' empty
    equals 'in which nothing is made' '' "$(ls empty)"

    mkdir -m 700 journaled
    "$list" lmdb:journaled 64 3 || exit 1
    works 'a session is revoked with a journal' revoke session $id --revocations lmdb:journaled
    works 'and a subject' revoke subject ada --revocations lmdb:journaled
    works 'and everyone' revoke everyone --revocations lmdb:journaled --json
    equals 'which is printed as an object' 'everyone' "$(members kind)"
    entries='4 session,1 subject,1 everyone'
    equals 'all are on the list' "$entries" "$(kinds lmdb:journaled)"
    equals 'and in its table file' "$entries" "$(kinds file:journaled/table)"
    works 'they are counted' revocations count --revocations lmdb:journaled
    works 'they are checked' revocations check --revocations lmdb:journaled
    equals 'and good' 'lmdb:journaled: good, 7.8 % full' "$(cat out)"
    works 'nothing is due' revocations purge --revocations lmdb:journaled --json
    equals 'which is said' 0 "$(members dropped)"

    mkdir -m 700 aged
    "$list" lmdb:aged 64 7 90000 || exit 1
    "$wafer" revoke session $id --revocations lmdb:aged >/dev/null
    works 'what is due is dropped' revocations purge --revocations lmdb:aged
    equals 'and counted' '7 dropped' "$(cat out)"
    rm aged/table && "$list" lmdb:aged 64 0
    equals 'from the journal, too' '1 session' "$(kinds lmdb:aged)"
    mkdir -m 700 grouped
    "$list" lmdb:grouped 64 7 0 group || exit 1
    refused 'a journal of a group is not used without being told' 1 revoke everyone \
        --revocations lmdb:grouped
    works 'but when told' revoke everyone --revocations lmdb:grouped --group

    mv journaled/table table
    refused 'no table file is made' 1 revoke everyone --revocations lmdb:journaled
    [ ! -e journaled/table ]
    report $? 'really none'
    "$list" lmdb:journaled 64 0
    report $? 'a server makes it'
    equals 'from the journal, with all that was revoked' "$entries" "$(kinds lmdb:journaled)"
    mv journaled/journal journal
    refused 'no journal is made' 1 revoke everyone --revocations lmdb:journaled
    refused 'nor by check' 1 revocations check --revocations lmdb:journaled
    [ ! -e journaled/journal ]
    report $? 'really none'
    head -c 5000 journal >journaled/journal
    chmod 600 journaled/journal
    refused 'a journal that lost its end is refused' 1 revoke everyone \
        --revocations lmdb:journaled
    refused 'by check, too' 1 revocations check --revocations lmdb:journaled
}

bad_journal() { # SENTENCE FOLDER
    for command in 'revoke everyone' 'revocations list' 'revocations count' \
        'revocations purge' 'revocations watch' 'revocations check'; do
        # shellcheck disable=SC2086 # several words
        refused "$1 is refused by $command" 1 $command --revocations "lmdb:$2"
    done
}

# ---- Around ----

help_and_version() {
    works 'the version is printed' version
    equals 'and is that of the header' 1 "$(grep -c '^wafer [0-9]*\.[0-9]*\.[0-9]*$' out)"
    works 'also as an option' --version
    works 'help is printed' help
    cp out help
    works 'also as an option, as is' --help
    cmp -s help out
    report $? 'the same'
    equals 'in lines that fit any terminal' '' "$(grep '.\{80\}' out)"
    for command in keys seal open inspect cookie revoke revocations feed; do
        works "help on $command is printed" help "$command"
        cp out help
        works "$command --help is" "$command" --help
        cmp -s help out
        report $? "the same for $command"
        contains "which says how to use $command" "^Usage: wafer $command" out
        equals "in lines that fit any terminal" '' "$(grep '.\{80\}' out)"
    done
    for action in new rotate check; do works "keys $action has help" keys "$action" --help; done
    for who in session subject everyone; do works "revoke $who has help" revoke $who --help; done
    for action in list count purge watch check; do
        works "revocations $action has help" revocations $action --help
        contains "which is that of revocations" '^Usage: wafer revocations' out
    done
    works 'version has help' version --help
    works 'help has help' help --help
    "$wafer" open --help >out
    contains 'help on open tells that it knows no revocations' 'not signed out' out
    refused 'help on an unknown command is refused' 2 help bogus
    refused 'an unknown command is refused' 2 bogus
    refused 'no command is refused' 2
    refused 'an empty command is refused' 2 ''
    refused 'no action on keys is refused' 2 keys
    refused 'an unknown action on keys is refused' 2 keys bogus
    refused 'no action on revocations is refused' 2 revocations
    refused 'an unknown action on revocations is refused' 2 revocations bogus
    refused 'an argument of version is refused' 2 version bogus
    refused 'controls in a command are escaped' 2 "$(printf 'a\nb\033')"
}

output_is_noticed() {
    for arguments in 'help' 'version' 'seal --keys keys a=1' 'keys check keys' 'keys new full' \
        'revoke everyone --revocations file:list' 'revocations list --revocations file:list' \
        'revocations count --revocations file:list --json'; do
        # shellcheck disable=SC2086 # several words
        "$wafer" $arguments >/dev/full 2>err </dev/null
        equals "a full disk under $arguments is noticed" 1 $?
        # shellcheck disable=SC2086 # several words
        "$wafer" $arguments >&- 2>err </dev/null
        equals "a closed output under $arguments is noticed" '1, 1' "$?, $(grep -c '^wafer: ' err)"
    done
    "$wafer" keys new closed >&- 2>/dev/null
    [ ! -e closed ]
    report $? 'with a closed output nothing is made'
    "$wafer" keys new closed 2>&- >/dev/null
    equals 'a closed error output is noticed' 1 $?
    [ ! -e closed ]
    report $? 'and nothing is made'
}

keys_new
keys_rotate
keys_check
seal_and_open
what_does_not_open
what_is_not_sealed
revoke
revoking_waits
what_is_not_revoked
revocations
full_list
what_is_no_list
lists_of_a_group
watching
with_journal
help_and_version
output_is_noticed

echo "tool: $((total - failed)) of $total passed"
[ "$failed" -eq 0 ]
