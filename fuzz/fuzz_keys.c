/* Any text as a key file: it is refused with a sentence that gives no key away, or its keys are the
 * same when they are written and read again, and rotating and retiring leave a file that is good.
 *
 *     input   TEXT | in a file or not | text
 *     input   KEYS | in a file or not | number | keys, four bytes each | edits, four bytes each
 *
 * A key is a byte of its secret and three times; an edit what, place (2), character. */
#include "folder.h"

enum how { TEXT, KEYS, HOW_MANY };

#define TEXT_ROOM (WAFER_KEYFILE_MAX + 2)
#define HEX_RUN   12 /* so many hex digits in a row are no time and no number of a line */

static const int64_t times_ms[] = {0,
                                   FUZZ_NOW - WAFER_DAY_MS,
                                   FUZZ_NOW - 1000,
                                   FUZZ_NOW,
                                   FUZZ_NOW + 1000,
                                   FUZZ_NOW + WAFER_DAY_MS,
                                   INT64_C(253402300799000),
                                   WAFER_KEY_NEVER};

static char path[96];
static wafer_keyring_settings of_memory = WAFER_KEYRING_SETTINGS_INIT;
static wafer_keys_settings rotation = WAFER_KEYS_SETTINGS_INIT;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    must(sodium_init() >= 0);
    fuzz_folder_make("keys", path);
    of_memory.clock = rotation.clock = fuzz_clock;
    return 0;
}

/* ---- the text */

static int64_t take_time(struct fuzz_input *input, size_t count)
{
    return times_ms[take_byte(input) % count];
}

static size_t append_key(struct fuzz_input *input, char *text)
{
    struct wafer_key key;
    char line[WAFER_KEYS_LINE_MAX];
    size_t all = sizeof times_ms / sizeof *times_ms;

    memset(key.secret, take_byte(input), sizeof key.secret);
    wafer_key_id(key.secret, key.id);
    key.created_ms = take_time(input, all - 1);
    key.seals_from_ms = take_time(input, all - 1);
    key.opens_until_ms = take_time(input, all);
    wafer_key_format(&key, line);
    memcpy(text, line, strlen(line));
    return strlen(line);
}

/* Changes, inserts or removes a character, or repeats what is in front of it. */
static size_t edit(struct fuzz_input *input, char *text, size_t length)
{
    uint8_t what = take_byte(input);
    size_t place = take_byte(input);
    uint8_t character;

    place = (place | (size_t)take_byte(input) << 8) % (length + 1);
    character = take_byte(input);
    if (what % 4 == 0 && 2 * length < TEXT_ROOM) {
        memmove(text + length, text, place);
        length += place;
    } else if (what % 4 == 1 && length < TEXT_ROOM) {
        memmove(text + place + 1, text + place, length++ - place);
        text[place] = (char)character;
    } else if (what % 4 == 2 && place < length) {
        memmove(text + place, text + place + 1, --length - place);
    } else if (what % 4 == 3 && place < length) {
        text[place] = (char)character;
    }
    return length;
}

static size_t make_text(enum how how, struct fuzz_input *input, char text[TEXT_ROOM])
{
    size_t length = 0;

    if (how == TEXT) {
        const uint8_t *bytes = take_bytes(input, TEXT_ROOM, &length);

        if (length > 0)
            memcpy(text, bytes, length);
        return length;
    }
    for (unsigned left = take_byte(input) % (WAFER_KEYS_MAX + 2U); left > 0; left--)
        length += append_key(input, text + length);
    while (input->left > 0)
        length = edit(input, text, length);
    return length;
}

/* ---- what came of it */

static void check_sentence(const wafer_error *error, wafer_result result)
{
    size_t run = 0;

    must(error->result == result);
    must(is_clean(error->text, strlen(error->text)));
    for (const char *at = error->text; *at != '\0'; at++) {
        run = strchr("0123456789abcdefABCDEF", *at) != NULL ? run + 1 : 0;
        must(run < HEX_RUN);
    }
}

