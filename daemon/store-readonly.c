/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A state directory that cannot be written to: what is there is read. Either the database is taken as it
 * is, if the journal and the witness bear it out and nothing would have to be restored first; or what a
 * complete journal says, in memory. Anything else waits until it can be mended.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/store-private.h"
#include "daemon/store-replay.h"

bool store_is_unwritable(int error) {
        static const int errors[] = { EROFS, EACCES, EPERM, ENOSPC, EDQUOT };

        for (size_t i = 0; i < N_ELEMENTS(errors); i++)
                if (error == -errors[i])
                        return true;
        return false;
}

int store_read_only(const Store *store) {
        return store->read_only;
}

bool store_may_be_written(const Store *store) {
        static const char *const names[] = { ".", STORE_FILE, STORE_LOG_FILE, JOURNAL_FILE };
        struct statvfs fs;

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                if (faccessat(store->directory_fd, names[i], R_OK | W_OK, 0) < 0 && errno != ENOENT)
                        return false;
        return store->read_only != -ENOSPC ||
               (fstatvfs(store->directory_fd, &fs) == 0 && fs.f_bavail > 0);
}

/* 1, 0 if there is none, -EUCLEAN if it is no file, which could not be read without waiting. */
static int is_there(int directory_fd, const char *name) {
        struct stat st;

        if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        return S_ISREG(st.st_mode) ? 1 : -EUCLEAN;
}

int store_connect_read_only(int directory_fd, const char *path, Connection *ret) {
        int there = is_there(directory_fd, STORE_FILE);
        int logged = is_there(directory_fd, STORE_LOG_FILE);

        if (there <= 0 || logged < 0)
                return there == 0 ? -ENOENT : there < 0 ? there : logged;
        return connection_open_read_only(ret, path, logged > 0);
}

/* What an older version wrote would have to be changed first. */
static int open_database(Store *s, const char *path, StoreDamage *damage) {
        int64_t version = 0;
        int r;

        r = store_connect_read_only(s->directory_fd, path, &s->writer);
        if (r == 0)
                r = store_look_at_header(s->directory_fd, &s->writer, &version, &damage->reason);
        if (r == 0 && version != store_version())
                r = s->read_only;
        return r < 0 ? r : store_reconcile(s, damage);
}

/* If the database could be read so far, it knows of no more. */
static int open_in_memory(Store *s, uint64_t database_number, StoreDamage *damage) {
        struct stat st;
        int r;

        if (fstatat(s->directory_fd, JOURNAL_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            st.st_size > RESTORE_BYTES_MAX)
                return -EFBIG;
        r = store_restore_in_memory(s->directory_fd, &s->writer);
        if (r == 0)
                r = store_reconcile(s, damage);
        return r == 0 && database_number > atomic_load(&s->generation) ? -EUCLEAN : r;
}

/* The one connection answers, and nobody writes. */
static int begin_reading(Store *s) {
        int r;

        r = connection_run(&s->writer, "PRAGMA query_only = ON");
        if (r < 0)
                return r;
        s->reader = s->writer;
        s->writer = (Connection){ 0 };
        store_stamp(s);
        return 0;
}

/* What was not opened is as if it had not been tried. */
static void forget(Store *s) {
        connection_close(&s->reader);
        connection_close(&s->writer);
        s->journal = journal_free(s->journal);
        atomic_store(&s->disagrees, false);
        atomic_store(&s->behind, false);
}

int store_open_read_only(Store *s, const char *path, int error, StoreDamage *ret_damage) {
        StoreDamage damage = { 0 };
        int r;

        forget(s);
        s->read_only = s->closed_by = error;
        r = open_database(s, path, &damage);
        if (r < 0 && r != -EPROTONOSUPPORT) {
                uint64_t number = damage.database_number;

                forget(s);
                damage = (StoreDamage){ 0 };
                r = open_in_memory(s, number, &damage);
        }
        if (r == 0)
                r = begin_reading(s);
        if (r < 0) {
                forget(s);
                s->read_only = s->closed_by = 0;
                ret_damage->reason = r == -EPROTONOSUPPORT
                                             ? store_error_reason(r)
                                             : "it cannot be written to, and would have to be "
                                               "mended first";
                return r == -EPROTONOSUPPORT ? r : error;
        }
        atomic_store(&s->last_error, error);
        *ret_damage = damage;
        return 0;
}
