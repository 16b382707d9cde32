/* main for a fuzz target without a fuzzer: runs it on each file named, and on each file of each
 * folder named, in the order of their names. The file under way is the last one printed. */
#include "world.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/stat.h>

#define INPUT_MAX (1 << 20)
#define PATH_SIZE 4096

static size_t inputs;

static int is_visible(const struct dirent *entry)
{
    return entry->d_name[0] != '.';
}

static void replay_file(const char *path)
{
    static uint8_t room[INPUT_MAX];
    FILE *file = fopen(path, "rb");
    uint8_t *input;
    size_t length;

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    length = fread(room, 1, sizeof room, file);
    must(feof(file) && fclose(file) == 0);
    printf("%s\n", path);
    must(fflush(stdout) == 0);
    input = exact_copy(room, length);
    (void)LLVMFuzzerTestOneInput(input, length);
    free(input);
    inputs++;
}

static void replay(const char *path)
{
    struct dirent **entries;
    struct stat status;
    int count;

    if (stat(path, &status) != 0 || !S_ISDIR(status.st_mode)) {
        replay_file(path);
        return;
    }
    count = scandir(path, &entries, is_visible, alphasort);
    must(count >= 0);
    for (int i = 0; i < count; i++) {
        char inside[PATH_SIZE];

        must(snprintf(inside, sizeof inside, "%s/%s", path, entries[i]->d_name) < PATH_SIZE);
        replay(inside);
        free(entries[i]);
    }
    free(entries);
}

int main(int argc, char **argv)
{
    (void)LLVMFuzzerInitialize(&argc, &argv);
    for (int i = 1; i < argc; i++)
        replay(argv[i]);
    printf("%zu inputs\n", inputs);
    return inputs > 0 ? 0 : 1;
}
