/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Examining the store while the daemon serves: the check itself, its steps, and the files from
 * outside. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/store-check-private.h"

/* Both copies are found at the same change unless one is just being written; then they are looked at
 * again. */
#define TRIES      200
#define TRY_NSEC   5000000L

/* Virtual instructions of SQLite between two looks at whether to go on. */
#define PROGRESS_INSTRUCTIONS 1000

static const char *const step_names[_CHECK_STEP_MAX] = {
        [CHECK_FILES] = "files",   [CHECK_STRUCTURE] = "structure", [CHECK_ROWS] = "rows",
        [CHECK_COUNTS] = "counts", [CHECK_JOURNAL] = "journal",
};

static const struct {
        const char *name;
        CheckSeverity severity;
} kinds[_FOUND_MAX] = {
        [FOUND_DIRECTORY_OPEN] = { "directory-open", CHECK_WARNING },
        [FOUND_FILE_OPEN] = { "file-open", CHECK_WARNING },
        [FOUND_FILES_REPLACED] = { "files-replaced", CHECK_DAMAGE },
        [FOUND_DISK_NEARLY_FULL] = { "disk-nearly-full", CHECK_WARNING },
        [FOUND_SET_ASIDE] = { "set-aside", CHECK_NOTE },
        [FOUND_STRUCTURE] = { "structure-damaged", CHECK_DAMAGE },
        [FOUND_REFERENCES] = { "references-broken", CHECK_DAMAGE },
        [FOUND_DECISIONS_DAMAGED] = { "decisions-damaged", CHECK_DAMAGE },
        [FOUND_ENTRIES_DAMAGED] = { "authorities-damaged", CHECK_DAMAGE },
        [FOUND_CERTIFICATES_DAMAGED] = { "certificates-damaged", CHECK_DAMAGE },
        [FOUND_CERTIFICATES_MISSING] = { "certificates-missing", CHECK_DAMAGE },
        [FOUND_NAMES_DAMAGED] = { "names-damaged", CHECK_DAMAGE },
        [FOUND_HISTORY_DAMAGED] = { "history-damaged", CHECK_DAMAGE },
        [FOUND_HISTORY_INCOMPLETE] = { "history-incomplete", CHECK_NOTE },
        [FOUND_COUNTERS] = { "counters-wrong", CHECK_DAMAGE },
        [FOUND_CERTIFICATES_UNUSED] = { "certificates-unused", CHECK_NOTE },
        [FOUND_REFUSALS] = { "refusals-differ", CHECK_DAMAGE },
        [FOUND_LAST_WRITE_AHEAD] = { "last-write-ahead", CHECK_WARNING },
        [FOUND_JOURNAL_MISSING] = { "journal-missing", CHECK_DAMAGE },
        [FOUND_JOURNAL_DAMAGED] = { "journal-damaged", CHECK_DAMAGE },
        [FOUND_JOURNAL_BEHIND] = { "journal-behind", CHECK_DAMAGE },
        [FOUND_JOURNAL_OTHER] = { "journal-other", CHECK_DAMAGE },
        [FOUND_DATABASE_BEHIND] = { "database-behind", CHECK_DAMAGE },
        [FOUND_COPIES_DIFFER] = { "copies-differ", CHECK_DAMAGE },
        [FOUND_HISTORIES_DIFFER] = { "histories-differ", CHECK_DAMAGE },
};

const char *check_step_name(CheckStep step) {
        return step_names[step];
}

const char *check_finding_name(CheckFinding finding) {
        return kinds[finding].name;
}

CheckSeverity check_finding_severity(CheckFinding finding) {
        return kinds[finding].severity;
}

/* -- what the steps share -------------------------------------------------------------------- */

void check_found(StoreCheck *check, CheckFinding finding, const char *format, ...) {
        char *detail = check->report.findings[finding].detail;
        va_list ap;

        if (check->report.findings[finding].n++ > 0)
                return;
        va_start(ap, format);
        (void) vsnprintf(detail, CHECK_DETAIL_MAX, format, ap);
        va_end(ap);
}

void check_begin(StoreCheck *check, CheckStep step, uint64_t total) {
        atomic_store(&check->total, total);
        atomic_store(&check->done, 0);
        atomic_store(&check->step, (int) step);
}

int check_advance(StoreCheck *check) {
        atomic_fetch_add(&check->done, 1);
        return atomic_load(&check->cancelled) ? -ECANCELED : 0;
}

/* Reading cannot go on, but that is told: everything else is looked at nevertheless. */
static int note_damage(StoreCheck *check, int error) {
        if (atomic_load(&check->cancelled))
                return -ECANCELED;
        if (error != -EUCLEAN)
                return error;
        check_found(check, FOUND_STRUCTURE, "%s", sqlite3_errmsg(check->connection.db));
        return 0;
}

