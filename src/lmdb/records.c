#include "records.h"

#include <endian.h>
#include <string.h>

#define FORMAT   UINT32_C(1)
#define HEAD_KEY "wafer journal"
#define ENTRIES  "entries"
#define TIMES    "times"

/* A row: both databases' keys and the renewals are parts of it. */
enum {
    AT = 0,
    KIND = 8,
    KEY = 9,
    RENEWALS = 25,
    ROW_SIZE = 29,
    ROW_ROOM = 32, /* with zeros behind it, to be hashed in words */
    TIMES_KEY_SIZE = RENEWALS - AT,
    TIMES_VALUE_SIZE = ROW_SIZE - RENEWALS,
    ENTRIES_KEY_SIZE = RENEWALS - KIND,
    ENTRIES_VALUE_SIZE = 12,
    HEAD_SIZE = 20
};

struct row {
    uint8_t bytes[ROW_ROOM];
};

struct head {
    int64_t retention_ms;
    uint64_t sum;
};

static void write_64(uint8_t *out, uint64_t number)
{
    number = htobe64(number);
    memcpy(out, &number, sizeof number);
}

static void write_32(uint8_t *out, uint32_t number)
{
    number = htobe32(number);
    memcpy(out, &number, sizeof number);
}

static uint64_t read_64(const uint8_t *bytes)
{
    uint64_t number;

    memcpy(&number, bytes, sizeof number);
    return be64toh(number);
}

static uint32_t read_32(const uint8_t *bytes)
{
    uint32_t number;

    memcpy(&number, bytes, sizeof number);
    return be32toh(number);
}

static MDB_val value_of(void *bytes, size_t size)
{
    return (MDB_val){size, bytes};
}

/* ---- Rows ---- */

static int64_t at_of(const struct row *row)
{
    return (int64_t)read_64(row->bytes + AT);
}

static uint32_t renewals_of(const struct row *row)
{
    return read_32(row->bytes + RENEWALS);
}

static struct row row_of(const wafer_revocation *entry)
{
    struct row row = {{0}};

    write_64(row.bytes + AT, (uint64_t)entry->at_ms);
    row.bytes[KIND] = (uint8_t)entry->kind;
    if (entry->kind != WAFER_REVOKE_EVERYONE)
        memcpy(row.bytes + KEY, entry->key, WAFER_ID_SIZE);
    if (entry->kind == WAFER_REVOKE_COPIES)
        write_32(row.bytes + RENEWALS, entry->renewals);
    return row;
}

static wafer_revocation entry_of(const struct row *row)
{
    wafer_revocation entry = {
        .kind = (wafer_revocation_kind)row->bytes[KIND],
        .at_ms = at_of(row),
        .renewals = renewals_of(row),
    };

    memcpy(entry.key, row->bytes + KEY, WAFER_ID_SIZE);
    return entry;
}

static bool is_well_formed(const struct row *row)
{
    uint64_t at_ms = read_64(row->bytes + AT);
    uint8_t kind = row->bytes[KIND];

    return at_ms <= (uint64_t)WAFER_TIME_MAX_MS && kind >= WAFER_REVOKE_SESSION &&
           kind <= WAFER_REVOKE_COPIES &&
           renewals_of(row) <= (kind == WAFER_REVOKE_COPIES ? WAFER_RENEWALS_MAX : 0);
}

static bool read_times_row(const MDB_val *key, const MDB_val *value, struct row *row)
{
    if (key->mv_size != TIMES_KEY_SIZE || value->mv_size != TIMES_VALUE_SIZE)
        return false;
    *row = (struct row){{0}};
    memcpy(row->bytes + AT, key->mv_data, TIMES_KEY_SIZE);
    memcpy(row->bytes + RENEWALS, value->mv_data, TIMES_VALUE_SIZE);
    return is_well_formed(row);
}

static bool read_entries_row(const MDB_val *key, const MDB_val *value, struct row *row)
{
    const uint8_t *bytes = value->mv_data;

    if (key->mv_size != ENTRIES_KEY_SIZE || value->mv_size != ENTRIES_VALUE_SIZE)
        return false;
    *row = (struct row){{0}};
    memcpy(row->bytes + KIND, key->mv_data, ENTRIES_KEY_SIZE);
    memcpy(row->bytes + AT, bytes, 8);
    memcpy(row->bytes + RENEWALS, bytes + 8, 4);
    return is_well_formed(row);
}

/* Against accidents, not against attackers: who can write the file can write the sum. */
static uint64_t hash(const struct row *row)
{
    uint64_t mixed = UINT64_C(0x9E3779B97F4A7C15);

    for (size_t i = 0; i < ROW_ROOM; i += 8) {
        uint64_t word;
        memcpy(&word, row->bytes + i, 8);
        mixed = (mixed ^ word) * UINT64_C(0xD6E8FEB86659FD93);
        mixed ^= mixed >> 32;
    }
    return mixed;
}

