/* Any text as a token: nothing but what was sealed here is ever valid, and what looks like one is
 * the only text of its bytes.
 *
 *     input   which | edits of a sealed token, four bytes each: what, place (2), character
 *     input   which | the text itself
 */
#include "world.h"

#include "seal.h"

#define SUBJECT "anna"

/* What text the edits begin with. The last two are of another make: never valid. */
enum which { TEXT, ANONYMOUS, SIGNED_IN, OTHER_NAME, OTHER_CONTEXT, WHICH_MANY };

struct token {
    char text[WAFER_TOKEN_MAX + 1];
    size_t length;
};

static struct token sealed[WHICH_MANY];
static wafer_session *session;

static void seal_as(enum which which, const wafer_settings *settings, bool signed_in)
{
    wafer_manager *manager;
    wafer_session *sealing;
    const char *text;

    must(wafer_manager_new(settings, &manager, NULL) == WAFER_OK);
    must(wafer_session_new(manager, &sealing) == WAFER_OK);
    must(wafer_begin(sealing) == WAFER_OK && wafer_open(sealing) == WAFER_NONE);
    if (signed_in)
        must(wafer_login(sealing, SUBJECT, strlen(SUBJECT), NULL, 0) == WAFER_OK);
    must(wafer_put_text(sealing, "cart", "pears") == WAFER_OK);
    must(wafer_seal(sealing, &text, &sealed[which].length) == WAFER_OK);
    must(sealed[which].length < sizeof sealed[which].text);
    memcpy(sealed[which].text, text, sealed[which].length + 1);
    wafer_session_free(sealing);
    wafer_manager_free(manager);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    wafer_settings settings = fuzz_settings(fuzz_keyring());

    (void)argc;
    (void)argv;
    session = fuzz_session(&settings);
    seal_as(ANONYMOUS, &settings, false);
    seal_as(SIGNED_IN, &settings, true);
    settings.context = "other";
    seal_as(OTHER_CONTEXT, &settings, true);
    settings.context = "";
    settings.name = "other";
    seal_as(OTHER_NAME, &settings, true);
    return 0;
}

/* ---- the text */

/* Changes, inserts or removes a character, or cuts the text off. */
static void edit(struct token *token, struct fuzz_input *input)
{
    uint8_t what = take_byte(input);
    size_t place = take_byte(input);
    uint8_t character;
    char *at;

    place = (place | (size_t)take_byte(input) << 8) % (token->length + 1);
    character = take_byte(input);
    at = token->text + place;
    if (what % 4 == 0) {
        token->length = place;
    } else if (what % 4 == 1 && token->length < WAFER_TOKEN_MAX) {
        memmove(at + 1, at, token->length++ - place);
        *at = (char)character;
    } else if (what % 4 == 2 && place < token->length) {
        memmove(at, at + 1, --token->length - place);
    } else if (what % 4 == 3 && place < token->length) {
        *at = (char)character;
    }
}

static char *make_text(enum which which, struct fuzz_input *input, size_t *length)
{
    struct token token = sealed[which];

    if (which == TEXT) {
        *length = input->left;
        return exact_copy(input->at, input->left);
    }
    while (input->left > 0)
        edit(&token, input);
    *length = token.length;
    return exact_copy(token.text, token.length);
}

static bool is_as_sealed(enum which which, const char *text, size_t length)
{
    return length == sealed[which].length && memcmp(text, sealed[which].text, length) == 0;
}

/* ---- what came of it */

static void check_refused(void)
{
    wafer_variable variable;
    size_t cursor = 0;

    must(wafer_subject(session, NULL) == NULL);
    must(!wafer_next(session, &cursor, &variable));
    must(wafer_owed(session) == 0);
}

static void check_look(const char *text, size_t length, wafer_verdict verdict)
{
    char again[WAFER_TOKEN_MAX];
    uint8_t raw[WAFER_RAW_MAX];
    wafer_token_facts facts;
    wafer_error error = {.text = ""};

    if (wafer_token_look(text, length, &facts, &error) != WAFER_OK) {
        must(verdict != WAFER_VALID);
        must(error.text[0] != '\0' && is_clean(error.text, strlen(error.text)));
        return;
    }
    must(facts.version == WAFER_FORMAT);
    must(facts.raw_size == facts.plain_size + WAFER_SEAL_OVERHEAD);
    must(WAFER_BASE64_LENGTH(facts.raw_size) == length);
    must(wafer_base64_decode(text, length, raw));
    wafer_base64_encode(raw, facts.raw_size, again);
    must(memcmp(text, again, length) == 0);
}

static void check_opened(bool signed_in)
{
    const char *subject = wafer_subject(session, NULL);
    const char *cart = wafer_get_text(session, "cart", NULL);

    must(signed_in ? subject != NULL && strcmp(subject, SUBJECT) == 0 : subject == NULL);
    must(cart != NULL && strcmp(cart, "pears") == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    enum which which = take_byte(&input) % WHICH_MANY;
    size_t length;
    char *text = make_text(which, &input, &length);
    bool anonymous = is_as_sealed(ANONYMOUS, text, length);
    bool signed_in = is_as_sealed(SIGNED_IN, text, length);
    const char *explanation;
    wafer_verdict verdict;

    must(wafer_begin(session) == WAFER_OK);
    verdict = wafer_open_token(session, text, length);
    check_look(text, length, verdict);
    free(text);
    must(verdict == (anonymous || signed_in ? WAFER_VALID : WAFER_REJECTED));
    if (verdict == WAFER_VALID)
        check_opened(signed_in);
    else
        check_refused();
    explanation = wafer_explain(session);
    must(is_clean(explanation, strlen(explanation)));
    wafer_end(session);
    return 0;
}
