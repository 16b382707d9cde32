/* The writers' lock: one mutex in the table, shared between processes and robust, so that a writer
 * that died does not keep it. Whoever takes it then makes the counts anew. */
#include "table_memory.h"

#include <errno.h>

int wafer_table_make_mutex(struct wafer_table *table)
{
    pthread_mutexattr_t attributes;
    int status = pthread_mutexattr_init(&attributes);

    if (status != 0)
        return status;
    status = pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    if (status == 0)
        status = pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    if (status == 0)
        status = pthread_mutex_init(&table->header->mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return status;
}

bool wafer_table_mutex_is_ours(const struct wafer_table *table)
{
#ifdef __GLIBC__
    /* Shared between processes and robust. One that is not would never be repaired. */
    const int kind = 128 | 16;

    return table->header->mutex.__data.__kind == kind;
#else
    (void)table;
    return true;
#endif
}

static int settle(struct wafer_table *table, int status)
{
    if (status == EOWNERDEAD) {
        wafer_table_recount(table);
        status = pthread_mutex_consistent(&table->header->mutex);
    }
    return status;
}

bool wafer_table_lock(struct wafer_table *table)
{
    return settle(table, pthread_mutex_lock(&table->header->mutex)) == 0;
}

int wafer_table_try_lock(struct wafer_table *table)
{
    return settle(table, pthread_mutex_trylock(&table->header->mutex));
}

void wafer_table_unlock(struct wafer_table *table)
{
    pthread_mutex_unlock(&table->header->mutex);
}
