/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the store's files share: the open store, and rows as structures. */
#pragma once

#include <stdatomic.h>
#include <sys/types.h>

#include "daemon/journal.h"
#include "daemon/store-sql.h"
#include "daemon/store-witness.h"
#include "daemon/store.h"

#define STORE_FILE       "certexc.db"
#define STORE_LOG_FILE   STORE_FILE "-wal"
#define STORE_LOG_ORPHAN STORE_LOG_FILE ".orphan" /* its database is gone; rebuild-aside.h */

/* A user name; login.defs allows 32 bytes. */
#define STORE_NAME_MAX 256U

/* Ended decisions of one endpoint that a look-up still tells of. */
#define STORE_ENDED_TOLD_MAX 32U

/* Which file an open one is on the disk. */
typedef struct FileIdentity {
        dev_t device;
        ino_t inode;
} FileIdentity;

/* The one row of table store: how far the database has come. */
typedef struct StoreMark {
        uint64_t number;
        int64_t last_write;
        bool journaled; /* the two that follow are set */
        uint8_t journal_id[JOURNAL_ID_SIZE];
        JournalPlace place;
        bool counted; /* the two that follow are set */
        RefusalSet refusals;
        RefusalSet standing; /* the same of all that is live or unconfirmed */
} StoreMark;

/* How far what stands was counted, to compare it with the mark's. */
typedef struct Roll {
        bool begun;
        bool done;
        uint64_t number; /* the database's: a change of it makes the count begin again */
        int64_t owner;   /* the last one whose rows were counted */
        uint64_t n_rows;
        RefusalSet set;
} Roll;

struct Store {
        Connection reader; /* the event loop's */
        Connection writer; /* the committing thread's */
        Journal *journal;  /* the committing thread's */
        int directory_fd;  /* locked as long as it is open */
        FileIdentity files[2];  /* the database and its log */
        _Atomic uint64_t stamp; /* of the files as they were left; 0: not known, being written */
        bool unsynced;         /* the writer's: its log has commits that were not synced */
        int closed_by;         /* the writer's: the error after which nothing more is written */
        int read_only;         /* the error for which it is only read: there is a reader alone */
        uint64_t compact_from; /* not looked at before the journal is so long */
        JournalReader *prover; /* how far the journal's lines were looked at */
        bool proved;           /* all of them */
        Roll roll;             /* the committing thread's */
        _Atomic uint64_t n_rewritten;
        uint64_t recover_usec; /* not tried before */
        Witness witness;       /* as it was written last */
        bool witnessed;        /* it is there */
        /* The copies differ: nothing is accepted by exception. @behind: the journal knows more. */
        _Atomic bool disagrees;
        _Atomic bool behind;
        _Atomic uint64_t generation;
        _Atomic int64_t last_write;
        _Atomic uint64_t n_damaged;
        _Atomic int last_error;
        Store *mended; /* what store_mend() opened, until store_resume() */
        _Atomic unsigned percent; /* of it that was written */
};

/* -- opening, in two steps ---------------------------------------------------------------- */

int store_lock_directory(const char *directory, int *ret, const char **ret_reason);

/* Opens what is in the locked directory of @store. @damage begins empty. */
int store_open_files(Store *store, const char *directory, StoreDamage *damage);

/* true for errors after which reading may still be possible. */
bool store_is_unwritable(int error);

/* After opening @path came to @error: opens it for reading. 0; -EPROTONOSUPPORT; @error if nothing can be
 * answered by what is there. store-readonly.c. */
int store_open_read_only(Store *store, const char *path, int error, StoreDamage *ret_damage);

/* Opens the database there for reading, with what there is of its log. 0 or -errno. */
int store_connect_read_only(int directory_fd, const char *path, Connection *ret);

/* The version of a database that is open: 0 if it is an empty file. -EUCLEAN if it is not ours,
 * -EPROTONOSUPPORT if it is a newer one's, -errno; then the reason. */
