#!/bin/sh
# What is installed works for a program that knows only its pkg-config file: shared and static, C
# and C++; a staged installation puts the same files below DESTDIR; uninstall leaves nothing.
set -eu

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
prefix=$folder/prefix
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig"

goal() {
    ${MAKE:-make} -s --no-print-directory BUILD="$BUILD" CC="$CC" WERROR="${WERROR--Werror}" "$@" \
        >"$folder/log" 2>&1 || { cat "$folder/log"; exit 1; }
}

files() {
    (cd "$1" && find . ! -type d | sort)
}

mkdir "$prefix"
goal install DESTDIR= PREFIX="$prefix"
files "$prefix" >"$folder/installed"
for file in include/wafer.h lib/libwafer.a lib/libwafer.so lib/pkgconfig/wafer.pc bin/wafer \
    share/man/man1/wafer.1 share/bash-completion/completions/wafer; do
    [ -e "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done

# Seals a token, so that nearly all of the library is linked.
cat >"$folder/program.c" <<'PROGRAM'
#include <wafer.h>

#include <stdio.h>
#include <string.h>

int main(void)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_keyring_settings keys = WAFER_KEYRING_SETTINGS_INIT;
    wafer_manager *manager;
    wafer_session *session;
    const char *token;
    size_t length;
    char line[WAFER_KEYS_LINE_MAX];

    if (wafer_keys_generate(line, NULL, NULL) != WAFER_OK) {
        return 1;
    }
    keys.text = line;
    keys.text_length = strlen(line);
    if (wafer_keyring_new(&keys, &settings.keyring, NULL) != WAFER_OK ||
        wafer_revocations_open(WAFER_START_FORGETS, &settings.revocations, NULL) != WAFER_OK ||
        wafer_manager_new(&settings, &manager, NULL) != WAFER_OK ||
        wafer_session_new(manager, &session) != WAFER_OK) {
        return 2;
    }
    wafer_begin(session);
    if (wafer_open(session) != WAFER_NONE || wafer_put_integer(session, "n", 1) != WAFER_OK ||
        wafer_seal(session, &token, &length) != WAFER_OK || strlen(token) != length) {
        return 3;
    }
    wafer_session_free(session);
    wafer_manager_free(manager);
    wafer_revocations_free(settings.revocations);
    wafer_keyring_free(settings.keyring);
    return strcmp(wafer_version(), WAFER_VERSION) != 0 || puts(wafer_version()) < 0;
}
PROGRAM
cp "$folder/program.c" "$folder/program.cpp"

version=$(pkg-config --modversion wafer)
expect() {
    # shellcheck disable=SC2068 # nothing here has a space
    said=$($@)
    [ "$said" = "$version" ] || { echo "$*: printed '$said', not '$version'"; exit 1; }
}

# shellcheck disable=SC2046 # several words
{
    "$CC" -o "$folder/shared" "$folder/program.c" $(pkg-config --cflags --libs wafer)
    g++ -o "$folder/shared-cpp" "$folder/program.cpp" $(pkg-config --cflags --libs wafer)
    "$CC" -static -o "$folder/static" "$folder/program.c" \
        $(pkg-config --static --cflags --libs wafer)
    g++ -static -o "$folder/static-cpp" "$folder/program.cpp" \
        $(pkg-config --static --cflags --libs wafer)
}
expect env LD_LIBRARY_PATH="$prefix/lib" "$folder/shared"
expect env LD_LIBRARY_PATH="$prefix/lib" "$folder/shared-cpp"
expect "$folder/static"
expect "$folder/static-cpp"
echo "programs built with wafer.pc run: shared and static, C and C++"

soname=libwafer.so.${version%%.*}
readelf -d "$prefix/lib/libwafer.so.$version" >"$folder/dynamic"
grep -q "SONAME.*\[$soname\]" "$folder/dynamic" || { echo "the soname is not $soname"; exit 1; }
grep -q 'BIND_NOW\|FLAGS.*NOW' "$folder/dynamic" || { echo "not linked with -z now"; exit 1; }
readelf -d "$folder/shared" | grep -q "NEEDED.*\[$soname\]" || {
    echo "a program does not ask for $soname"
    exit 1
}
grep 'NEEDED' "$folder/dynamic" | sed 's/.*\[\(.*\)\]/\1/' | while read -r needed; do
    case $needed in
    libsodium.so.* | libb64.so.* | libc.so.* | libpthread.so.*) ;;
    ld-linux*) ;; # the loader, for variables of a thread
    *) echo "the library links $needed" && exit 1 ;;
    esac
done
echo "the soname is $soname; the library needs only libsodium, libb64 and libc"

mkdir "$folder/stage"
goal install DESTDIR="$folder/stage" PREFIX=/usr
files "$folder/stage/usr" >"$folder/staged"
diff "$folder/installed" "$folder/staged" || { echo "a staged installation differs"; exit 1; }
[ "$(ls "$folder/stage")" = usr ] || { echo "something is staged outside PREFIX"; exit 1; }
if grep -r "$folder" "$folder/stage/usr/lib/pkgconfig"; then
    echo "the staged wafer.pc names DESTDIR"
    exit 1
fi
goal uninstall DESTDIR="$folder/stage" PREFIX=/usr
goal uninstall DESTDIR= PREFIX="$prefix"
if [ -n "$(files "$folder/stage")$(files "$prefix")" ]; then
    echo "left by uninstall:"
    files "$folder/stage"
    files "$prefix"
    exit 1
fi
echo "DESTDIR stages the same files; uninstall leaves none"
