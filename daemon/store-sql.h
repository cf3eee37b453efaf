/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The store's way to SQLite: a connection with its statements, binding and stepping with errno
 * values. Only the store's own files include this.
 */
#pragma once

#include <stdbool.h>
#include <sqlite3.h>

#include "client/cleanup.h"
#include "client/endpoint.h"

/* Every statement there is; its text stands in store-sql.c. */
typedef enum Statement {
        STATEMENT_FIND,
        STATEMENT_FIND_HOST,
        STATEMENT_FIND_REVOKED,
        STATEMENT_ADD_IMPORTED,
        STATEMENT_GET,
        STATEMENT_LIST,
        STATEMENT_LIST_HOST,
        STATEMENT_CERTIFICATE,
        STATEMENT_CERTIFICATE_DER,
        STATEMENT_HOLDS,
        STATEMENT_SEEN,
        STATEMENT_HOSTS_OF_ISSUER,
        STATEMENT_HISTORY,
        STATEMENT_HISTORY_OF,
        STATEMENT_LAST_HISTORY,
        STATEMENT_HISTORY_BY_CHANGE,
        STATEMENT_OWNER,

        STATEMENT_BEGIN,
        STATEMENT_COMMIT,
        STATEMENT_SAVEPOINT,
        STATEMENT_RELEASE,
        STATEMENT_ROLLBACK_TO,
        STATEMENT_NUMBERS,
        STATEMENT_SET_NUMBERS,
        STATEMENT_ADD_OWNER,
        STATEMENT_NAME_OWNER,
        STATEMENT_NEXT_ID,
        STATEMENT_NEXT_HISTORY,
        STATEMENT_ADD_HISTORY,
        STATEMENT_TRIM_HISTORY,
        STATEMENT_ADD_DECISION,
        STATEMENT_CHANGE_DECISION,
        STATEMENT_OLDEST_DEAD,
        STATEMENT_DROP_DECISION,
        STATEMENT_HAS_CERTIFICATE,
        STATEMENT_ADD_CERTIFICATE,
        STATEMENT_MEND_CERTIFICATE,
        STATEMENT_PUT_SEEN,
        STATEMENT_TOUCH_SEEN,
        STATEMENT_DROP_SEEN,
        STATEMENT_OLDEST_SEEN,

        STATEMENT_REFUSALS,
        STATEMENT_DECISION_DIGEST,
        STATEMENT_OWNER_AFTER,
        STATEMENT_OF_OWNER,
        STATEMENT_ALL_OWNERS,
        STATEMENT_ALL_CERTIFICATES,
        STATEMENT_ALL_DECISIONS,
        STATEMENT_ALL_HISTORY,
        STATEMENT_SET_OWNER,
        STATEMENT_SET_LAST_ID,
        STATEMENT_JOURNAL_BYTES,
        STATEMENT_ENTRIES,
        STATEMENT_ENTRY,
        STATEMENT_PUT_ENTRY,
        STATEMENT_DROP_ENTRY,
        STATEMENT_ENTRY_BYTES,
        STATEMENT_ENTRY_REFUSALS,
        STATEMENT_ENTRY_DIGEST,
        STATEMENT_ALL_ENTRIES,
        _STATEMENT_MAX,
} Statement;

typedef struct Connection {
        sqlite3 *db;
        sqlite3_stmt *statements[_STATEMENT_MAX]; /* prepared when first used */
        int closed; /* without @db: what every statement comes to */
} Connection;

/* Opens @path with everything set that makes SQLite strict. Returns 0 or -errno. */
int connection_open(Connection *c, const char *path);
/* The same, but makes no file. */
int connection_open_existing(Connection *c, const char *path);

/* For reading what cannot be written to: no file is made or changed, none is locked. @logged: there is
 * a write-ahead log, which is read along. Another's write is not noticed. */
int connection_open_read_only(Connection *c, const char *path, bool logged);

/* The log stays as it is: it may be the last copy of something. */
void connection_close(Connection *c);

/* After connection_checkpoint(), as the last one: the empty log goes. */
void connection_close_empty(Connection *c);

/* The errno of what went wrong last. */
int connection_error(const Connection *c, int sqlite_code);

/* Runs SQL text that yields no rows. Returns 0 or -errno. */
int connection_run(Connection *c, const char *sql);

/* Writes what a transaction changed to the file, or its log, ahead of the commit. 0 or -errno. */
int connection_flush(Connection *c);

/* What was committed is on the disk, in the write-ahead log. 0 or -EIO: nobody knows. */
int connection_sync(Connection *c);

/* Writes all that is in the log to the database itself, syncs it, and empties the log. 0; -EBUSY if
 * somebody reads; -errno. */
int connection_checkpoint(Connection *c);

/* The one number that @sql yields. Returns 0 or -errno. */
int connection_number(Connection *c, const char *sql, int64_t *ret);

/* A statement ready to be bound; reset it by scope: _cleanup_(statement_resetp). */
int connection_statement(Connection *c, Statement which, sqlite3_stmt **ret);
void statement_resetp(sqlite3_stmt **st);

/* 1: a row is there. 0: there are no more. -errno. */
int statement_step(sqlite3_stmt *st);

/* For one that yields no rows: 0 or -errno. */
int statement_run(sqlite3_stmt *st);

/* Binds in order. The first failure stays; ask binder.error once. Bytes are not copied. */
typedef struct Binder {
        sqlite3_stmt *st;
        int index;
        int error;
} Binder;

/* Begins binding @which with @first, which is most often the owner; reset by scope:
 * _cleanup_(binder_done). Returns 0 or -errno. */
int binder_begin(Connection *c, Statement which, int64_t first, Binder *ret);
void binder_done(Binder *b);

/* Runs what was bound and yields no rows. Returns 0 or -errno. */
int binder_run(Binder *b);

void bind_int(Binder *b, int64_t value);
void bind_text(Binder *b, const char *text);              /* NULL binds NULL */
void bind_blob(Binder *b, const void *data, size_t size); /* data NULL binds NULL */

/* A column of exactly @size bytes; false if it is none. */
bool column_bytes(sqlite3_stmt *st, int column, void *ret, size_t size);

/* An integer column within bounds; false if it is none. */
bool column_int(sqlite3_stmt *st, int column, int64_t min, int64_t max, int64_t *ret);

/* A text column without NUL inside, borrowed until the next step; NULL if it is none. */
const char *column_text(sqlite3_stmt *st, int column);

/* Of a host: not empty, not too long, and plain ASCII, which every canonical form is. */
bool host_is_plain(const char *host);
bool column_host(sqlite3_stmt *st, int column, char ret[static ENDPOINT_HOST_MAX + 1]);
