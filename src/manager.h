/* What a manager is: settings, checked and copied once. */
#ifndef WAFER_SRC_MANAGER_H
#define WAFER_SRC_MANAGER_H

#include "keyring.h"
#include "set_cookie.h"

struct wafer_manager {
    wafer_settings settings; /* its strings point into `strings` */
    struct wafer_cookie_attributes attributes;
    size_t binding; /* the subkeys for this name and context in every generation */
    /* For a cookie that goes with the browser, and for one that outlives it: */
    size_t line_fixed[2];  /* the line without a value */
    size_t encoded_max[2]; /* the largest encoded size for nobody */
    int64_t list_skew_ms;  /* the list's */
    char *strings;
};

/* Now by the manager's clock. False when the clock cannot be read. */
bool wafer_manager_now(const wafer_manager *manager, int64_t *now_ms);

/* What of a session decides how long its cookie line is. */
struct wafer_parts {
    size_t encoded;
    size_t subject_length;
    bool outlives_browser;
};
/* The line at its longest, at any time of the session's life. */
size_t wafer_manager_line_size(const wafer_manager *manager, const struct wafer_parts *parts);
/* What that line may take: line_limit, or less when name and value are at their own limit. */
size_t wafer_manager_line_max(const wafer_manager *manager, bool outlives_browser);
bool wafer_manager_fits(const wafer_manager *manager, const struct wafer_parts *parts);
/* The largest encoded size that fits with the other parts. */
size_t wafer_manager_encoded_max(const wafer_manager *manager, const struct wafer_parts *parts);

#endif
