#!/bin/sh
# The library as one file: compilers take it without a warning, it has the same public symbols as
# the library of many files, and the unit tests pass with it.
set -u
. tests/report.sh

BUILD=${BUILD:-build}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
made=$BUILD/amalgamation
sodium=$(pkg-config --libs libsodium)
includes=$(pkg-config --cflags libsodium)
lmdb=$(pkg-config --libs lmdb 2>/dev/null)

${MAKE:-make} -s --no-print-directory BUILD="$BUILD" amalgamation >"$folder/made" 2>&1
report $? "it is made"

for compiler in gcc clang; do
    for level in -O0 -O2; do
        # shellcheck disable=SC2086 # several words
        $compiler -std=c11 $level -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror \
            -c "$made/wafer.c" -o "$folder/$compiler$level.o" $includes \
            >"$folder/warnings" 2>&1
        report $? "$compiler $level takes it as C11 without a warning"
        cat "$folder/warnings"
    done
done

public() { nm --defined-only "$@" | sed -n 's/.* [A-Z] \(wafer_[a-z0-9_]*\)$/\1/p' | sort; }
public "$BUILD"/obj/src/*.o >"$folder/many"
public "$folder/gcc-O2.o" >"$folder/one"
cmp "$folder/many" "$folder/one"
report $? "it has the functions that the library of many files has"
# shellcheck disable=SC2086 # several words
gcc -shared -fPIC -I"$made" $includes "$made/wafer.c" -o "$folder/one.so" $sodium -lb64 -lpthread
nm -D --defined-only "$BUILD"/libwafer.so | awk '{ print $3 }' | sort >"$folder/many"
nm -D --defined-only "$folder/one.so" | awk '{ print $3 }' | sort >"$folder/one"
[ -s "$folder/one" ] && cmp "$folder/many" "$folder/one"
report $? "a shared library of it exports what libwafer.so does"

cp "$made/wafer.h" "$made/wafer.c" "$folder"
readme_block c >"$folder/visits.c"
# shellcheck disable=SC2086 # several words
(cd "$folder" && cc -O1 -I. $includes visits.c wafer.c -o visits $sodium -lb64 -lpthread)
report $? "README's program compiles with it beside"

# Those that stand in front of the library's own calls need them to lead from object to object.
helpers=$(find "$BUILD"/obj/tests -maxdepth 1 -name '*.o' ! -name 'test_*')
for test in "$BUILD"/obj/tests/test_*.o; do
    name=$(basename "$test" .o)
    case $name in test_lmdb* | test_redis*) continue ;; esac # parts of their own
    ! nm "$test" | grep -q ' T __wrap_' || continue
    # shellcheck disable=SC2086 # several words
    gcc "$test" $helpers "$folder/gcc-O2.o" -o "$folder/$name" -lcmocka -lcbor -ljansson $lmdb \
        $sodium -lb64 -lpthread && "$folder/$name" >"$folder/log" 2>&1
    status=$?
    report $status "$name passes with it"
    [ $status -eq 0 ] || tail -n 5 "$folder/log"
done

echo "$total tests, $failed failed"
[ "$failed" -eq 0 ]
