/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The stamp: which files are open, how large they are and when they were written last, as one number.
 * While it is not what the store's own last write left, somebody else has been at the files, whatever
 * of them still stands in memory.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "daemon/store-private.h"

/* What no files come to. */
#define STAMP_NEVER 1U

static const char *const names[] = {STORE_FILE, STORE_LOG_FILE, JOURNAL_FILE};

/* FNV-1a, by words. */
static void mix(uint64_t *hash, uint64_t value) {
        *hash = (*hash ^ value) * UINT64_C(0x100000001b3);
        *hash ^= *hash >> 32;
}

/* Not by the time of status changes: SQLite makes some by opening. Never 0 or STAMP_NEVER. @ret_files: which the database and its log are. */
static uint64_t look(int directory_fd, FileIdentity ret_files[2]) {
        uint64_t hash = UINT64_C(0xcbf29ce484222325);

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                struct stat st = {0};

                (void) fstatat(directory_fd, names[i], &st, AT_SYMLINK_NOFOLLOW);
                mix(&hash, st.st_dev);
                mix(&hash, st.st_ino);
                mix(&hash, (uint64_t) st.st_size);
                mix(&hash, (uint64_t) st.st_mtim.tv_sec);
                mix(&hash, (uint64_t) st.st_mtim.tv_nsec);
                if (i < 2)
                        ret_files[i] = (FileIdentity){st.st_dev, st.st_ino};
        }
        return hash > STAMP_NEVER ? hash : STAMP_NEVER + 1;
}

/* The kernel's times stand still for some milliseconds, in which another's write would look like ours:
 * it gets that coarse time, never this fine one. */
static void refine_times(int directory_fd) {
        struct timespec times[2] = {{0, UTIME_OMIT}, {0, 0}};

        if (clock_gettime(CLOCK_REALTIME, &times[1]) < 0)
                return;
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                (void) utimensat(directory_fd, names[i], times, AT_SYMLINK_NOFOLLOW);
}

void store_stamp(Store *store) {
        refine_times(store->directory_fd);
        atomic_store(&store->stamp, look(store->directory_fd, store->files));
}

int store_check_files(const Store *store) {
        uint64_t stamp = atomic_load(&store->stamp);
        FileIdentity files[2];

        if (stamp == 0 || look(store->directory_fd, files) == stamp)
                return 0;
        return atomic_load(&store->stamp) == stamp ? -ESTALE : 0;
}

int store_begin_writing(Store *store) {
        int r = store_check_files(store);

        if (r == 0)
                atomic_store(&store->stamp, 0);
        return r;
}

void store_end_writing(Store *store, int error) {
        FileIdentity files[2];
        uint64_t stamp;

        refine_times(store->directory_fd);
        stamp = look(store->directory_fd, files);
        /* Taken away while they were written to. */
        if (error == -ESTALE || memcmp(files, store->files, sizeof(files)) != 0)
                stamp = STAMP_NEVER;
        if (!store->reader.db) /* nothing is open */
                stamp = 0;
        atomic_store(&store->stamp, stamp);
}
