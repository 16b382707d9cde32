#!/bin/sh
# Secrets stay where they belong: when a request or a process is done with them memory holds none
# (tests/programs/residue.c), and no branch and no address depends on a key, a subkey or the value of
# a variable: valgrind watches tests/programs/tainted.c, where these count as never set.
set -u

tests=$(cd "$(dirname "$0")" && pwd)
. "$tests/report.sh"
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT

build() { # PROGRAM FUNCTION...: with what stands in front of library functions
    program=$1 wrap=
    shift
    for name in "$@"; do
        wrap="$wrap -Wl,--wrap=$name"
    done
    # shellcheck disable=SC2086 # one word an option
    "${CC:-gcc}" -std=c11 -D_DEFAULT_SOURCE -O1 -g -Wall -Wextra -Wconversion -Wshadow -Werror \
        -Iinclude -iquote src "$tests/programs/$program.c" "${BUILD:-build}/libwafer.a" $wrap \
        -Wl,-z,now -lsodium -lb64 -lpthread -o "$folder/$program" || exit 1
}
finish() {
    echo "secrets: $((total - failed)) of $total passed"
    [ "$failed" -eq 0 ]
    exit
}

# ---- What is left ----

build residue getrandom
"$folder/residue" >"$folder/out"
status=$?
if [ $status -eq 77 ]; then
    echo 'skipped: memory cannot be read here'
    exit 77
fi
cat "$folder/out"
total=$(grep -c 'ok - ' "$folder/out")
failed=$(grep -c '^not ok - ' "$folder/out")
if [ $status -gt 1 ] || [ "$total" -lt 13 ]; then
    report 1 'the program that searches memory ends'
fi
for where in stack heap; do
    "$folder/residue" $where >"$folder/out"
    equals "a secret that is left is found: $where" 1 "$?"
done

# ---- What depends on secrets ----

if ! command -v valgrind >/dev/null; then
    echo "skipped: there is no valgrind to watch branches and addresses"
    [ "$failed" -ne 0 ] || exit 77
    finish
fi

# What may depend on secrets. Text that is put or was opened has to be UTF-8: it is the application's
# own by then, and the time tells no more than where other bytes than ASCII stand. And libsodium's
# function itself branches on whether the tag is right, which everybody gets to know.
cat >"$folder/allowed" <<'END'
{
    whether text is UTF-8: branches
    Memcheck:Cond
    ...
    fun:wafer_is_text
}
{
    whether text is UTF-8: a table
    Memcheck:Value8
    ...
    fun:wafer_is_text
}
{
    the verdict on a tag
    Memcheck:Cond
    fun:crypto_aead_xchacha20poly1305_ietf_decrypt_detached
}
END

build tainted crypto_verify_16 crypto_verify_64 sodium_memcmp wafer_base64_encode getrandom \
    crypto_stream_chacha20_ietf_xor crypto_stream_chacha20_ietf_xor_ic \
    crypto_aead_xchacha20poly1305_ietf_decrypt_detached

watched() { # ARGUMENT...: sets status; 99: there was something to complain about
    valgrind -q --error-exitcode=99 --suppressions="$folder/allowed" "$folder/tainted" "$@" \
        >"$folder/out" 2>&1
    status=$?
}
clean() { # SENTENCE
    watched
    [ $status -eq 0 ] && [ "$(cat "$folder/out")" = works ]
    report $? "$1"
    [ $status -eq 0 ] || head -60 "$folder/out"
}
clean 'nothing depends on keys and values'
export WAFER_PORTABLE=1
clean 'nor does it in portable code'
unset WAFER_PORTABLE
for how in branch index compare; do
    watched $how
    equals "a secret in a wrong place is noticed: $how" 99 "$status"
done
finish