/* ---- The head ---- */

static int get_head(MDB_txn *txn, const struct wafer_records *records, struct head *head)
{
    MDB_val key = value_of(HEAD_KEY, sizeof HEAD_KEY - 1);
    MDB_val value;
    int code = mdb_get(txn, records->head, &key, &value);

    if (code != 0)
        return code;
    const uint8_t *bytes = value.mv_data;
    if (value.mv_size != HEAD_SIZE || read_32(bytes) != FORMAT)
        return MDB_CORRUPTED;
    head->retention_ms = (int64_t)read_64(bytes + 4);
    head->sum = read_64(bytes + 12);
    if (head->retention_ms <= 0 || head->retention_ms > WAFER_LIFETIME_MAX_MS)
        return MDB_CORRUPTED;
    return 0;
}

static int put_head(MDB_txn *txn, const struct wafer_records *records, const struct head *head)
{
    uint8_t bytes[HEAD_SIZE];
    MDB_val key = value_of(HEAD_KEY, sizeof HEAD_KEY - 1);
    MDB_val value = value_of(bytes, sizeof bytes);

    write_32(bytes, FORMAT);
    write_64(bytes + 4, (uint64_t)head->retention_ms);
    write_64(bytes + 12, head->sum);
    return mdb_put(txn, records->head, &key, &value, 0);
}

static int change_sum(MDB_txn *txn, const struct wafer_records *records, uint64_t difference)
{
    struct head head;
    int code = get_head(txn, records, &head);

    if (code != 0)
        return code;
    head.sum ^= difference;
    return put_head(txn, records, &head);
}

static int open_databases(MDB_txn *txn, unsigned flags, struct wafer_records *records)
{
    int code = mdb_dbi_open(txn, NULL, 0, &records->head);

    if (code == 0)
        code = mdb_dbi_open(txn, ENTRIES, flags, &records->entries);
    if (code == 0)
        code = mdb_dbi_open(txn, TIMES, flags, &records->times);
    return code;
}

int wafer_records_make(MDB_txn *txn, int64_t retention_ms, struct wafer_records *records)
{
    struct head head = {.retention_ms = retention_ms};
    int code = open_databases(txn, MDB_CREATE, records);

    return code == 0 ? put_head(txn, records, &head) : code;
}

int wafer_records_open(MDB_txn *txn, struct wafer_records *records)
{
    struct head head;
    int code = open_databases(txn, 0, records);

    return code == 0 ? get_head(txn, records, &head) : code;
}

int wafer_records_retention(MDB_txn *txn, const struct wafer_records *records,
                            int64_t *retention_ms)
{
    struct head head;
    int code = get_head(txn, records, &head);

    if (code == 0)
        *retention_ms = head.retention_ms;
    return code;
}

int wafer_records_retain(MDB_txn *txn, const struct wafer_records *records, int64_t retention_ms)
{
    struct head head;
    int code = get_head(txn, records, &head);

    if (code != 0 || head.retention_ms >= retention_ms)
        return code;
    head.retention_ms = retention_ms;
    return put_head(txn, records, &head);
}

/* ---- Changing rows ---- */

/* The row of the same kind and key. */
static int find(MDB_txn *txn, const struct wafer_records *records, struct row *row,
                struct row *found)
{
    MDB_val key = value_of(row->bytes + KIND, ENTRIES_KEY_SIZE);
    MDB_val value;
    int code = mdb_get(txn, records->entries, &key, &value);

    if (code == 0 && !read_entries_row(&key, &value, found))
        return MDB_CORRUPTED;
    return code;
}

static int delete_time(MDB_txn *txn, const struct wafer_records *records, struct row *row)
{
    MDB_val key = value_of(row->bytes + AT, TIMES_KEY_SIZE);
    int code = mdb_del(txn, records->times, &key, NULL);

    return code == MDB_NOTFOUND ? MDB_CORRUPTED : code;
}

static int write_row(MDB_txn *txn, const struct wafer_records *records, struct row *row)
{
    uint8_t bytes[ENTRIES_VALUE_SIZE];
    MDB_val key = value_of(row->bytes + AT, TIMES_KEY_SIZE);
    MDB_val value = value_of(row->bytes + RENEWALS, TIMES_VALUE_SIZE);
    int code = mdb_put(txn, records->times, &key, &value, 0);

    if (code != 0)
        return code;
    memcpy(bytes, row->bytes + AT, 8);
    memcpy(bytes + 8, row->bytes + RENEWALS, 4);
    key = value_of(row->bytes + KIND, ENTRIES_KEY_SIZE);
    value = value_of(bytes, sizeof bytes);
    return mdb_put(txn, records->entries, &key, &value, 0);
}

