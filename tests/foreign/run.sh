#!/bin/sh
# Runs the UNITS, built for each of MACHINES in build/MACHINE, under qemu; then has the machines
# exchange tokens and lists. What cannot work under qemu is listed, and skipped, in unable.txt.
set -u

folder=$(dirname "$0")
export WAFER_TEST_UNABLE="$folder/unable.txt"
export TIME_LIMIT="${TIME_LIMIT:-120}"
summary=
failed=0

tests() { # LABEL TEST...: with CI=true a skip is no failure here, if it is a listed one
    CI='' "$folder/../run.sh" "$@" || failed=1
    # shellcheck disable=SC2046 # the numbers of tests that passed, failed and were skipped
    set -- "$1" $(tail -n 1 "$RESULTS/totals")
    skipped=$4
    summary="$summary
$1: $2 passed, $3 failed, $4 skipped"
}

# 32-bit programs under qemu cannot read folders of ext4, but those in memory.
for memory in /dev/shm /tmp; do
    [ ! -w "$memory" ] || break
done
export WAFER_TEST_TMPDIR="$memory"
export RESULTS="${RESULTS:-build/results}"
for machine in $MACHINES; do
    case $machine in
    arm64) emulator=qemu-aarch64 ;;
    armhf) emulator=qemu-arm ;;
    *) emulator=qemu-$machine ;;
    esac
    export WRAPPER="$emulator" WAFER_TEST_RUNNER="$emulator"
    # shellcheck disable=SC2046,SC2086 # a list of words
    tests "$machine" $(printf "build/$machine/tests/%s\n" $UNITS)
    if [ "${CI:-}" = true ] && [ "$skipped" -ne "$(grep -c . "$WAFER_TEST_UNABLE")" ]; then
        echo "$machine: skipped are not those of $WAFER_TEST_UNABLE, which is a failure: CI=true"
        failed=1
    fi
done
MACHINES="gcc $MACHINES" tests exchange "$folder/exchange.sh"
echo "$summary"
exit $failed