int store_look_at_header(int directory_fd, Connection *c, int64_t *ret_version,
                         const char **ret_reason);

/* The newest version that there is: what is open now is of it. */
int64_t store_version(void);

/* -- the mark and what refuses; store-mark.c ---------------------------------------------- */

/* 0, -EUCLEAN if it cannot be, -errno. */
int row_get_mark(Connection *c, StoreMark *ret);

/* SHA-256 over all of it. 0 or -EIO. */
int store_mark_digest(const StoreMark *m, uint8_t ret[static SHA256_SIZE]);

/* Adds @d, whose digest is @digest, if it refuses. */
void refusals_add(RefusalSet *set, const Decision *d, const uint8_t digest[static SHA256_SIZE]);

void refusals_add_entry(RefusalSet *set, const Entry *e,
                        const uint8_t digest[static SHA256_SIZE]);

/* Adds what has that state, if it stands. */
void standing_add(RefusalSet *set, DecisionState state, const uint8_t digest[static SHA256_SIZE]);

/* Both sets. */
void mark_add(StoreMark *mark, const Decision *d, const uint8_t digest[static SHA256_SIZE]);
void mark_add_entry(StoreMark *mark, const Entry *e, const uint8_t digest[static SHA256_SIZE]);

/* As it is stored: eight bytes of number, then the digest. */
#define STANDING_SIZE (8U + SHA256_SIZE)
void standing_unpack(const uint8_t bytes[static STANDING_SIZE], RefusalSet *ret);

/* What stands, from all rows. 0; -EUCLEAN if one of them is damaged; -errno. store-standing.c. */
int standing_compute(Connection *c, RefusalSet *ret);

/* Counts on what stands, by about @n_rows. 1: there is more; 0: it was all, and is what it should be,
 * or that was known; -EUCLEAN if not, once; -errno. */
int store_prove_standing(Store *store, uint64_t n_rows);

/* What the rows give. 1; 0 if one of them is damaged; -errno. */
int refusals_compute(Connection *c, RefusalSet *ret);

bool refusals_same(const RefusalSet *a, const RefusalSet *b);

/* Runs the files of schema/ after the first @from, inside the caller's transaction. 0 or -errno. */
int store_schema(Connection *c, size_t from);

/* -- the journal -------------------------------------------------------------------------- */

/* Makes the database name @head and @place as its journal, in a transaction of its own. */
int store_adopt(Store *store, const JournalHead *head, const JournalPlace *place);

/* Makes a new journal of what the database holds, in place of the one that there is, if any.
 * -EUCLEAN if the database has damaged rows. */
int store_snapshot(Store *store);

/* What is in the journal and not yet in the database is applied. 0, -EBADMSG if the journal does
 * not lead on from there, -errno. */
int store_follow(Store *store);

/* The last change that the database, its log or the log of one that is gone tell of, if they go with the
 * journal @id; 0 if none does. 0 or -errno. store-evidence.c. */
int store_evidence(int directory_fd, const uint8_t id[static JOURNAL_ID_SIZE], uint64_t *ret);

/* 1 if the journal, all of which is read, is whole and ends where the store did. 0, -errno. */
int store_journal_is_complete(int directory_fd);

/* Reads all of the journal; what is found of it. */
void store_judge_journal(int directory_fd, StoreDamage *ret_damage);

/* Brings the two copies together, or says why they cannot be: -EUCLEAN and @ret_damage. In a store that
 * is only read, its read_only if that takes more than reading. */
int store_reconcile(Store *store, StoreDamage *ret_damage);

/* -- the witness; store-settle.c ---------------------------------------------------------- */

/* The store is open and has come to @number: the witness, of which @found may be NULL, follows. */
void store_witness_begin(Store *store, const Witness *found, uint64_t number);

/* Before a change is journaled: from here on the database's log is needed. 0 or -errno. */
int store_witness_change(Store *store);

