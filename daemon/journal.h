/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The journal: the second copy of the decisions, a line for each change, appended and synced before
 * the database commits. Its format is schema/journal.md. It knows no SQL; nothing here logs.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/cleanup.h"
#include "daemon/store.h"

#define JOURNAL_FILE     "journal"
#define JOURNAL_NEW_FILE JOURNAL_FILE ".new"
#define JOURNAL_ID_SIZE  16U

/* All that refuses: live and unconfirmed denials, what is distrusted, and what was revoked. How many there are, and the
 * XOR of their digests. */
typedef struct RefusalSet {
        uint64_t n;
        uint8_t digest[SHA256_SIZE];
} RefusalSet;

/* A place between two lines: the last change before it, where it is, and the running digest. */
typedef struct JournalPlace {
        uint64_t number;
        uint64_t offset;
        uint8_t digest[SHA256_SIZE];
} JournalPlace;

typedef struct JournalHead {
        uint8_t id[JOURNAL_ID_SIZE];
        uint64_t base;                       /* complete to here: what is not listed is dead */
        uint64_t base_length;                /* the file's when it was made */
        uint8_t follows_id[JOURNAL_ID_SIZE]; /* zeros: none */
        uint8_t follows_digest[SHA256_SIZE];
} JournalHead;

typedef struct JournalSlot {
        uint64_t sequence;
        JournalPlace end;
        RefusalSet refusals;
} JournalSlot;

typedef enum JournalKind {
        JOURNAL_CHANGE,      /* @decision, @history.kind and .by */
        JOURNAL_NAME,        /* @owner, @time, @name */
        JOURNAL_CERTIFICATE, /* @certificate, @der (NULL: not known) */
        JOURNAL_DROP,        /* @owner, @id */
        JOURNAL_OWNER,       /* compacted: @owner, @id and @last_history, @name or NULL */
        JOURNAL_DECISION,    /* compacted: @decision */
        JOURNAL_HISTORY,     /* compacted: @owner, @history, @change_number */
        JOURNAL_TRUST,       /* @entry */
        JOURNAL_ENTRY,       /* compacted: @entry */
        _JOURNAL_KIND_MAX,
} JournalKind;

/* One line. */
typedef struct JournalRecord {
        JournalKind kind;
        uint64_t number;
        int64_t owner;
        uint64_t id; /* JOURNAL_OWNER: the last that was given */
        uint64_t last_history;
        uint64_t change_number;
        int64_t time;
        Decision decision;
        Entry entry;
        HistoryEntry history;
        CertificateFacts *certificate;
        uint8_t *der;
        size_t der_size;
        char *name;
} JournalRecord;

/* Frees what @record holds and leaves it empty. */
void journal_record_done(JournalRecord *record);

/* true for the kinds that take a number of their own. */
bool journal_kind_is_change(JournalKind kind);

/* -- reading ------------------------------------------------------------------------------ */

typedef struct JournalReader JournalReader;

/*
 * Opens @name in the directory for reading. Returns 0; -ENOENT; -EBADMSG if neither the head nor a
 * slot checks, or it is no regular file; -EPROTONOSUPPORT if a newer version wrote it; -errno. It
 * reads what was there then: a writer that appends does not disturb it.
 */
int journal_reader_new(int directory_fd, const char *name, JournalReader **ret);
JournalReader *journal_reader_free(JournalReader *reader);
DEFINE_CLEANUP(JournalReader *, journal_reader_free)

/* If the head itself is damaged, what a slot says of it (base_length 0), and false. */
bool journal_reader_head(const JournalReader *reader, JournalHead *ret);

/* The newest slot that checks, or with @older the other one if it does. false if there is none. */
bool journal_reader_slot(const JournalReader *reader, bool older, JournalSlot *ret);

/* false if the other slot is damaged: it may have been the newest. */
bool journal_reader_is_certain(const JournalReader *reader);

/*
 * The next line. 1 and *@ret (journal_record_done()). 0 at the end: with nothing damaged so far,
 * the journal is complete, and ends as its newest slot says. -EBADMSG if the line, or the end, is
 * not what it must be: call journal_reader_resync() to go on. -errno.
 */
int journal_reader_next(JournalReader *reader, JournalRecord *ret);

/*
 * After -EBADMSG: goes to the next line whose own check holds. 1 if there is one (the next
 * journal_reader_next() yields it: a number more than one beyond the last tells how much is
 * missing), 0 if there is none: changes up to the newest slot's number may be missing. -errno.
 */
