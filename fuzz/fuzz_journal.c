/* A journal of which rows were changed through LMDB's own calls, with or without the checksum that
 * fits: it is refused, or it makes a list that takes entries and is good when it is opened again.
 *
 *     input   edits: what, then what the edit takes */
#include "folder.h"

#include "lmdb/records.h"

#include <wafer/lmdb.h>

#define ENTRIES  24
#define MAP_SIZE 262144
#define PIECE    40 /* the longest key or value that an edit takes */

static char path[96];
static uint8_t *good; /* the file as it was made */
static size_t good_size;
static bool sum_is_old; /* no edit made a new checksum */

static wafer_result open_list(wafer_revocations **list, wafer_error *error)
{
    wafer_lmdb_settings settings = WAFER_LMDB_SETTINGS_INIT;
    wafer_revocations_settings table = WAFER_REVOCATIONS_SETTINGS_INIT;

    settings.path = path;
    settings.map_size = MAP_SIZE;
    table.on_start = WAFER_START_FORGETS;
    table.capacity = 64;
    table.clock = fuzz_clock;
    return wafer_lmdb_open(&settings, &table, list, error);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    wafer_revocations *list;

    (void)argc;
    (void)argv;
    fuzz_folder_make("journal", path);
    must(open_list(&list, NULL) == WAFER_OK);
    fuzz_fill(list, ENTRIES);
    wafer_revocations_free(list);
    good = read_file(path, &good_size);
    return 0;
}

/* ---- the edits */

static MDB_val take_piece(struct fuzz_input *input, uint8_t room[PIECE])
{
    size_t length;
    const uint8_t *bytes = take_bytes(input, take_byte(input) % (PIECE + 1), &length);

    if (length > 0)
        memcpy(room, bytes, length);
    return (MDB_val){length, room};
}

static MDB_dbi choose_database(const struct wafer_records *records, uint8_t choice)
{
    const MDB_dbi databases[] = {records->head, records->entries, records->times};

    return databases[choice % 3];
}

/* The row of a number. Those that name databases in the main one are left alone. */
static int find_row(MDB_cursor *cursor, bool main_one, uint8_t number, MDB_val *key, MDB_val *value)
{
    int code = mdb_cursor_get(cursor, key, value, MDB_FIRST);

    if (main_one) {
        *key = (MDB_val){strlen("wafer journal"), (void *)(uintptr_t) "wafer journal"};
        return mdb_cursor_get(cursor, key, value, MDB_SET_KEY);
    }
    for (number %= ENTRIES; code == 0 && number > 0; number--)
        code = mdb_cursor_get(cursor, key, value, MDB_NEXT);
    return code;
}