static int prepare(StoreCheck *check, const char *sql, sqlite3_stmt **ret) {
        const CheckArgs *a = &check->args;
        sqlite3_stmt *st = NULL;
        Binder b = { 0 };
        int r = sqlite3_prepare_v2(check->connection.db, sql, -1, &st, NULL);

        if (r != SQLITE_OK)
                return connection_error(&check->connection, r);
        b.st = st;
        if (sqlite3_bind_parameter_count(st) > 0) {
                bind_int(&b, a->whole ? OWNER_SYSTEM : a->owner);
                bind_int(&b, a->whole ? (int64_t) UINT32_MAX : a->owner);
        }
        if (b.error < 0) {
                (void) sqlite3_finalize(st);
                return b.error;
        }
        *ret = st;
        return 0;
}

int check_rows(StoreCheck *check, const char *sql,
               int (*each)(StoreCheck *check, sqlite3_stmt *st)) {
        sqlite3_stmt *st = NULL;
        int r;

        r = prepare(check, sql, &st);
        while (r == 0 && (r = statement_step(st)) > 0)
                r = each(check, st);
        r = note_damage(check, r);
        (void) sqlite3_finalize(st);
        return r;
}

int check_number(StoreCheck *check, const char *sql, int64_t *ret) {
        sqlite3_stmt *st = NULL;
        int r;

        *ret = 0;
        r = prepare(check, sql, &st);
        if (r == 0)
                r = statement_step(st);
        if (r > 0) {
                *ret = sqlite3_column_int64(st, 0);
                r = 0;
        }
        r = note_damage(check, r);
        (void) sqlite3_finalize(st);
        return r;
}

/* -- the files from outside ------------------------------------------------------------------ */

static int look_for_set_aside(StoreCheck *check) {
        AsideList *kept = &check->report.kept;
        int r;

        r = aside_list(check->directory_fd, kept);
        for (size_t i = 0; r == 0 && i < kept->n; i++)
                check_found(check, FOUND_SET_ASIDE, "%s", kept->names[i]);
        return r;
}

