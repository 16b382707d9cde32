#!/bin/sh
# What the compiler does not see: banned calls, one place for each dangerous thing, the layering of
# includes, sizes and form. Prints each rule that is broken with file and line.
set -eu
export LC_ALL=C

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
: >"$folder/broken"

broken() { # RULE, and the places on standard input
    sed "s|^$folder/bare/||" >"$folder/places"
    [ -s "$folder/places" ] || return 0
    echo "BROKEN: $1"
    sed 's/^/    /' "$folder/places"
    echo "$1" >>"$folder/broken"
}

# The C files without their comments, line by line the same, for rules about code.
strip_comments() {
    awk '{
        out = ""
        for (i = 1; i <= length($0); i++) {
            two = substr($0, i, 2)
            one = substr($0, i, 1)
            if (comment) {
                if (two == "*/") { comment = 0; i++ }
            } else if (quote != "") {
                out = out one
                if (one == "\\") out = out substr($0, ++i, 1)
                else if (one == quote) quote = ""
            } else if (two == "/*") { comment = 1; i++ }
            else if (two == "//") break
            else {
                out = out one
                if (one == "\"" || one == "\047") quote = one
            }
        }
        quote = ""
        print out
    }' "$1"
}

find include src tests fuzz bench -name '*.[ch]' 2>/dev/null | sort >"$folder/files"
while read -r file; do
    mkdir -p "$folder/bare/$(dirname "$file")"
    strip_comments "$file" >"$folder/bare/$file"
done <"$folder/files"

# Lines of code below PATH that call one of NAMES, a regular expression, outside the
# files that ALLOWED, a basic one, fits.
calls() { # NAMES ALLOWED PATH...
    names=$1 allowed=$2
    shift 2
    for path in "$@"; do
        grep -rnHE "(^|[^A-Za-z0-9_])($names)[[:space:]]*\(" "$folder/bare/$path" || true
    done | grep -v "^$folder/bare/$allowed:" || true
}
core() {
    (cd "$folder/bare" && find src -maxdepth 1 -name '*.[ch]')
}

calls 'strcpy|strcat|stpcpy|v?sprintf|atoi|atol|atoll|strtok|gets|alloca' none . |
    broken 'banned functions are not called'
# shellcheck disable=SC2046 # no file name has a space
calls 'time|clock_gettime|gettimeofday|timespec_get' src/clock.c $(core) |
    broken 'only src/clock.c reads the clock'
calls 'getrandom|getentropy|randombytes_[a-z]*|rand|random|arc4random[a-z_]*' \
    'src/\(nonce\|demo/password\)\.c' src |
    broken 'only src/nonce.c, and the demo for a password, asks for randomness'
calls 'crypto_(aead|stream|onetimeauth|secretbox|secretstream|box|core)_[a-z0-9_]*' \
    'src/\(cipher\|nonce\)\.c' src |
    broken 'only src/cipher.c and src/nonce.c call ciphers'
grep -rn '#include <b64/' "$folder/bare/src" "$folder/bare/include" |
    grep -v "^$folder/bare/src/base64_portable.c:" |
    broken 'only src/base64_portable.c includes libb64'