/* Removes a row, or changes a byte of its value. */
static int change_row(MDB_txn *txn, const struct wafer_records *records, struct fuzz_input *input,
                      bool remove)
{
    MDB_dbi database = choose_database(records, take_byte(input));
    uint8_t number = take_byte(input);
    uint8_t place = take_byte(input);
    uint8_t bits = take_byte(input);
    uint8_t bytes[PIECE];
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int code = mdb_cursor_open(txn, database, &cursor);

    must(code == 0);
    code = find_row(cursor, database == records->head, number, &key, &value);
    if (code == 0 && remove) {
        code = mdb_cursor_del(cursor, 0);
    } else if (code == 0 && value.mv_size > 0 && value.mv_size <= sizeof bytes) {
        memcpy(bytes, value.mv_data, value.mv_size);
        bytes[place % value.mv_size] ^= bits;
        value.mv_data = bytes;
        code = mdb_cursor_put(cursor, &key, &value, MDB_CURRENT);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

/* A row of any bytes; in the main database the head alone. */
static int put_row(MDB_txn *txn, const struct wafer_records *records, struct fuzz_input *input)
{
    MDB_dbi database = choose_database(records, take_byte(input));
    uint8_t key_room[PIECE];
    uint8_t value_room[PIECE];
    MDB_val key = take_piece(input, key_room);
    MDB_val value = take_piece(input, value_room);

    if (database == records->head)
        key = (MDB_val){strlen("wafer journal"), (void *)(uintptr_t) "wafer journal"};
    return key.mv_size > 0 ? mdb_put(txn, database, &key, &value, 0) : 0;
}

/* An entry that no list would hand over, under the right checksum. */
static int put_entry(MDB_txn *txn, const struct wafer_records *records, struct fuzz_input *input)
{
    wafer_revocation entry = fuzz_entry(take_byte(input));
    uint8_t choice = take_byte(input);

    entry.kind = (wafer_revocation_kind)(choice & 7);
    entry.at_ms = FUZZ_NOW;
    if (choice & 8)
        entry.at_ms += (int64_t)(int8_t)take_byte(input) * WAFER_MINUTE_MS;
    if (choice & 16)
        entry.at_ms = (int64_t)((uint64_t)entry.at_ms ^ (uint64_t)take_byte(input) << 56);
    if (choice & 32)
        entry.renewals = WAFER_RENEWALS_MAX - 3U + take_byte(input);
    return wafer_records_put(txn, records, &entry);
}

static int edit(MDB_txn *txn, const struct wafer_records *records, struct fuzz_input *input)
{
    uint8_t what = take_byte(input);
    size_t dropped;

    switch (what % 8) {
    case 0:
        return change_row(txn, records, input, true);
    case 1:
    case 2:
        return change_row(txn, records, input, false);
    case 3:
        return put_row(txn, records, input);
    case 4:
        return mdb_drop(txn, what & 8 ? records->entries : records->times, 0);
    case 5:
        sum_is_old = false;
        return wafer_records_drop(txn, records, FUZZ_NOW + take_byte(input), 1 + what / 8U,
                                  &dropped);
    default:
        sum_is_old = false;
        return put_entry(txn, records, input);
    }
}

/* Nothing is changed when an edit fails. */
static void change_journal(struct fuzz_input *input)
{
    struct wafer_records records;
    MDB_env *environment;
    MDB_txn *txn;
    int code = 0;

    write_file(path, good, good_size);
    must(mdb_env_create(&environment) == 0);
    must(mdb_env_set_maxdbs(environment, WAFER_JOURNAL_DATABASES) == 0);
    must(mdb_env_set_mapsize(environment, MAP_SIZE) == 0);
    must(mdb_env_open(environment, path, MDB_NOSUBDIR | MDB_NOLOCK | MDB_NOSYNC, 0600) == 0);
    must(mdb_txn_begin(environment, NULL, 0, &txn) == 0);
    must(wafer_records_open(txn, &records) == 0);
    while (code == 0 && input->left > 0)
        code = edit(txn, &records, input);
    if (code == 0)
        must(mdb_txn_commit(txn) == 0);
    else
        mdb_txn_abort(txn);
    mdb_env_close(environment);
}

/* ---- what came of it */

static void check_list(wafer_revocations *list)
{
    wafer_revocation *entries;
    size_t count;

    must(wafer_revocations_entries(list, &entries, &count) == WAFER_OK);
    for (size_t i = 0; i < count; i++) {
        must(entries[i].kind >= WAFER_REVOKE_SESSION && entries[i].kind <= WAFER_REVOKE_COPIES);
        must(entries[i].at_ms >= 0 && entries[i].at_ms <= FUZZ_NOW + 2 * WAFER_MINUTE_MS);
        must(entries[i].renewals <= WAFER_RENEWALS_MAX);
    }
    free(entries);
}

static wafer_standing standing_of(wafer_revocations *list, const uint8_t id[WAFER_ID_SIZE])
{
    const wafer_revocation_query query = {id, NULL, WAFER_TIME_MAX_MS, FUZZ_NOW, 0};
    wafer_standing standing = WAFER_STANDS;

    must(wafer_revocations_check(list, &query, &standing) == WAFER_OK);
    return standing;
}

/* Under the old checksum only the old entries are taken. */
static void check_complete(wafer_revocations *list)
{
    for (uint8_t i = 0; i < ENTRIES; i++) {
        wafer_revocation entry = fuzz_entry(i);

        must(entry.kind != WAFER_REVOKE_SESSION || standing_of(list, entry.key) == WAFER_REFUSED);
    }
}

static void check_working(wafer_revocations *list)
{
    const uint8_t id[WAFER_ID_SIZE] = "a new session's";
    wafer_result result = wafer_revoke_session(list, id);
    wafer_revocations *again;

    check_list(list);
    if (sum_is_old)
        check_complete(list);
    must(result == WAFER_OK || result == WAFER_LIST_FULL);
    wafer_revocations_free(list);
    must(open_list(&again, NULL) == WAFER_OK);
    check_list(again);
    must(result != WAFER_OK || standing_of(again, id) == WAFER_REFUSED);
    wafer_revocations_free(again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    wafer_error error = {.text = ""};
    wafer_revocations *list;
    wafer_result result;

    sum_is_old = true;
    change_journal(&input);
    result = open_list(&list, &error);
    if (result == WAFER_OK) {
        check_working(list);
    } else {
        must(result == WAFER_INVALID || result == WAFER_LIST_FULL);
        must(error.text[0] != '\0' && is_clean(error.text, strlen(error.text)));
    }
    return 0;
}
