#!/bin/sh
# libwafer-lmdb as it is installed: a program that knows only its pkg-config file runs, shared and
# static; it exports what its header declares; without liblmdb nothing of it is installed.
part=lmdb
engine=lmdb
. tests/installed.sh

goal install
is_installed
programs_print revoked <<'PROGRAM'
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
exports_what_is_declared
without_engine_nothing_is_installed
goal uninstall PKG_CONFIG=false
