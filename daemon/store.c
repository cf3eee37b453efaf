/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store as a whole: opening it, its versions, its health, and what its errors mean. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#include "daemon/rebuild-aside.h"
#include "daemon/store-log.h"
#include "daemon/store-private.h"
#include "daemon/store-replay.h"
#include "schema/schema-sql.h"

/* How often a lock that is taken is tried, 10 ms apart. */
#define LOCK_TRIES 10U

/* "cexc"; 001-initial.sql sets it. */
#define APPLICATION_ID INT64_C(0x63657863)

/* What a database says of itself before anything of it is believed. */
typedef struct Header {
        int64_t application_id;
        int64_t user_version;
        int64_t n_objects;
} Header;

static int fail(int error, const char *reason, const char **ret_reason) {
        *ret_reason = reason;
        return error;
}

static int identify(int directory_fd, const char *name, FileIdentity *ret) {
        struct stat st;

        if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return -errno;
        *ret = (FileIdentity){st.st_dev, st.st_ino};
        return 0;
}

static bool is_still(int directory_fd, const char *name, const FileIdentity *was) {
        FileIdentity is;

        return identify(directory_fd, name, &is) == 0 && is.device == was->device &&
               is.inode == was->inode;
}

int store_files_check(const Store *store) {
        if (!is_still(store->directory_fd, STORE_FILE, &store->files[0]) ||
            !is_still(store->directory_fd, STORE_LOG_FILE, &store->files[1]))
                return -ESTALE;
        return store->journal ? journal_check(store->journal) : 0;
}

void store_part_log(const Store *store) {
        FileIdentity is;

        if (identify(store->directory_fd, STORE_FILE, &is) == 0 &&
            !is_still(store->directory_fd, STORE_FILE, &store->files[0]) &&
            is_still(store->directory_fd, STORE_LOG_FILE, &store->files[1]))
                (void) aside_log(store->directory_fd, (int64_t) time(NULL));
}

/* What cannot be opened is not read, and so nothing more of it is found. */
int store_note(Store *store, int error) {
        if (error == -EUCLEAN && store->reader.closed == 0)
                atomic_fetch_add(&store->n_damaged, 1);
        return error;
}

/* 0 or -1. A worker that was being started when its daemon was killed holds the lock until it runs. */
static int lock(int fd) {
        const struct timespec pause = {0, 10000000};
        int r = -1;

        for (unsigned i = 0; i < LOCK_TRIES; i++) {
                r = flock(fd, LOCK_EX | LOCK_NB);
                if (r == 0 || errno != EWOULDBLOCK)
                        break;
                (void) nanosleep(&pause, NULL);
                errno = EWOULDBLOCK;
        }
        return r;
}

/* Where nothing can be changed, that others may look is no reason to serve nobody. */
static bool is_private(int fd, const struct stat *st) {
        struct statvfs fs;

        if ((st->st_mode & 077) == 0)
                return true;
        return (st->st_mode & 022) == 0 && fstatvfs(fd, &fs) == 0 && (fs.f_flag & ST_RDONLY);
}

/* The lock is on the directory, so that it holds whatever becomes of the files in it. */
int store_lock_directory(const char *directory, int *ret, const char **ret_reason) {
        _cleanup_fd_ int fd = -1;
        struct stat st;

        fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return fail(-errno, "the state directory cannot be opened", ret_reason);
        if (fstat(fd, &st) < 0)
                return fail(-errno, "the state directory cannot be examined", ret_reason);
        if (st.st_uid != geteuid() || !is_private(fd, &st))
                return fail(
                        -EPERM,
                        "the state directory must belong to the daemon's user and have mode 0700",
                        ret_reason);
        if (lock(fd) < 0)
                return errno == EWOULDBLOCK
                               ? fail(-EBUSY, "another certexcd uses this state directory",
                                      ret_reason)
                               : fail(-errno, "the state directory cannot be locked", ret_reason);
        *ret = take_fd(&fd);
        return 0;
}

/* Its log alone is of no use to a journal that is complete: SQLite would play it into whatever
 * database there is. */
static int part_log(int directory_fd, const char **ret_reason) {
        int r;

        if (store_journal_is_complete(directory_fd) <= 0)
                return fail(-EUCLEAN, STORE_FILE " is gone, but its write-ahead log is there",
                            ret_reason);
        r = aside_log(directory_fd, (int64_t) time(NULL));
        return r < 0 ? fail(r, STORE_LOG_FILE " cannot be renamed", ret_reason) : 0;
}

