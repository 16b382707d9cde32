#!/bin/sh
# The man page: its form, and that it tells of every command and option that the help tells of, and
# of no others.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
page=$tests/../src/tool/wafer.1

. "$tests/tool.sh"
groff -ww -z -mandoc "$page" >out 2>&1
[ $? -eq 0 ] && [ ! -s out ]
report $? 'groff has nothing to say of it'
cat out
if command -v mandoc >/dev/null; then
    mandoc -T lint "$page" >out 2>&1
    report $? 'nor has mandoc'
    cat out
fi
[ -z "$(tail -c 1 "$page")" ] && ! grep -n '[[:space:]]$' "$page"
report $? 'no line ends in a blank'

groff -mandoc -Tascii -P-cbou "$page" >text
for command in keys seal open inspect cookie revoke revocations feed version help; do
    contains "it shows how to use $command" "^ *wafer $command" text
done
for action in new list rotate retire check; do
    contains "it tells of keys $action" "^     $action file" text
done
for action in list count purge watch check; do
    contains "it tells of revocations $action" "^     $action " text
done
for command in keys seal open inspect cookie revoke revocations feed; do
    "$wafer" "$command" --help
done | grep -o -- '--[a-z][a-z]*' | grep -v '^--help$' | sort -u >told
grep -o -- '--[a-z][a-z]*' text | sort -u >known
equals 'its options are those of the help' "$(paste -sd' ' told)" "$(paste -sd' ' known)"

# The examples do what they say, with a token in the place of TOKEN and AQIDBA.
"$wafer" keys new session.keys >out && "$wafer" keys rotate --now session.keys >out
token=$("$wafer" seal --keys session.keys visits=3)
sed -n '/^\.Bd/,/^\.Ed/p' "$page" | grep -v '^\.' | sed "s/\\\\e$/\\\\/; s/AQIDBA/$token/; s/TOKEN/$token/
    s/a1b2c3/$("$wafer" keys list session.keys | sed -n 's/^\([0-9a-f]*\) opens: .*/\1/p')/
    /^wafer revoke/d; /^wafer keys new/d; s/--revocations file:list//" >examples
grep -q 'jq' examples
report $? 'it has examples'
if command -v jq >/dev/null; then
    mkdir bin && ln -s "$wafer" bin/wafer
    PATH=$folder/bin:$PATH sh -eu ./examples >out 2>err
    equals 'which work' '0, 0' "$?, $(wc -c <err)"
    cat err
fi

echo "manual: $((total - failed)) of $total passed"
[ "$failed" -eq 0 ]