static wafer_result parse(const char *text, size_t length, struct wafer_keys *keys)
{
    char *copy = exact_copy(text, length);
    wafer_error error = {.text = ""};
    wafer_result result = wafer_keys_parse(copy, length, FUZZ_NOW, keys, &error);

    check_sentence(&error, result);
    must(result == WAFER_OK || (error.text[0] != '\0' && keys->count == 0));
    must(result != WAFER_OK || wafer_keys_sealing(keys, FUZZ_NOW) != NULL);
    free(copy);
    return result;
}

static void check_same(const struct wafer_key *left, const struct wafer_key *right)
{
    must(memcmp(left->secret, right->secret, sizeof left->secret) == 0);
    must(memcmp(left->id, right->id, sizeof left->id) == 0);
    must(left->created_ms == right->created_ms);
    must(left->seals_from_ms == right->seals_from_ms);
    must(left->opens_until_ms == right->opens_until_ms);
}

static void check_written_again(const struct wafer_keys *keys)
{
    static struct wafer_keys again;
    char text[WAFER_KEYS_MAX * WAFER_KEYS_LINE_MAX];
    size_t length = 0;

    for (size_t i = 0; i < keys->count; i++) {
        wafer_key_format(&keys->key[i], text + length);
        length += strlen(text + length);
    }
    must(parse(text, length, &again) == WAFER_OK);
    must(again.count == keys->count);
    for (size_t i = 0; i < keys->count; i++)
        check_same(&again.key[i], &keys->key[i]);
}

static void check_ring(const wafer_keyring_settings *settings, wafer_result expected)
{
    wafer_error error = {.text = ""};
    wafer_keyring *ring;

    must(wafer_keyring_new(settings, &ring, &error) == expected);
    check_sentence(&error, expected);
    if (expected == WAFER_OK && settings->path != NULL)
        must(wafer_keyring_reload(ring, NULL) == WAFER_OK);
    wafer_keyring_free(ring);
}

/* One key seals at a time, and no other goes with the one that is retired. */
static void check_retiring(const wafer_keyring_settings *settings)
{
    wafer_key_status before[WAFER_KEYS_MAX], after[WAFER_KEYS_MAX];
    wafer_error error = {.text = ""};
    size_t count, left;
    size_t sealing = 0;
    wafer_result result;

    must(wafer_keys_list(path, &rotation, before, &count, NULL) == WAFER_OK);
    for (size_t i = 0; i < count; i++)
        sealing += before[i].state == WAFER_KEY_SEALS;
    must(sealing == 1);
    result = wafer_keys_retire(path, before[count - 1].id, &rotation, &error);
    must(result == WAFER_OK || result == WAFER_INVALID);
    must(result == WAFER_OK || before[count - 1].state == WAFER_KEY_SEALS);
    check_sentence(&error, result);
    check_ring(settings, WAFER_OK);
    must(wafer_keys_list(path, &rotation, after, &left, NULL) == WAFER_OK);
    must(left == count - (result == WAFER_OK ? 1 : 0));
    for (size_t i = 0; i < left; i++)
        must(memcmp(after[i].id, before[i].id, WAFER_KEY_ID_SIZE) == 0);
}

static void check_file(const char *text, size_t length, wafer_result expected)
{
    wafer_keyring_settings settings = of_memory;
    wafer_error error = {.text = ""};
    wafer_result result;

    write_file(path, text, length);
    settings.path = path;
    check_ring(&settings, expected);
    result = wafer_keys_check(path, &rotation, &error);
    must(result == expected || expected == WAFER_OK);
    check_sentence(&error, result);
    if (expected != WAFER_OK)
        return;
    result = wafer_keys_rotate(path, &rotation, NULL);
    must(result == WAFER_OK || result == WAFER_TOO_LARGE || result == WAFER_INVALID);
    check_ring(&settings, WAFER_OK);
    check_retiring(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct wafer_keys keys;
    static char text[TEXT_ROOM];
    struct fuzz_input input = {data, size};
    enum how how = take_byte(&input) % HOW_MANY;
    bool in_file = take_byte(&input) & 1;
    wafer_keyring_settings settings = of_memory;
    wafer_result result;

    settings.text = text;
    settings.text_length = make_text(how, &input, text);
    result = parse(text, settings.text_length, &keys);
    if (result == WAFER_OK)
        check_written_again(&keys);
    check_ring(&settings, result);
    if (in_file)
        check_file(text, settings.text_length, result);
    return 0;
}
