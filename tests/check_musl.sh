#!/bin/sh
# Another C library, musl: the core and the journal compile against it without a warning, and
# README's program, linked statically with it, counts visits.
#
# Debian has libsodium and libb64 for its own C library only. Their static ones nevertheless link
# with musl, given the one function of Debian's fortified C library that they call.
set -u
. tests/report.sh

command -v musl-gcc >/dev/null || { echo 'skipped: there is no musl-gcc'; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
include=$folder/include
machine=$(gcc -print-multiarch)

# The headers of what is linked, and of the kernel, without those of the other C library.
mkdir "$include"
ln -s /usr/include/sodium* /usr/include/b64 /usr/include/lmdb.h /usr/include/linux \
    /usr/include/asm-generic "/usr/include/$machine/asm" "$include"

${MAKE:-make} -s --no-print-directory -j2 CC=musl-gcc CPPFLAGS="-isystem $include" CFLAGS=-O1 \
    BUILD="$folder" WERROR=-Werror "$folder/libwafer.a" "$folder/libwafer-lmdb.a" \
    >"$folder/log" 2>&1
built=$?
report $built 'the libraries compile without a warning'
[ $built -eq 0 ] || cat "$folder/log"

cat >"$folder/fortified.c" <<'PROGRAM'
#include <stdlib.h>
#include <string.h>

void __explicit_bzero_chk(void *bytes, size_t length, size_t room);

void __explicit_bzero_chk(void *bytes, size_t length, size_t room)
{
    if (length > room) {
        abort();
    }
    explicit_bzero(bytes, length);
}
PROGRAM
readme_block c >"$folder/visits.c"
musl-gcc -static -D_DEFAULT_SOURCE -Iinclude "$folder/visits.c" "$folder/fortified.c" \
    "$folder/libwafer.a" "$(gcc -print-file-name=libsodium.a)" "$(gcc -print-file-name=libb64.a)" \
    -o "$folder/visits" >"$folder/log" 2>&1
linked=$?
report $linked "README's program links statically"
[ $linked -eq 0 ] || cat "$folder/log"

"$BUILD/wafer" keys new "$folder/session.keys" >"$folder/log" 2>&1
report $? 'the command, with the other C library, makes keys'
(cd "$folder" && env -u HTTP_COOKIE ./visits) >"$folder/first" 2>&1
contains 'the program counts the first visit' '^visit 1' "$folder/first"
cookie=$(sed -n 's/^Set-Cookie: *\([^;]*\);.*/\1/p' "$folder/first")
(cd "$folder" && HTTP_COOKIE=$cookie ./visits) >"$folder/second" 2>&1
contains 'and the second by its cookie' '^visit 2' "$folder/second"

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
