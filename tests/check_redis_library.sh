#!/bin/sh
# libwafer-redis as it is installed: a program that knows only its pkg-config file runs, shared and
# static; it exports what its header declares; without libhiredis nothing of it is installed.
set -eu
export LC_ALL=C

if ! pkg-config --exists hiredis; then
    echo 'skipped: libhiredis is not here'
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
for file in include/wafer/redis.h lib/libwafer-redis.a lib/libwafer-redis.so \
    lib/pkgconfig/wafer-redis.pc lib/systemd/system/wafer-feed@.service; do
    [ -e "$prefix/$file" ] || { echo "not installed: $file"; exit 1; }
done
grep -q "^ExecStart=$prefix/bin/wafer feed " "$prefix/lib/systemd/system/wafer-feed@.service"
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify "$prefix/lib/systemd/system/wafer-feed@.service" 2>&1 |
        grep 'wafer-feed' | grep -v "Command 'man " >"$folder/said" || true
    [ ! -s "$folder/said" ] || { cat "$folder/said"; exit 1; }
fi

cat >"$folder/program.c" <<'PROGRAM'
#include <wafer/redis.h>

#include <stdio.h>

int main(int count, char **words)
{
    wafer_redis_settings settings = WAFER_REDIS_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_revocations *list;
    wafer_error error;
    uint8_t id[WAFER_ID_SIZE] = {1};

    table.on_start = WAFER_START_FORGETS;
    settings.address = "/nonexistent/socket";
    settings.folder = count > 1 ? words[1] : "";
    settings.stale_ms = 5000;
    settings.when_stale = WAFER_REDIS_REFUSES;
    (void)!wafer_redis_secret_new(settings.folder, false, NULL);
    if (wafer_redis_open(&settings, &table, &list, &error) != WAFER_OK) {
        fputs(error.text, stderr);
        return 1;
    }
    if (wafer_revoke_session(list, id) != WAFER_QUEUED)
        return 2;
    wafer_revocations_free(list);
    return puts("queued") < 0;
}
PROGRAM
export PKG_CONFIG_PATH="$prefix/lib/pkgconfig${PKG_CONFIG_PATH:+:$PKG_CONFIG_PATH}"
# shellcheck disable=SC2046 # several words
{
    "$CC" -o "$folder/shared" "$folder/program.c" $(pkg-config --cflags --libs wafer-redis)
    # Looking up names in a static program needs the C library's shared parts, and says so.
    "$CC" -static -o "$folder/static" "$folder/program.c" \
        $(pkg-config --static --cflags --libs wafer-redis) 2>"$folder/log" ||
        { cat "$folder/log"; exit 1; }
}
for program in shared static; do
    said=$(LD_LIBRARY_PATH="$prefix/lib" "$folder/$program" "$folder/host")
    [ "$said" = queued ] || { echo "$program: printed '$said'"; exit 1; }
done
echo 'programs built with wafer-redis.pc run: shared and static'

version=$(pkg-config --modversion wafer-redis)
soname=libwafer-redis.so.${version%%.*}
readelf -d "$prefix/lib/libwafer-redis.so.$version" >"$folder/dynamic"
for pattern in "SONAME.*\[$soname\]" "NEEDED.*\[libwafer.so.${version%%.*}\]" \
    'NEEDED.*\[libhiredis'; do
    grep -q "$pattern" "$folder/dynamic" || { echo "the library lacks $pattern"; exit 1; }
done
grep -o '\bwafer_redis_[a-z_]*(' include/wafer/redis.h | tr -d '(' | sort -u >"$folder/declared"
nm -D --defined-only "$prefix/lib/libwafer-redis.so" | awk '{ print $3 }' | sort >"$folder/exported"
diff "$folder/declared" "$folder/exported" || {
    echo 'declared in wafer/redis.h (<) and exported by libwafer-redis.so (>) differ'
    exit 1
}
echo "the soname is $soname; it exports the $(grep -c . "$folder/exported") names of its header"

# A program that links several of them statically must get each function from the right one.
for library in "$prefix"/lib/libwafer*.a; do
    nm -g --defined-only "$library" | awk 'NF == 3 { print $3 }' | sort -u
done | sort >"$folder/names"
grep -v '^wafer_' "$folder/names" && { echo 'these names do not start with wafer_'; exit 1; }
uniq -d "$folder/names" | grep . && { echo 'these names are in two of the libraries'; exit 1; }
echo 'the static libraries have no name in common'

goal uninstall DESTDIR= PREFIX="$prefix"
goal install DESTDIR= PREFIX="$prefix" BUILD="$folder/build" PKG_CONFIG=false
if find "$prefix" -name '*redis*' -o -name '*.service' | grep .; then
    echo 'this was installed without libhiredis'
    exit 1
fi
"$prefix/bin/wafer" feed --folder x --redis y >"$folder/said" 2>&1 && exit 1
grep -q 'built without Redis' "$folder/said"
goal uninstall DESTDIR= PREFIX="$prefix" PKG_CONFIG=false
echo 'without libhiredis nothing of it is installed, and the command says so'
