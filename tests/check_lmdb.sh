#!/bin/sh
# libwafer-lmdb as it is installed: a program that knows only its pkg-config file runs, shared and
# static; it exports what its header declares; without liblmdb nothing of it is installed.
set -eu
export LC_ALL=C

if ! pkg-config --exists lmdb; then
    echo 'skipped: liblmdb is not here'
    exit 77
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix

goal() {
    ${MAKE:-make} -s --no-print-directory BUILD="$BUILD" CC="$CC" WERROR="${WERROR--Werror}" "$@" \
        >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
}

goal install DESTDIR= PREFIX="$prefix"
for file in include/wafer/lmdb.h lib/libwafer-lmdb.a lib/libwafer-lmdb.so \
    lib/pkgconfig/wafer-lmdb.pc; do
    [ -e "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done

cat >"$folder/program.c" <<'PROGRAM'
#include <wafer/lmdb.h>

#include <stdio.h>

int main(int count, char **words)
{
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    wafer_error error;
    uint8_t id[WAFER_ID_SIZE] = {1};

    table.on_start = WAFER_START_REFUSES_OLDER;
    settings.path = count > 1 ? words[1] : "";
    if (wafer_lmdb_open(&settings, &table, &list, &error) != WAFER_OK) {
        fputs(error.text, stderr);
        return 1;
    }
    if (wafer_revoke_session(list, id) != WAFER_OK)
        return 2;
    wafer_revocations_free(list);
    return puts("revoked") < 0;
}
PROGRAM
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
# shellcheck disable=SC2046 # several words
{
    "$CC" -o "$folder/shared" "$folder/program.c" $(pkg-config --cflags --libs wafer-lmdb)
    "$CC" -static -o "$folder/static" "$folder/program.c" \
        $(pkg-config --static --cflags --libs wafer-lmdb)
}
for program in shared static; do
    said=$(LD_LIBRARY_PATH="$prefix/lib" "$folder/$program" "$folder/journal")
    [ "$said" = revoked ] || { echo "$program: printed '$said'"; exit 1; }
done
echo 'programs built with wafer-lmdb.pc run: shared and static'

version=$(pkg-config --modversion wafer-lmdb)
soname=libwafer-lmdb.so.${version%%.*}
readelf -d "$prefix/lib/libwafer-lmdb.so.$version" >"$folder/dynamic"
for pattern in "SONAME.*\[$soname\]" "NEEDED.*\[libwafer.so.${version%%.*}\]" 'NEEDED.*\[liblmdb'; do
    grep -q "$pattern" "$folder/dynamic" || { echo "the library lacks $pattern"; exit 1; }
done
exported=$(nm -D --defined-only "$prefix/lib/libwafer-lmdb.so" | awk '{ print $3 }')
[ "$exported" = wafer_lmdb_open ] || { echo "libwafer-lmdb.so exports: $exported"; exit 1; }
if nm -g --defined-only "$prefix/lib/libwafer-lmdb.a" | awk 'NF == 3 { print $3 }' |
    grep -v '^wafer_'; then
    echo "these names of libwafer-lmdb.a do not start with wafer_"
    exit 1
fi
echo "the soname is $soname; it exports wafer_lmdb_open and nothing else"

goal uninstall DESTDIR= PREFIX="$prefix"
goal install DESTDIR= PREFIX="$prefix" BUILD="$folder/build" PKG_CONFIG=false
if find "$prefix" -name '*lmdb*' | grep .; then
    echo 'this was installed without liblmdb'
    exit 1
fi
goal uninstall DESTDIR= PREFIX="$prefix" PKG_CONFIG=false
echo 'without liblmdb nothing of it is installed'
