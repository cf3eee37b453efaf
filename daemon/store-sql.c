/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store's SQL: every statement, and the one place where SQLite's codes become errno values. */
#include "config.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/store-sql.h"

/* In the order of row_read_decision(). */
#define DECISION_COLUMNS                                                                           \
        "owner, id, action, pin, state, host, port, certificate_sha256, key_sha256, problems, "    \
        "ends, until, boot_id, login_usec, created, changed, change_number, digest"

/* What was imported is told as such (7), whatever it was. */
#define HISTORY_COLUMNS                                                                            \
        "number, time, iif(EXISTS (SELECT 1 FROM imported AS i WHERE i.owner = history.owner AND " \
        "i.change_number = history.change_number), 7, kind), id, by, host, port, sha256"

/* In the order of row_read_entry(). */
#define ENTRY_COLUMNS                                                                              \
        "owner, id, kind, pin, state, certificate_sha256, key_sha256, only_for, by, created, "     \
        "changed, change_number, digest"

/* See entry_refuses(). */
#define IS_REFUSING_ENTRY "(kind = 1) = (state = 4)"

/* The words of the index decision_refusing: only so is it used. */
#define IS_REFUSAL "state = 4 OR (action = 2 AND state <= 2)"

static const char *const statement_sql[_STATEMENT_MAX] = {
        [STATEMENT_FIND] = "SELECT " DECISION_COLUMNS " FROM decision "
                           "WHERE owner = ?1 AND host = ?2 AND port = ?3 AND state <= 3 "
                           "ORDER BY owner, host, port, state, id DESC",
        [STATEMENT_FIND_HOST] = "SELECT " DECISION_COLUMNS " FROM decision "
                                "WHERE owner = ?1 AND host = ?2 AND state <= 3",
        [STATEMENT_FIND_REVOKED] = "SELECT " DECISION_COLUMNS " FROM decision "
                                   "WHERE owner = ?1 AND host = ?2 AND port = ?3 AND state = 4",
        [STATEMENT_ADD_IMPORTED] = "INSERT INTO imported (owner, change_number) VALUES (?1, ?2) "
                                   "ON CONFLICT DO NOTHING",
        [STATEMENT_GET] = "SELECT " DECISION_COLUMNS " FROM decision WHERE owner = ?1 AND id = ?2",
        [STATEMENT_LIST] = "SELECT " DECISION_COLUMNS " FROM decision INDEXED BY decision_by_id "
                           "WHERE owner = ?1 AND id > ?2 AND state <= ?3 ORDER BY id",
        [STATEMENT_LIST_HOST] = "SELECT " DECISION_COLUMNS " FROM decision "
                                "WHERE owner = ?1 AND +id > ?2 AND state <= ?3 AND host = ?4 "
                                "AND (?5 = 0 OR port = ?5) ORDER BY +id",
        [STATEMENT_CERTIFICATE] =
                "SELECT sha256, key_sha256, subject, issuer, serial, names, "
                "not_before, not_after, digest FROM certificate WHERE sha256 = ?1",
        [STATEMENT_CERTIFICATE_DER] = "SELECT der FROM certificate WHERE sha256 = ?1",
        [STATEMENT_HOLDS] = "SELECT n_decisions FROM holding WHERE owner = ?1 AND sha256 = ?2",
        [STATEMENT_SEEN] = "SELECT sha256, time FROM seen "
                           "WHERE owner = ?1 AND host = ?2 AND port = ?3",
        [STATEMENT_HOSTS_OF_ISSUER] =
                "SELECT host FROM decision JOIN certificate ON sha256 = certificate_sha256 "
                "WHERE owner = ?1 AND issuer = ?2 AND subject <> issuer "
                "UNION SELECT host FROM seen JOIN certificate USING (sha256) "
                "WHERE owner = ?1 AND issuer = ?2 AND subject <> issuer",
        [STATEMENT_HISTORY] = "SELECT " HISTORY_COLUMNS " FROM history "
                              "WHERE owner = ?1 AND number > ?2 ORDER BY number",
        [STATEMENT_HISTORY_OF] = "SELECT " HISTORY_COLUMNS " FROM history "
                                 "WHERE owner = ?1 AND number > ?2 AND id = ?3 ORDER BY number",
        [STATEMENT_LAST_HISTORY] = "SELECT " HISTORY_COLUMNS " FROM history "
                                   "WHERE owner = ?1 AND id = ?2 ORDER BY number DESC LIMIT 1",
        [STATEMENT_HISTORY_BY_CHANGE] = "SELECT " HISTORY_COLUMNS " FROM history WHERE owner = ?1 "
                                        "AND id = ?2 AND change_number = ?3",
        [STATEMENT_OWNER] = "SELECT n_allowed, n_denied, n_unconfirmed, n_dead, n_seen, bytes, "
                            "name, name_digest FROM owner WHERE owner = ?1",

        [STATEMENT_BEGIN] = "BEGIN IMMEDIATE",
        [STATEMENT_COMMIT] = "COMMIT",
        [STATEMENT_SAVEPOINT] = "SAVEPOINT change",
        [STATEMENT_RELEASE] = "RELEASE change",
        [STATEMENT_ROLLBACK_TO] = "ROLLBACK TO change",
        [STATEMENT_NUMBERS] = "SELECT change_number, last_write, journal_id, journal_length, "
                              "journal_digest, n_refusals, refusals, standing, digest FROM store "
                              "WHERE id = 1",
        [STATEMENT_SET_NUMBERS] = "UPDATE store SET change_number = ?1, last_write = ?2, "
                                  "journal_id = ?3, journal_length = ?4, journal_digest = ?5, "
                                  "n_refusals = ?6, refusals = ?7, standing = ?8, digest = ?9 "
                                  "WHERE id = 1",
        [STATEMENT_ADD_OWNER] = "INSERT INTO owner (owner) VALUES (?1) ON CONFLICT DO NOTHING",
        [STATEMENT_NAME_OWNER] = "UPDATE owner SET name = ?2, name_digest = ?3 WHERE owner = ?1",
        [STATEMENT_NEXT_ID] = "UPDATE owner SET last_id = last_id + 1 WHERE owner = ?1 "
                              "RETURNING last_id",
        [STATEMENT_NEXT_HISTORY] = "UPDATE owner SET last_history = last_history + 1 "
                                   "WHERE owner = ?1 RETURNING last_history",
        [STATEMENT_ADD_HISTORY] = "INSERT INTO history (owner, number, change_number, time, kind, "
                                  "id, by, host, port, sha256) "
                                  "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        [STATEMENT_TRIM_HISTORY] = "DELETE FROM history WHERE owner = ?1 AND number <= ?2",
        [STATEMENT_ADD_DECISION] = "INSERT INTO decision (" DECISION_COLUMNS ") VALUES (?1, ?2, "
                                   "?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, "
                                   "?16, ?17, ?18)",
        [STATEMENT_CHANGE_DECISION] = "UPDATE decision SET state = ?3, problems = ?4, ends = ?5, "
                                      "until = ?6, boot_id = ?7, login_usec = ?8, changed = ?9, "
                                      "change_number = ?10, digest = ?11 "
                                      "WHERE owner = ?1 AND id = ?2",
        [STATEMENT_OLDEST_DEAD] = "SELECT id FROM decision WHERE owner = ?1 AND state >= 3 "
                                  "ORDER BY change_number LIMIT 1",
        [STATEMENT_DROP_DECISION] = "DELETE FROM decision WHERE owner = ?1 AND id = ?2",
        [STATEMENT_HAS_CERTIFICATE] = "SELECT 1 FROM certificate WHERE sha256 = ?1",
        [STATEMENT_ADD_CERTIFICATE] = "INSERT INTO certificate (sha256, key_sha256, subject, "
                                      "issuer, serial, names, not_before, not_after, digest, der) "
                                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        [STATEMENT_MEND_CERTIFICATE] = "UPDATE certificate SET key_sha256 = ?2, subject = ?3, "
                                       "issuer = ?4, serial = ?5, names = ?6, not_before = ?7, "
                                       "not_after = ?8, digest = ?9, der = coalesce(?10, der) "
                                       "WHERE sha256 = ?1",
        [STATEMENT_PUT_SEEN] = "INSERT INTO seen (owner, host, port, sha256, time) "
                               "VALUES (?1, ?2, ?3, ?4, ?5)",
        [STATEMENT_TOUCH_SEEN] = "UPDATE seen SET time = ?4 "
                                 "WHERE owner = ?1 AND host = ?2 AND port = ?3",
        [STATEMENT_DROP_SEEN] = "DELETE FROM seen WHERE owner = ?1 AND host = ?2 AND port = ?3",
        [STATEMENT_OLDEST_SEEN] = "SELECT host, port FROM seen WHERE owner = ?1 "
                                  "ORDER BY time LIMIT 1",

        [STATEMENT_REFUSALS] = "SELECT " DECISION_COLUMNS " FROM decision "
                               "INDEXED BY decision_refusing WHERE " IS_REFUSAL,
        [STATEMENT_DECISION_DIGEST] = "SELECT digest, " IS_REFUSAL ", state <= 2 FROM decision "
                                      "WHERE owner = ?1 AND id = ?2",
        [STATEMENT_OWNER_AFTER] = "SELECT owner FROM owner WHERE owner > ?1 ORDER BY owner LIMIT 1",
        [STATEMENT_OF_OWNER] = "SELECT " DECISION_COLUMNS " FROM decision WHERE owner = ?1",
        [STATEMENT_ALL_OWNERS] = "SELECT owner, last_id, last_history FROM owner ORDER BY owner",
        [STATEMENT_ALL_CERTIFICATES] =
                "SELECT sha256 FROM certificate AS c WHERE EXISTS (SELECT 1 FROM holding AS h "
                "WHERE h.sha256 = c.sha256 AND h.n_decisions > 0) ORDER BY number",
        [STATEMENT_ALL_DECISIONS] = "SELECT " DECISION_COLUMNS " FROM decision",
        [STATEMENT_ALL_HISTORY] = "SELECT " HISTORY_COLUMNS ", owner, change_number FROM history",
        [STATEMENT_SET_OWNER] = "UPDATE owner SET last_id = max(last_id, ?2), "
                                "last_history = max(last_history, ?3) WHERE owner = ?1",
        [STATEMENT_SET_LAST_ID] = "UPDATE owner SET last_id = ?2 "
                                  "WHERE owner = ?1 AND last_id < ?2",
        [STATEMENT_JOURNAL_BYTES] =
                "SELECT coalesce(sum((n_allowed + n_denied + n_unconfirmed + n_dead) * 500 + "
                "min(last_history, ?1) * 350 + bytes * 4 / 3), 0) FROM owner",

        [STATEMENT_ENTRIES] = "SELECT " ENTRY_COLUMNS " FROM trust WHERE owner = ?1 ORDER BY id",
        [STATEMENT_ENTRY] = "SELECT " ENTRY_COLUMNS " FROM trust WHERE owner = ?1 AND id = ?2",
        [STATEMENT_PUT_ENTRY] =
                "INSERT INTO trust (" ENTRY_COLUMNS ") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, "
                "?9, ?10, ?11, ?12, ?13) ON CONFLICT (owner, id) DO UPDATE SET "
                "pin = excluded.pin, state = excluded.state, only_for = excluded.only_for, "
                "by = excluded.by, changed = excluded.changed, "
                "change_number = excluded.change_number, digest = excluded.digest",
        [STATEMENT_DROP_ENTRY] = "DELETE FROM trust WHERE owner = ?1 AND id = ?2",
        [STATEMENT_ENTRY_BYTES] =
                "SELECT coalesce(sum(length(der)), 0) FROM trust JOIN certificate "
                "ON sha256 = certificate_sha256 WHERE owner = ?1 AND kind = 1 AND state <= 2",
        [STATEMENT_ENTRY_REFUSALS] =
                "SELECT " ENTRY_COLUMNS " FROM trust WHERE " IS_REFUSING_ENTRY,
        [STATEMENT_ENTRY_DIGEST] = "SELECT digest, " IS_REFUSING_ENTRY ", state <= 2 FROM trust "
                                   "WHERE owner = ?1 AND id = ?2",
        [STATEMENT_ALL_ENTRIES] = "SELECT " ENTRY_COLUMNS " FROM trust",
};

