#!/bin/sh
# Every example of an HTTP stack that was built gives the answers that tests/stacks/suite.sh wants.
# JOBS (2) stacks at a time, and printed one after the other.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 1' INT TERM HUP

for program in "${BUILD:-build}"/examples/*; do
    [ ! -x "$program" ] || basename "$program"
done | sort >"$folder/stacks"
if [ ! -s "$folder/stacks" ]; then
    echo 'skipped: there are no examples'
    exit 77
fi

# shellcheck disable=SC2016 # the inner shell's own
xargs -P "${JOBS:-2}" -I '{}' sh -c '"$1" "$3" >"$2/$3.log" 2>&1; echo $? >"$2/$3.status"' \
    sh "$tests/stacks/suite.sh" "$folder" '{}' <"$folder/stacks"

result=0
while read -r stack; do
    cat "$folder/$stack.log"
    status=$(cat "$folder/$stack.status")
    case $status in
    0) ;;
    77) [ $result -ne 0 ] || result=77 ;;
    *) result=1 ;;
    esac
done <"$folder/stacks"
exit $result
