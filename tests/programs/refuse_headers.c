/* Stands in front of the HTTP stacks (LD_PRELOAD) and refuses each Set-Cookie field, as they would
 * without memory or room. Everything else goes to the stack's own function. Nothing of the stacks
 * is included, so that one library does for all of them. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

static const char field[] = "Set-Cookie";

static bool refused(const char *name)
{
    return strncasecmp(name, field, sizeof field - 1) == 0;
}

/* The stack's own function, by a pointer to a pointer, as a conversion would be a warning. */
static void find(void *function, const char *name)
{
    void *found = dlsym(RTLD_NEXT, name);

    memcpy(function, &found, sizeof found);
}

/* ---- libmicrohttpd: MHD_NO is 0 ---- */

int MHD_add_response_header(void *response, const char *name, const char *value);
int MHD_add_response_header(void *response, const char *name, const char *value)
{
    int (*add)(void *, const char *, const char *) = NULL;

    find(&add, "MHD_add_response_header");
    return refused(name) ? 0 : add(response, name, value);
}

/* ---- evhttp ---- */

int evhttp_add_header(void *headers, const char *name, const char *value);
int evhttp_add_header(void *headers, const char *name, const char *value)
{
    int (*add)(void *, const char *, const char *) = NULL;

    find(&add, "evhttp_add_header");
    return refused(name) ? -1 : add(headers, name, value);
}

/* ---- civetweb ---- */

int mg_response_header_add(void *connection, const char *name, const char *value, int length);
int mg_response_header_add(void *connection, const char *name, const char *value, int length)
{
    int (*add)(void *, const char *, const char *, int) = NULL;

    find(&add, "mg_response_header_add");
    return refused(name) ? -1 : add(connection, name, value, length);
}

/* ---- ulfius: U_OK is 0 ---- */

int u_map_put(void *map, const char *name, const char *value);
int u_map_put(void *map, const char *name, const char *value)
{
    int (*put)(void *, const char *, const char *) = NULL;

    find(&put, "u_map_put");
    return refused(name) ? 1 : put(map, name, value);
}

/* ---- libwebsockets: the name ends in a colon; NULL for the status line ---- */

int lws_add_http_header_by_name(void *wsi, const unsigned char *name, const unsigned char *value,
                                int length, unsigned char **p, unsigned char *end);
int lws_add_http_header_by_name(void *wsi, const unsigned char *name, const unsigned char *value,
                                int length, unsigned char **p, unsigned char *end)
{
    int (*add)(void *, const unsigned char *, const unsigned char *, int, unsigned char **,
               unsigned char *) = NULL;

    find(&add, "lws_add_http_header_by_name");
    if (name != NULL && refused((const char *)name))
        return 1;
    return add(wsi, name, value, length, p, end);
}

/* ---- FastCGI: a header line begins with its name ---- */

int FCGX_PutStr(const char *bytes, int count, void *stream);
int FCGX_PutStr(const char *bytes, int count, void *stream)
{
    int (*put)(const char *, int, void *) = NULL;

    find(&put, "FCGX_PutStr");
    return (size_t)count >= sizeof field - 1 && refused(bytes) ? -1 : put(bytes, count, stream);
}
