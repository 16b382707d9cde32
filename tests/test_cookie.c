#include "support.h"

#include "cookie.h"

#include <stdlib.h>
#include <string.h>

static size_t bytes_searched;

void *__real_memchr(const void *bytes, int wanted, size_t length);
void *__wrap_memchr(const void *bytes, int wanted, size_t length);
void *__wrap_memchr(const void *bytes, int wanted, size_t length)
{
    const char *at = __real_memchr(bytes, wanted, length);
    bytes_searched += at != NULL ? (size_t)(at - (const char *)bytes) + 1 : length;
    return (void *)(uintptr_t)at;
}

/* Pairs as the conformance data writes them: hex, ':' within a pair and ',' between two. */
#define TEXT_SIZE 65536
struct pairs {
    char text[TEXT_SIZE];
    size_t length;
    size_t count;
};

static struct pairs found;
static struct pairs wanted;

static void add_hex(struct pairs *pairs, const char *bytes, size_t length)
{
    static const char digits[] = "0123456789abcdef";
    assert_true(pairs->length + 2 * length + 2 < TEXT_SIZE);
    for (size_t i = 0; i < length; i++) {
        pairs->text[pairs->length++] = digits[(uint8_t)bytes[i] >> 4];
        pairs->text[pairs->length++] = digits[(uint8_t)bytes[i] & 15];
    }
}

static void add_pair(struct pairs *pairs, const char *name, size_t name_length, const char *value,
                     size_t value_length)
{
    if (pairs->count++ > 0)
        pairs->text[pairs->length++] = ',';
    add_hex(pairs, name, name_length);
    pairs->text[pairs->length++] = ':';
    add_hex(pairs, value, value_length);
    pairs->text[pairs->length] = '\0';
}

static void clear(struct pairs *pairs)
{
    pairs->text[0] = '\0';
    pairs->length = 0;
    pairs->count = 0;
}

/* Adds the pairs of one field, read from memory that ends with it; each must lie within it. */
static void add_field(struct pairs *pairs, const char *bytes, size_t length, bool commas)
{
    char *field = (char *)guarded_copy(bytes, length);
    struct wafer_cookie_cursor cursor = {field, field + length, commas};
    wafer_pair pair;
    while (wafer_cookie_next(&cursor, &pair)) {
        assert_true(pair.name_length > 0);
        assert_true(pair.name >= field && pair.name + pair.name_length < pair.value);
        assert_true(pair.value + pair.value_length <= field + length);
        add_pair(pairs, pair.name, pair.name_length, pair.value, pair.value_length);
    }
    assert_false(wafer_cookie_next(&cursor, &pair));
    assert_memory_equal(field, bytes, length);
    guarded_free(field, length);
}

/* What is found in `field` must be what stands in `names_and_values`: name, value ... NULL. */
static void expect(const char *field, size_t length, bool commas, const char *const *texts)
{
    clear(&found);
    clear(&wanted);
    add_field(&found, field, length, commas);
    for (; *texts != NULL; texts += 2)
        add_pair(&wanted, texts[0], strlen(texts[0]), texts[1], strlen(texts[1]));
    assert_string_equal(found.text, wanted.text);
}

