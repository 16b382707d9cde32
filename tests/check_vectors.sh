#!/bin/sh
# The independent implementation in JavaScript: it checks the published vectors and exchanges
# EXCHANGES (200) random sessions with the library, both ways. It is not of `make check`, as it needs
# packages from npm, which `make group-vectors` installs.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
build=${BUILD:-build}
seed=${WAFER_TEST_SEED:-$(date +%s)}
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

node "$build/vectors/vectors.mjs" "$tests/vectors" >"$folder/vectors" 2>&1
vectors=$?
node "$build/vectors/exchange.mjs" "$build/tests/programs/exchange" "$build/wafer" "$seed" \
    "${EXCHANGES:-200}" >"$folder/exchange" 2>&1
exchange=$?

cat "$folder/vectors" "$folder/exchange"
echo "$(grep -c '^ok ' "$folder/vectors") files of vectors and" \
    "$(grep -c '^ok ' "$folder/exchange") kinds of exchange are good (seed $seed)"
[ $vectors -eq 0 ] && [ $exchange -eq 0 ]