/* Neither copy is there: is there a log that was parted from the one? */
static int begin_anew(int directory_fd, StoreDamage *damage) {
        damage->journal = COPY_MISSING;
        if (faccessat(directory_fd, STORE_LOG_ORPHAN, F_OK, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        return fail(-EUCLEAN, STORE_FILE " and the journal are gone, but a write-ahead log is there",
                    &damage->reason);
}

/* What is there of the database before it is opened: 1, 0 if there is none or nothing in it. */
static int examine_file(int directory_fd, const char **ret_reason) {
        struct stat st, log;
        bool logged;

        logged = fstatat(directory_fd, STORE_LOG_FILE, &log, AT_SYMLINK_NOFOLLOW) == 0 &&
                 log.st_size > 0;
        if (fstatat(directory_fd, STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0) {
                if (errno != ENOENT)
                        return fail(-errno, STORE_FILE " cannot be examined", ret_reason);
                st.st_size = 0;
        } else if (!S_ISREG(st.st_mode))
                return fail(-EUCLEAN, STORE_FILE " is not a regular file", ret_reason);
        else if (fchmodat(directory_fd, STORE_FILE, 0600, 0) < 0)
                return fail(-errno, "the mode of " STORE_FILE " cannot be set to 0600", ret_reason);

        if (st.st_size == 0 && logged)
                return part_log(directory_fd, ret_reason);
        return st.st_size > 0;
}

/* SQLite gives its log the mode of the database, so the mode is right from birth. */
static int prepare_file(int directory_fd, const char **ret_reason) {
        _cleanup_fd_ int fd = -1;

        fd = openat(directory_fd, STORE_FILE, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
        if (fd < 0)
                return fail(-errno, STORE_FILE " cannot be opened for writing", ret_reason);
        if (fsync(directory_fd) < 0)
                return fail(-errno, "the state directory cannot be synced", ret_reason);
        return 0;
}

static bool journal_is_large(int directory_fd) {
        struct stat st;

        return fstatat(directory_fd, JOURNAL_FILE, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
               st.st_size > RESTORE_BYTES_MAX;
}

/* A database that is gone is made from its journal, if that is complete. */
static int restore_file(int directory_fd, const char *directory, StoreDamage *damage) {
        int r;

        r = examine_file(directory_fd, &damage->reason);
        if (r != 0)
                return r < 0 ? r : 0;
        damage->database = COPY_MISSING;
        if (journal_is_large(directory_fd))
                return fail(-EUCLEAN, STORE_FILE " is gone, and the journal is large",
                            &damage->reason);
        r = store_restore(directory_fd, directory, &damage->journal_number);
        switch (r) {
        case 0:
                return 0;
        case -ENOENT:
                return begin_anew(directory_fd, damage);
        case -EBADMSG:
                damage->journal = COPY_DAMAGED;
                return fail(-EUCLEAN, STORE_FILE " is gone, and the journal is damaged",
                            &damage->reason);
        case -ESTALE:
                damage->journal = COPY_BEHIND;
                return fail(-EUCLEAN, STORE_FILE " is gone, and the journal is older than it was",
                            &damage->reason);
        default:
                return fail(r, store_error_reason(r), &damage->reason);
        }
}

static int header_read(Connection *c, Header *ret) {
        int r;

        r = connection_number(c, "PRAGMA application_id", &ret->application_id);
        if (r == 0)
                r = connection_number(c, "PRAGMA user_version", &ret->user_version);
        if (r == 0)
                r = connection_number(c, "SELECT count(*) FROM sqlite_schema", &ret->n_objects);
        return r;
}

/* All that there was may be in the log. */
static int check_new(int directory_fd, const char **ret_reason) {
        LogState log;
        int r;

        r = store_log_look(directory_fd, STORE_LOG_FILE, &log);
        if (r < 0)
                return fail(r, store_error_reason(r), ret_reason);
        return log == LOG_BROKEN
                       ? fail(-EUCLEAN, STORE_FILE " is empty, and its write-ahead log is damaged",
                              ret_reason)
                       : 0;
}

int64_t store_version(void) {
        return (int64_t) N_ELEMENTS(schema_sql);
}

/* Decides before anything is written whether the file may be. */
static int header_check(int directory_fd, const Header *h, const char **ret_reason) {
        if (h->application_id == 0 && h->user_version == 0 && h->n_objects == 0)
                return check_new(directory_fd, ret_reason);
        if (h->application_id != APPLICATION_ID)
                return fail(-EUCLEAN, STORE_FILE " is another program's database", ret_reason);
        if (h->user_version > store_version())
                return fail(-EPROTONOSUPPORT, STORE_FILE " was written by a newer certexcd",
                            ret_reason);
        if (h->user_version < 1)
                return fail(-EUCLEAN, STORE_FILE " is damaged: it has no version", ret_reason);
        return 0;
}

int store_schema(Connection *c, size_t from) {
        int r = 0;

        for (size_t v = from; r == 0 && v < N_ELEMENTS(schema_sql); v++)
                r = connection_run(c, schema_sql[v]);
        return r;
}

/* Each step and its number in one transaction: half a version is never seen. */
static int migrate(Connection *c, int64_t from) {
        int r;

        r = connection_run(c, "PRAGMA journal_mode = WAL");
        if (r < 0 || from == store_version())
                return r;

        r = connection_run(c, "BEGIN IMMEDIATE");
        if (r == 0)
                r = store_schema(c, (size_t) from);
        if (r == 0)
                r = connection_run(c, "COMMIT");
        if (r < 0)
                (void) connection_run(c, "ROLLBACK");
        return r;
}

int store_look_at_header(int directory_fd, Connection *c, int64_t *ret_version,
                         const char **ret_reason) {
        Header header = {0};
        int r;

        r = header_read(c, &header);
        if (r < 0)
                return fail(r, store_error_reason(r), ret_reason);
        *ret_version = header.user_version;
        return header_check(directory_fd, &header, ret_reason);
}

static int open_writer(Store *s, const char *path, const char **ret_reason) {
        int64_t version = 0;
        StoreMark mark;
        int r;

        r = connection_open(&s->writer, path);
        if (r < 0)
                return fail(r, store_error_reason(r), ret_reason);
        r = store_look_at_header(s->directory_fd, &s->writer, &version, ret_reason);
        if (r < 0)
                return r;

        r = migrate(&s->writer, version);
        if (r == 0)
                r = row_get_mark(&s->writer, &mark);
        if (r < 0)
                return fail(r, store_error_reason(r), ret_reason);
        return 0;
}

static int open_reader(Store *s, const char *path, const char **ret_reason) {
        int64_t one;
        int r;

        r = connection_open(&s->reader, path);
        if (r == 0)
                r = connection_run(&s->reader, "PRAGMA query_only = ON");
        if (r == 0)
                r = connection_number(&s->reader, "SELECT id FROM store", &one);
        if (r == 0)
                store_stamp(s);
        return r < 0 ? fail(r, store_error_reason(r), ret_reason) : 0;
}

/* The path without links: SQLite is told to follow none. */
static int database_path(const char *directory, char **ret) {
        _cleanup_free_ char *real = NULL;

        real = realpath(directory, NULL);
        if (!real)
                return -errno;
        return asprintf(ret, "%s/" STORE_FILE, real) < 0 ? -ENOMEM : 0;
}

static int open_to_write(Store *s, const char *directory, const char *path, StoreDamage *damage) {
        int r;

        r = restore_file(s->directory_fd, directory, damage);
        if (r == 0)
                r = prepare_file(s->directory_fd, &damage->reason);
        if (r < 0)
                return r;

        r = open_writer(s, path, &damage->reason);
        if (r == 0)
                r = store_reconcile(s, damage);
        return r < 0 ? r : open_reader(s, path, &damage->reason);
}

int store_open_files(Store *s, const char *directory, StoreDamage *damage) {
        _cleanup_free_ char *path = NULL;
        int r;

        r = database_path(directory, &path);
        if (r < 0)
                return fail(r, "the state directory has no path", &damage->reason);
        r = open_to_write(s, directory, path, damage);
        return store_is_unwritable(r) ? store_open_read_only(s, path, r, damage) : r;
}

int store_open(const char *directory, Store **ret, StoreDamage *ret_damage) {
        _cleanup_(store_freep) Store *s = NULL;
        int r;

        *ret_damage = (StoreDamage){0};
        s = calloc(1, sizeof(*s));
        if (!s)
                return fail(-ENOMEM, store_error_reason(-ENOMEM), &ret_damage->reason);
        s->directory_fd = -1;
        r = store_lock_directory(directory, &s->directory_fd, &ret_damage->reason);
        if (r == 0) {
                aside_undo(s->directory_fd);
                r = store_open_files(s, directory, ret_damage);
        }
        /* It was not even read: what can be said of the other copy? */
        if (r == -EUCLEAN && ret_damage->database == COPY_WHOLE &&
            ret_damage->journal == COPY_WHOLE) {
                ret_damage->database = COPY_DAMAGED;
                store_judge_journal(s->directory_fd, ret_damage);
        }
        if (r < 0)
                return r;
        if (s->read_only == 0 && !ret_damage->disagrees && !ret_damage->gaps)
                aside_orphan(s->directory_fd, (int64_t) time(NULL));
        *ret = TAKE_PTR(s);
        return 0;
}

Store *store_free(Store *store) {
        if (!store)
                return NULL;

        connection_close(&store->reader);
        store_close_writer(store);
        store->journal = journal_free(store->journal);
        store->mended = store_free(store->mended);
        store->directory_fd = close_fd(store->directory_fd);
        free(store);
        return NULL;
}

uint64_t store_generation(const Store *store) {
        return atomic_load(&store->generation);
}

int64_t store_last_write(const Store *store) {
        return atomic_load(&store->last_write);
}

void store_health(const Store *store, StoreHealth *ret) {
        *ret = (StoreHealth){
                .n_damaged = atomic_load(&store->n_damaged),
                .last_error = atomic_load(&store->last_error),
                .disagrees = atomic_load(&store->disagrees) || atomic_load(&store->behind),
                .n_rewritten = atomic_load(&store->n_rewritten),
        };
}

/* Reason and way out of each error that a store can end in. */
static const struct {
        int error;
        const char *reason;
        const char *hint;
} error_texts[] = {
        {ENOSPC, "the disk of the state directory is full",
         "free some space there; the next change is taken by itself"},
        {EDQUOT, "the disk quota of the state directory is used up",
         "free some space there; the next change is taken by itself"},
        {EFBIG, "the store may not grow any more: a limit on file sizes",
         "raise LimitFSIZE= of the service"},
        {EROFS, "the state directory is read-only",
         "mount it writable; look for disk errors first"},
        {EACCES, "the state directory, or a file in it, does not let the daemon read and write",
         "give it and all that is in it back to the daemon's user, with mode 0700 and files with 0600"},
        {EPERM, "the state directory, or a file in it, does not let the daemon read and write",
         "give it and all that is in it back to the daemon's user, with mode 0700 and files with 0600"},
        {EMFILE, "the daemon has too many files open", "raise LimitNOFILE= of the service"},
        {ENFILE, "the system has too many files open", "raise fs.file-max"},
        {EEXIST, "something else is where certexc.db or its journal belongs, and cannot be renamed",
         "remove it from the state directory; the daemon then goes on by itself"},
        {EIO, "the disk failed to read or to write",
         "look for disk errors; the daemon tries again by itself"},
        {EUCLEAN, "the store is damaged",
         "look for disk errors; the daemon tries to rebuild it when it is asked next"},
        {ESTALE, "certexc.db or its journal was removed or changed by another while the daemon ran",
         "find out by whom; the daemon tries to rebuild it when it is asked next"},
        {EBUSY, "too many changes wait, or another process has the store", "try again"},
        {ENOMEM, "out of memory", "end other programs, then try again"},
        {E2BIG, "the change is too large", "use a smaller certificate"},
        {EINVAL, "the change does not agree with itself", "report this as a fault of certexcd"},
        {ENAMETOOLONG, "the user name is too long", "use a shorter one"},
        {EPROTONOSUPPORT, "the store was written by a newer certexcd", "install that version"},
};

const char *store_error_reason(int error) {
        for (size_t i = 0; i < N_ELEMENTS(error_texts); i++)
                if (error_texts[i].error == abs(error))
                        return error_texts[i].reason;
        return "the store could not be read or written";
}

const char *store_error_hint(int error) {
        for (size_t i = 0; i < N_ELEMENTS(error_texts); i++)
                if (error_texts[i].error == abs(error))
                        return error_texts[i].hint;
        return "look into the daemon's log";
}