#define EXPECT(field, ...)                                                                         \
    expect(field, sizeof(field) - 1, false, (const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_COMMAS(field, ...)                                                                  \
    expect(field, sizeof(field) - 1, true, (const char *const[]){__VA_ARGS__, NULL})
#define EXPECT_NONE(field) expect(field, sizeof(field) - 1, false, (const char *const[]){NULL})

/* ---- Vectors ------------------------------------------------------------------------- */

/* Reads the fields of a row both one by one and joined, which must come to the same. */
static void check_row(const char *id, char *fields, const char *pairs)
{
    static uint8_t joined[TEXT_SIZE];
    size_t joined_length = 0;
    clear(&found);
    for (char *field = fields, *next = NULL; field != NULL; field = next) {
        next = strchr(field, ',');
        if (next != NULL)
            *next++ = '\0';
        if (field != fields) {
            memcpy(joined + joined_length, "; ", 2);
            joined_length += 2;
        }
        size_t length = from_hex(field, joined + joined_length);
        add_field(&found, (char *)joined + joined_length, length, false);
        joined_length += length;
    }
    if (strcmp(found.text, pairs) != 0)
        fail_msg("%s: %s instead of %s", id, found.text, pairs);
    clear(&found);
    add_field(&found, (char *)joined, joined_length, false);
    if (strcmp(found.text, pairs) != 0)
        fail_msg("%s, joined: %s instead of %s", id, found.text, pairs);
}

static void every_conformance_row_gives_its_pairs(void **state)
{
    (void)state;
    FILE *file = conformance_file("cookie_header.tsv");
    char *line = NULL;
    size_t capacity = 0;
    size_t rows = 0;
    while (getline(&line, &capacity, file) > 0) {
        char *column[5] = {line};
        if (line[0] == '#')
            continue;
        for (int i = 1; i < 5; i++) {
            column[i] = strchr(column[i - 1], '\t');
            assert_non_null(column[i]);
            *column[i]++ = '\0';
        }
        check_row(column[0], column[2], column[3]);
        rows++;
    }
    free(line);
    assert_int_equal(fclose(file), 0);
    assert_true(rows > 0);
}

/* ---- The rules, one by one ----------------------------------------------------------- */

static void pairs_come_in_wire_order_with_duplicates(void **state)
{
    (void)state;
    EXPECT("a=1; b=2; a=3", "a", "1", "b", "2", "a", "3");
    EXPECT("a=1;b=2", "a", "1", "b", "2");
}

static void an_empty_field_has_no_pairs(void **state)
{
    (void)state;
    struct wafer_cookie_cursor cursor = {NULL, NULL, false};
    wafer_pair pair;
    assert_false(wafer_cookie_next(&cursor, &pair));
    EXPECT_NONE("");
    EXPECT_NONE(";");
    EXPECT_NONE(" ; \t;;");
}

static void a_piece_without_a_name_is_dropped_whole(void **state)
{
    (void)state;
    EXPECT_NONE("=__Host-x=1");
    EXPECT_NONE(" \t=1");
    EXPECT_NONE("=");
    EXPECT("=a=1; b=2", "b", "2");
}

static void a_piece_without_an_equals_sign_is_passed_over(void **state)
{
    (void)state;
    EXPECT_NONE("a");
    EXPECT("a; b=2; c", "b", "2");
}

static void a_value_may_be_empty_and_may_hold_equals_signs(void **state)
{
    (void)state;
    EXPECT("a=", "a", "");
    EXPECT("a=;b= ;c==", "a", "", "b", "", "c", "=");
    EXPECT("a=b=c==", "a", "b=c==");
}

static void blanks_are_trimmed_around_names_and_values_only(void **state)
{
    (void)state;
    EXPECT(" \t a \t = \t b \t ; \tc d\t=\te f\t", "a", "b", "c d", "e f");
}

static void nothing_but_space_and_tab_is_trimmed(void **state)
{
    (void)state;
    EXPECT("\va\n=\rb\f", "\va\n", "\rb\f");
    EXPECT("\xC2\xA0"
           "a=b\xC2\xA0",
           "\xC2\xA0"
           "a",
           "b\xC2\xA0");
}

static void nothing_is_decoded_and_quotes_are_kept(void **state)
{
    (void)state;
    EXPECT("%61=%3D+\"x\"", "%61", "%3D+\"x\"");
    EXPECT("a=\" b \"; c=\"d;e=f\"", "a", "\" b \"", "c", "\"d", "e", "f\"");
    EXPECT("$Version=1; a=b; $Path=/", "$Version", "1", "a", "b", "$Path", "/");
}

static void commas_split_only_where_the_stack_folds_with_them(void **state)
{
    (void)state;
    EXPECT("a=1, b=2; c=3", "a", "1, b=2", "c", "3");
    EXPECT_COMMAS("a=1, b=2; c=3", "a", "1", "b", "2", "c", "3");
    EXPECT_COMMAS(",a=1,,=b=2,c ,\td = 4 ,", "a", "1", "d", "4");
}

static void no_byte_hides_what_is_around_it(void **state)
{
    (void)state;
    for (int byte = 0; byte < 256; byte++) {
        char field[] = "a?b=c?d; last=1";
        field[1] = (char)byte;
        field[5] = (char)byte;
        clear(&found);
        clear(&wanted);
        add_field(&found, field, sizeof(field) - 1, false);
        if (byte == ';')
            add_pair(&wanted, "b", 1, "c", 1);
        else if (byte == '=')
            add_pair(&wanted, "a", 1, "b=c=d", 5);
        else
            add_pair(&wanted, field, 3, field + 4, 3);
        add_pair(&wanted, "last", 4, "1", 1);
        assert_string_equal(found.text, wanted.text);
    }
}

static void every_truncation_is_read_to_its_end_and_no_further(void **state)
{
    (void)state;
    static const char field[] = "a=1; __Host-b = \"2\" ;; =x; c; d=";
    static const size_t counts[] = {0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2,
                                    2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3};
    for (size_t length = 0; length < sizeof(field); length++) {
        clear(&found);
        add_field(&found, field, length, false);
        assert_int_equal(found.count, counts[length]);
    }
}

/* ---- Properties ------------------------------------------------------------------------- */

/* Mostly bytes that mean something. */
static size_t random_field(char *field, size_t most)
{
    static const char alphabet[] = "==;;,, \tab\"\0\x80\n";
    size_t length = (size_t)random_below(most + 1);
    for (size_t i = 0; i < length; i++) {
        field[i] = random_below(16) == 0 ? (char)random_below(256)
                                         : alphabet[random_below(sizeof(alphabet) - 1)];
    }
    return length;
}

static void two_fields_mean_the_same_as_their_join(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char first[40];
        char joined[82];
        bool commas = random_below(2) == 1;
        size_t first_length = random_field(first, sizeof(first));
        memcpy(joined, first, first_length);
        memcpy(joined + first_length, "; ", 2);
        size_t second_length = random_field(joined + first_length + 2, 40);
        clear(&wanted);
        add_field(&wanted, first, first_length, commas);
        add_field(&wanted, joined + first_length + 2, second_length, commas);
        clear(&found);
        add_field(&found, joined, first_length + 2 + second_length, commas);
        assert_string_equal(found.text, wanted.text);
    }
}

static void splitting_at_commas_is_reading_them_as_semicolons(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char field[60];
        size_t length = random_field(field, sizeof(field));
        clear(&found);
        add_field(&found, field, length, true);
        for (size_t i = 0; i < length; i++)
            field[i] = field[i] == ',' ? ';' : field[i];
        clear(&wanted);
        add_field(&wanted, field, length, false);
        assert_string_equal(found.text, wanted.text);
    }
}

