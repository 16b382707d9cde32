/* Small files, read whole. They may be secret, so their bytes go nowhere else. */
#include "demo.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static bool complain(const char *path, const char *why)
{
    fprintf(stderr, "wafer-demo: %s: %s\n", path, why);
    return false;
}

static bool open_to_others(const char *path, mode_t mode)
{
    fprintf(stderr, "wafer-demo: %s: its mode %04o lets others in; set it with: chmod 600 %s\n",
            path, (unsigned)(mode & 07777), path);
    return false;
}

static bool read_all(int file, char *text, size_t length)
{
    for (size_t done = 0; done < length;) {
        ssize_t count = read(file, text + done, length - done);

        if (count < 0 && errno == EINTR)
            continue;
        if (count <= 0)
            return false;
        done += (size_t)count;
    }
    return true;
}

static bool load(int file, const char *path, bool secret, size_t most, char **text, size_t *length)
{
    struct stat about;

    if (fstat(file, &about) != 0)
        return complain(path, strerror(errno));
    if (!S_ISREG(about.st_mode))
        return complain(path, "it is not a regular file");
    if (secret && (about.st_mode & 077) != 0)
        return open_to_others(path, about.st_mode);
    if (about.st_size > (off_t)most)
        return complain(path, "the file is too large for what it should hold");
    *length = (size_t)about.st_size;
    *text = calloc(1, *length + 1);
    if (*text == NULL)
        return complain(path, "there is no memory to read it");
    if (read_all(file, *text, *length))
        return true;
    demo_unload(text, *length);
    return complain(path, "it cannot be read");
}

bool demo_load(const char *path, bool secret, size_t most, char **text, size_t *length)
{
    int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool good;

    *text = NULL;
    *length = 0;
    if (file < 0)
        return complain(path, strerror(errno));
    good = load(file, path, secret, most, text, length);
    close(file);
    return good;
}

void demo_unload(char **text, size_t length)
{
    if (*text != NULL)
        sodium_memzero(*text, length);
    free(*text);
    *text = NULL;
}