/* What the system said last about the file behind @which, 0 if nothing. */
static int file_errno(sqlite3 *db, int which) {
        sqlite3_file *file = NULL;
        int e = 0;

        if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || !file || !file->pMethods)
                return 0;
        return file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &e) == SQLITE_OK ? e : 0;
}

/* Causes that people can mend have their own errno. sqlite3_system_errno() has often been
 * overwritten when it can be asked; the files keep theirs. */
static int error_of_system(sqlite3 *db, int otherwise) {
        static const int kept[] = {ENOSPC, EDQUOT, EROFS,  ENOMEM, EFBIG,
                                   EMFILE, ENFILE, EACCES, EPERM};
        int said[3];

        if (!db)
                return otherwise;
        said[0] = file_errno(db, SQLITE_FCNTL_JOURNAL_POINTER);
        said[1] = file_errno(db, SQLITE_FCNTL_FILE_POINTER);
        said[2] = sqlite3_system_errno(db);
        for (size_t i = 0; i < N_ELEMENTS(said); i++)
                for (size_t j = 0; j < N_ELEMENTS(kept); j++)
                        if (said[i] == kept[j])
                                return -said[i];
        return otherwise;
}

/* An extended code of a failing read or write. */
static int error_of_io(sqlite3 *db, int code) {
        if (code == SQLITE_IOERR_NOMEM)
                return -ENOMEM;
        /* What was asked for is not there: the file is shorter than it says. */
        if (code == SQLITE_IOERR_SHORT_READ || code == SQLITE_IOERR_CORRUPTFS)
                return -EUCLEAN;
        return error_of_system(db, -EIO);
}