static void pairs_survive_blanks_and_nameless_pieces_around_them(void **state)
{
    (void)state;
    static const char *const noise[] = {"", " ", "\t", " \t "};
    static const char *const pieces[] = {"", "=x;", "x;", ";;", " = = ;", "\"x y\";"};
    for (int round = 0; round < 2000; round++) {
        char field[400];
        size_t length = 0;
        clear(&wanted);
        for (size_t pair = (size_t)random_below(6); pair > 0; pair--) {
            char name[3];
            char value[3];
            (void)snprintf(name, sizeof(name), "n%d", (int)random_below(10));
            (void)snprintf(value, sizeof(value), "=%d", (int)random_below(10));
            int added = snprintf(field + length, sizeof(field) - length, "%s%s%s%s=%s%s%s;",
                                 pieces[random_below(6)], noise[random_below(4)], name,
                                 noise[random_below(4)], noise[random_below(4)], value,
                                 noise[random_below(4)]);
            assert_true(added > 0);
            length += (size_t)added;
            add_pair(&wanted, name, 2, value, 2);
        }
        clear(&found);
        add_field(&found, field, length, false);
        assert_string_equal(found.text, wanted.text);
    }
}

/* ---- The public walk ----------------------------------------------------------------- */

static void the_public_walk_finds_the_same_pairs(void **state)
{
    static const char bytes[] = "ab=;, \t\"x";
    (void)state;
    for (int round = 0; round < 2000; round++) {
        char text[60];
        size_t length = (size_t)random_below(sizeof(text) + 1);
        bool commas = random_below(2) == 0;
        size_t cursor = 0;
        wafer_pair pair;
        for (size_t i = 0; i < length; i++)
            text[i] = bytes[random_below(sizeof(bytes) - 1)];
        clear(&wanted);
        clear(&found);
        add_field(&wanted, text, length, commas);
        char *field = (char *)guarded_copy(text, length);
        while (wafer_next_pair(field, length, commas, &cursor, &pair)) {
            assert_true(cursor > 0 && cursor <= length);
            add_pair(&found, pair.name, pair.name_length, pair.value, pair.value_length);
        }
        assert_int_equal(cursor, length);
        assert_false(wafer_next_pair(field, length, commas, &cursor, &pair));
        assert_int_equal(cursor, length);
        guarded_free(field, length);
        assert_string_equal(found.text, wanted.text);
    }
}

