#!/bin/sh
# 10,000 requests allocate nothing and call the system for nothing but a getrandom for many seals.
set -eu

program=$(mktemp)
trap 'rm -f "$program"' EXIT
wrap=
for name in malloc calloc sodium_malloc getrandom; do
    wrap="$wrap -Wl,--wrap=$name"
done
# shellcheck disable=SC2086 # one word an option
"${CC:-gcc}" -std=c11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -Iinclude \
    tests/programs/request_path.c "${BUILD:-build}/libwafer.a" $wrap -lsodium -lb64 -lpthread \
    ${SANITIZERS:-} -o "$program"

status=0
"$program" || status=$?
case $status in
0)
    echo 'ok - 10,000 requests that open allocate nothing'
    echo 'ok - 10,000 requests make no system call but getrandom'
    echo 'ok - 5,000 seals take one getrandom for each 62'
    ;;
3) echo 'not ok - a request went wrong' ;;
4) echo 'not ok - a request allocated memory' ;;
5) echo 'not ok - 62 seals took more or less than one getrandom' ;;
77) echo 'skipped: seccomp filters are not available here' ;;
*) echo "not ok - a request made a system call (status $status)" ;;
esac
[ "$status" -eq 0 ] || exit "$status"

"$program" fresh || status=$?
if [ "$status" -eq 0 ]; then
    echo 'ok - with fresh_nonces 5,000 seals take 5,000'
else
    echo "not ok - with fresh_nonces 5,000 seals take 5,000 (status $status)"
fi
exit "$status"
