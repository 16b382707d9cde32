/* Any plaintext behind a good seal, as a holder of the key could make it: it is refused, or every
 * variable can be read, changed, sealed again, and is the same when it comes back.
 *
 *     input   how | length / 4 | so many bytes of changes | plaintext
 *
 * The plaintext is that of the variables, behind a record that is good (PLAIN), or record and
 * variables (WHOLE), or changes to do to an empty session and then the edits to do to what it seals
 * (BUILT), which reaches deep maps sooner. */
#include "world.h"

#include "base64.h"
#include "keyring.h"
#include "record.h"
#include "seal.h"

#include <stdio.h>

enum how { PLAIN, WHOLE, BUILT, HOW_MANY };

static wafer_keyring *ring;
static size_t binding;
static wafer_session *session; /* opens what was made up */
static wafer_session *again;   /* opens what the first one sealed */
static uint8_t record[WAFER_RECORD_MAX];
static size_t record_length;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    wafer_settings settings;
    struct wafer_record good = {.login_at_ms = FUZZ_NOW - WAFER_MINUTE_MS,
                                .sealed_at_ms = FUZZ_NOW,
                                .active_at_ms = FUZZ_NOW,
                                .absolute_at_ms = FUZZ_NOW + WAFER_HOUR_MS,
                                .idle_ms = 30 * WAFER_MINUTE_MS};

    (void)argc;
    (void)argv;
    ring = fuzz_keyring();
    settings = fuzz_settings(ring);
    settings.line_limit = 8192;
    session = fuzz_session(&settings);
    again = fuzz_session(&settings);
    must(wafer_keyring_bind(ring, settings.name, settings.context, &binding, NULL) == WAFER_OK);
    memset(good.id, 'I', sizeof good.id);
    record_length = wafer_record_write(&good, record);
    return 0;
}

/* ---- around the seal */

static const struct wafer_key *only_key(const struct wafer_generation *generation)
{
    const struct wafer_key *key = wafer_keys_sealing(wafer_generation_keys(generation), FUZZ_NOW);

    must(key != NULL);
    return key;
}

/* Writes a token and returns its length. */
static size_t seal(const uint8_t *plain, size_t length, char token[WAFER_TOKEN_MAX])
{
    const struct wafer_generation *generation = wafer_keyring_take(ring, NULL);
    const struct wafer_key *key = only_key(generation);
    struct wafer_box box;

    memcpy(box.bytes + WAFER_BOX_TEXT, plain, length);
    must(wafer_seal_close(wafer_generation_subkeys(generation, key, binding)->cipher, key->id,
                          false, &box, length, token));
    wafer_keyring_give(ring, generation, NULL);
    return WAFER_BASE64_LENGTH(length + WAFER_SEAL_OVERHEAD);
}

static size_t unseal(const char *token, size_t length, uint8_t plain[WAFER_PLAIN_MAX])
{
    const struct wafer_generation *generation = wafer_keyring_take(ring, NULL);
    const struct wafer_key *key = only_key(generation);
    struct wafer_box raw;
    struct wafer_box box;
    size_t plain_length;

    must(wafer_seal_open(wafer_generation_subkeys(generation, key, binding)->cipher, token, length,
                         &raw, &box, &plain_length) == WAFER_SEAL_OK);
    memcpy(plain, box.bytes + WAFER_BOX_TEXT, plain_length);
    wafer_keyring_give(ring, generation, NULL);
    return plain_length;
}

/* Opens a token, which is gone afterwards. */
static wafer_verdict open_token(wafer_session *opened, const char *token, size_t length)
{
    char *copy = exact_copy(token, length);
    wafer_verdict verdict;

    must(wafer_begin(opened) == WAFER_OK);
    verdict = wafer_open_token(opened, copy, length);
    free(copy);
    return verdict;
}

/* ---- reading */

/* Every way to read it by name gives the same, and by another type nothing. */
static void check_gets(const wafer_session *opened, const wafer_variable *variable)
{
    int64_t integer = 0;
    bool boolean = false;
    size_t length = 0;
    const char *text = wafer_get_text(opened, variable->name, &length);
    const uint8_t *bytes = wafer_get_bytes(opened, variable->name, &length);

    must(wafer_get_integer(opened, variable->name, &integer) == (variable->type == WAFER_INTEGER));
    must(integer == variable->integer);
    must(wafer_get_boolean(opened, variable->name, &boolean) == (variable->type == WAFER_BOOLEAN));
    must(boolean == variable->boolean);
    must(text == (variable->type == WAFER_TEXT ? variable->data : NULL));
    must(bytes == (variable->type == WAFER_BYTES ? variable->data : NULL));
    must(length == variable->length);
}