static void a_walk_that_cannot_be_ends(void **state)
{
    static const char field[] = "a=1; b=2";
    size_t beyond = sizeof(field);
    size_t cursor = 0;
    wafer_pair pair = {.name = NULL};
    (void)state;
    assert_false(wafer_next_pair(field, sizeof(field) - 1, false, &beyond, &pair));
    assert_int_equal(beyond, sizeof(field));
    beyond = SIZE_MAX;
    assert_false(wafer_next_pair(field, sizeof(field) - 1, false, &beyond, &pair));
    assert_false(wafer_next_pair(NULL, sizeof(field) - 1, false, &cursor, &pair));
    assert_false(wafer_next_pair(field, sizeof(field) - 1, false, NULL, &pair));
    assert_false(wafer_next_pair(field, sizeof(field) - 1, false, &cursor, NULL));
    assert_null(pair.name);
    assert_int_equal(cursor, 0);
    cursor = 2; /* in the middle of a value: a piece without "=" */
    assert_true(wafer_next_pair(field, sizeof(field) - 1, false, &cursor, &pair));
    assert_int_equal(pair.name_length, 1);
    assert_int_equal(pair.name[0], 'b');
}

/* Once for where a piece ends and once for its equals sign, so that no field costs more a byte for
 * being long. What is not searched by memchr is a few bytes, or a piece walked once. */
static void no_byte_is_searched_more_than_twice_whatever_the_field(void **state)
{
    (void)state;
    static char field[65536];
    static const char *const pieces[] = {
        ";",          ",",          "=",          "\"",   " ",     "\t",   "=;",
        "=,",         "a",          "a=b;",       "a=b,", "a=;",   "a= ;", "aaaaaaaaa;",
        "aaaaaaaaa,", "=aaaaaaaaa", ";aaaaaaaaa", "a,b;", "a=b; ",
    };
    for (size_t i = 0; i < 2 * sizeof pieces / sizeof *pieces; i++) {
        const char *piece = pieces[i / 2];
        size_t count = sizeof field / strlen(piece);
        for (size_t at = 0; at < count; at++)
            memcpy(field + at * strlen(piece), piece, strlen(piece));
        struct wafer_cookie_cursor cursor = {field, field + count * strlen(piece), i % 2};
        wafer_pair pair;
        bytes_searched = 0;
        while (wafer_cookie_next(&cursor, &pair))
            continue;
        if (bytes_searched > 2 * count * strlen(piece))
            fail_msg("%zu bytes searched in one of \"%s\"", bytes_searched, piece);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_conformance_row_gives_its_pairs),
        cmocka_unit_test(pairs_come_in_wire_order_with_duplicates),
        cmocka_unit_test(an_empty_field_has_no_pairs),
        cmocka_unit_test(a_piece_without_a_name_is_dropped_whole),
        cmocka_unit_test(a_piece_without_an_equals_sign_is_passed_over),
        cmocka_unit_test(a_value_may_be_empty_and_may_hold_equals_signs),
        cmocka_unit_test(blanks_are_trimmed_around_names_and_values_only),
        cmocka_unit_test(nothing_but_space_and_tab_is_trimmed),
        cmocka_unit_test(nothing_is_decoded_and_quotes_are_kept),
        cmocka_unit_test(commas_split_only_where_the_stack_folds_with_them),
        cmocka_unit_test(no_byte_hides_what_is_around_it),
        cmocka_unit_test(every_truncation_is_read_to_its_end_and_no_further),
        cmocka_unit_test(two_fields_mean_the_same_as_their_join),
        cmocka_unit_test(splitting_at_commas_is_reading_them_as_semicolons),
        cmocka_unit_test(pairs_survive_blanks_and_nameless_pieces_around_them),
        cmocka_unit_test(the_public_walk_finds_the_same_pairs),
        cmocka_unit_test(a_walk_that_cannot_be_ends),
        cmocka_unit_test(no_byte_is_searched_more_than_twice_whatever_the_field),
    };
    seed_random();
    return cmocka_run_group_tests_name("cookie", tests, NULL, NULL);
}
