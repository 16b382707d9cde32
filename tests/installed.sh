# Sourced by scripts that try a part of the library as it is installed, in a prefix of their own. The
# one that sources it sets `part` and `engine`: libwafer-lmdb has the part lmdb and needs what
# pkg-config calls lmdb. A step that fails ends the script.
set -eu
export LC_ALL=C

library=libwafer-$part
if ! pkg-config --exists "$engine"; then
    echo "skipped: lib$engine is not here"
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"

goal() { # GOAL VARIABLE...
    ${MAKE:-make} -s --no-print-directory BUILD="$BUILD" CC="$CC" WERROR="${WERROR--Werror}" \
        DESTDIR= PREFIX="$prefix" "$@" >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
}

is_installed() { # FILE...: besides those that every part has
    for file in "include/wafer/$part.h" "lib/$library.a" "lib/$library.so" \
        "lib/pkgconfig/wafer-$part.pc" "$@"; do
        [ -e "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
    done
}

# A program from standard input knows only the part's pkg-config file. It gets a path to make.
# shellcheck disable=SC2046 # several words
programs_print() { # TEXT
    cat >"$folder/program.c"
    "$CC" -o "$folder/shared" "$folder/program.c" $(pkg-config --cflags --libs "wafer-$part")
    # Looking up names in a static program needs the C library's shared parts, and says so.
    "$CC" -static -o "$folder/static" "$folder/program.c" \
        $(pkg-config --static --cflags --libs "wafer-$part") 2>"$folder/log" ||
        { cat "$folder/log"; exit 1; }
    for program in shared static; do
        said=$(LD_LIBRARY_PATH="$prefix/lib" "$folder/$program" "$folder/made")
        [ "$said" = "$1" ] || { echo "$program: printed '$said'"; exit 1; }
        rm -rf "$folder/made"
    done
    echo "programs built with wafer-$part.pc run: shared and static"
}

exports_what_is_declared() {
    version=$(pkg-config --modversion "wafer-$part")
    soname=$library.so.${version%%.*}
    readelf -d "$prefix/lib/$library.so.$version" >"$folder/dynamic"
    for pattern in "SONAME.*\[$soname\]" "NEEDED.*\[libwafer.so.${version%%.*}\]" \
        "NEEDED.*\[lib$engine"; do
        grep -q "$pattern" "$folder/dynamic" || { echo "the library lacks $pattern"; exit 1; }
    done
    grep -o "\bwafer_${part}_[a-z_]*(" "include/wafer/$part.h" | tr -d '(' |
        sort -u >"$folder/declared"
    nm -D --defined-only "$prefix/lib/$library.so" | awk '{ print $3 }' | sort >"$folder/exported"
    diff "$folder/declared" "$folder/exported" || {
        echo "declared in wafer/$part.h (<) and exported by $library.so (>) differ"
        exit 1
    }
    echo "the soname is $soname; it exports what its header declares and nothing else"
}

# Leaves the rest installed.
without_engine_nothing_is_installed() { # PATTERN...: of names
    goal uninstall
    goal install BUILD="$folder/build" PKG_CONFIG=false
    for pattern in "*$part*" "$@"; do
        if find "$prefix" -name "$pattern" | grep .; then
            echo "this was installed without lib$engine"
            exit 1
        fi
    done
    echo "without lib$engine nothing of it is installed"
}
