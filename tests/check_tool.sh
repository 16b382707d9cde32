#!/bin/sh
# The command: everything it does, and every kind of wrong input.
set -u

tests=$(cd "$(dirname "$0")" && pwd)

wafer=${BUILD:-build}/wafer
case $wafer in /*) ;; *) wafer=$PWD/$wafer ;; esac
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1

# ---- Helpers ----

. "$tests/report.sh"
works() { # SENTENCE ARGUMENT...: status 0, and nothing on stderr
    sentence=$1
    shift
    "$wafer" "$@" >out 2>err </dev/null
    equals "$sentence" '0, 0' "$?, $(wc -c <err)"
}
refused() { # SENTENCE STATUS ARGUMENT...: one line on stderr that starts with "wafer: "
    sentence=$1 expected=$2
    shift 2
    "$wafer" "$@" >out 2>err </dev/null
    equals "$sentence" "$expected, 1, 1" "$?, $(wc -l <err), $(grep -c '^wafer: ' err)"
}
mode() { # FILE
    # shellcheck disable=SC2012 # the name is ours
    ls -ld "$1" | cut -c1-10
}
fact() { # NAME FILE
    sed -n "s/^$1: //p" "$2"
}
repeat() { # TEXT TIMES
    awk -v text="$1" -v times="$2" 'BEGIN { while (times-- > 0) printf "%s", text }'
}
# Nothing that was printed may hold a key of a file.
hides_keys() { # SENTENCE
    awk '!/^#/ && NF { print $3 }' keys >secrets
    ! cat out err | grep -qF -f secrets
    report $? "$1"
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
    for command in keys seal open; do
        works "help on $command is printed" help "$command"
        cp out help
        works "$command --help is" "$command" --help
        cmp -s help out
        report $? "the same for $command"
        contains "which says how to use $command" "^Usage: wafer $command" out
    done
    for action in new rotate check; do works "keys $action has help" keys "$action" --help; done
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
    refused 'an argument of version is refused' 2 version bogus
    refused 'controls in a command are escaped' 2 "$(printf 'a\nb\033')"
}

output_is_noticed() {
    for arguments in 'help' 'version' 'seal --keys keys a=1' 'keys check keys' 'keys new full'; do
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
help_and_version
output_is_noticed

echo "tool: $((total - failed)) of $total passed"
[ "$failed" -eq 0 ]
