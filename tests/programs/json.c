/* Reads JSON for tests of programs that print it:
 *
 *     json NAME... < TEXT
 *
 * TEXT is one object a line, no name twice in any. Of each object it prints the members named, on
 * one line: strings as they are, of arrays the length, "-" for what is not there. Exit status 1 if
 * a line is anything else. */
#include <stdio.h>
#include <stdlib.h>

#include <jansson.h>

static void print(const json_t *value)
{
    if (value == NULL)
        fputs("-", stdout);
    else if (json_is_string(value))
        fputs(json_string_value(value), stdout);
    else if (json_is_array(value))
        printf("%zu", json_array_size(value));
    else
        json_dumpf(value, stdout, JSON_ENCODE_ANY | JSON_REAL_PRECISION(6));
}

static int read_line(const char *line, size_t length, int count, char **names)
{
    json_error_t error;
    json_t *object = json_loadb(line, length, JSON_REJECT_DUPLICATES, &error);

    if (!json_is_object(object)) {
        fprintf(stderr, "json: %s\n", object != NULL ? "not an object" : error.text);
        json_decref(object);
        return 1;
    }
    for (int i = 0; i < count; i++) {
        if (i > 0)
            putchar(' ');
        print(json_object_get(object, names[i]));
    }
    putchar('\n');
    json_decref(object);
    return 0;
}

int main(int count, char **arguments)
{
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    int status = 0;

    while (status == 0 && (length = getline(&line, &room, stdin)) >= 0)
        status = read_line(line, (size_t)length, count - 1, arguments + 1);
    free(line);
    return status;
}
