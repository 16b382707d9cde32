#!/bin/sh
# Each public header compiles on its own: as C11 with gcc and clang, as C++11 with g++.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
warnings='-Wall -Wextra -Wpedantic -Wshadow -Werror -fsyntax-only -Iinclude'

# What the header of a server needs beside its own name.
flags_of() { # NAME
    case $1 in
    wafer/h2o.h) echo -D_DEFAULT_SOURCE -DH2O_USE_LIBUV=0 ;;
    wafer/kore.h) echo -D_DEFAULT_SOURCE "$(sed 's/-I/-isystem /g' "$(kodev source)/features")" ;;
    wafer/soup.h) pkg-config --cflags libsoup-3.0 | sed 's/-I/-isystem /g' ;;
    wafer/ulfius.h) pkg-config --cflags libulfius | sed 's/-I/-isystem /g' ;;
    esac
}

for header in include/*.h include/wafer/*.h; do
    [ -e "$header" ] || continue
    name=${header#include/}
    flags=$(flags_of "$name")
    # The settings' initializers are macros, so only a use shows whether they fit their types.
    {
        printf '#include <%s>\nint use(void);\nint use(void)\n{\n' "$name"
        sed -n 's/^#define \(WAFER_[A-Z_]*\)_INIT\( .*\)*$/\1/p' "$header" |
            while read -r macro; do
                type=$(echo "$macro" | tr '[:upper:]' '[:lower:]')
                printf '    %s %s_object = %s_INIT;\n    (void)%s_object;\n' \
                    "$type" "$type" "$macro" "$type"
            done
        printf '    return 0;\n}\n'
    } >"$folder/use.c"
    cp "$folder/use.c" "$folder/use.cpp"
    # shellcheck disable=SC2086 # several words
    {
        gcc -std=c11 $flags $warnings -Wconversion "$folder/use.c"
        clang -std=c11 $flags $warnings -Wconversion "$folder/use.c"
        g++ -std=c++11 $flags $warnings "$folder/use.cpp"
    }
    echo "$name: C11 (gcc, clang) and C++11 (g++)"
done
