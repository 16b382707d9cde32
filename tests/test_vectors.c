#include "notation.h"
#include "randomness.h"

#include "csrf.h"
#include "keyring.h"
#include "session.h"

#define FIELDS_MAX 16
#define NOW        "1790000000000"

static char lifetime_max[32];

/* ---- Rows ------------------------------------------------------------------------------------ */

/* Checks every row of a file; each has so many fields. */
static void check_rows(const char *path, size_t fields, void (*check)(char **field))
{
    FILE *file = fopen(path, "r");
    char *line = NULL;
    size_t room = 0;
    unsigned rows = 0;

    if (file == NULL) {
        fail_msg("%s cannot be read; run this from the project's folder", path);
        return;
    }
    while (getline(&line, &room, file) >= 0) {
        char *field[FIELDS_MAX];

        if (line[0] == '#')
            continue;
        assert_int_equal(notation_split(line, field, FIELDS_MAX), fields);
        check(field);
        rows++;
    }
    assert_true(rows > 0);
    free(line);
    assert_int_equal(fclose(file), 0);
}

/* What is written between these two is compared with a field. */
static char *written;
static size_t written_length;

static FILE *begin_writing(void)
{
    FILE *out = open_memstream(&written, &written_length);

    assert_non_null(out);
    return out;
}

static void assert_written(FILE *out, const char *field)
{
    assert_int_equal(fclose(out), 0);
    assert_string_equal(written, field);
    free(written);
}

static void assert_bytes(const void *bytes, size_t length, const char *field)
{
    FILE *out = begin_writing();

    notation_write_bytes(out, bytes, length);
    assert_written(out, field);
}

static size_t read_bytes(const char *field, uint8_t bytes[NOTATION_BYTES_MAX + 1])
{
    size_t length;

    assert_true(notation_read_bytes(field, bytes, &length));
    return length;
}

/* A shop for the key line, name and context in front of a row, without limits of its own. */
static void open_shop(struct shop *shop, char **field, char *now)
{
    char *fields[SHOP_FIELDS] = {field[0], field[1], field[2], now, "60000", "0", lifetime_max};

    memset(shop, 0, sizeof *shop);
    assert_true(shop_open(shop, fields));
}

/* The one key of the shop's ring, and its subkeys. */
static const struct wafer_key *only_key(const struct shop *shop, struct wafer_subkeys *subkeys)
{
    const struct wafer_generation *generation = shop->session->generation;
    const struct wafer_keys *keys = wafer_generation_keys(generation);

    assert_int_equal(keys->count, 1);
    *subkeys = *wafer_generation_subkeys(generation, keys->key, shop->manager->binding);
    return keys->key;
}

/* ---- Layers ---------------------------------------------------------------------------------- */

/* Behind another key, as a file in which none seals is refused whatever its lines are. */
static void check_key(char **field)
{
    static const char other[] = "1 c6b6ef "
                                "00000ae900000ae900000ae900000ae900000ae900000ae900000ae900000ae9 "
                                "2026-01-01T00:00:00Z 2026-01-01T00:00:00Z never\n";
    uint8_t line[NOTATION_BYTES_MAX + 1];
    char text[sizeof other + NOTATION_BYTES_MAX];
    size_t length = read_bytes(field[0], line);
    struct wafer_keys keys;
    wafer_result result;

    memcpy(text, other, sizeof other - 1);
    memcpy(text + sizeof other - 1, line, length);
    result = wafer_keys_parse(text, sizeof other - 1 + length, strtoll(NOW, NULL, 10), &keys, NULL);
    if ((result == WAFER_OK) != (strcmp(field[1], "good") == 0))
        fail_msg("\"%s\" is %s: %s", line, field[1], field[2]);
}

static void lines_are_keys_or_none(void **state)
{
    (void)state;
    check_rows("tests/vectors/keys.tsv", 3, check_key);
}