static void check_variable(const wafer_session *opened, const wafer_variable *variable)
{
    must(variable->name_length > 0 && strlen(variable->name) == variable->name_length);
    must(variable->type >= WAFER_INTEGER && variable->type <= WAFER_BYTES);
    if (variable->data != NULL)
        must(((const char *)variable->data)[variable->length] == '\0');
    if (variable->type == WAFER_TEXT)
        must(strlen(variable->data) == variable->length);
    check_gets(opened, variable);
}

static bool is_before(const wafer_variable *left, const wafer_variable *right)
{
    if (left->name_length != right->name_length)
        return left->name_length < right->name_length;
    return memcmp(left->name, right->name, left->name_length) < 0;
}

static void read_all(const wafer_session *opened)
{
    wafer_variable last = {.name = ""};
    wafer_variable variable;
    size_t cursor = 0;

    for (size_t i = 0; wafer_next(opened, &cursor, &variable); i++) {
        must(i < WAFER_VARIABLES_MAX);
        must(is_before(&last, &variable));
        check_variable(opened, &variable);
        last = variable;
    }
}

static bool is_same(const wafer_variable *left, const wafer_variable *right)
{
    return strcmp(left->name, right->name) == 0 && left->type == right->type &&
           left->integer == right->integer && left->boolean == right->boolean &&
           left->length == right->length &&
           (left->length == 0 || memcmp(left->data, right->data, left->length) == 0);
}

static void check_same_variables(void)
{
    wafer_variable before;
    wafer_variable after;
    size_t at_before = 0;
    size_t at_after = 0;

    while (wafer_next(session, &at_before, &before)) {
        must(wafer_next(again, &at_after, &after));
        must(is_same(&before, &after));
    }
    must(!wafer_next(again, &at_after, &after));
}

/* ---- changing */

/* A variable that is there, or a name from the input. The name is gone with the next call. */
static const char *choose_name(struct fuzz_input *input)
{
    static char name[256];
    uint8_t choice = take_byte(input);
    wafer_variable variable;
    size_t cursor = choice >> 1;
    size_t length;

    if (choice & 1 && wafer_next(session, &cursor, &variable)) {
        memcpy(name, variable.name, variable.name_length + 1);
    } else {
        const uint8_t *bytes = take_bytes(input, 1 + (choice >> 5), &length);

        memcpy(name, bytes, length);
        name[length] = '\0';
    }
    return name;
}

static int64_t take_integer(struct fuzz_input *input)
{
    size_t width = take_byte(input) % 9;
    uint64_t integer = 0;

    for (size_t i = 0; i < width; i++)
        integer = integer << 8 | take_byte(input);
    return (int64_t)integer;
}

static wafer_result put_data(const char *name, struct fuzz_input *input, bool text)
{
    size_t length;
    const uint8_t *from = take_bytes(input, take_byte(input), &length);
    uint8_t *data = exact_copy(from, length);
    wafer_result result = text ? wafer_put_text_slice(session, name, (const char *)data, length)
                               : wafer_put_bytes(session, name, data, length);

    if (result == WAFER_OK) {
        size_t stored;
        const void *value = text ? (const void *)wafer_get_text(session, name, &stored)
                                 : (const void *)wafer_get_bytes(session, name, &stored);

        must(value != NULL && stored == length && memcmp(value, data, length) == 0);
    }
    free(data);
    return result;
}

/* Many at once, for the limits that lie beyond the first few. */
static wafer_result put_row(const char *name, uint8_t count)
{
    char numbered[16];
    wafer_result first = WAFER_OK;

    for (unsigned i = 0; i < count % (WAFER_VARIABLES_MAX + 2U); i++) {
        wafer_result result;

        snprintf(numbered, sizeof numbered, "%.1s%u", name, i);
        result = wafer_put_boolean(session, numbered, i & 1);
        if (first == WAFER_OK)
            first = result;
    }
    return first;
}

static void take_variable(const char *name)
{
    wafer_variable variable;
    wafer_variable gone;

    if (wafer_take(session, name, &variable)) {
        must(strcmp(variable.name, name) == 0);
        must(!wafer_take(session, name, &gone));
    }
}

/* Does one change and returns what became of it. */
static wafer_result change(struct fuzz_input *input)
{
    uint8_t what = take_byte(input);
    const char *name = choose_name(input);

    switch (what % 9) {
    case 0:
        return wafer_put_integer(session, name, take_integer(input));
    case 1:
        return wafer_put_boolean(session, name, take_byte(input) & 1);
    case 2:
    case 3:
        return put_data(name, input, true);
    case 4:
        return put_data(name, input, false);
    case 5:
        take_variable(name);
        return WAFER_OK;
    case 6:
        return wafer_clear(session);
    case 7:
        return put_row(name, take_byte(input));
    default:
        return wafer_remove(session, name);
    }
}

