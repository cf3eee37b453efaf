/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rebuild: setting aside what is damaged, making what takes its place, opening that. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/rebuild-losses.h"
#include "daemon/rebuild-prove.h"
#include "daemon/rebuild-seen.h"
#include "daemon/rebuild-union.h"
#include "daemon/rebuild.h"
#include "daemon/store-private.h"

static const struct {
        int error;
        const char *reason;
} reasons[] = {
        { 0, "it was asked for" },
        { EUCLEAN, "what was read is not as it was written" },
        { ESTALE, "its files were removed, or changed by something else" },
        { EBADMSG, "an examination found damage" },
        { EIO, "the disk failed to read or to write" },
        { EROFS, "the state directory was read-only" },
};

const char *mending_reason(int cause) {
        for (size_t i = 0; i < N_ELEMENTS(reasons); i++)
                if (reasons[i].error == abs(cause))
                        return reasons[i].reason;
        return "it could not be used";
}

/* -- making anew ----------------------------------------------------------------------------- */

typedef struct Making {
        Store *store;
        JournalReader *reader; /* of a complete journal; else what follows */
        uint64_t size; /* of the journal, in bytes */
        Union *rest;
        Seen *seen; /* NULL: none */
} Making;

static void making_done(Making *m) {
        m->reader = journal_reader_free(m->reader);
        m->rest = union_free(m->rest);
        m->seen = seen_free(m->seen);
}

static int making_next(void *userdata, JournalRecord *ret) {
        Making *m = userdata;

        return m->reader ? journal_reader_next(m->reader, ret) : union_next(m->rest, ret);
}

static int making_finish(void *userdata, Transaction *t) {
        Making *m = userdata;

        return m->seen ? seen_write(m->seen, t) : 0;
}

static void making_progress(void *userdata) {
        Making *m = userdata;
        uint64_t done, total = m->size;
        JournalPlace place;

        if (m->reader) {
                journal_reader_place(m->reader, &place);
                done = place.offset;
        } else
                union_progress(m->rest, &done, &total);
        atomic_store(&m->store->percent, total > 0 ? (unsigned) (done * 100 / total) : 0);
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
        m->size = slot.end.offset;
        return store_replay(m->store->directory_fd, directory,
                            &(ReplaySource){ .next = making_next,
                                             .finish = making_finish,
                                             .progress = making_progress,
                                             .userdata = m,
                                             .head = &head,
                                             .end = &slot.end });
}

/* The journal of it is made when it is opened; the damaged one, which has a second name, is none that it
 * could go with. */
static int make_of_both(Making *m, const char *directory, Mending *mending) {
        int r;

        r = union_new(m->store->directory_fd, JOURNAL_FILE, STORE_FILE, STORE_LOG_FILE,
                      mending->time, &m->rest);
        if (r < 0)
                return r;
        union_report(m->rest, mending);
        /* Noted before anything takes the place of what was: whoever kills us now loses no word of it. What cannot be
         * noted is told all the same until the daemon stops. */
        if (mending->n_missing > 0)
                (void) losses_note(m->store->directory_fd, mending);
        r = store_replay(m->store->directory_fd, directory,
                         &(ReplaySource){ .next = making_next,
                                          .finish = making_finish,
                                          .progress = making_progress,
                                          .userdata = m });
        if (r == 0 && *mending->journal &&
            unlinkat(m->store->directory_fd, JOURNAL_FILE, 0) < 0)
                r = -errno;
        return r;
}

/* The second names are on the disk before the first ones go. */
static int set_aside(Store *store, bool complete, Mending *mending) {
        int r;

        r = aside_database(store->directory_fd, mending->time, mending->database);
        if (r == 0 && !complete)
                r = aside_journal(store->directory_fd, mending->time, mending->journal);
        if (r == 0 && fsync(store->directory_fd) < 0)
                r = -EIO;
        return r;
}

/* While the old names are there still. What cannot be read of it is no loss that counts. */
static int gather_seen(Making *m, int64_t now) {
        int fd = m->store->directory_fd, r;

        r = seen_gather(fd, STORE_FILE, STORE_LOG_FILE, now, &m->seen);
        if (r == -ENOENT)
                r = seen_gather(fd, NULL, STORE_LOG_ORPHAN, now, &m->seen);
        return r == -ENOMEM ? r : 0;
}

static int rebuild(Store *store, const char *directory, Mending *mending) {
        _cleanup_(making_done) Making making = { .store = store };
        bool complete;
        int r;

        aside_undo(store->directory_fd);
        complete = store_journal_is_complete(store->directory_fd) > 0;
        mending->rebuilt = true;
        r = set_aside(store, complete, mending);
        if (r == 0)
                r = gather_seen(&making, mending->time);
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

int store_set_aside(const Store *store, AsideList *ret) {
        return aside_list(store->directory_fd, ret);
}

unsigned store_mend_progress(const Store *store) {
        return atomic_load(&store->percent);
}

/* What is open is a store of its own until it takes the place of the old one. What can only be read is
 * open, and the reason is returned. */
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
        return store->mended->read_only;
}