static void check_subkeys(char **field)
{
    struct shop shop;
    struct wafer_subkeys subkeys;

    open_shop(&shop, field, NOW);
    (void)only_key(&shop, &subkeys);
    assert_bytes(subkeys.cipher, sizeof subkeys.cipher, field[3]);
    assert_bytes(subkeys.csrf, sizeof subkeys.csrf, field[4]);
    shop_close(&shop);
}

static void the_subkeys_follow_from_key_name_and_context(void **state)
{
    (void)state;
    check_rows("tests/vectors/subkeys.tsv", 5, check_subkeys);
}

enum { ID, LOGIN, SEALED, USED, ABSOLUTE, IDLE, RENEWALS, OUTLIVES, SUBJECT, COLUMNS };

static void read_record(char **field, struct wafer_record *record)
{
    uint8_t bytes[NOTATION_BYTES_MAX + 1];

    memset(record, 0, sizeof *record);
    assert_int_equal(read_bytes(field[ID], bytes), WAFER_ID_SIZE);
    memcpy(record->id, bytes, WAFER_ID_SIZE);
    record->login_at_ms = strtoll(field[LOGIN], NULL, 10);
    record->sealed_at_ms = strtoll(field[SEALED], NULL, 10);
    record->active_at_ms = strtoll(field[USED], NULL, 10);
    record->absolute_at_ms = strtoll(field[ABSOLUTE], NULL, 10);
    record->idle_ms = strtoll(field[IDLE], NULL, 10);
    record->renewals = (uint32_t)strtoul(field[RENEWALS], NULL, 10);
    record->outlives_browser = strcmp(field[OUTLIVES], "1") == 0;
    record->subject_length = (uint8_t)read_bytes(field[SUBJECT], bytes);
    memcpy(record->subject, bytes, record->subject_length);
}

static void assert_record(const struct wafer_record *record, char **field)
{
    FILE *out = begin_writing();
    char expected[2 * NOTATION_BYTES_MAX];

    (void)snprintf(expected, sizeof expected, "%s %s %s %s %s %s %s %s %s", field[ID], field[LOGIN],
                   field[SEALED], field[USED], field[ABSOLUTE], field[IDLE], field[RENEWALS],
                   field[OUTLIVES], field[SUBJECT]);
    notation_write_bytes(out, record->id, sizeof record->id);
    fprintf(out, " %lld %lld %lld %lld %lld %u %d ", (long long)record->login_at_ms,
            (long long)record->sealed_at_ms, (long long)record->active_at_ms,
            (long long)record->absolute_at_ms, (long long)record->idle_ms, record->renewals,
            record->outlives_browser);
    notation_write_bytes(out, record->subject, record->subject_length);
    assert_written(out, expected);
}

static void check_record(char **field)
{
    struct wafer_record record;
    uint8_t bytes[NOTATION_BYTES_MAX + 1];
    uint8_t plain[WAFER_RECORD_MAX + WAFER_SUBJECT_MAX];
    size_t length = read_bytes(field[COLUMNS], bytes);
    size_t used;

    read_record(field, &record);
    assert_bytes(plain, wafer_record_write(&record, plain), field[COLUMNS]);
    memset(&record, 0, sizeof record);
    assert_true(wafer_record_read(bytes, length, &record, &used));
    assert_int_equal(used, length);
    assert_record(&record, field);
}

static void records_are_written_and_read_as_published(void **state)
{
    (void)state;
    check_rows("tests/vectors/records.tsv", COLUMNS + 1, check_record);
}

static void assert_variables(const wafer_session *session, const char *field)
{
    FILE *out = begin_writing();

    notation_write_variables(out, session);
    assert_written(out, field);
}

static void check_variables(char **field)
{
    static char key_line[] = "1 db01c8 "
                             "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f "
                             "2026-01-01T00:00:00Z 2026-01-01T00:00:00Z never";
    static char name[] = "73";
    static char none[] = "-";
    char *settings[] = {key_line, name, none};
    uint8_t bytes[NOTATION_BYTES_MAX + 1];
    uint8_t map[WAFER_VARIABLES_BYTES];
    struct shop shop;
    size_t length = read_bytes(field[1], bytes);
    size_t used;

    open_shop(&shop, settings, NOW);
    assert_int_equal(wafer_open(shop.session), WAFER_NONE);
    assert_true(wafer_variables_read(&shop.session->variables, bytes, length, &used));
    assert_int_equal(used, length);
    assert_variables(shop.session, field[0]);
    assert_int_equal(wafer_clear(shop.session), WAFER_OK);
    assert_true(notation_put_variables(shop.session, field[0]));
    wafer_variables_write(&shop.session->variables, map);
    assert_bytes(map, shop.session->variables.encoded, field[1]);
    shop_close(&shop);
}

