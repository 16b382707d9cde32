#include "lacking.h"

#include <stdlib.h>
#include <string.h>

#include "moment.h"

struct wafer_lacking {
    wafer_revocation *entries; /* sorted by compare */
    bool *found;
    size_t count;
    size_t left;
    size_t next;  /* where wafer_lacking_next goes on */
    size_t ahead; /* how many it will look at */
};

static int compare(const void *left, const void *right)
{
    const wafer_revocation *one = left;
    const wafer_revocation *other = right;
    int order = memcmp(one->key, other->key, sizeof one->key);

    if (order != 0 || one->kind == other->kind)
        return order;
    return one->kind < other->kind ? -1 : 1;
}

wafer_result wafer_lacking_new(wafer_revocations *table, int64_t keep_from_ms,
                               struct wafer_lacking **made)
{
    struct wafer_lacking *lacking = calloc(1, sizeof *lacking);
    size_t all = 0;
    wafer_result result = WAFER_NO_MEMORY;

    *made = NULL;
    if (lacking != NULL)
        result = wafer_revocations_entries(table, &lacking->entries, &all);
    for (size_t i = 0; result == WAFER_OK && i < all; i++)
        if (lacking->entries[i].at_ms >= keep_from_ms)
            lacking->entries[lacking->count++] = lacking->entries[i];
    if (result == WAFER_OK && lacking->count > 0)
        qsort(lacking->entries, lacking->count, sizeof *lacking->entries, compare);
    if (result == WAFER_OK) {
        lacking->left = lacking->count;
        lacking->found = calloc(lacking->count + 1, sizeof *lacking->found);
        if (lacking->found == NULL)
            result = WAFER_NO_MEMORY;
    }
    if (result == WAFER_OK)
        *made = lacking;
    else
        wafer_lacking_free(lacking);
    return result;
}

void wafer_lacking_free(struct wafer_lacking *lacking)
{
    if (lacking == NULL)
        return;
    free(lacking->entries);
    free(lacking->found);
    free(lacking);
}

/* Whether a machine that has one needs not hear of the other. */
static bool covers(const wafer_revocation *has, const wafer_revocation *needs)
{
    if (has->kind == WAFER_REVOKE_COPIES)
        return has->renewals >= needs->renewals;
    return has->at_ms >= needs->at_ms;
}

void wafer_lacking_found(struct wafer_lacking *lacking, const wafer_revocation *entry)
{
    const wafer_revocation *match;
    size_t index;

    if (lacking->left == 0)
        return;
    match = bsearch(entry, lacking->entries, lacking->count, sizeof *lacking->entries, compare);
    if (match == NULL)
        return;
    index = (size_t)(match - lacking->entries);
    if (!lacking->found[index] && covers(entry, match)) {
        lacking->found[index] = true;
        lacking->left--;
    }
}

void wafer_lacking_begin(struct wafer_lacking *lacking)
{
    lacking->next = (size_t)wafer_moment_spread(lacking->count);
    lacking->ahead = lacking->count;
}

size_t wafer_lacking_next(struct wafer_lacking *lacking, wafer_revocation *entries, size_t room)
{
    size_t copied = 0;

    for (; lacking->ahead > 0 && copied < room; lacking->ahead--) {
        size_t index = lacking->next;
        lacking->next = index + 1 < lacking->count ? index + 1 : 0;
        if (!lacking->found[index])
            entries[copied++] = lacking->entries[index];
    }
    return copied;
}

size_t wafer_lacking_count(const struct wafer_lacking *lacking)
{
    return lacking->left;
}
