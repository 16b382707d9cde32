/* Which codec a process uses: the fastest one that it can, or libb64 when it is told to. */
#include "support.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base64.h"
#include "base64_codec.h"

static unsigned calls_of_libb64;

int __real_base64_encode_block(const char *bytes, int length, char *text, void *state);
int __wrap_base64_encode_block(const char *bytes, int length, char *text, void *state);
int __wrap_base64_encode_block(const char *bytes, int length, char *text, void *state)
{
    calls_of_libb64++;
    return __real_base64_encode_block(bytes, length, text, state);
}

int __real_base64_decode_block(const char *text, int length, char *bytes, void *state);
int __wrap_base64_decode_block(const char *text, int length, char *bytes, void *state);
int __wrap_base64_decode_block(const char *text, int length, char *bytes, void *state)
{
    calls_of_libb64++;
    return __real_base64_decode_block(text, length, bytes, state);
}

static const struct wafer_base64_codec *choose(void)
{
    size_t count;
    const struct wafer_base64_codec *const *codecs = wafer_base64_codecs(&count);

    return wafer_base64_choose(codecs, count);
}

static const struct wafer_base64_codec *fastest(void)
{
    size_t count, i = 0;
    const struct wafer_base64_codec *const *codecs = wafer_base64_codecs(&count);

    while (!codecs[i]->is_usable())
        i++;
    return codecs[i];
}

static void set_portable(const char *value)
{
    assert_int_equal(value == NULL ? unsetenv("WAFER_PORTABLE")
                                   : setenv("WAFER_PORTABLE", value, 1),
                     0);
}

/* How often a process that has not called them yet uses libb64 for one call of each public
 * function; and only the environment at the first call may matter. */
static int calls_of_libb64_with(const char *value, const char *later)
{
    uint8_t bytes[3] = {0};
    char text[4];
    int status;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0) {
        set_portable(value);
        calls_of_libb64 = 0;
        wafer_base64_encode(bytes, sizeof bytes, text);
        set_portable(later);
        (void)wafer_base64_decode(text, sizeof text, bytes);
        _exit((int)calls_of_libb64);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return WEXITSTATUS(status);
}

/* By children, because nothing else in this program calls the public functions. */
static void a_process_chooses_once_and_at_its_first_call(void **state)
{
    int otherwise = fastest() == &wafer_base64_portable ? 2 : 0;

    (void)state;
    assert_int_equal(calls_of_libb64_with("1", NULL), 2);
    assert_int_equal(calls_of_libb64_with(NULL, "1"), otherwise);
}

static void WAFER_PORTABLE_chooses_libb64_unless_it_is_empty_or_0(void **state)
{
    static const char *const yes[] = {"1", "yes", "00", "01", " ", "0 "};
    const char *before = getenv("WAFER_PORTABLE");
    char *kept = before == NULL ? NULL : strdup(before);

    (void)state;
    for (size_t i = 0; i < sizeof yes / sizeof yes[0]; i++) {
        set_portable(yes[i]);
        assert_ptr_equal(choose(), &wafer_base64_portable);
    }
    set_portable("0");
    assert_ptr_equal(choose(), fastest());
    set_portable("");
    assert_ptr_equal(choose(), fastest());
    set_portable(NULL);
    assert_ptr_equal(choose(), fastest());
    set_portable(kept);
    free(kept);
}

static bool yes(void)
{
    return true;
}

static bool no(void)
{
    return false;
}

static void the_first_codec_that_the_processor_can_run_is_chosen(void **state)
{
    static const struct wafer_base64_codec good = {.is_usable = yes};
    static const struct wafer_base64_codec bad = {.is_usable = no};
    static const struct wafer_base64_codec last = {.is_usable = no}; /* nobody asks */
    const struct wafer_base64_codec *const rows[][3] = {{&good, &bad, &last},
                                                        {&bad, &good, &last},
                                                        {&good, &good, &last},
                                                        {&bad, &bad, &last}};
    const size_t expected[] = {0, 1, 0, 2};

    (void)state;
    set_portable(NULL);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_ptr_equal(wafer_base64_choose(rows[i], 3), rows[i][expected[i]]);
}

static void the_codecs_of_this_build_stand_in_their_order(void **state)
{
    static const char *const names[] = {
#if defined(__x86_64__) || defined(__i386__)
        "avx2",
        "ssse3",
#elif defined(__aarch64__)
        "neon",
#endif
        "portable"
    };
    size_t count;
    const struct wafer_base64_codec *const *codecs = wafer_base64_codecs(&count);

    (void)state;
    assert_int_equal(count, sizeof names / sizeof names[0]);
    for (size_t i = 0; i < count; i++)
        assert_string_equal(codecs[i]->name, names[i]);
    assert_true(codecs[count - 1]->is_usable());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_process_chooses_once_and_at_its_first_call),
        cmocka_unit_test(WAFER_PORTABLE_chooses_libb64_unless_it_is_empty_or_0),
        cmocka_unit_test(the_first_codec_that_the_processor_can_run_is_chosen),
        cmocka_unit_test(the_codecs_of_this_build_stand_in_their_order),
    };

    return cmocka_run_group_tests_name("base64_choice", tests, NULL, NULL);
}
