#!/bin/sh
# The command, looking closer: keys one by one, JSON in and out, why a token is refused, what is made
# of a Cookie field, and how it looks on a terminal.
set -u

tests=$(cd "$(dirname "$0")" && pwd)

. "$tests/tool.sh"
list=$build/tests/programs/list
sealed=$build/tests/programs/sealed

# ---- Helpers ----

ids() { # STATE: of keys in the file "keys"
    "$wafer" keys list keys | sed -n "s/^\([0-9a-f]*\) $1: .*/\1/p"
}
# A token of a session that began and was sealed AGE seconds ago.
token_of() { # AGE IDLE EXPIRY
    "$sealed" keys "$@" || exit 1
}
why() { # SENTENCE PATTERN: what inspect printed says why, and what to do
    fact why out >why
    contains "$1" "$2" why
}
input() { # SENTENCE TEXT: seals from JSON on the standard input
    printf '%s' "$2" >in
    "$wafer" seal --keys keys - <in >out 2>err
    equals "$1" '0, 0' "$?, $(wc -c <err)"
}
wrong_input() { # SENTENCE TEXT WORDS [STATUS]
    printf '%b' "$2" >in
    "$wafer" seal --keys keys - <in >out 2>err
    equals "JSON is refused: $1" '1, 1, 0' "$?, $(wc -l <err), $(wc -c <out)"
    contains "in words that fit: $3" "$3" err
}
variables() {
    "$wafer" open --keys keys "$(cat out)" | sed 1,6d
}

# ---- Keys ----

keys_listed() {
    # As if made long ago, so that tokens can be, too.
    "$wafer" keys new keys >/dev/null
    sed -i 's/ 20[^ ]* 20[^ ]* / 2020-01-01T00:00:00Z 2020-01-01T00:00:00Z /' keys
    first=$(ids seals)
    works 'keys are listed' keys list keys
    hides_keys 'without what is secret of them'
    equals 'the only one seals' "$first seals: seals, and opens" "$(sed -n 1p out)"
    equals 'its times are dates, and as people say them' 2 \
        "$(grep -c '^  [a-z ]* 2020-01-01T00:00:00Z ([0-9]* d ago)$' out)"
    equals 'it opens for ever' '  opens until never' "$(sed -n 4p out)"
    "$wafer" keys rotate keys --now >/dev/null
    "$wafer" keys rotate keys >/dev/null
    works 'three are listed' keys list keys
    equals 'each does something else' 'opens seals waits' \
        "$(sed -n 's/^[0-9a-f]* \([a-z]*\): .*/\1/p' out | paste -sd' ')"
    equals 'one waits for an hour' 1 "$(grep -c '^  seals from 20[^ ]* (in [56][0-9] min)$' out)"
    equals 'one opens for a month' 2 "$(grep -c '^  opens until 20[^ ]* (in 31 d)$' out)"
    works 'JSON for keys list' keys list keys --json
    hides_keys 'which has no secret either'
    equals 'is an object with the file and all three' 'keys 3' "$(members file keys)"
    contains 'one opens for ever' \
        '"state":"waits",.*"opens_until":null,"opens_until_ms":null}\]}$' out
    contains 'times are dates and milliseconds' \
        '"seals_from":"2020-01-01T00:00:00Z","seals_from_ms":1577836800000,' out
    sed '1s/ never$/ 2020-02-02T00:00:00Z/; 1s/ 20[^ ]*$/ 2020-02-02T00:00:00Z/' keys >spent
    chmod 600 spent
    works 'a key whose time is over' keys list spent
    contains 'is spent' "^$first spent: opens no more" out
    chmod 640 spent
    refused 'a file of a group is not listed without being told' 1 keys list spent
    works 'but when told' keys list spent --group
    refused 'a file that is not there is not listed' 1 keys list none
    refused 'keys list needs a file' 2 keys list
    refused 'an option of rotate is none of list' 2 keys list keys --now
    works 'keys list has help' keys list --help
}

