/* Which path does what. Every function that acts finds a session that is open and may be changed;
 * those for POST also find that the form came from a page of this very session. */
#include "demo.h"

#include <string.h>

static const struct demo_route of_account[] = {
    {"/", .act = demo_home_act, .show = demo_home_show},
    {"/token", .even_frozen = true, .show = demo_token_show},
    {"/cookies", .even_frozen = true, .show = demo_cookies_show},
    {"/whoami", .show = demo_whoami_show},
    {"/csrf", .act = demo_csrf_act, .show = demo_csrf_show},
    {"/login", .post = true, .act = demo_login_act},
    {"/set", .post = true, .act = demo_set_act},
    {"/put", .post = true, .act = demo_put_act},
    {"/remove", .post = true, .act = demo_remove_act},
    {"/logout", .post = true, .act = demo_logout_act},
    {"/logout-everywhere", .post = true, .act = demo_logout_everywhere_act},
    {"/style.css", .type = "text/css; charset=utf-8"},
    {"/page.js", .type = "text/javascript; charset=utf-8"},
    {"/icon.svg", .type = "image/svg+xml"},
    {.path = NULL},
};

static const struct demo_route of_operator[] = {
    {"/", .act = demo_operator_act, .show = demo_operator_show},
    {"/login", .post = true, .act = demo_operator_login_act},
    {"/logout", .post = true, .act = demo_operator_logout_act},
    {"/revoke-session", .post = true, .operator_only = true, .act = demo_revoke_session_act},
    {"/revoke-subject", .post = true, .operator_only = true, .act = demo_revoke_subject_act},
    {"/revoke-everyone", .post = true, .operator_only = true, .act = demo_revoke_everyone_act},
    {"/rotate", .post = true, .operator_only = true, .act = demo_rotate_act},
    {"/retire", .post = true, .operator_only = true, .act = demo_retire_act},
    {.path = NULL},
};

const struct demo_route *demo_route_find(bool operators, const char *path)
{
    const struct demo_route *route = operators ? of_operator : of_account;

    while (route->path != NULL && strcmp(route->path, path) != 0)
        route++;
    return route->path != NULL ? route : NULL;
}
