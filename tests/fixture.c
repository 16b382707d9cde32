#include "fixture.h"

#include "keyfile.h"

#include <stdlib.h>
#include <string.h>

int64_t world_clock(void *world)
{
    return ((struct world *)world)->now_ms;
}

wafer_settings world_settings(struct world *world)
{
    wafer_settings settings = WAFER_SETTINGS_INIT;

    settings.keyring = world->ring;
    settings.revocations = world->list;
    settings.clock = world_clock;
    settings.clock_context = world;
    return settings;
}

wafer_revocations_settings world_list_settings(struct world *world)
{
    wafer_revocations_settings settings = WAFER_REVOCATIONS_SETTINGS_INIT;

    settings.on_start = WAFER_START_FORGETS;
    settings.capacity = 1000;
    settings.clock = world_clock;
    settings.clock_context = world;
    return settings;
}

void world_manage(struct world *world, const wafer_settings *settings)
{
    wafer_error error = {.text = "no error"};

    wafer_session_free(world->session);
    wafer_manager_free(world->manager);
    if (wafer_manager_new(settings, &world->manager, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    assert_int_equal(wafer_session_new(world->manager, &world->session), WAFER_OK);
}

void world_list(struct world *world, const wafer_revocations_settings *settings)
{
    wafer_error error = {.text = "no error"};
    wafer_settings manager;

    wafer_session_free(world->session);
    wafer_manager_free(world->manager);
    world->session = NULL;
    world->manager = NULL;
    wafer_revocations_free(world->list);
    if (wafer_revocations_new(settings, &world->list, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    manager = world_settings(world);
    world_manage(world, &manager);
}

bool session_holds(const struct world *world, const char *text)
{
    const char *bytes = (const char *)world->session;
    size_t length = strlen(text);

    for (size_t i = 0; i + length <= wafer_session_size(); i++)
        if (memcmp(bytes + i, text, length) == 0)
            return true;
    return false;
}

void key_line(char line[WAFER_KEYS_LINE_MAX], int64_t from_ms, int64_t until_ms)
{
    struct wafer_key key = {.line = 0};

    assert_true(wafer_key_generate(&key, from_ms, from_ms, until_ms));
    wafer_key_format(&key, line);
}

int world_open(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    wafer_keyring_settings ring = WAFER_KEYRING_SETTINGS_INIT;
    wafer_revocations_settings list;
    char line[WAFER_KEYS_LINE_MAX];
    wafer_error error = {.text = "no error"};

    assert_non_null(world);
    world->now_ms = NOON;
    key_line(line, NOON - HOUR, WAFER_KEY_NEVER);
    ring.text = line;
    ring.text_length = strlen(line);
    ring.clock = world_clock;
    ring.clock_context = world;
    if (wafer_keyring_new(&ring, &world->ring, &error) != WAFER_OK)
        fail_msg("%s", error.text);
    list = world_list_settings(world);
    world_list(world, &list);
    *state = world;
    return 0;
}

int world_close(void **state)
{
    struct world *world = *state;

    wafer_session_free(world->session);
    wafer_manager_free(world->manager);
    wafer_revocations_free(world->list);
    wafer_keyring_free(world->ring);
    free(world);
    return 0;
}

wafer_verdict arrive_at(wafer_session *session, const struct browser *browser)
{
    size_t length = strlen(browser->cookie);
    char *sent;
    wafer_verdict verdict;

    assert_int_equal(wafer_begin(session), WAFER_OK);
    sent = (char *)guarded_copy(browser->cookie, length);
    if (length > 0)
        assert_int_equal(wafer_field(session, sent, length), WAFER_OK);
    verdict = wafer_open(session);
    guarded_free(sent, length); /* the session may not look at it any more */
    return verdict;
}

static void keep_cookie(struct browser *browser, const char *line)
{
    size_t pair = strcspn(line, ";");

    assert_true(strlen(line) < sizeof browser->line && pair < sizeof browser->cookie);
    memcpy(browser->line, line, strlen(line) + 1);
    memcpy(browser->cookie, line, pair);
    browser->cookie[pair] = '\0';
    if (strstr(line, "; Max-Age=0") != NULL)
        browser->cookie[0] = '\0';
}

wafer_result leave_from(wafer_session *session, struct browser *browser)
{
    const wafer_header *headers;
    size_t count;
    wafer_result result = wafer_finish(session, &headers, &count);
    unsigned cookies = 0;

    browser->line[0] = '\0';
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(strlen(headers[i].name), headers[i].name_length);
        assert_int_equal(strlen(headers[i].value), headers[i].value_length);
        if (strcmp(headers[i].name, "Set-Cookie") == 0) {
            keep_cookie(browser, headers[i].value);
            cookies++;
        }
    }
    assert_true(cookies <= 1);
    wafer_end(session);
    return result;
}

wafer_verdict arrive(struct world *world, const struct browser *browser)
{
    return arrive_at(world->session, browser);
}

wafer_result leave(struct world *world, struct browser *browser)
{
    world->owed = wafer_owed(world->session);
    return leave_from(world->session, browser);
}

void sign_in(struct world *world, struct browser *browser, const char *subject)
{
    (void)!arrive(world, browser);
    assert_int_equal(wafer_login(world->session, subject, strlen(subject), NULL, 0), WAFER_OK);
    assert_int_equal(leave(world, browser), WAFER_OK);
}

wafer_verdict look(struct world *world, struct browser *browser)
{
    wafer_verdict verdict = arrive(world, browser);

    assert_int_equal(leave(world, browser), WAFER_OK);
    return verdict;
}

const char *token_of(const struct browser *browser)
{
    const char *equals = strchr(browser->cookie, '=');

    assert_non_null(equals);
    return equals + 1;
}

struct browser forge(const struct browser *browser)
{
    struct browser forged = *browser;

    forged.cookie[60] = forged.cookie[60] == 'A' ? 'B' : 'A';
    return forged;
}
