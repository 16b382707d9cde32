#!/bin/sh
# Writers of a table file are killed at any moment, KILLS (200) of them, while others read: nothing
# acknowledged may be lost, nothing may be refused that nobody revoked. `make torture` does 3000.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
seed=${WAFER_TEST_SEED:-$(date +%s)}
kills=${KILLS:-200}

"${CC:-gcc}" -std=c11 -D_DEFAULT_SOURCE -O2 -Wall -Wextra -Wpedantic -Wconversion -Werror -Iinclude \
    tests/programs/torture.c "${BUILD:-build}/libwafer.a" -lsodium -lb64 -lpthread \
    -o "$folder/torture"
if "$folder/torture" "$folder/list" "$kills" "$seed" >"$folder/out" 2>"$folder/errors"; then
    echo "ok - $kills writers killed: $(cat "$folder/out")"
else
    echo "not ok - $kills writers killed: $(cat "$folder/out")"
    sort "$folder/errors" | uniq -c | head -20
    exit 1
fi
