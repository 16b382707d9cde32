/* Linked into the unit tests of another type of machine, in front of cmocka: tests that cannot work
 * under an emulator are skipped, and say why. WAFER_TEST_UNABLE names the file that lists them, one
 * a line: "NAME REASON". */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TESTS_MAX = 128, LINE_MAX = 512 };

/* The name is the linker's: it stands in front of cmocka's. */
int __real__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);
int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown);

static void say_why_not(void **state)
{
    print_message("skipped: %s\n", (const char *)*state);
    skip();
}

/* The test that a line names does not run; the line is kept for it. */
static void leave_out(struct CMUnitTest *tests, size_t count, const char *line)
{
    size_t length = strcspn(line, " ");

    for (size_t i = 0; i < count; i++)
        if (strncmp(tests[i].name, line, length) == 0 && tests[i].name[length] == '\0')
            tests[i] = (struct CMUnitTest){tests[i].name, say_why_not, NULL, NULL, strdup(line)};
}

int __wrap__cmocka_run_group_tests(const char *name, const struct CMUnitTest *tests, size_t count,
                                   CMFixtureFunction setup, CMFixtureFunction teardown)
{
    struct CMUnitTest able[TESTS_MAX];
    char line[LINE_MAX];
    const char *path = getenv("WAFER_TEST_UNABLE");
    FILE *list = path != NULL ? fopen(path, "r") : NULL;

    if (list == NULL || count > TESTS_MAX) {
        fputs("WAFER_TEST_UNABLE names no list of tests, or there are too many tests\n", stderr);
        return 1;
    }
    memcpy(able, tests, count * sizeof *tests);
    while (fgets(line, sizeof line, list) != NULL) {
        line[strcspn(line, "\n")] = '\0';
        leave_out(able, count, line);
    }
    fclose(list);
    return __real__cmocka_run_group_tests(name, able, count, setup, teardown);
}
