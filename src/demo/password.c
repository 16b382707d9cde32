/* The operator's password: made or read, kept as a hash. One that is read may be guessed at five
 * times a minute. One that is made has 100 random bits, so guessing is hopeless however often, and
 * whoever fills the minute with guesses does not lock the operator out. */
#include "demo.h"

#include <pthread.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define FILE_MAX       1024
#define LENGTH_MIN     8
#define ATTEMPTS_MAX   5
#define WINDOW_SECONDS 60

struct demo_password {
    uint8_t key[crypto_generichash_KEYBYTES]; /* of this process alone */
    uint8_t hash[crypto_generichash_BYTES];
    char context[2 * crypto_generichash_BYTES + 1];
    bool made;
    pthread_mutex_t lock; /* what follows */
    unsigned wrong;       /* since window_at */
    time_t window_at;
};

/* Twenty of 32 characters that are not mistaken for each other: 100 bits. */
static void make(char text[DEMO_PASSWORD_LENGTH + 1])
{
    static const char alphabet[] = "abcdefghijkmnpqrstuvwxyz23456789";

    for (size_t i = 0; i < DEMO_PASSWORD_LENGTH; i++)
        text[i] = alphabet[randombytes_uniform(sizeof alphabet - 1)];
    text[DEMO_PASSWORD_LENGTH] = '\0';
}

/* The list that the operator signs out on is in this process alone, so no other server may take the
 * cookie, though it has the same keys and the same password: hence the process's own bytes. */
static void take(struct demo_password *password, const char *text, size_t length)
{
    uint8_t process[crypto_generichash_KEYBYTES];
    uint8_t context[crypto_generichash_BYTES];

    randombytes_buf(process, sizeof process);
    randombytes_buf(password->key, sizeof password->key);
    crypto_generichash(password->hash, sizeof password->hash, (const uint8_t *)text, length,
                       password->key, sizeof password->key);
    crypto_generichash(context, sizeof context, (const uint8_t *)text, length, process,
                       sizeof process);
    sodium_bin2hex(password->context, sizeof password->context, context, sizeof context);
}

/* The first line, without its end. */
static bool take_file(struct demo_password *password, const char *path)
{
    char *text;
    size_t size;
    size_t length;

    if (!demo_load(path, true, FILE_MAX, &text, &size))
        return false;
    length = strcspn(text, "\r\n");
    if (length >= LENGTH_MIN)
        take(password, text, length);
    else
        fprintf(stderr,
                "wafer-demo: %s: the operator's password, its first line, needs at least "
                "%d bytes\n",
                path, LENGTH_MIN);
    demo_unload(&text, size);
    return length >= LENGTH_MIN;
}

bool demo_password_open(const char *path, struct demo_password **password,
                        char made[DEMO_PASSWORD_LENGTH + 1])
{
    made[0] = '\0';
    *password = calloc(1, sizeof **password);
    if (*password == NULL || sodium_init() < 0 ||
        pthread_mutex_init(&(*password)->lock, NULL) != 0) {
        fputs("wafer-demo: there is no memory or no randomness for a password\n", stderr);
        free(*password);
        *password = NULL;
        return false;
    }
    if (path != NULL)
        return take_file(*password, path);
    make(made);
    (*password)->made = true;
    take(*password, made, DEMO_PASSWORD_LENGTH);
    return true;
}

void demo_password_close(struct demo_password *password)
{
    if (password == NULL)
        return;
    pthread_mutex_destroy(&password->lock);
    sodium_memzero(password, sizeof *password);
    free(password);
}

/* Counts an attempt before it is looked at, so that many at once are not more than one by one. */
static bool may_try(struct demo_password *password)
{
    struct timespec now = {0, 0};
    bool may;

    clock_gettime(CLOCK_MONOTONIC, &now);
    pthread_mutex_lock(&password->lock);
    if (password->wrong == 0 || now.tv_sec - password->window_at >= WINDOW_SECONDS) {
        password->wrong = 0;
        password->window_at = now.tv_sec;
    }
    may = password->wrong < ATTEMPTS_MAX;
    if (may)
        password->wrong++;
    pthread_mutex_unlock(&password->lock);
    return may;
}

enum demo_attempt demo_password_try(struct demo_password *password, const char *text, size_t length)
{
    uint8_t hash[crypto_generichash_BYTES];
    bool counted = may_try(password);

    crypto_generichash(hash, sizeof hash, (const uint8_t *)text, length, password->key,
                       sizeof password->key);
    if (sodium_memcmp(hash, password->hash, sizeof hash) != 0)
        return counted ? DEMO_WRONG : DEMO_TOO_OFTEN;
    if (!counted)
        return password->made ? DEMO_RIGHT : DEMO_TOO_OFTEN;
    pthread_mutex_lock(&password->lock);
    if (password->wrong > 0) /* a new minute may have begun since */
        password->wrong--;
    pthread_mutex_unlock(&password->lock);
    return DEMO_RIGHT;
}

const char *demo_password_context(const struct demo_password *password)
{
    return password->context;
}