# memcmp takes as long as the common beginning is, so nothing secret may be compared with it. These
# files compare nothing secret.
memcmp_allowed='
src/session.c names of cookies, as they came over the wire
src/keyring.c ids of keys, which stand readable in every cookie
src/session_login.c the subject of a session that is open, and the one who signs in
src/slot.h names of variables in a session that is open
src/redis/state.c what such a file begins with, and which start of the machine it is
src/redis/lacking.c keys of entries, to sort them
src/redis/stream.c an entry that stands in the stream
src/tool/lists.c keys of entries, which it prints
src/tool/finding.c ids of keys, which stand readable in every cookie
'
calls 'memcmp|bcmp' none src | while IFS= read -r place; do
    file=${place#"$folder/bare/"}
    echo "$memcmp_allowed" | grep -q "^${file%%:*} " || echo "$place"
done | broken 'memcmp is called only where tests/check_sources.sh says that nothing is secret'

# ---- Layers ----

# Edges of the picture: "module module", from the includes of each core file.
core | while read -r file; do
    sed -n 's/^#include "\(.*\)\.h".*/\1/p' "$folder/bare/$file" |
        while read -r included; do echo "$(basename "${file%.[ch]}") $included"; done
done | awk '$1 != $2' | sort -u >"$folder/edges"

awk '$1 ~ /^(base64|variables|cookie|set_cookie|table)$/ &&
     $2 ~ /^(base64|variables|cookie|set_cookie|table|seal|keyring|manager|session)$/ {
         print "src/" $1 " includes " $2 ".h" }' "$folder/edges" |
    broken 'base64, variables, cookie, set_cookie and table know nothing of each other'
awk '$1 ~ /^base64_/ && $2 !~ /^base64/ { print "src/" $1 " includes " $2 ".h" }' "$folder/edges" |
    broken 'the codecs of base64 know only each other'
awk '$1 == "seal" && $2 !~ /^(base64|cipher|nonce|keyfile|keyring)$/ {
         print "src/seal includes " $2 ".h" }' "$folder/edges" |
    broken 'seal knows base64, cipher, nonce and the keys'
tsort <"$folder/edges" 2>&1 >/dev/null | sed 's/^tsort: //; s/^-: //' |
    broken 'includes of the core make no circle'
for part in src/*/ include/wafer/; do
    [ -d "$folder/bare/$part" ] || continue
    grep -rn '#include "' "$folder/bare/$part" | while IFS= read -r place; do
        name=$(echo "$place" | sed 's/.*#include "\([^"]*\)".*/\1/')
        [ -e "$part$name" ] && [ "${part#src/}" != "$part" ] || echo "$place"
    done
done | broken 'the optional parts include public headers and their own only'

# ---- Sizes and form ----

find src -name '*.[ch]' | while read -r file; do
    awk -v file="$file" '
        /^{/ { start = NR }
        /^}/ && start && NR - start + 1 > 60 { print file ":" start ": " NR - start + 1 " lines" }
        /^}/ { start = 0 }
        END { if (NR > 450) print file ": " NR " lines" }' "$file"
done | broken 'functions in src/ have at most 60 lines, files at most 450'

find include src tests fuzz bench .ci -name vectors -prune -o -type f \
    \( -name '*.[ch]' -o -path 'src/demo/pages/*' -o -name '*.sh' -o -name '*.in' -o -path '.ci/*' \) -print 2>/dev/null |
    sort >"$folder/texts"
for file in Makefile README.md LICENSE .clang-format .clang-tidy .gitignore; do
    [ ! -e "$file" ] || echo "$file"
done >>"$folder/texts"
tab=$(printf '\t')
xargs grep -nE '[[:space:]]+$' <"$folder/texts" | broken 'no line ends in a blank'
grep -v '^Makefile$' "$folder/texts" | xargs grep -n "$tab" | broken 'no tabs outside the Makefile'
# shellcheck disable=SC2016 # awk's own
grep '\.[ch]$' "$folder/texts" | xargs awk 'length($0) > 100 { print FILENAME ":" FNR }' |
    broken 'no line of C is longer than 100 columns'
xargs grep -nE '(^|[^A-Za-z0-9_.])/(home|root|work|Users)/' <"$folder/texts" |
    broken 'no file names a path of one machine'
xargs grep -nE '(^|[^A-Za-z0-9_])R[0-9]{1,2}([^A-Za-z0-9_]|$)' <"$folder/texts" |
    broken 'no file names requirements that only another document explains'
while read -r file; do
    [ -z "$(tail -c 1 "$file")" ] || echo "$file"
done <"$folder/texts" | broken 'every file ends in a newline'

[ ! -s "$folder/broken" ] || exit 1
echo "$(grep -c . "$folder/texts") files keep the rules: banned calls, places, layers, sizes, form"