static void variables_are_written_and_read_as_published(void **state)
{
    (void)state;
    check_rows("tests/vectors/variables.tsv", 2, check_variables);
}

/* ---- Whole tokens ---------------------------------------------------------------------------- */

/* Seals what the session was opened with once more. */
static void assert_sealed_again(const struct shop *shop, const uint8_t *nonce, size_t pad_to,
                                const char *token)
{
    struct wafer_subkeys subkeys;
    const struct wafer_key *key = only_key(shop, &subkeys);
    struct wafer_box box;
    uint8_t *plain = box.bytes + WAFER_BOX_TEXT;
    char text[WAFER_TOKEN_MAX + 1];
    size_t length = wafer_record_write(&shop->session->record, plain);

    wafer_variables_write(&shop->session->variables, plain + length);
    length += shop->session->variables.encoded;
    while (pad_to > 1 && length % pad_to != 0)
        plain[length++] = 0;
    next_random = nonce;
    next_random_size = WAFER_NONCE_SIZE;
    assert_true(wafer_seal_close(subkeys.cipher, key->id, false, &box, length, text));
    next_random = NULL;
    text[WAFER_TOKEN_LENGTH(length)] = '\0';
    assert_string_equal(text, token);
}

static void check_token(char **field)
{
    char **column = field + 4;
    char **rest = column + COLUMNS;
    uint8_t nonce[NOTATION_BYTES_MAX + 1];
    struct shop shop;

    assert_int_equal(read_bytes(field[3], nonce), WAFER_NONCE_SIZE);
    open_shop(&shop, field, column[SEALED]);
    assert_int_equal(wafer_open_token(shop.session, rest[2], strlen(rest[2])), WAFER_VALID);
    assert_record(&shop.session->record, column);
    assert_variables(shop.session, rest[0]);
    assert_sealed_again(&shop, nonce, strtoul(rest[1], NULL, 10), rest[2]);
    shop_close(&shop);
}

static void tokens_open_to_their_sessions_and_are_what_sealing_gives(void **state)
{
    (void)state;
    check_rows("tests/vectors/tokens.tsv", 4 + COLUMNS + 3, check_token);
}

/* What the line for logs says for a word. */
static const char *reason_of(const char *word)
{
    static const struct {
        const char *word;
        const char *reason;
    } reasons[] = {{"length", ", 1 of a wrong length"},
                   {"text", ", 1 not base64url"},
                   {"version", ", 1 of another version"},
                   {"key", ", 1 under an unknown or expired key"},
                   {"tag", ", 1 with a wrong tag"},
                   {"record", ", 1 with a wrong content"},
                   {"variables", ", 1 with a wrong content"},
                   {"padding", ", 1 with a wrong content"}};

    for (size_t i = 0; i < sizeof reasons / sizeof reasons[0]; i++)
        if (strcmp(reasons[i].word, word) == 0)
            return reasons[i].reason;
    fail_msg("\"%s\" is no reason", word);
    return "";
}

static void check_refusal(char **field)
{
    uint8_t bytes[2 * NOTATION_BYTES_MAX];
    size_t length = from_hex(field[4], bytes);
    char *token = (char *)guarded_copy(bytes, length);
    struct shop shop;

    open_shop(&shop, field, field[3]);
    assert_int_equal(wafer_open_token(shop.session, token, length), WAFER_REJECTED);
    if (strstr(wafer_explain(shop.session), reason_of(field[5])) == NULL)
        fail_msg("\"%s\", %s: %s", field[6], field[5], wafer_explain(shop.session));
    shop_close(&shop);
    guarded_free(token, length);
}

