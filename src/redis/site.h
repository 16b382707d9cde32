/* The folder of a machine: whose it is, and the small files in it. */
#ifndef WAFER_SRC_REDIS_SITE_H
#define WAFER_SRC_REDIS_SITE_H

#include <sys/stat.h>

#include <wafer/redis.h>

#include "wire.h"

#define WAFER_PASSWORD_MAX 512
#define WAFER_USER_MAX     256

/* Names in the folder. Each path is allocated with the struct. */
struct wafer_site {
    bool group_readable;
    char *folder; /* absolute, so that it is the same after chdir */
    char *table;
    char *state;
    char *queue;
    char *sending;
    char *lock;
    char *secret;
    char *password;
    char *user;
};

/* Finds the folder, which must be this user's, and checks it. wafer_site_free undoes it; NULL is
 * nothing. */
wafer_result wafer_site_new(const char *folder, bool group_readable, struct wafer_site **site,
                            wafer_error *error);
/* For who only reads: one for the group may be anybody's. */
wafer_result wafer_site_look(const char *folder, bool group_readable, struct wafer_site **site,
                             wafer_error *error);
void wafer_site_free(struct wafer_site *site);

/* The mode that a file has when it is made. */
mode_t wafer_site_mode(bool group_readable);

/* Opens a file of the folder, which is made first when flags say so. Refuses what is not a regular
 * file of this user (with `any_owner`: of any) or lets others in; those that are locked, lock and
 * queue, are 0600 in a folder for the group too. -1 after a failure. */
int wafer_site_open(const struct wafer_site *site, const char *path, int flags, bool any_owner,
                    wafer_error *error);

/* Syncs the folder, so that a crash does not undo a new name in it. */
bool wafer_site_sync(const struct wafer_site *site);

/* Secret, password and user must be this user's alone, 0600, in a folder for the group too. */
wafer_result wafer_site_read_secret(const struct wafer_site *site,
                                    uint8_t secret[WAFER_SECRET_SIZE], wafer_error *error);

/* The password of Redis as settings.password_file says; "" when there is none. */
wafer_result wafer_site_read_password(const struct wafer_site *site, const char *password_file,
                                      char password[WAFER_PASSWORD_MAX], wafer_error *error);

/* The user of Redis when the settings name none; "" is the default one. */
wafer_result wafer_site_read_user(const struct wafer_site *site, char user[WAFER_USER_MAX],
                                  wafer_error *error);

/* Which start of the machine this is, as 36 characters. False with errno and none of them when the
 * system does not tell: it never does when that is ENOENT or EACCES. */
bool wafer_site_boot(char boot[40]);

#endif
