/* Whole lives of sessions: calls that the bytes choose, in any order, by two requests at a time and
 * three browsers, while the clock goes on or fails and keys change. What must hold: a call out of
 * order is MISUSE, a frozen session sends nothing, finish is repeatable, nothing that goes out has
 * a control byte, what comes back is what went out, and what was logged out is never valid again.
 *
 *     input   calls: which request (1 bit) and what, then what the call takes */
#include "life.h"

#include <stdio.h>

struct life life;

static wafer_keyring *ring;
static bool keys_changed = true;
static char key_lines[2][WAFER_KEYS_LINE_MAX]; /* the second one seals later */

static int64_t clock_by_hand(void *context)
{
    (void)context;
    return life.clock_fails ? -1 : life.now_ms;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
    (void)argc;
    (void)argv;
    ring = fuzz_keyring();
    for (unsigned i = 0; i < 2; i++) {
        struct wafer_key key = {.seals_from_ms = i * 1000, .opens_until_ms = WAFER_KEY_NEVER};

        memset(key.secret, 'K' + (int)i, sizeof key.secret);
        wafer_key_id(key.secret, key.id);
        wafer_key_format(&key, key_lines[i]);
    }
    return 0;
}

/* ---- calls: the world around the requests */

static void pass_time(struct request *request, struct fuzz_input *input)
{
    static const int64_t steps_ms[] = {1,
                                       1000,
                                       30000,
                                       WAFER_MINUTE_MS,
                                       4 * WAFER_MINUTE_MS,
                                       30 * WAFER_MINUTE_MS,
                                       12 * WAFER_HOUR_MS,
                                       WAFER_DAY_MS};

    (void)request;
    life.now_ms += steps_ms[take_byte(input) % (sizeof steps_ms / sizeof *steps_ms)];
}

static void break_clock(struct request *request, struct fuzz_input *input)
{
    (void)request;
    life.clock_fails = take_byte(input) & 1;
}

static void use_list(struct request *request, struct fuzz_input *input)
{
    uint8_t choice = take_byte(input);
    wafer_result result = WAFER_OK;
    uint8_t id[WAFER_ID_SIZE];
    size_t dropped;

    if (choice % 4 == 0)
        result = wafer_revocations_purge(life.list, &dropped);
    else if (choice % 4 == 1)
        result = wafer_revoke_everyone(life.list);
    else if (choice % 4 == 2)
        result = wafer_revoke_subject(life.list, "", "a", 1);
    else if (life_signed_in(request, id))
        result = wafer_revoke_session(life.list, id);
    if (choice % 4 == 3 && life_signed_in(request, id) && result == WAFER_OK)
        life_remember_gone(id);
    must(result != WAFER_MISUSE && result != WAFER_INVALID);
}

/* The first key, the second, or both, of which the second one seals. */
static void change_keys(struct request *request, struct fuzz_input *input)
{
    unsigned choice = take_byte(input) % 3;
    char text[2 * WAFER_KEYS_LINE_MAX];

    (void)request;
    (void)snprintf(text, sizeof text, "%s%s", choice != 1 ? key_lines[0] : "",
                   choice != 0 ? key_lines[1] : "");
    must(wafer_keyring_replace(ring, text, strlen(text), NULL) == WAFER_OK);
    keys_changed = true;
}

static void share_cookie(struct request *request, struct fuzz_input *input)
{
    struct browser *from = choose_browser(input);
    struct browser *to = choose_browser(input);

    for (size_t i = 0; i < REQUESTS; i++)
        if (life.requests[i].only == to)
            life.requests[i].only = NULL;
    (void)request;
    if (from != to)
        *to = *from;
}

static life_call *const calls[] = {
    life_begin,      life_add_cookie,    life_open,        life_finish,
    life_put_visits, life_put_long_text, life_take_away,   life_login,
    life_log_out,    life_renew,         life_set_times,   life_use_csrf_token,
    life_ask_again,  pass_time,          break_clock,      use_list,
    change_keys,     share_cookie,       life_lose_fields, life_open_token,
    life_seal,       life_end,
};

/* ---- one life */

static void live(struct fuzz_input *input)
{
    while (input->left > 0) {
        uint8_t what = take_byte(input);

        calls[(what & 0x7F) % (sizeof calls / sizeof *calls)](&life.requests[what >> 7], input);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input input = {data, size};
    wafer_settings settings;
    wafer_manager *manager;

    life.now_ms = FUZZ_NOW;
    life.clock_fails = false;
    life_forget_gone();
    memset(life.browsers, 0, sizeof life.browsers);
    if (keys_changed)
        must(wafer_keyring_replace(ring, key_lines[0], strlen(key_lines[0]), NULL) == WAFER_OK);
    keys_changed = false;
    settings = fuzz_settings_at(ring, clock_by_hand);
    life.list = settings.revocations;
    must(wafer_manager_new(&settings, &manager, NULL) == WAFER_OK);
    for (size_t i = 0; i < REQUESTS; i++) {
        life.requests[i] = (struct request){.phase = ENDED};
        must(wafer_session_new(manager, &life.requests[i].session) == WAFER_OK);
    }
    live(&input);
    for (size_t i = 0; i < REQUESTS; i++)
        wafer_session_free(life.requests[i].session);
    wafer_manager_free(manager);
    wafer_revocations_free(life.list);
    return 0;
}
