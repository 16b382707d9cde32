#include "base64.h"

#include "base64_codec.h"
#include "portable.h"

#include <stdatomic.h>

static const struct wafer_base64_codec *const codecs[] = {
#if defined(__x86_64__) || defined(__i386__)
    &wafer_base64_avx2,
    &wafer_base64_ssse3,
#elif defined(__aarch64__)
    &wafer_base64_neon,
#endif
    &wafer_base64_portable,
};

#define CODECS (sizeof codecs / sizeof codecs[0])

const struct wafer_base64_codec *const *wafer_base64_codecs(size_t *count)
{
    *count = CODECS;
    return codecs;
}

const struct wafer_base64_codec *
wafer_base64_first_usable(const struct wafer_base64_codec *const *from, size_t count)
{
    size_t i = 0;

    while (i + 1 < count && !from[i]->is_usable())
        i++;
    return from[i];
}

const struct wafer_base64_codec *wafer_base64_choose(void)
{
    return wafer_portable() ? &wafer_base64_portable : wafer_base64_first_usable(codecs, CODECS);
}

/* Threads that come first at the same time all choose, and all the same. What is pointed to is
 * constant from the start, so no order of memory matters. */
static const struct wafer_base64_codec *chosen_codec(void)
{
    static _Atomic(const struct wafer_base64_codec *) chosen;
    const struct wafer_base64_codec *codec = atomic_load_explicit(&chosen, memory_order_relaxed);

    if (codec == NULL) {
        codec = wafer_base64_choose();
        atomic_store_explicit(&chosen, codec, memory_order_relaxed);
    }
    return codec;
}

void wafer_base64_encode(const uint8_t *bytes, size_t length, char *text)
{
    chosen_codec()->encode(bytes, length, text);
}

bool wafer_base64_decode(const char *text, size_t length, uint8_t *bytes)
{
    return chosen_codec()->decode(text, length, bytes);
}
