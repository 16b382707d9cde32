/* What anybody can see of a token. */
#include "error.h"
#include "seal.h"

#include <string.h>

static bool is_base64url(char character)
{
    return (character >= 'A' && character <= 'Z') || (character >= 'a' && character <= 'z') ||
           (character >= '0' && character <= '9') || character == '-' || character == '_';
}

static wafer_result refuse_text(const char *token, size_t length, wafer_error *error)
{
    size_t at = 0;

    while (at < length && is_base64url(token[at]))
        at++;
    if (at < length) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "character %zu of %zu is none of base64url's, A-Z a-z 0-9 - _", at + 1,
                          length);
    }
    return wafer_fail(error, WAFER_INVALID, 0, 0,
                      "the %zu characters are base64url, but end as no token does: was it cut?",
                      length);
}

wafer_result wafer_token_look(const char *token, size_t length, wafer_token_facts *facts,
                              wafer_error *error)
{
    uint8_t raw[WAFER_RAW_MAX];

    if (facts == NULL || token == NULL)
        return wafer_fail(error, WAFER_MISUSE, 0, 0, "token or facts is NULL");
    memset(facts, 0, sizeof *facts);
    if (length > WAFER_TOKEN_MAX) {
        return wafer_fail(error, WAFER_TOO_LARGE, 0, 0,
                          "%zu characters are more than the %d of the longest token", length,
                          WAFER_TOKEN_MAX);
    }
    if (length < WAFER_TOKEN_LENGTH(0)) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "%zu characters are fewer than the %d of the shortest token", length,
                          WAFER_TOKEN_LENGTH(0));
    }
    if (!wafer_base64_decode(token, length, raw))
        return refuse_text(token, length, error);
    facts->version = raw[0];
    if (facts->version != WAFER_FORMAT) {
        return wafer_fail(error, WAFER_INVALID, 0, 0,
                          "it is of version %u, and this library reads version %d", facts->version,
                          WAFER_FORMAT);
    }
    memcpy(facts->key_id, raw + 1, WAFER_KEY_ID_SIZE);
    facts->raw_size = WAFER_BASE64_BYTES(length);
    facts->plain_size = facts->raw_size - WAFER_SEAL_OVERHEAD;
    return WAFER_OK;
}
