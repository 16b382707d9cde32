#!/bin/sh
# Runs test programs and check scripts, several at a time, and counts what came of them.
#
#     tests/run.sh LABEL TEST...
#
# A TEST that ends in .sh is one test: exit status 0 is passed, 77 skipped, any other failed; or as
# many as it prints lines that begin with "ok " and "not ok ". Every other TEST is a cmocka program
# whose own tests count; those it planned and did not finish have failed.
#
# In the environment: WRAPPER stands in front of each program, JOBS run at once, RESULTS is the
# folder for what they print (`failures` in it has the first lines of each that failed), TIME_LIMIT
# the seconds one may take. With CI=true a skip fails.
set -u

one() { # LOG TEST
    wrapper=${WRAPPER:-}
    case $2 in *.sh) wrapper= ;; esac
    # shellcheck disable=SC2086 # a wrapper is several words
    timeout -k 5 "${TIME_LIMIT:-240}" $wrapper "$2" >"$1" 2>&1 </dev/null
    echo $? >"$1.status"
}

if [ "$1" = --one ]; then
    one "$2/$(basename "$3").log" "$3"
    exit 0
fi

label=$1
shift
export RESULTS="${RESULTS:-build/results}"
logs=$RESULTS/$label
rm -rf "$logs"
mkdir -p "$logs"
if [ $# -eq 0 ]; then
    echo "$label: there are no tests"
    exit 0
fi
printf '%s\n' "$@" | xargs -P "${JOBS:-2}" -I '{}' "$0" --one "$logs" '{}'

# Adds up the numbers in front of " test(s)" in lines of a kind.
sum() { # LOG PATTERN
    grep -o "$2 *[0-9][0-9]* test(s)" "$1" | grep -o '[0-9]* test' |
        awk '{ sum += $1 } END { print sum + 0 }'
}

count_program() { # LOG STATUS
    planned=$(sum "$1" 'Running')
    passed=$(sum "$1" '\[  PASSED  \]')
    skipped=$(sum "$1" '\[  SKIPPED \]')
    failed=$((planned - passed - skipped))
    if [ "$failed" -lt 0 ] || [ "$planned" -eq 0 ]; then
        failed=1
    elif [ "$failed" -eq 0 ] && [ "$2" -ne 0 ]; then
        failed=1
    fi
}

count_script() { # LOG STATUS
    passed=$(grep -c '^ok ' "$1")
    failed=$(grep -c '^not ok ' "$1")
    skipped=0
    case $2 in
    0) [ $((passed + failed)) -gt 0 ] || passed=1 ;;
    77) skipped=1 ;;
    *) [ "$failed" -gt 0 ] || failed=1 ;;
    esac
}

# A log without the tests that passed, but with the one that was running at the end.
without_successes() { # LOG
    awk '/^ok / { next }
         /^\[       OK \]/ { running = ""; next }
         running != "" { print running; running = "" }
         /^\[ RUN      \]/ { running = $0; next }
         { print }
         END { if (running != "") print running }' "$1"
}

all_passed=0 all_failed=0 all_skipped=0
for test in "$@"; do
    log=$logs/$(basename "$test").log
    status=$(cat "$log.status")
    case $test in
    *.sh) count_script "$log" "$status" ;;
    *) count_program "$log" "$status" ;;
    esac
    all_passed=$((all_passed + passed))
    all_failed=$((all_failed + failed))
    all_skipped=$((all_skipped + skipped))

    printf '  %-32s %d passed' "$(basename "$test")" "$passed"
    [ "$failed" -eq 0 ] || printf ', %d FAILED (status %d)' "$failed" "$status"
    [ "$skipped" -eq 0 ] || printf ', %d SKIPPED' "$skipped"
    printf '\n'
    if [ "$failed" -ne 0 ]; then
        without_successes "$log" | sed 's/^/    | /'
        without_successes "$log" | head -n 12 | sed "s|^|$label, $(basename "$test"): |" \
            >>"$RESULTS/failures"
    elif [ "$skipped" -ne 0 ]; then
        grep '^skipped:\|SKIPPED \] [a-z]' "$log" | sort -u | sed 's/^/    | /'
    fi
done
echo "$all_passed $all_failed $all_skipped" >>"$RESULTS/totals"
echo "$label: $all_passed passed, $all_failed failed, $all_skipped skipped"

if [ "${CI:-}" = true ] && [ "$all_skipped" -ne 0 ]; then
    echo "$label: a skipped test is a failure here, because CI=true"
    exit 1
fi
[ "$all_failed" -eq 0 ]
