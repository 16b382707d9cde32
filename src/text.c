#include <wafer.h>

const char *wafer_version(void)
{
    return WAFER_VERSION;
}

const char *wafer_result_text(wafer_result result)
{
    switch (result) {
    case WAFER_OK:
        return "ok";
    case WAFER_INVALID:
        return "invalid argument, setting or content";
    case WAFER_TOO_LARGE:
        return "larger than a limit";
    case WAFER_MISUSE:
        return "call out of order or without an object";
    case WAFER_NO_MEMORY:
        return "out of memory";
    case WAFER_SYSTEM:
        return "the system refused";
    case WAFER_LIST_FULL:
        return "the revocation list is full";
    case WAFER_UNAVAILABLE:
        return "not available now";
    case WAFER_QUEUED:
        return "in effect here, queued for other machines";
    }
    return "unknown result";
}

const char *wafer_verdict_text(wafer_verdict verdict)
{
    switch (verdict) {
    case WAFER_NONE:
        return "none";
    case WAFER_VALID:
        return "valid";
    case WAFER_IDLE:
        return "idle";
    case WAFER_EXPIRED:
        return "expired";
    case WAFER_FUTURE:
        return "future";
    case WAFER_REVOKED:
        return "revoked";
    case WAFER_UNCHECKED:
        return "unchecked";
    case WAFER_REJECTED:
        return "rejected";
    }
    return "unknown verdict";
}
