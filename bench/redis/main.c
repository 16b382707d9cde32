/* bench_redis ADDRESS FOLDER: measures a list that many machines share. Redis listens on the socket
 * ADDRESS, FOLDER is empty, and redis.json goes beside the program. bench/redis.sh calls it. */
#include "hosts.h"

#include <stdlib.h>
#include <string.h>

static void open_json(const char *program)
{
    const char *slash = strrchr(program, '/');
    char path[4096];

    (void)snprintf(path, sizeof path, "%.*sredis.json",
                   slash != NULL ? (int)(slash + 1 - program) : 0, program);
    hosts_json = fopen(path, "w");
    hosts_require(hosts_json != NULL, "the figures cannot be written beside the program");
}

int main(int count, char **words)
{
    static const struct {
        const char *name;
        void (*measure)(void);
    } all[] = {{"delay", measure_delay},
               {"publish", measure_publishing},
               {"publish", measure_catching_up},
               {"mirrors", measure_mirrors}};

    if (count < 3 || count > 4) {
        fprintf(stderr, "usage: bench_redis ADDRESS FOLDER [delay | publish | mirrors]\n");
        return 2;
    }
    hosts_address = words[1];
    hosts_folder = words[2];
    open_json(words[0]);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (count == 3 || strcmp(words[3], all[i].name) == 0)
            all[i].measure();
    hosts_require(fclose(hosts_json) == 0, "the figures cannot be written");
    return 0;
}