/* What was opened has a journal that leads to where the database is; whether all of it does is looked at
 * here. If not, it is made anew from the database. */
static int prove_journal(Store *fresh, Mending *mending) {
        JournalReport report;
        int r;

        r = journal_verify(fresh->directory_fd, JOURNAL_FILE, &report);
        if (r == 0 && mending->cause == -EBADMSG)
                return -EUCLEAN; /* then it is the database, in a way that is not proved here */
        if (r != -EBADMSG)
                return r;
        mending->rebuilt = true;
        r = aside_journal(fresh->directory_fd, mending->time, mending->journal);
        if (r == 0)
                r = store_snapshot(fresh);
        if (r == 0)
                store_stamp(fresh);
        return r;
}

/* Files that are gone or failed for a while may be whole, or be made whole by opening them. */
static int try_opening(Store *store, const char *directory, Mending *mending) {
        StoreDamage damage = { 0 };
        int r;

        r = open_anew(store, directory, &damage);
        if (r < 0)
                return r;
        mending->rebuilt = damage.database != COPY_WHOLE || damage.journal != COPY_WHOLE;
        r = damage.disagrees || damage.gaps ? -EUCLEAN : 0;
        if (r == 0 && (mending->cause == -EBADMSG || prove_is_quick(store->mended))) {
                r = prove_database(store->mended);
                if (r == 0)
                        r = prove_journal(store->mended, mending);
        }
        if (r < 0)
                store->mended = store_free(store->mended);
        return r;
}

static int mend(Store *store, Mending *mending) {
        _cleanup_free_ char *directory = NULL;
        StoreDamage damage = { 0 };
        int64_t saved = 0;
        int r;

        /* It may have been open to others' eyes while nothing could be changed. */
        (void) fchmod(store->directory_fd, 0700);
        r = store_directory_path(store, &directory);
        if (r == 0)
                r = aside_strange(store->directory_fd, mending->time, mending->database,
                                  mending->journal);
        if (r < 0)
                return r;
        r = -EUCLEAN;
        if (mending->cause != 0 && mending->cause != -EUCLEAN)
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

        store_close_writer(store);
        store->journal = journal_free(store->journal);
        store->mended = store_free(store->mended);
        atomic_store(&store->percent, 0);

        r = mend(store, &mending);
        if (r == -EBUSY) /* a directory that something is mounted on */
                r = -EEXIST;
        if (r == 0) {
                aside_orphan(store->directory_fd, now);
                aside_keep_last(store->directory_fd);
                if (mending.n_missing > 0)
                        (void) losses_note(store->directory_fd, &mending); /* now with what is there */
                *ret = mending;
        } else {
                _cleanup_free_ char *directory = NULL;

                /* What is there may still answer, in part. */
                aside_undo(store->directory_fd);
                if (mending.n_missing > 0)
                        (void) losses_drop(store->directory_fd, mending.time);
                if (!store->mended && store_directory_path(store, &directory) == 0)
                        (void) open_anew(store, directory, &damage);
        }
        atomic_store(&store->last_error, r);
        return r;
}

/* Where nothing could be opened, everything comes to the reason for that. The descriptor of the
 * directory goes with the journal that uses it; the lock is on both. */
void store_resume(Store *store) {
        Store *fresh = store->mended;
        int directory_fd = store->directory_fd;

        store->mended = NULL;
        store->closed_by = store->reader.closed = atomic_load(&store->last_error);
        store->read_only = 0;
        if (!fresh)
                return;

        store->directory_fd = fresh->directory_fd;
        fresh->directory_fd = directory_fd;
        store->reader = fresh->reader;
        store->writer = fresh->writer;
        store->journal = TAKE_PTR(fresh->journal);
        memcpy(store->files, fresh->files, sizeof(store->files));
        atomic_store(&store->stamp, atomic_load(&fresh->stamp));
        store->closed_by = fresh->closed_by;
        store->read_only = fresh->read_only;
        atomic_store(&store->disagrees, atomic_load(&fresh->disagrees));
        atomic_store(&store->behind, atomic_load(&fresh->behind));
        atomic_store(&store->generation, atomic_load(&fresh->generation));
        atomic_store(&store->last_write, atomic_load(&fresh->last_write));
        store->witness = fresh->witness;
        store->witnessed = fresh->witnessed;
        fresh->reader = (Connection){ 0 };
        fresh->writer = (Connection){ 0 };
        (void) store_free(fresh);
}