static void tokens_are_refused_for_the_published_reasons(void **state)
{
    (void)state;
    check_rows("tests/vectors/refusals.tsv", 7, check_refusal);
}

static void check_verdict(char **field)
{
    char *settings[SHOP_FIELDS] = {field[0], field[1], field[2], field[4],
                                   field[5], field[6], field[7]};
    static const struct {
        const char *word;
        wafer_verdict verdict;
    } verdicts[] = {{"valid", WAFER_VALID},
                    {"idle", WAFER_IDLE},
                    {"expired", WAFER_EXPIRED},
                    {"future", WAFER_FUTURE}};
    struct shop shop = {0};
    size_t at = 0;

    while (strcmp(verdicts[at].word, field[8]) != 0)
        assert_true(++at < sizeof verdicts / sizeof verdicts[0]);
    assert_true(shop_open(&shop, settings));
    assert_int_equal(wafer_open_token(shop.session, field[3], strlen(field[3])),
                     verdicts[at].verdict);
    shop_close(&shop);
}

static void sessions_are_judged_as_published(void **state)
{
    (void)state;
    check_rows("tests/vectors/verdicts.tsv", 9, check_verdict);
}

/* ---- Beside the token ------------------------------------------------------------------------ */

static void check_subject(char **field)
{
    uint8_t realm[NOTATION_BYTES_MAX + 1];
    uint8_t subject[NOTATION_BYTES_MAX + 1];
    uint8_t key[WAFER_ID_SIZE];
    size_t length = read_bytes(field[1], subject);

    (void)read_bytes(field[0], realm);
    assert_int_equal(wafer_subject_key((char *)realm, (char *)subject, length, key), WAFER_OK);
    assert_bytes(key, sizeof key, field[2]);
}

static void subjects_have_the_published_keys(void **state)
{
    (void)state;
    check_rows("tests/vectors/subjects.tsv", 3, check_subject);
}

static void check_csrf(char **field)
{
    uint8_t id[NOTATION_BYTES_MAX + 1];
    uint8_t mask[NOTATION_BYTES_MAX + 1];
    uint8_t key_id[WAFER_KEY_ID_SIZE];
    char token[WAFER_CSRF_LENGTH + 1];
    struct wafer_subkeys subkeys;
    struct shop shop;

    assert_int_equal(read_bytes(field[3], id), WAFER_ID_SIZE);
    next_random_size = read_bytes(field[4], mask);
    open_shop(&shop, field, NOW);
    const struct wafer_key *key = only_key(&shop, &subkeys);
    next_random = mask;
    assert_true(wafer_csrf_make(subkeys.csrf, key->id, id, token));
    next_random = NULL;
    assert_string_equal(token, field[5]);
    assert_true(wafer_csrf_peek(field[5], strlen(field[5]), key_id));
    assert_memory_equal(key_id, key->id, sizeof key_id);
    assert_true(wafer_csrf_verify(subkeys.csrf, id, field[5]));
    shop_close(&shop);
}

static void csrf_tokens_are_the_published_ones(void **state)
{
    (void)state;
    check_rows("tests/vectors/csrf.tsv", 6, check_csrf);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_are_keys_or_none),
        cmocka_unit_test(the_subkeys_follow_from_key_name_and_context),
        cmocka_unit_test(records_are_written_and_read_as_published),
        cmocka_unit_test(variables_are_written_and_read_as_published),
        cmocka_unit_test(tokens_open_to_their_sessions_and_are_what_sealing_gives),
        cmocka_unit_test(tokens_are_refused_for_the_published_reasons),
        cmocka_unit_test(sessions_are_judged_as_published),
        cmocka_unit_test(subjects_have_the_published_keys),
        cmocka_unit_test(csrf_tokens_are_the_published_ones),
    };

    (void)snprintf(lifetime_max, sizeof lifetime_max, "%lld", (long long)WAFER_LIFETIME_MAX_MS);
    return cmocka_run_group_tests_name("vectors", tests, NULL, NULL);
}
