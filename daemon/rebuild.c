/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rebuild: setting aside what is damaged, making what takes its place, opening that. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/rebuild-union.h"
#include "daemon/rebuild.h"
#include "daemon/store-private.h"

#define SET_ASIDE ".corrupt-"

/* Names of one second. */
#define SAME_SECOND_MAX 100U

static const struct {
        int error;
        const char *reason;
} reasons[] = {
        { 0, "it was asked for" },
        { EUCLEAN, "what was read is not as it was written" },
        { ESTALE, "its files were removed, replaced or cut" },
        { EIO, "the disk failed to read or to write" },
};

const char *mending_reason(int cause) {
        for (size_t i = 0; i < N_ELEMENTS(reasons); i++)
                if (reasons[i].error == abs(cause))
                        return reasons[i].reason;
        return "it could not be used";
}

/* -- setting aside --------------------------------------------------------------------------- */

/* Gives the file that is @name a second one, which it keeps when another takes its place. Nothing if
 * there is no such file; *@ret then is "". */
static int set_aside(int directory_fd, const char *name, int64_t now, char ret[REBUILD_NAME_MAX]) {
        time_t seconds = (time_t) now;
        char when[32] = "";
        struct tm tm;

        *ret = '\0';
        if (gmtime_r(&seconds, &tm))
                (void) strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
        for (unsigned i = 0; i < SAME_SECOND_MAX; i++) {
                char suffix[16] = "";

                if (i > 0)
                        (void) snprintf(suffix, sizeof(suffix), "-%02u", i);
                (void) snprintf(ret, REBUILD_NAME_MAX, "%s" SET_ASIDE "%s%s", name, when, suffix);
                if (linkat(directory_fd, name, directory_fd, ret, 0) == 0)
                        return 0;
                if (errno != EEXIST)
                        break;
        }
        *ret = '\0';
        return errno == ENOENT ? 0 : -errno;
}

