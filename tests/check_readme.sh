#!/bin/sh
# The program in README.md, its first C block, compiles as it stands there and does what it says: a
# CGI program that counts visits in its session, with the keys of session.keys.
set -eu

[ -e README.md ] || { echo "skipped: there is no README.md"; exit 77; }
[ -x "$BUILD/wafer" ] || { echo "skipped: there is no $BUILD/wafer to make keys with"; exit 77; }

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
keys_command=$(cd "$BUILD" && pwd)/wafer

fail() {
    echo "$1"
    [ $# -eq 1 ] || sed 's/^/    /' "$2"
    exit 1
}

awk '/^```c$/ { inside = 1; next } /^```/ && inside { exit } inside' README.md >"$folder/visits.c"
[ -s "$folder/visits.c" ] || fail "README.md has no C block"

"$CC" -std=c11 -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude "$folder/visits.c" \
    "$BUILD/libwafer.a" -lsodium -lb64 -lpthread -o "$folder/visits"

cd "$folder"
"$keys_command" keys new session.keys >keys.log || fail "no keys were made:" keys.log

env -u HTTP_COOKIE ./visits >first || fail "the first visit failed:" first
grep -q '^visit 1' first || fail "the first answer is not 'visit 1':" first
cookie=$(sed -n 's/^Set-Cookie: *\([^;]*\);.*/\1/p' first | tr -d '\r')
[ -n "$cookie" ] || fail "the first answer sets no cookie:" first

HTTP_COOKIE=$cookie ./visits >second || fail "the second visit failed:" second
grep -q '^visit 2' second || fail "the second answer is not 'visit 2':" second

HTTP_COOKIE="${cookie%????}AAAA" ./visits >forged ||
    fail "a visit with a forged cookie failed:" forged
grep -q '^visit 1' forged || fail "the answer to a forged cookie is not 'visit 1':" forged
echo "README.md's program counts visits, and a changed cookie starts again at 1"
