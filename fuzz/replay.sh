#!/bin/sh
# Replays the corpus of each fuzz target with the programs of a build, one line a target.
#
#     BUILD=build/asan fuzz/replay.sh
set -u

log=$(mktemp)
trap 'rm -f "$log"' EXIT
failed=0

for source in fuzz/fuzz_*.c; do
    target=$(basename "$source" .c)
    what=${target#fuzz_}
    [ -x "$BUILD/replay/$target" ] || {
        echo "skipped: $what was not built"
        continue
    }
    if "$BUILD/replay/$target" "fuzz/corpus/$what" >"$log" 2>&1; then
        echo "ok $what: $(tail -n 1 "$log")"
    else
        echo "not ok $what"
        tail -n 40 "$log"
        failed=1
    fi
done
exit $failed
