/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the union share: all that was gathered of both copies. */
#pragma once

#include "daemon/rebuild-gaps.h"
#include "daemon/rebuild-union.h"
#include "daemon/salvage.h"
#include "daemon/store-log.h"
#include "daemon/store-private.h"

/* A state that some decision was in. */
typedef struct Candidate {
        Decision decision;
        bool salvaged;
        bool certain; /* its place proves that it was the newest of its tree */
        bool dropped; /* it made room for others then; only owner, id and number count */
} Candidate;

/* The same of an entry. */
typedef struct FoundEntry {
        Entry entry;
        bool salvaged;
        bool certain;
        bool dropped;
} FoundEntry;

typedef struct Line {
        int64_t owner;
        HistoryEntry entry;
        uint64_t change_number;
        bool salvaged;
} Line;

typedef struct Name {
        int64_t owner;
        char *name;
        uint64_t number;
        uint64_t last_id;
        uint64_t last_history;
} Name;

typedef struct Kept {
        CertificateFacts *certificate;
        uint8_t *der;
        size_t der_size;
} Kept;

struct Union {
        Gaps gaps;
        Candidate *candidates;
        size_t n_candidates;
        FoundEntry *entries;
        size_t n_entries;
        Line *lines;
        size_t n_lines;
        Name *names;
        size_t n_names;
        Kept *kept;
        size_t n_kept;

        JournalGathered journal;
        uint64_t *numbers; /* of its changes that were found */
        size_t n_numbers;
        uint64_t base;
        bool told;         /* some line of the journal was found */
        bool dropped;      /* something made room for others */
        uint64_t n_gone;   /* changes that no copy proves */
        bool base_damaged; /* numbers do not tell what of the compacted form is missing */
        uint64_t last;     /* the last change of the journal, by its lines and slots */
        bool have_mark;    /* of the database */
        SalvageMark mark;
        LogState log;      /* of what the mark is from */
        bool have_witness;
        Witness witness;

        uint64_t number; /* the last change there was */
        uint64_t n_missing;
        uint64_t n_saved;
        uint64_t n_unconfirmed;
        size_t at[5]; /* handed out so far, of each kind */
};

/* Each appends a copy; 0 or -ENOMEM. union_add_name() takes the name over, also when it fails. */
int union_add_candidate(Union *u, const Candidate *c);
int union_add_entry(Union *u, const FoundEntry *found);
int union_add_line(Union *u, const Line *line);
int union_add_name(Union *u, const Name *name);

/* All lines of the journal that hold, and where they do not. 0 or -errno. */
int union_read_journal(Union *u, int directory_fd, const char *name);

/* Afterwards: what the database has of that which is missing. */
int union_read_database(Union *u, int directory_fd, const char *database, const char *log);

/* Then: what the log has whose database is gone, if nothing that was read is newer. */
int union_read_orphan(Union *u, int directory_fd, const char *log);

/*
 * Whether something of @owner's may have been taken back by a change that is missing, and then have made
 * room for others: no set of what refuses tells of it any more.
 */
bool union_may_have_dropped(const Union *u, int64_t owner);

/* -- entries; rebuild-entries.c ---------------------------------------------------------- */

/* The newest state of each stays, unless it was dropped. 0 or -ENOMEM. */
int union_keep_entries(Union *u);

/* Adds those that refuse. 0 or -EIO. */
int union_add_refusing_entries(const Union *u, RefusalSet *set);

/* Authorities that are older than a missing change are believed no more until confirmed; unless @whole and
 * nothing of their owner's can have been dropped. */
void union_doubt_entries(Union *u, uint64_t last_missing, bool whole, int64_t now);

/* The last change that one of them knows of. */
uint64_t union_last_entry(const Union *u);

/* An owner for each. 0 or -ENOMEM. */
int union_add_entry_owners(Union *u);
