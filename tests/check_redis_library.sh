#!/bin/sh
# libwafer-redis as it is installed: a program that knows only its pkg-config file runs, shared and
# static; it exports what its header declares; without libhiredis nothing of it is installed.
part=redis
engine=hiredis
. tests/installed.sh

unit=lib/systemd/system/wafer-feed@.service
goal install
is_installed "$unit"
grep -q "^ExecStart=$prefix/bin/wafer feed " "$prefix/$unit"
if command -v systemd-analyze >/dev/null; then
    systemd-analyze verify "$prefix/$unit" 2>&1 |
        grep 'wafer-feed' | grep -v "Command 'man " >"$folder/said" || true
    [ ! -s "$folder/said" ] || { cat "$folder/said"; exit 1; }
fi

programs_print queued <<'PROGRAM'
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
exports_what_is_declared

# A program that links several of them statically must get each function from the right one.
for library in "$prefix"/lib/libwafer*.a; do
    nm -g --defined-only "$library" | awk 'NF == 3 { print $3 }' | sort -u
done | sort >"$folder/names"
grep -v '^wafer_' "$folder/names" && { echo 'these names do not start with wafer_'; exit 1; }
uniq -d "$folder/names" | grep . && { echo 'these names are in two of the libraries'; exit 1; }
echo 'the static libraries have no name in common'

without_engine_nothing_is_installed '*.service'
"$prefix/bin/wafer" feed --folder x --redis y >"$folder/said" 2>&1 && exit 1
grep -q 'built without Redis' "$folder/said"
goal uninstall PKG_CONFIG=false
echo 'without libhiredis the command says so'
