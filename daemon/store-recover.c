/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Recovering: a disk that was full, read-only or failing is so no more. What was refused meanwhile is
 * taken back for good, and the files are brought together as when the store is opened; what was not
 * synced then is not believed now. Reading goes on all the while.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "daemon/store-private.h"

/* What failed is tried again after so many times as long as it took, but this at least. */
#define PAUSE_TIMES    10U
#define PAUSE_USEC_MIN UINT64_C(100000)

static uint64_t now_usec(void) {
        struct timespec now;

        (void) clock_gettime(CLOCK_MONOTONIC, &now);
        return (uint64_t) now.tv_sec * 1000000 + (uint64_t) now.tv_nsec / 1000;
}

int store_directory_path(const Store *store, char **ret) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", store->directory_fd);
        *ret = realpath(path, NULL);
        return *ret ? 0 : -errno;
}

/* The connection that met a failing sync knows nothing for sure any more. */
static int open_writer(Store *store) {
        _cleanup_free_ char *directory = NULL, *path = NULL;
        int r;

        connection_close(&store->writer);
        r = store_directory_path(store, &directory);
        if (r < 0)
                return r;
        if (asprintf(&path, "%s/" STORE_FILE, directory) < 0)
                return -ENOMEM;
        return connection_open_existing(&store->writer, path);
}

static int open_anew(Store *store) {
        StoreDamage damage = {0};
        int r = 0;

        if (store->journal && journal_closed(store->journal) < 0)
                r = journal_undo(store->journal);
        if (r == 0)
                r = store_files_check(store);
        if (r < 0)
                return r;
        store->journal = journal_free(store->journal);
        r = open_writer(store);
        if (r == 0)
                r = store_reconcile(store, &damage);
        return r == 0 && (damage.disagrees || damage.gaps) ? -EUCLEAN : r;
}

int store_recover(Store *store) {
        uint64_t began = now_usec(), took;
        int r;

        if (!store->reader.db || store->read_only < 0 || began < store->recover_usec)
                return store->closed_by;
        r = open_anew(store);
        took = now_usec() - began;
        if (r < 0)
                store->recover_usec = began + took + (took * PAUSE_TIMES > PAUSE_USEC_MIN
                                                              ? took * PAUSE_TIMES
                                                              : PAUSE_USEC_MIN);
        store->closed_by = r;
        return r;
}