keys_retired() {
    cp -p keys before
    old=$(ids opens) sealing=$(ids seals) waiting=$(ids waits)
    sealed_before=$(token_of 10 0 3600)
    works 'what the first key sealed opens' open --keys keys "$sealed_before"
    works 'a key is retired' keys retire keys "$old"
    contains 'and it is said what to do next' "^keys: key $old is retired; reload it everywhere" out
    equals 'it is gone' "$sealing $waiting" \
        "$("$wafer" keys list keys | sed -n 's/^\([0-9a-f]\{6\}\) .*/\1/p' | paste -sd' ')"
    grep -v "^1 $old" before | cmp -s - keys
    report $? 'and the rest of the file is as it was'
    refused 'what it sealed opens no more' 1 open --keys keys "$sealed_before"
    refused 'the last one that seals is not retired' 1 keys retire keys "$sealing"
    contains 'but it is said what to do first' 'rotate --now' err
    works 'one that waits is' keys retire keys "$waiting"
    refused 'not the last one' 1 keys retire keys "$sealing"
    refused 'nor one that is not there' 1 keys retire keys "$old"
    contains 'which is said' "there is no key $old in keys" err
    "$wafer" keys rotate keys --now >/dev/null
    works 'after rotate --now it can be retired' keys retire keys "$sealing"
    works 'and the file is good' keys check keys
    equals 'with one key' 1 "$(grep -c '^1 ' keys)"
    for id in '' "${old%?}" "${old}0" "$(echo "$old" | tr a-f0-9 A-FG-P)" '000 00'; do
        refused "\"$id\" is no key's id" 2 keys retire keys "$id"
    done
    refused 'retire needs an id' 2 keys retire keys
    refused 'retire needs a file' 2 keys retire
    refused 'retire takes one id' 2 keys retire keys "$old" "$old"
    refused 'an option of list is none of retire' 2 keys retire keys "$old" --json
    refused 'a file that is not there has no keys to retire' 1 keys retire none "$old"
    works 'keys retire has help' keys retire --help
    cp -p before keys
}

# ---- JSON in and out ----

json_in() {
    input 'a JSON object is sealed' ' { "visits" : 3 ,
        "low":-5,"zero":0,"minus":-0,"ok":true,"off":false,"note":"hello","zip":"01234",
        "least":-9223372036854775808,"most":9223372036854775807,
        "raw":{"bytes":"00ff"}, "nothing" : { "bytes" : "" },"empty":"" } '
    variables >found
    for variable in visits:integer=3 low:integer=-5 zero:integer=0 minus:integer=0 \
        ok:boolean=true off:boolean=false note:text=hello zip:text=01234 \
        least:integer=-9223372036854775808 most:integer=9223372036854775807 raw:bytes=00ff \
        nothing:bytes= empty:text=; do
        equals "$variable is in it" 1 "$(grep -cxF -e "$variable" found)"
    done
    equals 'and nothing else' 13 "$(wc -l <found)"
    input 'escapes are read' \
        '{"e":"\"\\\/\b\f\n\r\t","u":"\u0041\u00e9\u20AC\ud83d\ude00\uD83D\uDE00","é":"é"}'
    variables >found
    equals 'as what they stand for' 'e:text="\\/\x08\x0c\n\x0d\x09' "$(grep ^e found)"
    equals 'of all lengths' 'u:text=Aé€😀😀' "$(grep ^u found)"
    equals 'and letters are what they are' 'é:text=é' "$(grep ^é found)"
    input 'an empty object is sealed' '{}'
    equals 'and holds nothing' '' "$(variables)"
    echo '{"a":2,"b":3}' >in
    "$wafer" seal --keys keys a=1 - b:text=4 <in >out
    equals 'it goes in the place of the dash' 'a:integer=2 b:text=4' "$(variables | paste -sd' ')"
}

