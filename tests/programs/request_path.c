/* Proves that requests allocate nothing and call the system for nothing but nonces: the program
 * is linked with --wrap for the allocators and getrandom, counts them over 10,000 requests, and
 * runs those under a seccomp filter that kills the process at any system call but getrandom. */
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/syscall.h>

#include <wafer.h>

#define REQUESTS 10000
#define BATCH    62 /* nonces, of one getrandom; WAFER_NONCES_A_BATCH of src/nonce.h */

static unsigned long allocations;
static unsigned long randoms;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}

void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}

void *__real_sodium_malloc(size_t size);
void *__wrap_sodium_malloc(size_t size);
void *__wrap_sodium_malloc(size_t size)
{
    allocations++;
    return __real_sodium_malloc(size);
}

ssize_t __real_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags);
ssize_t __wrap_getrandom(void *bytes, size_t length, unsigned flags)
{
    randoms++;
    return __real_getrandom(bytes, length, flags);
}

/* From here on the process may ask for randomness and exit, and dies of all else. */
static int allow_only_randomness(void)
{
    struct sock_filter rules[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getrandom, 2, 0),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {sizeof rules / sizeof *rules, rules};

    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return -1;
    return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

static char cookie[5000];

/* One request: a change at every second one, so that half of them seal. */
static bool request(wafer_session *session, int number)
{
    const wafer_header *headers;
    size_t count;

    (void)wafer_begin(session);
    (void)wafer_field(session, cookie, strlen(cookie));
    if (wafer_open(session) != WAFER_VALID || wafer_subject(session, NULL) == NULL)
        return false;
    if (number % 2 == 0 && wafer_put_integer(session, "visits", number) != WAFER_OK)
        return false;
    if (wafer_finish(session, &headers, &count) != WAFER_OK)
        return false;
    if (count > 1) {
        size_t length = strcspn(headers[0].value, ";");

        memcpy(cookie, headers[0].value, length);
        cookie[length] = '\0';
    }
    wafer_end(session);
    return (count > 1) == (number % 2 == 0);
}

static bool set_up(wafer_session **session, bool fresh_nonces)
{
    static char key[WAFER_KEYS_LINE_MAX];
    wafer_keyring_settings keys = WAFER_KEYRING_SETTINGS_INIT;
    wafer_revocations_settings lists = WAFER_REVOCATIONS_SETTINGS_INIT;
    wafer_settings settings = WAFER_SETTINGS_INIT;
    wafer_manager *manager;
    const wafer_header *headers;
    size_t count, length;

    if (wafer_keys_generate(key, NULL, NULL) != WAFER_OK)
        return false;
    keys.text = key;
    keys.text_length = strlen(key);
    settings.fresh_nonces = fresh_nonces;
    lists.on_start = WAFER_START_FORGETS;
    if (wafer_keyring_new(&keys, &settings.keyring, NULL) != WAFER_OK ||
        wafer_revocations_new(&lists, &settings.revocations, NULL) != WAFER_OK ||
        wafer_manager_new(&settings, &manager, NULL) != WAFER_OK ||
        wafer_session_new(manager, session) != WAFER_OK)
        return false;
    (void)wafer_begin(*session);
    if (wafer_open(*session) != WAFER_NONE ||
        wafer_login(*session, "ada", 3, NULL, 0) != WAFER_OK ||
        wafer_put_integer(*session, "visits", -1) != WAFER_OK ||
        wafer_put_text(*session, "name", "Ada Lovelace") != WAFER_OK ||
        wafer_finish(*session, &headers, &count) != WAFER_OK)
        return false;
    length = strcspn(headers[0].value, ";");
    memcpy(cookie, headers[0].value, length);
    return true;
}

int main(int count, char **arguments)
{
    wafer_session *session;
    bool fresh_nonces = count > 1 && strcmp(arguments[1], "fresh") == 0;
    int failed = 0;

    if (!set_up(&session, fresh_nonces)) {
        (void)puts("not ok - the session could not be set up");
        return 1;
    }
    (void)puts("seccomp: from here on any system call but getrandom kills");
    (void)fflush(stdout);
    allocations = randoms = 0;
    if (allow_only_randomness() != 0)
        return 77;
    for (int i = 0; i < REQUESTS && failed == 0; i++)
        failed = !request(session, i);
    /* 3: a request went wrong; 4: something was allocated; 5: more or less than one a batch. */
    if (failed)
        _Exit(3);
    if (allocations != 0)
        _Exit(4);
    /* The first batch was made while setting up. */
    _Exit(randoms == REQUESTS / 2 / (fresh_nonces ? 1 : BATCH) ? 0 : 5);
}