/* Does them all, up to a zero, and returns the first failure. */
static wafer_result change_all(struct fuzz_input *changes)
{
    wafer_result first = WAFER_OK;

    while (changes->left > 0 && *changes->at != 0) {
        wafer_result result = change(changes);

        if (first == WAFER_OK)
            first = result;
    }
    return first;
}

/* ---- the whole way */

/* Where the variables begin. */
static size_t map_at(const uint8_t *plain, size_t length)
{
    struct wafer_record ignored;
    size_t used;

    must(wafer_record_read(plain, length, &ignored, &used));
    return used;
}

/* Nothing was changed, so the map is the same to the byte, but for padding. */
static void check_same_map(const uint8_t *plain, size_t length, const char *token,
                           size_t token_length)
{
    uint8_t sealed[WAFER_PLAIN_MAX];
    size_t sealed_length = unseal(token, token_length, sealed);
    size_t from = map_at(plain, length);
    size_t sealed_from = map_at(sealed, sealed_length);
    size_t size = sealed_length - sealed_from;

    must(size <= length - from);
    must(memcmp(plain + from, sealed + sealed_from, size) == 0);
    for (size_t i = from + size; i < length; i++)
        must(plain[i] == 0);
}

/* Seals what is in the session after changes of which the first failure is this. */
static bool seal_session(wafer_result failure, const char **token, size_t *length)
{
    size_t line_size;
    size_t limit;

    must(wafer_line_size(session, &line_size, &limit));
    if (failure == WAFER_OK && line_size > limit)
        failure = WAFER_TOO_LARGE;
    must(wafer_seal(session, token, length) == failure);
    return failure == WAFER_OK;
}

static void check_valid(const uint8_t *plain, size_t length, struct fuzz_input *changes)
{
    bool unchanged = changes->left == 0 || *changes->at == 0;
    wafer_result failure;
    const char *token;
    size_t token_length;

    read_all(session);
    failure = change_all(changes);
    read_all(session);
    if (!seal_session(failure, &token, &token_length))
        return;
    if (unchanged)
        check_same_map(plain, length, token, token_length);
    must(open_token(again, token, token_length) == WAFER_VALID);
    check_same_variables();
    wafer_end(again);
}

/* ---- the plaintext */

static struct fuzz_input take_changes(struct fuzz_input *input)
{
    struct fuzz_input changes;

    changes.at = take_bytes(input, 4U * take_byte(input), &changes.left);
    return changes;
}

/* Behind the `length` bytes that are there; returns the length then, or 0 when it is too much. */
static size_t append_input(const struct fuzz_input *input, uint8_t plain[WAFER_PLAIN_MAX],
                           size_t length)
{
    if (input->left == 0 || input->left > WAFER_PLAIN_MAX - length)
        return 0;
    memcpy(plain + length, input->at, input->left);
    return length + input->left;
}

/* Flips a bit or inserts a byte; returns the length then. */
static size_t edit(struct fuzz_input *input, uint8_t plain[WAFER_PLAIN_MAX], size_t length)
{
    size_t place = take_byte(input);
    uint8_t what = take_byte(input); /* four bits of place, insert or flip, which bit */

    place = (place | (size_t)(what >> 4) << 8) % length;
    if ((what & 8) == 0) {
        plain[place] ^= (uint8_t)(1U << (what & 7));
    } else if (length < WAFER_PLAIN_MAX) {
        memmove(plain + place + 1, plain + place, length - place);
        plain[place] = take_byte(input);
        length++;
    }
    return length;
}

/* What a session would seal, then edits. */
static size_t build(struct fuzz_input *input, uint8_t plain[WAFER_PLAIN_MAX])
{
    struct fuzz_input changes = take_changes(input);
    const char *token;
    size_t length;

    must(wafer_begin(session) == WAFER_OK && wafer_open(session) == WAFER_NONE);
    if (!seal_session(change_all(&changes), &token, &length))
        return 0;
    length = unseal(token, length, plain);
    while (input->left > 0)
        length = edit(input, plain, length);
    return length;
}

static size_t make_plain(enum how how, struct fuzz_input *input, uint8_t plain[WAFER_PLAIN_MAX])
{
    if (how == BUILT)
        return build(input, plain);
    if (how == WHOLE)
        return append_input(input, plain, 0);
    memcpy(plain, record, record_length);
    return append_input(input, plain, record_length);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    enum how how = take_byte(&input) % HOW_MANY;
    struct fuzz_input changes = take_changes(&input);
    uint8_t plain[WAFER_PLAIN_MAX];
    char token[WAFER_TOKEN_MAX];
    size_t length = make_plain(how, &input, plain);

    if (length == 0)
        return 0;
    if (open_token(session, token, seal(plain, length, token)) == WAFER_VALID)
        check_valid(plain, length, &changes);
    else
        must(wafer_owed(session) == 0);
    wafer_end(session);
    return 0;
}