int journal_reader_resync(JournalReader *reader);

/* Where the reader is: behind the last line that it yielded. */
void journal_reader_place(const JournalReader *reader, JournalPlace *ret);

/* Goes on from @place, which a slot or a database named: the first line must chain to it. */
void journal_reader_seek(JournalReader *reader, const JournalPlace *place);

/* Goes back to before the first line, which is *@ret. 0 or -EIO. */
int journal_reader_rewind(JournalReader *reader, JournalPlace *ret);

/* 0 if the last line leads to what the newest slot says, without reading the others; -EBADMSG if
 * not; -errno. */
int journal_reader_check_end(JournalReader *reader);

typedef struct JournalReport {
        uint64_t n_lines;       /* that hold */
        uint64_t n_damages;     /* places where something did not */
        uint64_t n_missing;     /* numbers that no line had, up to the newest slot's */
        uint64_t first_missing; /* 0: none */
        uint64_t last_missing;
        bool base_damaged; /* something of the compacted form, which numbers do not tell of */
} JournalReport;

/* Of all that was read so far; whole once journal_reader_next() returned 0. */
void journal_reader_report(const JournalReader *reader, JournalReport *ret);

/* Reads all of it and returns 0 if it is complete, -EBADMSG if it is not (*@ret_report tells), or
 * as journal_reader_new(). */
int journal_verify(int directory_fd, const char *name, JournalReport *ret_report);

/* What a journal that is not complete says of itself. */
typedef struct JournalGathered {
        JournalHead head;
        bool head_whole; /* else @head is what a slot says of it, or nothing */
        bool have_slot;
        JournalSlot slot; /* the newest that was found */
        bool certain;     /* and no other can have been newer */
        bool base_whole;  /* nothing of the compacted form is missing */
        uint64_t n_lines;
} JournalGathered;

/*
 * Finds all lines whose own check holds, wherever they stand and in whatever order; @found is told of
 * each, and a failure of it is returned. *@ret is filled in but for @base_whole and @n_lines before.
 * @id, NULL ok, is the journal's, should it not say so itself. Returns 0 or as journal_reader_new().
 */
int journal_gather(int directory_fd, const char *name, const uint8_t *id,
                   int (*found)(JournalRecord *record, void *userdata), void *userdata,
                   JournalGathered *ret);

/* -- writing ------------------------------------------------------------------------------ */

typedef struct Journal Journal;

/* Opens the journal to append behind @slot, which was read of it; what stands behind is cut off. */
int journal_open(int directory_fd, const JournalHead *head, const JournalSlot *slot, Journal **ret);
Journal *journal_free(Journal *journal);
DEFINE_CLEANUP(Journal *, journal_free)

/*
 * Begins a new one as JOURNAL_NEW_FILE, of which nothing is seen until journal_publish(). @follows
 * may be NULL. Records up to then are the compacted form.
 */
int journal_create(int directory_fd, uint64_t base, const JournalHead *follows,
                   const uint8_t *follows_digest, Journal **ret);

/* Writes what was appended, syncs, and renames it over the old one. */
int journal_publish(Journal *journal, const RefusalSet *refusals);

/* Appends to the batch, in memory; gives @record the number that its kind asks for. */
int journal_append(Journal *journal, JournalRecord *record);

/* What the batch would leave behind; and going back to it when a change is undone. */
JournalPlace journal_end(const Journal *journal);
void journal_rewind(Journal *journal, const JournalPlace *end);

/*
 * Makes the batch durable: the commit. Returns 0. On -errno it is taken back: -ENOSPC and kin cost
 * the batch alone; after a sync that failed (-EIO), a file that is not the one on the disk
 * (-ESTALE) or a taking back that failed (the first cause), the journal is closed: nothing is taken
 * any more until it is opened anew.
 */
int journal_commit(Journal *journal, const RefusalSet *refusals);

/* 0, or the error after which nothing more is taken. */
int journal_closed(const Journal *journal);

/* Of a closed one: takes back once more what was refused last, and waits until that is on the disk.
 * 0 or -errno. */
int journal_undo(Journal *journal);

const JournalHead *journal_head(const Journal *journal);

/* 0 if the open file is still the one in the directory, and not shorter than it was, else -ESTALE.
 */
int journal_check(const Journal *journal);
