/* The codecs that can stand behind base64.h. They differ in speed alone. */
#ifndef WAFER_SRC_BASE64_CODEC_H
#define WAFER_SRC_BASE64_CODEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct wafer_base64_codec {
    const char *name;
    bool (*is_usable)(void); /* by the processor that this runs on */
    void (*encode)(const uint8_t *bytes, size_t length, char *text);
    bool (*decode)(const char *text, size_t length, uint8_t *bytes);
};

/* Each is there only where its processor can be. */
extern const struct wafer_base64_codec wafer_base64_avx2;
extern const struct wafer_base64_codec wafer_base64_ssse3;
extern const struct wafer_base64_codec wafer_base64_neon;
extern const struct wafer_base64_codec wafer_base64_portable;

/* Those of this build, fastest first; the last one is portable, which is always usable. */
const struct wafer_base64_codec *const *wafer_base64_codecs(size_t *count);

/* The first one that is usable; the last one is not asked. */
const struct wafer_base64_codec *
wafer_base64_first_usable(const struct wafer_base64_codec *const *from, size_t count);

/* The fastest one that is usable, or portable if portable.h says so. base64.h's functions ask once
 * in a process, when they are first called. */
const struct wafer_base64_codec *wafer_base64_choose(void);

#endif