json_not_in() {
    wrong_input 'nothing' '' 'a JSON object is missing'
    wrong_input 'an array' '[1]' 'a JSON object is missing'
    wrong_input 'a fraction' '{"a":1.5}' 'line 1, byte 6: a number is whole'
    wrong_input 'an exponent' '{"a":1e3}' 'a number is whole'
    wrong_input 'a number that is too large' '{"a":9223372036854775808}' 'a number is whole'
    wrong_input 'one that is too low' '{"a":-9223372036854775809}' 'a number is whole'
    wrong_input 'an endless one' "{\"a\":$(repeat 1 100)}" 'a number is whole'
    wrong_input 'a zero in front' '{"a":01}' 'a number is whole'
    wrong_input 'and behind the sign' '{"a":-01}' 'a number is whole'
    wrong_input 'a sign alone' '{"a":-}' 'a number is whole'
    wrong_input 'a plus' '{"a":+1}' 'a value is text'
    wrong_input 'null' '{"a":null}' 'leave the member out'
    wrong_input 'an array in it' '{"a":[1]}' 'there are no arrays'
    wrong_input 'an object in it' '{"a":{"b":1}}' 'objects do not nest'
    wrong_input 'an empty object in it' '{"a":{}}' 'in double quotes is missing'
    wrong_input 'bytes that are no hex' '{"a":{"bytes":"0g"}}' 'lower-case hex pairs'
    wrong_input 'bytes of half a pair' '{"a":{"bytes":"000"}}' 'lower-case hex pairs'
    wrong_input 'bytes that are no text' '{"a":{"bytes":0}}' 'in double quotes is missing'
    wrong_input 'bytes and more' '{"a":{"bytes":"00","b":1}}' 'a closing brace is missing'
    wrong_input 'bytes without a colon' '{"a":{"bytes" "00"}}' 'a colon is missing'
    wrong_input 'a word' '{"a":yes}' 'a value is text'
    wrong_input 'True' '{"a":True}' 'a value is text'
    wrong_input 'no value' '{"a":}' 'a value is text'
    wrong_input 'an end for a value' '{"a":' 'a value is missing'
    wrong_input 'no colon' '{"a" 1}' 'a colon is missing'
    wrong_input 'no name' '{1:2}' 'a name in double quotes is missing'
    wrong_input 'a name in single quotes' "{'a':2}" 'a name in double quotes is missing'
    wrong_input 'a comma too many' '{"a":1,}' 'a name in double quotes is missing'
    wrong_input 'no comma' '{"a":1 "b":2}' 'a comma or the closing brace is missing'
    wrong_input 'no end' '{"a":1' 'a comma or the closing brace is missing'
    wrong_input 'something behind it' '{"a":1} {}' 'there is more behind'
    wrong_input 'a NUL behind it' '{"a":1}\0000' 'there is more behind'
    wrong_input 'a string without an end' '{"a":"x' 'this string does not end'
    wrong_input 'one that ends in a backslash' '{"a":"x\\' 'stands for no character'
    wrong_input 'an unknown escape' '{"a":"\\x41"}' 'stands for no character'
    wrong_input 'an escape of three digits' '{"a":"\\u00e"}' 'stands for no character'
    wrong_input 'the first half of a pair' '{"a":"\\ud83dxxxxxxxx"}' 'stands for no character'
    wrong_input 'two first halves' '{"a":"\\ud83d\\ud83d"}' 'stands for no character'
    wrong_input 'the second half of a pair' '{"a":"\\ude00"}' 'stands for no character'
    wrong_input 'half a pair at the end' '{"a":"\\ud83d' 'stands for no character'
    wrong_input 'a control in a string' '{"a":"x\ty"}' 'to be written as an escape'
    wrong_input 'a newline in a name' '{\n"a\n":1}' 'line 2, byte 3: a control'
    wrong_input 'a NUL in text' '{"a":"\\u0000"}' 'without NUL'
    wrong_input 'a NUL in a name' '{"a\\u0000":1}' 'U+0000 is in no name'
    wrong_input 'an empty name' '{"":1}' 'a name is 1 to 255 bytes'
    wrong_input 'a name twice' '{"a":1,\n "a":2}' 'line 2, byte 2: this name stands twice'
    wrong_input 'the same name, escaped' '{"a":1,"\\u0061":2}' 'this name stands twice'
    wrong_input 'text that is no UTF-8' '{"a":"\0377"}' 'UTF-8'
    wrong_input 'a name with controls that is too long' \
        "{\"\\\\u001b$(repeat x 300)\":1}" 'cannot put .x1bxxx.*a name is 1 to 255 bytes'
    wrong_input 'more than fits' "{\"a\":\"$(repeat x 4000)\"}" 'there is no room'
    wrong_input 'more than any session' "{\"a\":\"$(repeat x 70000)\"}" 'longer than any session'
    wrong_input 'sixty-five variables' \
        "{$(seq -f '"a%g":1' 65 | paste -sd,)}" 'a session has 64 variables'
    input 'sixty-four are sealed' "{$(seq -f '"a%g":1' 64 | paste -sd,)}"
    "$wafer" seal --keys keys - - <in >out 2>err
    equals 'the standard input is read once' '1, 1' "$?, $(grep -c 'a JSON object is missing' err)"
    "$wafer" seal --keys keys - <&- >out 2>err
    equals 'a closed standard input is an error' 1 $?
}

json_out() {
    works 'JSON for seal' seal --keys keys --subject ada --json n=1 raw:bytes=00ff
    equals 'is an object' '__Host-session ada' "$(members name subject)"
    token=$(members token)
    equals 'with the length of the token' "${#token}" "$(members characters)"
    works 'JSON for open' open --keys keys --json "$token"
    equals 'is an object' 'valid true ada' "$(members verdict valid subject)"
    contains 'with the variables as seal takes them' \
        '"variables":{"n":1,"raw":{"bytes":"00ff"}}}$' out
    equals 'and all times' 4 "$(members began sealed idles_out expires | grep -o '20[0-9-]*T' |
        grep -c .)"
    sed 's/.*"variables"://; s/}$//' out >in
    "$wafer" seal --keys keys - <in >out
    equals 'what open prints as JSON, seal takes' 'n:integer=1 raw:bytes=00ff' \
        "$(variables | paste -sd' ')"
    works 'JSON for text with controls' seal --keys keys --json \
        "x=$(printf 'q"\\ \033 \177 \302\205 \303\251 \360\237\230\200')"
    contains 'has escapes for what a terminal could misread' \
        '{"x":"q\\"\\\\ \\u001b \\u007f \\u0085 é 😀"}' out
    members variables >/dev/null
    report $? 'and is read by others'
    refused 'JSON for a token that does not open' 1 open --keys keys --json AAAA
    equals 'is an object, too' 'rejected false -' "$(members verdict valid subject)"
    works 'an anonymous session' seal --keys keys --json
    equals 'has no subject' 'null' "$(members subject)"
}