/* The log goes with its database: their names differ by its usual ending. */
static int set_log_aside(int directory_fd, const char *database, char ret[REBUILD_NAME_MAX + 4]) {
        (void) snprintf(ret, REBUILD_NAME_MAX + 4, "%s-wal", database);
        if (linkat(directory_fd, STORE_LOG_FILE, directory_fd, ret, 0) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

/* How many there are of @prefix, and the one that was set aside first. */
static size_t find_oldest(int directory_fd, const char *prefix, char ret[REBUILD_NAME_MAX]) {
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        struct timespec oldest = { 0 };
        struct dirent *entry;
        size_t n = 0;
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;

        while (dir && (entry = readdir(dir))) {
                size_t length = strlen(entry->d_name);
                struct stat st;

                if (strncmp(entry->d_name, prefix, strlen(prefix)) != 0 ||
                    length >= REBUILD_NAME_MAX ||
                    (length > 4 && strcmp(entry->d_name + length - 4, "-wal") == 0) ||
                    fstatat(directory_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        continue;
                if (n++ == 0 || st.st_ctim.tv_sec < oldest.tv_sec ||
                    (st.st_ctim.tv_sec == oldest.tv_sec &&
                     st.st_ctim.tv_nsec < oldest.tv_nsec)) {
                        oldest = st.st_ctim;
                        strcpy(ret, entry->d_name);
                }
        }
        if (dir)
                (void) closedir(dir);
        else
                (void) close_fd(fd);
        return n;
}

/* Only once the new files are there and open. */
static void keep_last(int directory_fd, const char *name) {
        char prefix[REBUILD_NAME_MAX], oldest[REBUILD_NAME_MAX], log[REBUILD_NAME_MAX + 4];

        (void) snprintf(prefix, sizeof(prefix), "%s" SET_ASIDE, name);
        while (find_oldest(directory_fd, prefix, oldest) > REBUILD_KEPT_MAX) {
                (void) snprintf(log, sizeof(log), "%s-wal", oldest);
                (void) unlinkat(directory_fd, log, 0);
                if (unlinkat(directory_fd, oldest, 0) < 0)
                        return;
        }
}

/* -- making anew ----------------------------------------------------------------------------- */

typedef struct Making {
        Store *store;
        JournalReader *reader; /* of a complete journal; else what follows */
        Union *rest;
} Making;

static void making_done(Making *m) {
        m->reader = journal_reader_free(m->reader);
        m->rest = union_free(m->rest);
}

/* The old log must be gone when the new database gets its name: it would be taken for its own. */
static int making_next(void *userdata, JournalRecord *ret) {
        Making *m = userdata;
        int r;

        r = m->reader ? journal_reader_next(m->reader, ret) : union_next(m->rest, ret);
        if (r != 0)
                return r;
        if (unlinkat(m->store->directory_fd, STORE_LOG_FILE, 0) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

static void making_progress(void *userdata, uint64_t number) {
        Making *m = userdata;

        atomic_fetch_add(&m->store->progress, 1);
}

/* A journal is complete only if it was read to its end. */
static bool is_complete(int directory_fd) {
        JournalReport report;

        return journal_verify(directory_fd, JOURNAL_FILE, &report) == 0;
}

static int make_of_journal(Making *m, const char *directory) {
        JournalHead head;
        JournalSlot slot;
        int r;

        r = journal_reader_new(m->store->directory_fd, JOURNAL_FILE, &m->reader);
        if (r < 0)
                return r;
        if (!journal_reader_head(m->reader, &head) ||
            !journal_reader_slot(m->reader, false, &slot))
                return -EBADMSG;
        return store_replay(m->store->directory_fd, directory,
                            &(ReplaySource){ .next = making_next,
                                             .progress = making_progress,
                                             .userdata = m,
                                             .head = &head,
                                             .end = &slot.end });
}

/* The journal of it is made when it is opened. */
static int make_of_both(Making *m, const char *directory, Mending *mending) {
        char log[REBUILD_NAME_MAX + 4];
        int r;

        (void) snprintf(log, sizeof(log), "%s-wal", mending->database);
        r = union_new(m->store->directory_fd, JOURNAL_FILE,
                      *mending->database ? mending->database : STORE_FILE,
                      *mending->database ? log : STORE_LOG_FILE, mending->time, &m->rest);
        if (r < 0)
                return r;
        union_report(m->rest, mending);
        return store_replay(m->store->directory_fd, directory,
                            &(ReplaySource){ .next = making_next,
                                             .progress = making_progress,
                                             .userdata = m });
}

static int rebuild(Store *store, const char *directory, Mending *mending) {
        _cleanup_(making_done) Making making = { .store = store };
        char log[REBUILD_NAME_MAX + 4];
        bool complete = is_complete(store->directory_fd);
        int r;

        mending->rebuilt = true;
        r = set_aside(store->directory_fd, STORE_FILE, mending->time, mending->database);
        if (r == 0)
                r = *mending->database
                            ? set_log_aside(store->directory_fd, mending->database, log)
                            : set_aside(store->directory_fd, STORE_LOG_FILE, mending->time, log);
        if (r == 0 && !complete)
                r = set_aside(store->directory_fd, JOURNAL_FILE, mending->time, mending->journal);
        if (r < 0)
                return r;
        return complete ? make_of_journal(&making, directory)
                        : make_of_both(&making, directory, mending);
}

/* -- mending --------------------------------------------------------------------------------- */

int store_hold(const char *directory, Store **ret, const char **ret_reason) {
        _cleanup_(store_freep) Store *s = calloc(1, sizeof(*s));
        int r;

        if (!s)
                return -ENOMEM;
        s->directory_fd = -1;
        r = store_lock_directory(directory, &s->directory_fd, ret_reason);
        if (r < 0)
                return r;
        s->reader.closed = -EINPROGRESS;
        s->closed_by = -EUCLEAN;
        *ret = TAKE_PTR(s);
        return 0;
}

void store_rest(Store *store) {
        connection_close(&store->reader);
        store->reader.closed = -EINPROGRESS;
}

int store_check_files(const Store *store) {
        return store->reader.db ? store_files_check(store) : 0;
}

uint64_t store_mend_progress(const Store *store) {
        return atomic_load(&store->progress);
}

/* What is open is a store of its own until it takes the place of the old one. */
static int open_anew(Store *store, const char *directory, StoreDamage *ret_damage) {
        _cleanup_(store_freep) Store *fresh = calloc(1, sizeof(*fresh));
        int r;

        if (!fresh)
                return -ENOMEM;
        fresh->directory_fd = fcntl(store->directory_fd, F_DUPFD_CLOEXEC, 3);
        if (fresh->directory_fd < 0)
                return -errno;
        r = store_open_files(fresh, directory, ret_damage);
        if (r < 0)
                return r;
        store->mended = TAKE_PTR(fresh);
        return 0;
}

/* Where the directory is now; its name may have changed since. */
static int directory_path(const Store *store, char **ret) {
        char path[64];

        (void) snprintf(path, sizeof(path), "/proc/self/fd/%d", store->directory_fd);
        *ret = realpath(path, NULL);
        return *ret ? 0 : -errno;
}

/* Files that are gone or failed once may be whole, or be made whole by opening them. */
static int try_opening(Store *store, const char *directory, Mending *mending) {
        StoreDamage damage = { 0 };
        int r;

        r = open_anew(store, directory, &damage);
        if (r == 0 && damage.disagrees) {
                store->mended = store_free(store->mended);
                return -EUCLEAN;
        }
        mending->rebuilt = damage.database == COPY_MISSING || damage.journal != COPY_WHOLE;
        return r;
}

static int mend(Store *store, Mending *mending) {
        _cleanup_free_ char *directory = NULL;
        StoreDamage damage = { 0 };
        int64_t saved = 0;
        int r;

        r = directory_path(store, &directory);
        if (r < 0)
                return r;
        r = -EUCLEAN;
        if (mending->cause == -ESTALE || mending->cause == -EIO)
                r = try_opening(store, directory, mending);
        if (r == -EUCLEAN) {
                r = rebuild(store, directory, mending);
                if (r == 0)
                        r = open_anew(store, directory, &damage);
        }
        if (r == 0)
                r = connection_number(&store->mended->writer,
                                      "SELECT count(*) FROM decision WHERE state <= 2", &saved);
        mending->n_saved = (uint64_t) saved;
        return r;
}

int store_mend(Store *store, int cause, int64_t now, Mending *ret) {
        Mending mending = { .cause = cause, .time = now };
        StoreDamage damage = { 0 };
        int r;

        connection_close(&store->writer);
        store->journal = journal_free(store->journal);
        store->mended = store_free(store->mended);
        atomic_store(&store->progress, 0);

        r = mend(store, &mending);
        if (r == 0) {
                keep_last(store->directory_fd, STORE_FILE);
                keep_last(store->directory_fd, STORE_LOG_FILE);
                keep_last(store->directory_fd, JOURNAL_FILE);
                *ret = mending;
        } else {
                _cleanup_free_ char *directory = NULL;

                /* What is there may still answer, in part. */
                if (!store->mended && directory_path(store, &directory) == 0)
                        (void) open_anew(store, directory, &damage);
        }
        atomic_store(&store->last_error, r);
        return r;
}

/* -EUCLEAN lets whoever asks next have it tried again. The descriptor of the directory goes with the
 * journal that uses it; the lock is on both. */
void store_resume(Store *store) {
        Store *fresh = store->mended;
        int directory_fd = store->directory_fd;

        store->mended = NULL;
        store->closed_by = -EUCLEAN;
        store->reader.closed = -EUCLEAN;
        if (!fresh)
                return;

        store->directory_fd = fresh->directory_fd;
        fresh->directory_fd = directory_fd;
        store->reader = fresh->reader;
        store->writer = fresh->writer;
        store->journal = TAKE_PTR(fresh->journal);
        store->file = fresh->file;
        store->log = fresh->log;
        store->closed_by = fresh->closed_by;
        atomic_store(&store->disagrees, atomic_load(&fresh->disagrees));
        atomic_store(&store->behind, atomic_load(&fresh->behind));
        atomic_store(&store->generation, atomic_load(&fresh->generation));
        atomic_store(&store->last_write, atomic_load(&fresh->last_write));
        fresh->reader = (Connection){ 0 };
        fresh->writer = (Connection){ 0 };
        (void) store_free(fresh);
}