/* Its size, 0 if it is not there. */
static uint64_t look_at_file(StoreCheck *check, const char *name) {
        struct stat st;

        if (fstatat(check->directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return 0;
        if ((st.st_mode & 077) != 0 || st.st_uid != geteuid())
                check_found(check, FOUND_FILE_OPEN, "%s", name);
        return (uint64_t) st.st_size;
}

static int look_at_directory(StoreCheck *check) {
        struct stat st;

        if (fstat(check->directory_fd, &st) < 0)
                return -errno;
        if ((st.st_mode & 077) != 0 || st.st_uid != geteuid())
                check_found(check, FOUND_DIRECTORY_OPEN, "%04o", (unsigned) st.st_mode & 07777U);
        return 0;
}

static int look_at_files(StoreCheck *check) {
        CheckReport *report = &check->report;
        struct statvfs fs;
        FileIdentity now;
        struct stat st;
        uint64_t database, journal;
        int r;

        check_begin(check, CHECK_FILES, 0);
        database = look_at_file(check, STORE_FILE) + look_at_file(check, STORE_LOG_FILE);
        journal = look_at_file(check, JOURNAL_FILE);
        if (fstatat(check->directory_fd, STORE_FILE, &st, AT_SYMLINK_NOFOLLOW) < 0)
                st = (struct stat){ 0 };
        now = (FileIdentity){ st.st_dev, st.st_ino };
        if (check->has_identity &&
            (now.device != check->file.device || now.inode != check->file.inode))
                check_found(check, FOUND_FILES_REPLACED, STORE_FILE);

        if (fstatvfs(check->directory_fd, &fs) < 0)
                return -errno;
        report->free_bytes = (uint64_t) fs.f_bavail * fs.f_frsize;
        if (report->free_bytes < CHECK_FREE_BYTES_MIN + database + journal)
                check_found(check, FOUND_DISK_NEARLY_FULL, "%llu",
                            (unsigned long long) report->free_bytes);
        if (!check->args.whole)
                return 0;
        report->database_bytes = database;
        report->journal_bytes = journal;
        r = look_at_directory(check);
        return r < 0 ? r : look_for_set_aside(check);
}

/* -- one moment of both copies --------------------------------------------------------------- */

static int on_progress(void *userdata) {
        StoreCheck *check = userdata;

        return atomic_load(&check->cancelled);
}

/* By the directory's present path, and only if the daemon's own file is still there: another would be
 * another store. */
static int open_database(StoreCheck *check) {
        _cleanup_free_ char *real = NULL, *path = NULL;
        char link[64];
        int r;

        (void) snprintf(link, sizeof(link), "/proc/self/fd/%d", check->directory_fd);
        real = realpath(link, NULL);
        if (!real)
                return -errno;
        if (asprintf(&path, "%s/" STORE_FILE, real) < 0) {
                path = NULL;
                return -ENOMEM;
        }
        r = check->read_only ? store_connect_read_only(check->directory_fd, path, &check->connection)
                             : connection_open_existing(&check->connection, path);
        if (r < 0)
                return r;
        sqlite3_progress_handler(check->connection.db, PROGRESS_INSTRUCTIONS, on_progress, check);
        atomic_store(&check->running, check->connection.db);
        return connection_run(&check->connection, "PRAGMA query_only = ON");
}

/* 0, -EUCLEAN if the database says nothing sensible of itself, -errno. */
static int look_at_moment(StoreCheck *check) {
        int r;

        check->reader = journal_reader_free(check->reader);
        if (!sqlite3_get_autocommit(check->connection.db))
                (void) connection_run(&check->connection, "COMMIT");
        r = connection_run(&check->connection, "BEGIN");
        if (r == 0)
                r = row_get_mark(&check->connection, &check->mark);
        if (r < 0 || !check->args.whole)
                return r;

        r = journal_reader_new(check->directory_fd, JOURNAL_FILE, &check->reader);
        if (r == 0 && !journal_reader_slot(check->reader, false, &check->slot)) {
                check->reader = journal_reader_free(check->reader);
                r = -EBADMSG;
        }
        if (r == -EBADMSG)
                check_found(check, FOUND_JOURNAL_DAMAGED, "its first block");
        else if (r == -ENOENT)
                check_found(check, FOUND_JOURNAL_MISSING, JOURNAL_FILE);
        return r == -EBADMSG || r == -ENOENT ? 0 : r;
}

static bool is_one_moment(const StoreCheck *check) {
        return !check->reader || check->slot.end.number == check->mark.number;
}

static int hold_moment(StoreCheck *check) {
        int r;

        for (int i = 0; i < TRIES; i++) {
                r = look_at_moment(check);
                if (r < 0 || is_one_moment(check))
                        break;
                if (atomic_load(&check->cancelled))
                        return -ECANCELED;
                (void) nanosleep(&(struct timespec){ .tv_nsec = TRY_NSEC }, NULL);
        }
        if (r < 0)
                return note_damage(check, r);
        check->report.database_number = check->mark.number;
        if (check->reader) {
                (void) journal_reader_head(check->reader, &check->head);
                check->report.journal_number = check->slot.end.number;
        }
        return 0;
}

/* -- the whole ------------------------------------------------------------------------------- */

static int run(StoreCheck *check) {
        static int (*const steps[])(StoreCheck *check) = { check_structure, check_digests,
                                                           check_counts, check_journal };
        int r;

        r = look_at_files(check);
        if (r < 0 || check->report.findings[FOUND_FILES_REPLACED].n > 0)
                return r;
        r = open_database(check);
        /* What is answered from is in memory then. */
        if (r < 0 && r != -ENOMEM && check->read_only) {
                check_found(check, FOUND_STRUCTURE, STORE_FILE);
                return 0;
        }
        if (r == 0)
                r = hold_moment(check);
        if (r < 0)
                return note_damage(check, r);
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(steps); i++)
                r = steps[i](check);
        return r;
}

int store_check_run(StoreCheck *check) {
        int r = run(check);

        return atomic_load(&check->cancelled) ? -ECANCELED : r;
}

int store_check_new(const Store *store, const CheckArgs *args, StoreCheck **ret) {
        _cleanup_(store_check_freep) StoreCheck *check = calloc(1, sizeof(*check));

        if (!check)
                return -ENOMEM;
        check->args = *args;
        check->file = store->files[0];
        check->has_identity = store->reader.db;
        check->read_only = store->read_only < 0;
        check->directory_fd = fcntl(store->directory_fd, F_DUPFD_CLOEXEC, 3);
        if (check->directory_fd < 0)
                return -errno;
        *ret = TAKE_PTR(check);
        return 0;
}

StoreCheck *store_check_free(StoreCheck *check) {
        if (!check)
                return NULL;

        connection_close(&check->connection);
        check->reader = journal_reader_free(check->reader);
        check->directory_fd = close_fd(check->directory_fd);
        free(check);
        return NULL;
}

const CheckReport *store_check_report(const StoreCheck *check) {
        return &check->report;
}

const CheckArgs *store_check_args(const StoreCheck *check) {
        return &check->args;
}

void store_check_cancel(StoreCheck *check) {
        sqlite3 *db = atomic_load(&check->running);

        atomic_store(&check->cancelled, true);
        if (db)
                sqlite3_interrupt(db);
}

void store_check_progress(const StoreCheck *check, CheckStep *ret_step, uint64_t *ret_done,
                          uint64_t *ret_total) {
        *ret_step = (CheckStep) atomic_load(&check->step);
        *ret_done = atomic_load(&check->done);
        *ret_total = atomic_load(&check->total);
}
