#include "session.h"

#include <string.h>

static bool readable(const wafer_session *session)
{
    return session != NULL && session->phase >= WAFER_OPENED;
}

/* ---- sizes */

bool wafer_line_size(const wafer_session *session, size_t *size, size_t *limit)
{
    struct wafer_parts parts;

    if (!readable(session))
        return false;
    parts = wafer_session_parts(session);
    if (size != NULL)
        *size = wafer_manager_line_size(session->manager, &parts);
    if (limit != NULL)
        *limit = wafer_manager_line_max(session->manager, parts.outlives_browser);
    return true;
}

/* ---- reading */

static const struct wafer_slot *find(const wafer_session *session, const char *name,
                                     wafer_type type)
{
    const struct wafer_slot *slot;

    if (!readable(session) || name == NULL)
        return NULL;
    slot = wafer_variables_find(&session->variables, name, strlen(name));
    return slot != NULL && slot->type == type ? slot : NULL;
}

bool wafer_get_integer(const wafer_session *session, const char *name, int64_t *value)
{
    const struct wafer_slot *slot = find(session, name, WAFER_INTEGER);

    if (slot == NULL || value == NULL)
        return false;
    *value = slot->integer;
    return true;
}

bool wafer_get_boolean(const wafer_session *session, const char *name, bool *value)
{
    const struct wafer_slot *slot = find(session, name, WAFER_BOOLEAN);

    if (slot == NULL || value == NULL)
        return false;
    *value = slot->integer != 0;
    return true;
}

static const uint8_t *get_data(const wafer_session *session, const char *name, wafer_type type,
                               size_t *length)
{
    const struct wafer_slot *slot = find(session, name, type);

    if (slot == NULL)
        return NULL;
    if (length != NULL)
        *length = slot->length;
    return slot->data;
}

const char *wafer_get_text(const wafer_session *session, const char *name, size_t *length)
{
    return (const char *)get_data(session, name, WAFER_TEXT, length);
}

const uint8_t *wafer_get_bytes(const wafer_session *session, const char *name, size_t *length)
{
    return get_data(session, name, WAFER_BYTES, length);
}

static void show(const struct wafer_slot *slot, wafer_variable *variable)
{
    variable->name = slot->name;
    variable->name_length = slot->name_length;
    variable->type = (wafer_type)slot->type;
    variable->integer = slot->type == WAFER_INTEGER ? slot->integer : 0;
    variable->boolean = slot->type == WAFER_BOOLEAN && slot->integer != 0;
    variable->data = slot->data;
    variable->length = slot->length;
}

bool wafer_next(const wafer_session *session, size_t *cursor, wafer_variable *variable)
{
    if (!readable(session) || cursor == NULL || variable == NULL ||
        *cursor >= session->variables.count)
        return false;
    show(&session->variables.slot[(*cursor)++], variable);
    return true;
}

/* ---- changing */

/* Keeps the first failure for wafer_finish. */
static wafer_result remember(wafer_session *session, wafer_result result)
{
    if (session->put_result == WAFER_OK)
        session->put_result = result;
    return result;
}

/* As wafer_session_changeable; a change that a frozen session refuses is remembered too. */
static wafer_result begin_change(wafer_session *session)
{
    wafer_result result = wafer_session_changeable(session);

    return result == WAFER_UNAVAILABLE ? remember(session, result) : result;
}

/* Puts into what is there already, or into a session that begins with it. */
static wafer_result put_value(wafer_session *session, const char *name,
                              const struct wafer_slot *value)
{
    struct wafer_parts parts = wafer_session_parts(session);
    size_t most = wafer_manager_encoded_max(session->manager, &parts);
    wafer_result result = wafer_variables_put(&session->variables, name, strlen(name), value, most,
                                              &parts.encoded);

    if (result == WAFER_TOO_LARGE && parts.encoded > 0)
        return wafer_session_check_size(session, &parts);
    if (result == WAFER_OK && !session->live) {
        result = wafer_session_start(session);
        if (result != WAFER_OK)
            wafer_variables_remove(&session->variables, name, strlen(name));
    }
    return result;
}

static wafer_result put(wafer_session *session, const char *name, const struct wafer_slot *value)
{
    return remember(session, name != NULL ? put_value(session, name, value) : WAFER_INVALID);
}

static wafer_result put_number(wafer_session *session, const char *name,
                               const struct wafer_slot *value)
{
    wafer_result result = begin_change(session);

    return result == WAFER_OK ? put(session, name, value) : result;
}

wafer_result wafer_put_integer(wafer_session *session, const char *name, int64_t value)
{
    struct wafer_slot slot = {.type = WAFER_INTEGER, .integer = value};

    return put_number(session, name, &slot);
}

wafer_result wafer_put_boolean(wafer_session *session, const char *name, bool value)
{
    struct wafer_slot slot = {.type = WAFER_BOOLEAN, .integer = value};

    return put_number(session, name, &slot);
}

static wafer_result put_data(wafer_session *session, const char *name, wafer_type type,
                             const void *data, size_t length)
{
    struct wafer_slot slot = {.type = (uint8_t)type, .data = data, .length = (uint16_t)length};
    wafer_result result = begin_change(session);

    if (result != WAFER_OK)
        return result;
    if (data == NULL)
        return remember(session, WAFER_INVALID);
    if (length > WAFER_VARIABLES_BYTES) /* more than a slot can count, and than a cookie holds */
        return remember(session, WAFER_TOO_LARGE);
    return put(session, name, &slot);
}

wafer_result wafer_put_text(wafer_session *session, const char *name, const char *text)
{
    return put_data(session, name, WAFER_TEXT, text, text != NULL ? strlen(text) : 0);
}

wafer_result wafer_put_text_slice(wafer_session *session, const char *name, const char *text,
                                  size_t length)
{
    return put_data(session, name, WAFER_TEXT, text, length);
}

wafer_result wafer_put_bytes(wafer_session *session, const char *name, const void *bytes,
                             size_t length)
{
    return put_data(session, name, WAFER_BYTES, bytes, length);
}

wafer_result wafer_remove(wafer_session *session, const char *name)
{
    wafer_result result = begin_change(session);

    if (result == WAFER_OK && name != NULL)
        wafer_variables_remove(&session->variables, name, strlen(name));
    return result;
}

wafer_result wafer_clear(wafer_session *session)
{
    wafer_result result = begin_change(session);

    if (result == WAFER_OK)
        wafer_variables_keep(&session->variables, NULL, 0);
    return result;
}

bool wafer_take(wafer_session *session, const char *name, wafer_variable *variable)
{
    struct wafer_slot slot;

    if (wafer_session_changeable(session) != WAFER_OK || name == NULL || variable == NULL ||
        !wafer_variables_take(&session->variables, name, strlen(name), &slot))
        return false;
    show(&slot, variable);
    return true;
}
