#!/bin/sh
# The shared library exports exactly the functions that wafer.h declares, and the static one defines
# no global name outside wafer_.
set -eu
export LC_ALL=C

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

# A declaration is what stands between WAFER_API and its first "(" or ";"; its name comes last.
grep -v '^ *#' include/wafer.h | tr '\n' ' ' | sed 's|/\*|\n&|g; s|\*/|&\n|g' | grep -v '^/\*' |
    tr '\n' ' ' | sed 's/WAFER_API/\n&/g' |
    sed -n 's/^WAFER_API\([^(;]*\)[(;].*/\1/p' | sed 's/\[.*//; s/ *$//; s/.*[ *]//' |
    sort -u >"$folder/declared"
nm -D --defined-only "$BUILD/libwafer.so" | awk '{ print $3 }' | sort -u >"$folder/exported"

[ -s "$folder/declared" ] || { echo "found no declaration in include/wafer.h"; exit 1; }
if ! diff "$folder/declared" "$folder/exported" >"$folder/difference"; then
    echo "declared in wafer.h (<) and exported by libwafer.so (>) differ:"
    grep '^[<>]' "$folder/difference"
    exit 1
fi
echo "libwafer.so exports the $(grep -c . "$folder/exported") names of wafer.h and nothing else"

nm -g --defined-only "$BUILD/libwafer.a" | awk 'NF == 3 { print $3 }' >"$folder/global"
[ -s "$folder/global" ] || { echo "libwafer.a defines nothing"; exit 1; }
if grep -v '^wafer_' "$folder/global"; then
    echo "these names of libwafer.a do not start with wafer_"
    exit 1
fi
echo "libwafer.a defines only names that start with wafer_"
