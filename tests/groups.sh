#!/bin/sh
# Runs groups of checks, which are goals of the Makefile, one after the other until one fails; then
# prints the totals of all tests that ran.
#
#     MAKE=make tests/groups.sh GROUP...
set -u

RESULTS=build/results
export RESULTS
rm -rf "$RESULTS"
mkdir -p "$RESULTS"
: >"$RESULTS/totals"
begun=$(date +%s)
failed_group=

for group in "$@"; do
    printf '\n== %s\n' "${group#group-}"
    if ! $MAKE --no-print-directory "$group"; then
        failed_group=${group#group-}
        break
    fi
done

printf '\nIt took %d s.\n' "$(($(date +%s) - begun))"
awk '{ passed += $1; failed += $2; skipped += $3 }
     END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }' "$RESULTS/totals"
if [ -n "$failed_group" ]; then
    # Once more at the end, for those who see no more of what was printed.
    [ ! -e "$RESULTS/failures" ] || tail -n 20 "$RESULTS/failures" >&2
    echo "FAILED in the group '$failed_group'; see above." >&2
    exit 1
fi