/* True when the row that was there stays as it is. */
static bool stands(const struct row *previous, const struct row *added)
{
    uint32_t before = renewals_of(previous);
    uint32_t now = renewals_of(added);

    if (before != now)
        return before > now;
    return added->bytes[KIND] == WAFER_REVOKE_COPIES ? at_of(previous) <= at_of(added)
                                                     : at_of(previous) >= at_of(added);
}

int wafer_records_put(MDB_txn *txn, const struct wafer_records *records,
                      const wafer_revocation *entry)
{
    struct row row = row_of(entry);
    struct row previous;
    uint64_t difference = hash(&row);
    int code = find(txn, records, &row, &previous);

    if (code == 0) {
        if (stands(&previous, &row))
            return 0;
        difference ^= hash(&previous);
        code = delete_time(txn, records, &previous);
    } else if (code == MDB_NOTFOUND) {
        code = 0;
    }
    if (code == 0)
        code = write_row(txn, records, &row);
    return code == 0 ? change_sum(txn, records, difference) : code;
}

/* Takes the row at the cursor out of both databases. */
static int drop_row(MDB_txn *txn, const struct wafer_records *records, MDB_cursor *cursor,
                    struct row *row)
{
    MDB_val key = value_of(row->bytes + KIND, ENTRIES_KEY_SIZE);
    int code = mdb_del(txn, records->entries, &key, NULL);

    if (code == MDB_NOTFOUND)
        return MDB_CORRUPTED;
    return code == 0 ? mdb_cursor_del(cursor, 0) : code;
}

int wafer_records_drop(MDB_txn *txn, const struct wafer_records *records, int64_t keep_from_ms,
                       size_t limit, size_t *dropped)
{
    MDB_cursor *cursor;
    uint64_t difference = 0;
    int code = mdb_cursor_open(txn, records->times, &cursor);

    *dropped = 0;
    if (code != 0)
        return code;
    while (*dropped < limit) {
        MDB_val key;
        MDB_val value;
        struct row row;
        code = mdb_cursor_get(cursor, &key, &value, MDB_FIRST);
        if (code == 0 && !read_times_row(&key, &value, &row))
            code = MDB_CORRUPTED;
        if (code != 0 || at_of(&row) >= keep_from_ms)
            break;
        difference ^= hash(&row);
        code = drop_row(txn, records, cursor, &row);
        if (code != 0)
            break;
        ++*dropped;
    }
    mdb_cursor_close(cursor);
    if (code == MDB_NOTFOUND)
        code = 0;
    return code == 0 && *dropped > 0 ? change_sum(txn, records, difference) : code;
}

/* ---- Reading rows ---- */

struct summary {
    size_t rows;
    uint64_t sum;
    int64_t latest_ms;
};

static int summarize(MDB_txn *txn, MDB_dbi database,
                     bool (*read)(const MDB_val *, const MDB_val *, struct row *),
                     struct summary *summary)
{
    MDB_cursor *cursor;
    MDB_val key;
    MDB_val value;
    int code = mdb_cursor_open(txn, database, &cursor);

    *summary = (struct summary){0};
    if (code != 0)
        return code;
    while ((code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        struct row row;
        if (!read(&key, &value, &row)) {
            code = MDB_CORRUPTED;
            break;
        }
        summary->rows++;
        summary->sum ^= hash(&row);
        if (at_of(&row) > summary->latest_ms)
            summary->latest_ms = at_of(&row);
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}

int wafer_records_verify(MDB_txn *txn, const struct wafer_records *records, int64_t *latest_ms)
{
    struct head head;
    struct summary times;
    struct summary entries;
    int code = get_head(txn, records, &head);

    if (code == 0)
        code = summarize(txn, records->times, read_times_row, &times);
    if (code == 0)
        code = summarize(txn, records->entries, read_entries_row, &entries);
    if (code != 0)
        return code;
    if (times.rows != entries.rows || times.sum != head.sum || entries.sum != head.sum)
        return MDB_CORRUPTED;
    *latest_ms = times.latest_ms;
    return 0;
}

int wafer_records_each(MDB_txn *txn, const struct wafer_records *records, int64_t from_ms,
                       wafer_result (*visit)(void *context, wafer_revocation *entry), void *context,
                       wafer_result *result)
{
    uint8_t from[8];
    MDB_cursor *cursor;
    MDB_val key = value_of(from, sizeof from);
    MDB_val value;
    int code = mdb_cursor_open(txn, records->times, &cursor);

    *result = WAFER_OK;
    if (code != 0)
        return code;
    write_64(from, (uint64_t)from_ms);
    code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    while (code == 0 && *result == WAFER_OK) {
        struct row row;
        if (read_times_row(&key, &value, &row)) {
            wafer_revocation entry = entry_of(&row);
            *result = visit(context, &entry);
            code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        } else {
            code = MDB_CORRUPTED;
        }
    }
    mdb_cursor_close(cursor);
    return code == MDB_NOTFOUND ? 0 : code;
}