int connection_error(const Connection *c, int code) {
        switch (code & 0xff) {
        case SQLITE_BUSY:
        case SQLITE_LOCKED:
                return -EBUSY;
        case SQLITE_NOMEM:
                return -ENOMEM;
        case SQLITE_FULL:
                return -ENOSPC;
        case SQLITE_READONLY:
                return code == SQLITE_READONLY_DBMOVED    ? -ESTALE
                       : code == SQLITE_READONLY_DIRECTORY ? -EACCES
                                                           : -EROFS;
        case SQLITE_IOERR:
                return error_of_io(c->db, code);
        case SQLITE_CANTOPEN:
                return error_of_system(c->db, -EIO);
        case SQLITE_PERM:
        case SQLITE_AUTH:
                return -EACCES;
        case SQLITE_TOOBIG:
                return -E2BIG;
        case SQLITE_CORRUPT:
        case SQLITE_NOTADB:
        /* Our own statements break no rule of the schema unless what is stored does already. */
        case SQLITE_CONSTRAINT:
        case SQLITE_MISMATCH:
        case SQLITE_SCHEMA:
        case SQLITE_ERROR:
                return -EUCLEAN;
        default:
                return -EIO;
        }
}

int connection_run(Connection *c, const char *sql) {
        int r = sqlite3_exec(c->db, sql, NULL, NULL, NULL);

        return r == SQLITE_OK ? 0 : connection_error(c, r);
}