/* Changes up to @number are in the journal. */
void store_witness_note(Store *store, uint64_t number);

/*
 * What was committed is on the disk in the database's log too. If that fails nobody knows what is there:
 * the journal does, so the database counts as behind it and is opened anew. 0 or -EIO.
 */
int store_sync_log(Store *store);

/* After closed_by: opens what writes anew, if that is due. 0 or -errno, as which it stays closed. */
int store_recover(Store *store);

/* Where the directory is now; its name may have changed since. 0 or -errno. */
int store_directory_path(const Store *store, char **ret);

/* Closes what writes; if all is well, with nothing left in the log. */
void store_close_writer(Store *store);

/* 0 if the open files are still those in the directory, else -ESTALE. */
int store_files_check(const Store *store);
/* The files that have just been opened are as they are to be; store-stamp.c. */
void store_stamp(Store *store);

/* Before and after they are written to. 0, or -ESTALE if they are not as they were left. @error: what
 * the writing came to. */
int store_begin_writing(Store *store);
void store_end_writing(Store *store, int error);

/* Another database has taken the place of the one that was open: the log, which is not its own, is
 * renamed. */
void store_part_log(const Store *store);

/* Notes @error if it tells of damage; returns it. */
int store_note(Store *store, int error);

/*
 * Fills @ret from the row (columns as in DECISION_COLUMNS). 1: all of it is whole and the digest
 * holds. 0: it is damaged, and @ret holds what can be read. -EIO if the crypto library failed.
 */
int row_read_decision(sqlite3_stmt *st, Decision *ret);

/* ENTRY_COLUMNS. 0; -EUCLEAN if any of it is damaged; -EIO. */
int row_read_entry(sqlite3_stmt *st, Entry *ret);

/* HISTORY_COLUMNS. 0 or -EUCLEAN. */
int row_read_history(sqlite3_stmt *st, HistoryEntry *ret);

/* Binds all columns in the same order. @digest is borrowed until the statement is reset. */
void row_bind_decision(Binder *b, const Decision *d, const uint8_t *digest);

/* The columns that depend on the kind of end: ends, until, boot_id, login_usec. */
void row_bind_end(Binder *b, const Decision *d);

/* A decision of the connection's own view, as row_read_decision(); -ENOENT if there is none. */
int row_get_decision(Connection *c, int64_t owner, uint64_t id, Decision *ret);

/* The names of a certificate as one block: each ended by its NUL. 0 or -ENOMEM. */
int row_join_names(const CertificateFacts *c, uint8_t **ret, size_t *ret_size);

/* SHA-256 over every field but the DER. 0, -EIO, -ENOMEM. */
int row_certificate_digest(const CertificateFacts *c, uint8_t ret[static SHA256_SIZE]);

/* 1 and a new one in *@ret, 0 if there is none, -EUCLEAN if it is damaged, -errno. */
int row_get_certificate(Connection *c, const uint8_t sha256[static SHA256_SIZE],
                        CertificateFacts **ret);

/* The same for its DER, which must have that digest. 0 also if only its facts are kept. */
int row_get_der(Connection *c, const uint8_t sha256[static SHA256_SIZE], uint8_t **ret,
                size_t *ret_size);

/* What proves an owner's user name whole. 0 or -EIO. */
int row_name_digest(int64_t owner, const char *name, uint8_t ret[static SHA256_SIZE]);

/* The row of an owner. */
typedef struct OwnerRow {
        OwnerCounts counts;
        uint64_t n_dead;
        uint64_t n_seen;
        char *name; /* NULL: none was given yet; "": what was given is damaged */
} OwnerRow;

void owner_row_done(OwnerRow *row);

/* 1, 0 if there is none, -errno. */
int row_get_owner(Connection *c, int64_t owner, OwnerRow *ret);

/* Appends; 0 or -ENOMEM. */
int decision_list_add(DecisionList *list, size_t *allocated, const Decision *d);