# ---- inspect ----

inspect_without_keys() {
    token=$("$wafer" seal --keys keys --subject ada visits=3)
    works 'a token is inspected without keys' inspect "$token"
    equals 'it is well formed' 'well formed' "$(fact token out)"
    equals 'of version 1' 1 "$(fact version out)"
    equals 'its key is named' "$(ids seals)" "$(fact key out)"
    equals 'its characters are counted' ${#token} "$(fact characters out)"
    raw=$((${#token} * 3 / 4))
    equals 'and its bytes, and parts' \
        "$raw bytes, of which header 4, nonce 24, sealed $((raw - 44)), tag 16" "$(fact raw out)"
    size=$((${#token} + 14))
    equals 'there is room in the cookie' \
        "$size of 4096 bytes, name and value; $((4096 - size)) left" "$(fact cookie out)"
    line=$((size + 41))
    equals 'and in the line' "$line of 3500 bytes, with the default attributes and line_limit; \
$((3500 - line)) left" "$(fact line out)"
    lacks 'who is signed in is not shown' 'ada' out
    contains 'but that it is hidden' '^hidden: who is signed in' out
    works 'another name counts' inspect --name id "$token"
    equals 'for the room' "$((size - 12)) of 4096 bytes, name and value; $((4108 - size)) left" \
        "$(fact cookie out)"
    large=$("$wafer" seal --keys keys "a=$(repeat x 2900)")
    works 'a large one is inspected' inspect "$large"
    equals 'and too large for the line' " $((${#large} + 55 - 3500)) too many" \
        "$(fact line out | cut -d';' -f2)"
    works 'JSON for inspect' inspect --json "$token"
    equals 'is an object' "true 1 $(ids seals) ${#token} $raw $((raw - 44)) $size 4096 $line 3500" \
        "$(members well_formed version key characters raw_bytes sealed_bytes cookie_bytes \
            cookie_limit line_bytes line_limit)"
    equals 'without a verdict' '- -' "$(members verdict subject)"
    echo "  $token " | "$wafer" inspect >out
    equals 'a token is read from the standard input' 'well formed' "$(fact token out)"
    echo "$token" | "$wafer" inspect - >out
    equals 'also when asked with a dash' 'well formed' "$(fact token out)"
}

what_is_no_token() {
    refused 'text is no token' 1 inspect 'hello, world'
    equals 'which is said' 'none' "$(fact token out)"
    why 'and why' '12 characters are fewer than the 59'
    refused 'a name in front is too much' 1 inspect "__Host-session=$token"
    why 'which is said' 'character 15 of .* leave NAME= out'
    refused 'so is a whole field' 1 inspect "a=b; __Host-session=$token"
    why 'which is said' 'give it to wafer cookie'
    refused 'a quoted one is none' 1 inspect "\"$token\""
    why 'which is said' 'character 1 of .* is none of base64url'
    whole=$token more=
    until [ $((${#whole} % 4)) -eq 2 ]; do
        more=x$more
        whole=$("$wafer" seal --keys keys "a=$more")
    done
    refused 'one that lost a character is none' 1 inspect "${whole%?}"
    why 'which is said' 'was it cut'
    refused 'one of another version is none' 1 inspect "Ag${token#??}"
    why 'which is said' 'it is of version 2, and this library reads version 1'
    refused 'what is too long is none' 1 inspect "$(repeat A 4097)"
    why 'which is said' '4097 characters are more than the 4096'
    refused 'nothing is none' 1 inspect ''
    refused 'nothing on the standard input is none' 1 inspect
    head -c 100000 /dev/zero | "$wafer" inspect >out 2>err
    equals 'an endless input is refused' '1, 1' "$?, $(grep -c 'longer than any token' err)"
    refused 'controls are no token' 1 inspect "$(printf '\033[2Jx\n%s' "$(repeat A 80)")"
    lacks 'and do not reach the terminal' "$(printf '\033')" out
    refused 'JSON for none' 1 inspect --json 'hello'
    equals 'is an object, too' 'false -' "$(members well_formed version)"
    refused 'with keys it is none either' 1 inspect --keys keys 'hello'
    equals 'and rejected' 'none, rejected' "$(fact token out), $(fact verdict out)"
    refused 'two tokens are refused' 2 inspect "$token" "$token"
    refused 'a list without keys is refused' 2 inspect --revocations file:none "$token"
    refused 'a list in memory is refused' 2 inspect --keys keys --revocations memory "$token"
    refused 'a list that is not there is refused' 1 inspect --keys keys --revocations file:none \
        "$token"
    refused 'keys that are not there are refused' 1 inspect --keys none "$token"
    refused 'an option of seal is none of inspect' 2 inspect --subject ada "$token"
    refused 'an empty cookie name is refused' 1 inspect --keys keys --name '' "$token"
}

inspect_with_keys() {
    token=$(token_of 600 3600 7200)
    works 'a token is inspected with keys' inspect --keys keys "$token"
    hides_keys 'which are not printed'
    equals 'it is valid' 'valid' "$(fact verdict out)"
    equals 'its key opens' "$(ids opens), opens" "$(fact key out)"
    contains 'the line for logs is there' '^explain: valid; signed in, sealed 60[0-9] s ago' out
    equals 'and who is signed in' 'ada' "$(fact subject out)"
    equals 'and the id' 32 "$(fact id out | tr -d '\n' | wc -c)"
    equals 'and what is in it' '  visits:integer=7' "$(sed -n '/^variables:$/,$p' out | sed 1d)"
    for moment in began:10.min.ago sealed:10.min.ago idles-out:in.50.min expires:in.110.min; do
        equals "${moment%%:*} is a date, and $(echo "${moment#*:}" | tr . ' ')" 1 "$(
            grep -c "^${moment%%:*}: 20[0-9-]*T[0-9:]*Z (${moment#*:})$" out)"
    done
    contains 'that the list was not asked is said' '^revoked: unknown without' out
    lacks 'there is nothing to explain' '^why:' out
    works 'JSON for it' inspect --keys keys --json "$token"
    equals 'is an object' 'true valid true false opens ada' \
        "$(members well_formed verdict valid list_asked key_state subject)"
    equals 'without a reason' '-' "$(members why)"
    contains 'with the variables' '"variables":{"visits":7}}$' out
    works 'an anonymous session' inspect --keys keys "$("$wafer" seal --keys keys a=1)"
    lacks 'what is now is no length of time ago' '(0 \|(in 0 ' out
    equals 'has nobody' 'none, nobody is signed in' "$(fact subject out)"
    works 'text with controls is inspected' inspect --keys keys "$("$wafer" seal --keys keys \
        --subject "$(printf 'a\nb')" "x=$(printf '\033[2J\\')")"
    equals 'the controls are escaped' '  x:text=\x1b[2J\\, a\nb' \
        "$(grep '^  x' out), $(fact subject out)"
}

why_it_is_refused() {
    refused 'an expired one is refused' 1 inspect --keys keys "$(token_of 7300 0 7200)"
    why 'with the date, and what to do' \
        'It expired 20[0-9-]*T[0-9:]*Z (10[0-2] s ago).*signs in again'
    contains 'with the line for logs' 'expired; sealed 730[0-9] s ago under key .*, expired 10' out
    contains 'what was in it is shown, with a warning' 'not to be used' out
    equals 'all of it' 'ada, 1' "$(fact subject out), $(grep -c '^  visits:integer=7$' out)"
    refused 'an idle one is refused' 1 inspect --keys keys "$(token_of 7300 3600 86400)"
    equals 'as idle' 'idle' "$(fact verdict out)"
    why 'with the date' 'idled out 20[0-9-]*T[0-9:]*Z (6[0-9] min ago).*signs in again'
    refused 'one from the future is refused' 1 inspect --keys keys "$(token_of -7200 3600 7200)"
    equals 'as such' 1 "$(fact verdict out | grep -c future)"
    why 'with the date' 'It was sealed 20[0-9-]*T[0-9:]*Z (in 1[12][0-9] min).*A clock is wrong'
    equals 'and is shown' ada "$(fact subject out)"

    id=$("$wafer" open --keys keys --json "$token" >out && members id)
    "$list" file:list 64 0 || exit 1
    works 'one that is on no list' inspect --keys keys --revocations file:list "$token"
    lacks 'is known not to be revoked' '^revoked:' out
    "$wafer" revoke session "$id" --revocations file:list >/dev/null
    refused 'one that was logged out is refused' 1 inspect --keys keys --revocations file:list \
        "$token"
    equals 'as revoked' 'revoked' "$(fact verdict out)"
    why 'which is said' 'on the revocation list.*signs in again'
    equals 'and is shown' "$id" "$(fact id out)"
    works 'without the list it is valid' inspect --keys keys "$token"
    "$list" file:other 64 0 || exit 1
    "$wafer" revoke subject ada --realm staff --revocations file:other >/dev/null
    works 'a user of another realm' inspect --keys keys --revocations file:other "$token"
    refused 'is not that of the realm' 1 inspect --keys keys --realm staff \
        --revocations file:other "$token"
    refused 'a session that lives longer than the list remembers' 1 inspect --keys keys \
        --revocations file:list "$(token_of 90000 0 100000)"
    why 'has expired for it, too' 'It expired 20[^ ]* ([56][0-9] min ago)'

    "$wafer" keys new others >/dev/null
    refused 'one of another key file is refused' 1 inspect --keys others "$token"
    equals 'its key is unknown' "$(ids opens), unknown" "$(fact key out)"
    why 'which is said, with the keys that there are' \
        "under key $(ids opens), and others has no such key, but [0-9a-f]* (seals)\. Either"
    lacks 'nothing of it is shown' '^subject:' out
    refused 'JSON for it' 1 inspect --keys others --json "$token"
    equals 'is an object' 'rejected false null -' "$(members verdict valid key_state subject)"
    sed "/^1 $(ids opens)/s/ 20[^ ]*$/ 2020-02-02T00:00:00Z/" keys >spent
    chmod 600 spent
    refused 'one of a key whose time is over is refused' 1 inspect --keys spent "$(
        sed 's/ 20[^ ]* 20[^ ]* 20[^ ]*$/ 2020-01-01T00:00:00Z 2020-01-01T00:00:00Z never/' keys |
            grep "^1 $(ids opens)" >alone && chmod 600 alone &&
            "$sealed" alone $(($(date +%s) - 1579000000)) 0 315360000)"
    equals 'its key is spent' "$(ids opens), spent" "$(fact key out)"
    why 'which is said, with the date' 'opens no more since 2020-02-02T00:00:00Z (.* d ago)'
    equals 'and it is shown' ada "$(fact subject out)"
    for other in "--name id" "--context shop"; do
        # shellcheck disable=SC2086 # two words
        refused "one with another ${other%% *} is refused" 1 inspect --keys keys $other "$token"
        why 'which is said' "does not fit this key with the cookie name.*${other#* }.*(--name, --con"
    done
    refused 'a changed one is refused' 1 inspect --keys keys "$(echo "$token" |
        sed 's/....$/AAAA/')"
    why 'which is said' 'with the cookie name "__Host-session" and no context.*it was changed'
    refused 'a short made-up one is refused' 1 inspect --keys keys \
        "$(echo "$token" | cut -c1-64)"
    why 'which is said' 'it was changed'
}

from_hex() { # HEX
    env printf '%b' "$(echo "$1" | sed 's/../\\x&/g')"
}

# Tokens of the published vectors: whoever has the key may seal anything.
what_is_no_session() {
    rows=0 wrong=0
    tab=$(printf '\t')
    while IFS=$tab read -r line name context _ text word _; do
        [ "$word" = record ] || continue # the others have expired since
        rows=$((rows + 1))
        echo "$line" >vector
        chmod 600 vector
        "$wafer" inspect --keys vector --name "$(from_hex "$name")" \
            --context "$(from_hex "$context")" "$(from_hex "$text")" >out 2>err
        [ $? -eq 1 ] && fact why out | grep -q 'what is in it is no session' ||
            wrong=$((wrong + 1))
    done <"$tests/vectors/refusals.tsv"
    [ "$rows" -gt 0 ]
    equals 'what is sealed and no session is told apart' '0, 0' "$?, $wrong"
}

# ---- cookie ----

lines() { # NUMBER: what is said of a piece
    sed -n "/^ *$1  /,/^ *[0-9][0-9]*  \|^name: /p" out | sed '1d; $d' | sed 's/^ *//'
}

cookie_with_keys() {
    valid=$(token_of 600 3600 7200)
    expired=$(token_of 7300 0 7200)
    works 'a field is looked at' cookie --keys keys \
        "Cookie: a=1; __Host-session=bad;flag ; =x; __Host-session=$expired;
__Host-session = $valid ;other=$valid;;__Host-session=$valid"
    hides_keys 'without printing keys'
    equals 'every piece is listed in order' "a=1|__Host-session=bad|flag|=x|\
__Host-session=$(echo "$expired" | cut -c1-40)... (${#expired} bytes)||\
__Host-session=$(echo "$valid" | cut -c1-40)... (${#valid} bytes)|\
other=$(echo "$valid" | cut -c1-40)... (${#valid} bytes)||\
__Host-session=$(echo "$valid" | cut -c1-40)... (${#valid} bytes)" \
        "$(sed -n 's/^ *[0-9][0-9]*  //p' out | paste -sd'|')"
    equals 'another cookie is one' 'another cookie' "$(lines 1)"
    equals 'a candidate that is no token is told' 1 "$(lines 2 | grep -c '^It is no token: 3 char')"
    equals 'a flag is passed over' 'passed over: there is no "="' "$(lines 3)"
    equals 'so is a value without a name' 'passed over: there is no name' "$(lines 4)"
    equals 'an expired one is, and why' 'expired, It expired' \
        "$(lines 5 | sed 's/.*: //; s/\(It expired\).*/\1/' | paste -sd, | sed 's/,/, /')"
    equals 'an empty piece is passed over' 'passed over: it is empty' "$(lines 6)"
    equals 'a valid one is chosen' \
        "token of version 1 under key $(ids opens): valid, chosen" "$(lines 7)"
    equals 'a token of another name is noticed' 1 "$(lines 8 | grep -c 'looks like a token')"
    equals 'a copy of the chosen one is valid, too' \
        "token of version 1 under key $(ids opens): valid" "$(lines 10)"
    equals 'in the end there is the whole' '__Host-session, 4, valid, 7' "$(for fact in name \
        candidates verdict chosen; do fact $fact out; done | paste -sd, | sed 's/,/, /g')"
    contains 'with the line for logs' \
        '^explain: valid; signed in, .*; 3 tried, 1 of a wrong length' out

    works 'JSON for cookie' cookie --keys keys --json \
        "a=1;flag;__Host-session=x;__Host-session=$valid"
    equals 'is an object' '4 __Host-session 2 valid true 4' \
        "$(members pieces name candidates verdict valid chosen)"
    contains 'with another cookie' \
        '{"number":1,"kind":"other","name":"a","value":"1","token":false}' out
    contains 'and one passed over' '{"number":2,"kind":"passed over","text":"flag","why":"' out
    contains 'and one refused' \
        '"value":"x","token":false,"verdict":"rejected","chosen":false,"why":"It is no' out
    contains 'and the whole value' \
        "\"value\":\"$valid\",\"token\":true,\"version\":1,\"key\":\"[0-9a-f]*\",\"verdict\":\"valid\"\
,\"chosen\":true}]" out
    printf 'x=\377\303\251\300\200\355\240\200\364\220\200\200\303;__Host-session=%s' "$valid" |
        "$wafer" cookie --keys keys --json >out
    contains 'what is no UTF-8 is marked' \
        '"value":"\\ufffdé\(\\ufffd\)\{10\}","token":false' out
    members pieces >/dev/null
    report $? 'so that others can read it'
}

misleading_text() {
    # C1 controls alone and encoded, a lead byte alone, and characters around those that turn text.
    {
        printf 'a=\233x\205\377\302\205\302\240\303\251\303; b=\330\233\330\234\330\235; '
        printf 'c=\342\200\215\342\200\216\342\200\217\342\200\220; '
        printf 'd=\342\200\251\342\200\252\342\200\256\342\200\257; '
        printf 'e=\342\201\245\342\201\246\342\201\251\342\201\252'
    } >in
    {
        printf 'a=\\x9bx\\x85\\xff\\xc2\\x85\302\240\303\251\\xc3\nb=\330\233\\xd8\\x9c\330\235\n'
        printf 'c=\342\200\215\\xe2\\x80\\x8e\\xe2\\x80\\x8f\342\200\220\n'
        printf 'd=\342\200\251\\xe2\\x80\\xaa\\xe2\\x80\\xae\342\200\257\n'
        printf 'e=\342\201\245\\xe2\\x81\\xa6\\xe2\\x81\\xa9\342\201\252\n'
    } >expected
    "$wafer" cookie <in >out 2>err
    equals 'what is no UTF-8, and controls that turn text, are escaped' "$(cat expected)" \
        "$(sed -n 's/^ *[0-9][0-9]*  //p' out)"
    "$wafer" cookie --json <in >out 2>err
    for value in '\ufffdx\ufffd\ufffd\u0085'"$(printf '\302\240\303\251')"'\ufffd' \
        "$(printf '\330\233\\u061c\330\235')" "$(printf '\342\200\215\\u200e\\u200f\342\200\220')" \
        "$(printf '\342\200\251\\u202a\\u202e\342\200\257')" \
        "$(printf '\342\201\245\\u2066\\u2069\342\201\252')"; do
        grep -qF "\"value\":\"$value\"" out
        report $? "also in JSON: $value"
    done
    members pieces >/dev/null
    report $? 'which others can read'
}

cookie_refused() {
    refused 'a field with an expired one alone is refused' 1 cookie --keys keys \
        "__Host-session=$expired"
    equals 'which is told' 'expired, none' "$(fact verdict out), $(fact chosen out)"
    refused 'a field without it is refused' 1 cookie --keys keys 'a=1; b=2'
    equals 'as none' 0 "$(fact candidates out)"
    refused 'an empty field is refused' 1 cookie --keys keys ''
    equals 'and has no pieces' 0 "$(grep -c '^ *[0-9][0-9]*  ' out)"
    refused 'nothing on the standard input is refused' 1 cookie --keys keys
    refused 'JSON for a refused one' 1 cookie --keys keys --json "__Host-session=$expired"
    equals 'is an object' 'expired false null' "$(members verdict valid chosen)"
    refused 'a field folded with commas is refused' 1 cookie --keys keys \
        "a=1, __Host-session=$valid"
    works 'unless told so' cookie --keys keys --commas "a=1, __Host-session=$valid, b=2"
    equals 'and then in pieces' 3 "$(grep -c '^ *[0-9][0-9]*  ' out)"
    refused 'another name has no candidates' 1 cookie --keys keys --name id \
        "__Host-session=$valid"
    "$wafer" revoke session "$id" --revocations file:list >/dev/null
    refused 'one that was logged out is refused' 1 cookie --keys keys --revocations file:list \
        "__Host-session=$token"
    equals 'as revoked' 'revoked' "$(fact verdict out)"
    { repeat 'a=1;' 5000; echo "__Host-session=$valid"; } |
        "$wafer" cookie --keys keys >out 2>err
    equals 'of too many pieces the session is not read' 1 $?
    contains 'which is told' 'more Cookie fields than are read; frozen' out
    head -c 200000 /dev/zero | "$wafer" cookie --keys keys >out 2>err
    equals 'an endless input is refused' '1, 1' "$?, $(grep -c 'longer than any Cookie' err)"
    refused 'controls are survived' 1 cookie --keys keys "$(printf 'a\033=\033[2J;\033')"
    lacks 'and do not reach the terminal' "$(printf '\033')" out
    refused 'two fields are refused' 2 cookie --keys keys 'a=1' 'b=2'
    refused 'a list without keys is refused' 2 cookie --revocations file:list 'a=1'
    refused 'keys that are not there are refused' 1 cookie --keys none 'a=1'
    refused 'an option of seal is none of cookie' 2 cookie --expiry 5 'a=1'
}

cookie_without_keys() {
    works 'a field is looked at without keys' cookie "a=1; __Host-session=$valid"
    equals 'its token is seen' "token of version 1 under key $(ids opens)" "$(lines 2)"
    equals 'but not what it is worth' 'unknown without --keys FILE' "$(fact verdict out)"
    refused 'one without a token is refused' 1 cookie 'a=1; __Host-session=x'
    works 'JSON for it' cookie --json "a=1; __Host-session=$valid"
    equals 'is an object without a verdict' '2 1 - -' \
        "$(members pieces candidates verdict chosen)"
    works 'of another name' cookie --name id "id=$valid"
    printf 'cookie:\ta=1\r\nCOOKIE: __Host-session=%s\r\n\r\n' "$valid" | "$wafer" cookie >out
    equals 'lines as they came are read' '0, 2' "$?, $(grep -c '^ *[0-9][0-9]*  ' out)"
    echo "a=1; __Host-session=$valid" | "$wafer" cookie - >out
    equals 'also when asked with a dash' 2 "$(grep -c '^ *[0-9][0-9]*  ' out)"
}

# ---- Around ----

on_a_terminal() { # ENVIRONMENT...: what inspect prints to a terminal
    # shellcheck disable=SC2016 # a shell of its own
    env "$@" WAFER="$wafer" TOKEN="$valid" script -qec \
        '"$WAFER" inspect --keys keys "$TOKEN"' /dev/null </dev/null | tr -d '\r'
}

colours() {
    green=$(printf '\033[32mvalid\033[0m')
    works 'into a file' inspect --keys keys "$valid"
    lacks 'nothing is coloured' "$(printf '\033')" out
    command -v script >/dev/null || return 0
    on_a_terminal -u NO_COLOR TERM=xterm >out
    equals 'on a terminal a good verdict is green' "$green" "$(fact verdict out)"
    on_a_terminal -u NO_COLOR TERM=xterm >out
    on_a_terminal NO_COLOR=1 TERM=xterm >out
    equals 'unless NO_COLOR says otherwise' 'valid' "$(fact verdict out)"
    on_a_terminal NO_COLOR= TERM=xterm >out
    equals 'which is nothing when empty' "$green" "$(fact verdict out)"
    on_a_terminal -u NO_COLOR TERM=dumb >out
    equals 'a dumb terminal has no colours' 'valid' "$(fact verdict out)"
}

help_on_them() {
    for command in inspect cookie; do
        works "help on $command is printed" help "$command"
        cp out help
        works "$command --help is" "$command" --help
        cmp -s help out
        report $? "the same for $command"
        contains "which says how to use $command" "^Usage: wafer $command" out
    done
    for command in keys seal open inspect cookie revoke revocations ''; do
        # shellcheck disable=SC2086 # one word or none
        "$wafer" help $command >out
        contains "help on ${command:-all} has examples" '^  wafer [a-z]* .*[a-z]' out
        equals 'and is no wider than a page' 0 "$(grep -c '.\{101\}' out)"
    done
    for arguments in 'inspect --keys keys' 'cookie --keys keys --json' 'keys list keys' \
        'keys list keys --json'; do
        # shellcheck disable=SC2086 # several words
        "$wafer" $arguments >/dev/full 2>err </dev/null
        equals "a full disk under $arguments is noticed" 1 $?
    done
}

keys_listed
keys_retired
json_in
json_not_in
json_out
inspect_without_keys
what_is_no_token
inspect_with_keys
why_it_is_refused
what_is_no_session
cookie_with_keys
misleading_text
cookie_refused
cookie_without_keys
colours
help_on_them

echo "tokens: $((total - failed)) of $total passed"
[ "$failed" -eq 0 ]