int connection_flush(Connection *c) {
        int r = sqlite3_db_cacheflush(c->db);

        return r == SQLITE_OK ? 0 : connection_error(c, r);
}

int connection_sync(Connection *c) {
        sqlite3_file *log = NULL;

        if (sqlite3_file_control(c->db, "main", SQLITE_FCNTL_JOURNAL_POINTER, &log) != SQLITE_OK ||
            !log || !log->pMethods)
                return -EIO;
        return log->pMethods->xSync(log, SQLITE_SYNC_NORMAL) == SQLITE_OK ? 0 : -EIO;
}

int connection_checkpoint(Connection *c) {
        int r = sqlite3_wal_checkpoint_v2(c->db, "main", SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

        return r == SQLITE_OK ? 0 : connection_error(c, r);
}

int connection_number(Connection *c, const char *sql, int64_t *ret) {
        sqlite3_stmt *st = NULL;
        int r = sqlite3_prepare_v2(c->db, sql, -1, &st, NULL);

        if (r == SQLITE_OK) {
                r = sqlite3_step(st);
                if (r == SQLITE_ROW)
                        *ret = sqlite3_column_int64(st, 0);
        }
        (void) sqlite3_finalize(st);
        return r == SQLITE_ROW ? 0 : r == SQLITE_DONE ? -EUCLEAN : connection_error(c, r);
}

static int configure(sqlite3 *db) {
        static const struct {
                int option;
                int value;
        } settings[] = {
                {SQLITE_DBCONFIG_DEFENSIVE, 1},   {SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
                {SQLITE_DBCONFIG_DQS_DDL, 0},     {SQLITE_DBCONFIG_DQS_DML, 0},
                {SQLITE_DBCONFIG_ENABLE_FKEY, 1}, {SQLITE_DBCONFIG_ENABLE_TRIGGER, 1},
                {SQLITE_DBCONFIG_ENABLE_VIEW, 0}, {SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1},
        };

        for (size_t i = 0; i < N_ELEMENTS(settings); i++) {
                int r = sqlite3_db_config(db, settings[i].option, settings[i].value, NULL);

                if (r != SQLITE_OK)
                        return r;
        }
        return SQLITE_OK;
}

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* Nobody asks how much memory it has, and to count that takes a lock at each allocation. */
static void configure_library(void) {
        (void) sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

static int open_file(Connection *c, const char *name, int flags, const char *vfs) {
        (void) pthread_once(&once, configure_library);

        int r = sqlite3_open_v2(name, &c->db,
                                SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_EXRESCODE |
                                        flags,
                                vfs);

        if (r == SQLITE_OK)
                r = configure(c->db);
        return r == SQLITE_OK ? 0 : c->db ? connection_error(c, r) : -ENOMEM;
}

/* Whoever wants a commit of its log synced says so: connection_sync(). Before the log is copied into the
 * database SQLite syncs it by itself. */
static int be_strict(Connection *c) {
        return connection_run(c, "PRAGMA mmap_size = 0;"
                                 "PRAGMA cell_size_check = ON;"
                                 "PRAGMA cache_size = -512;"
                                 "PRAGMA temp_store = MEMORY;"
                                 "PRAGMA synchronous = NORMAL");
}

/*
 * "unix-excl" holds the file for this process alone, by a lock that the kernel drops with the
 * process, and keeps the index of the write-ahead log in memory: two connections of one process
 * read and write beside each other, and no shared memory file is mapped.
 */
static int open_to_write(Connection *c, const char *path, int flags) {
        int r = open_file(c, path, SQLITE_OPEN_READWRITE | flags, "unix-excl");

        return r < 0 ? r : be_strict(c);
}

int connection_open(Connection *c, const char *path) {
        return open_to_write(c, path, SQLITE_OPEN_CREATE);
}

int connection_open_existing(Connection *c, const char *path) {
        return open_to_write(c, path, 0);
}

/* What has a meaning of its own in a URI. */
static char *name_as_uri(const char *path, const char *parameters) {
        char *uri = malloc(strlen("file:") + 3 * strlen(path) + strlen(parameters) + 1), *at;

        if (!uri)
                return NULL;
        at = stpcpy(uri, "file:");
        for (; *path; path++)
                if (strchr("%?#", *path))
                        at += sprintf(at, "%%%02X", (unsigned) *path);
                else
                        *at++ = *path;
        strcpy(at, parameters);
        return uri;
}

/*
 * "unix-none" locks nothing, which a file that is open for reading cannot be for this process alone.
 * With an exclusive locking mode the log's index is in memory nevertheless. SQLite would make a log
 * where there is none, unless it is told that nothing ever changes.
 */
int connection_open_read_only(Connection *c, const char *path, bool logged) {
        _cleanup_free_ char *uri = name_as_uri(path, logged ? "" : "?immutable=1");
        int r;

        if (!uri)
                return -ENOMEM;
        r = open_file(c, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, "unix-none");
        if (r == 0)
                r = connection_run(c, "PRAGMA locking_mode = EXCLUSIVE");
        return r < 0 ? r : be_strict(c);
}

void connection_close(Connection *c) {
        for (unsigned i = 0; i < _STATEMENT_MAX; i++) {
                (void) sqlite3_finalize(c->statements[i]);
                c->statements[i] = NULL;
        }
        (void) sqlite3_close_v2(c->db);
        c->db = NULL;
}

void connection_close_empty(Connection *c) {
        if (c->db)
                (void) sqlite3_db_config(c->db, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
        connection_close(c);
}

int connection_statement(Connection *c, Statement which, sqlite3_stmt **ret) {
        if (!c->db)
                return c->closed;
        if (!c->statements[which]) {
                int r = sqlite3_prepare_v3(c->db, statement_sql[which], -1,
                                           SQLITE_PREPARE_PERSISTENT, &c->statements[which], NULL);

                if (r != SQLITE_OK)
                        return connection_error(c, r);
        }
        *ret = c->statements[which];
        return 0;
}

void statement_resetp(sqlite3_stmt **st) {
        if (!*st)
                return;
        (void) sqlite3_reset(*st);
        (void) sqlite3_clear_bindings(*st);
}

int statement_step(sqlite3_stmt *st) {
        Connection c = {.db = sqlite3_db_handle(st)};
        int r = sqlite3_step(st);

        if (r == SQLITE_ROW)
                return 1;
        return r == SQLITE_DONE ? 0 : connection_error(&c, r);
}

int statement_run(sqlite3_stmt *st) {
        int r = statement_step(st);

        return r > 0 ? -EUCLEAN : r;
}

/* A statement of ours never has too few parameters: only memory can be wanting. */
static void bound(Binder *b, int r) {
        if (r != SQLITE_OK && b->error == 0)
                b->error = r == SQLITE_TOOBIG ? -E2BIG : -ENOMEM;
}

int binder_begin(Connection *c, Statement which, int64_t first, Binder *ret) {
        int r;

        *ret = (Binder){0};
        r = connection_statement(c, which, &ret->st);
        if (r < 0)
                return r;
        bind_int(ret, first);
        return 0;
}

void binder_done(Binder *b) {
        statement_resetp(&b->st);
}

int binder_run(Binder *b) {
        return b->error < 0 ? b->error : statement_run(b->st);
}

void bind_int(Binder *b, int64_t value) {
        bound(b, sqlite3_bind_int64(b->st, ++b->index, value));
}

void bind_text(Binder *b, const char *text) {
        bound(b, sqlite3_bind_text(b->st, ++b->index, text, -1, SQLITE_STATIC));
}

void bind_blob(Binder *b, const void *data, size_t size) {
        bound(b, sqlite3_bind_blob64(b->st, ++b->index, data, size, SQLITE_STATIC));
}

bool column_bytes(sqlite3_stmt *st, int column, void *ret, size_t size) {
        const void *data;

        if (sqlite3_column_type(st, column) != SQLITE_BLOB)
                return false;
        data = sqlite3_column_blob(st, column);
        if (!data || (size_t) sqlite3_column_bytes(st, column) != size)
                return false;
        memcpy(ret, data, size);
        return true;
}

bool column_int(sqlite3_stmt *st, int column, int64_t min, int64_t max, int64_t *ret) {
        int64_t value;

        if (sqlite3_column_type(st, column) != SQLITE_INTEGER)
                return false;
        value = sqlite3_column_int64(st, column);
        if (value < min || value > max)
                return false;
        *ret = value;
        return true;
}

const char *column_text(sqlite3_stmt *st, int column) {
        const char *text;

        if (sqlite3_column_type(st, column) != SQLITE_TEXT)
                return NULL;
        text = (const char *) sqlite3_column_text(st, column);
        if (!text || strlen(text) != (size_t) sqlite3_column_bytes(st, column))
                return NULL;
        return text;
}

bool host_is_plain(const char *host) {
        for (const char *c = host; *c; c++)
                if (*c <= ' ' || *c > '~')
                        return false;
        return *host != '\0' && strlen(host) <= ENDPOINT_HOST_MAX;
}

bool column_host(sqlite3_stmt *st, int column, char ret[static ENDPOINT_HOST_MAX + 1]) {
        const char *text = column_text(st, column);

        if (!text || !host_is_plain(text))
                return false;
        strcpy(ret, text);
        return true;
}
