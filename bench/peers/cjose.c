/* An encrypted token (JWE, RFC 7516) from libcjose: direct encryption under one key, A256GCM, with
 * the variables and the expiry as JSON from jansson. */
#include "peer.h"

#include <cjose/cjose.h>
#include <jansson.h>

static cjose_jwk_t *key;
static cjose_header_t *header;
static json_t *opened;

static size_t seal(const struct variables *variables, char cookie[PEER_COOKIE_MAX])
{
    json_t *object = json_pack("{s:I, s:I, s:s%, s:s%, s:s%}", "exp",
                               (json_int_t)(time(NULL) + PEER_LIFETIME_S), "user_id",
                               (json_int_t)variables->user_id, "name", variables->name.data,
                               variables->name.length, "role", variables->role.data,
                               variables->role.length, "csrf", variables->csrf.data,
                               variables->csrf.length);
    const struct slice note = variables->note;
    cjose_err error = {0};
    cjose_jwe_t *token = NULL;
    char *compact = NULL;
    char *text = NULL;
    size_t length = 0;

    if (note.length > 0)
        json_object_set_new(object, "note", json_stringn(note.data, note.length));
    text = json_dumps(object, JSON_COMPACT);
    if (text != NULL)
        token = cjose_jwe_encrypt(key, header, (const uint8_t *)text, strlen(text), &error);
    if (token != NULL)
        compact = cjose_jwe_export(token, &error);
    if (compact != NULL && strlen(compact) < PEER_COOKIE_MAX) {
        length = strlen(compact);
        memcpy(cookie, compact, length);
    }
    cjose_get_dealloc()(compact);
    cjose_jwe_release(token);
    free(text);
    json_decref(object);
    return length;
}

static struct slice text_of(const char *name)
{
    const json_t *value = json_object_get(opened, name);

    return (struct slice){json_string_value(value), json_string_length(value)};
}

static bool open(const char *cookie, size_t length, struct variables *found)
{
    cjose_err error = {0};
    cjose_jwe_t *token = cjose_jwe_import(cookie, length, &error);
    uint8_t *plain = NULL;
    size_t plain_length = 0;

    json_decref(opened);
    opened = NULL;
    if (token != NULL)
        plain = cjose_jwe_decrypt(token, key, &plain_length, &error);
    if (plain != NULL)
        opened = json_loadb((const char *)plain, plain_length, 0, NULL);
    cjose_get_dealloc()(plain);
    cjose_jwe_release(token);
    if (opened == NULL || json_integer_value(json_object_get(opened, "exp")) <= time(NULL))
        return false;
    found->user_id = json_integer_value(json_object_get(opened, "user_id"));
    found->name = text_of("name");
    found->role = text_of("role");
    found->csrf = text_of("csrf");
    found->note = text_of("note");
    return true;
}

int main(int argc, char **argv)
{
    struct peer peer = {.name = "libcjose", .seal = seal, .open = open};
    cjose_err error = {0};
    uint8_t bytes[32];

    peer.version = cjose_version();
    randombytes_buf(bytes, sizeof bytes);
    key = cjose_jwk_create_oct_spec(bytes, sizeof bytes, &error);
    header = cjose_header_new(&error);
    bench_require(key != NULL && header != NULL &&
                      cjose_header_set(header, CJOSE_HDR_ALG, CJOSE_HDR_ALG_DIR, &error) &&
                      cjose_header_set(header, CJOSE_HDR_ENC, CJOSE_HDR_ENC_A256GCM, &error),
                  "libcjose cannot be set up");
    return peer_main(&peer, argc, argv);
}
