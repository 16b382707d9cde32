/* Seals and opens for another implementation, a line of fields each as in ../vectors/README.md:
 *
 *     seal KEY-LINE NAME CONTEXT NOW SKEW IDLE ABSOLUTE SUBJECT VARIABLES
 *     open KEY-LINE NAME CONTEXT NOW SKEW IDLE ABSOLUTE TOKEN CSRF-TOKEN
 *
 * separated by tabs. It answers, with a line each:
 *
 *     TOKEN ID EXPIRES CSRF-TOKEN
 *     VERDICT ID EXPIRES IDLE-AT SUBJECT VARIABLES CSRF
 *
 * EXPIRES and IDLE-AT are times; CSRF is 1 when the token was good, else 0. Of a session that is
 * not valid there is the verdict only. Exit status 1, with the line's number, for a line that it
 * cannot read or that the library refuses. */
#include "../notation.h"

enum { COMMAND, SHOP, FIRST = SHOP + SHOP_FIELDS, SECOND, FIELDS };

static bool write_id(wafer_session *session)
{
    uint8_t id[WAFER_ID_SIZE];
    int64_t expires_ms;

    if (!wafer_id(session, id) || !wafer_expires_at(session, &expires_ms))
        return false;
    notation_write_hex(stdout, id, sizeof id);
    printf("\t%lld\t", (long long)expires_ms);
    return true;
}

static bool seal(wafer_session *session, char *const *field)
{
    char csrf[WAFER_CSRF_LENGTH + 1];
    uint8_t subject[NOTATION_BYTES_MAX + 1];
    size_t subject_length;
    const char *token;
    size_t length;

    if (wafer_open(session) != WAFER_NONE ||
        !notation_read_bytes(field[FIRST], subject, &subject_length) ||
        (subject_length > 0 &&
         wafer_login(session, (char *)subject, subject_length, NULL, 0) != WAFER_OK) ||
        !notation_put_variables(session, field[SECOND]) ||
        wafer_csrf_token(session, csrf) != WAFER_OK ||
        wafer_seal(session, &token, &length) != WAFER_OK)
        return false;
    printf("%s\t", token);
    if (!write_id(session))
        return false;
    printf("%s\n", csrf);
    return true;
}

static bool open_token(wafer_session *session, char *const *field)
{
    wafer_verdict verdict = wafer_open_token(session, field[FIRST], strlen(field[FIRST]));
    const char *subject;
    size_t length = 0;
    int64_t idle_ms;

    fputs(wafer_verdict_text(verdict), stdout);
    if (verdict == WAFER_VALID) {
        putchar('\t');
        if (!write_id(session) || !wafer_idle_at(session, &idle_ms))
            return false;
        printf("%lld\t", (long long)idle_ms);
        subject = wafer_subject(session, &length);
        notation_write_bytes(stdout, subject, length);
        putchar('\t');
        notation_write_variables(stdout, session);
        printf("\t%d", wafer_csrf_check(session, field[SECOND], strlen(field[SECOND])));
    }
    putchar('\n');
    return true;
}

static bool answer(char *line)
{
    char *field[FIELDS];
    struct shop shop = {0};
    bool done = notation_split(line, field, FIELDS) == FIELDS && shop_open(&shop, field + SHOP);

    if (done && strcmp(field[COMMAND], "seal") == 0)
        done = seal(shop.session, field);
    else
        done = done && strcmp(field[COMMAND], "open") == 0 && open_token(shop.session, field);
    shop_close(&shop);
    return done;
}

int main(void)
{
    char *line = NULL;
    size_t room = 0;
    unsigned number = 0;
    int status = 0;

    while (status == 0 && getline(&line, &room, stdin) >= 0) {
        number++;
        if (!answer(line)) {
            fprintf(stderr, "exchange: line %u cannot be read or was refused\n", number);
            status = 1;
        }
    }
    free(line);
    return status;
}
