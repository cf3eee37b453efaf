/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the check share: a check under way, and how it notes what it finds. */
#pragma once

#include "daemon/store-check.h"
#include "daemon/store-private.h"

struct StoreCheck {
        CheckArgs args;
        int directory_fd;
        bool has_identity; /* @file is the one that the daemon has open */
        FileIdentity file;
        Connection connection; /* opened by the run, closed with the check */
        StoreMark mark;        /* at the moment that is looked at */
        JournalReader *reader; /* of the same moment; NULL: there is none */
        JournalHead head;
        JournalSlot slot;
        CheckReport report;
        bool read_only;        /* the store is */
        _Atomic(sqlite3 *) running; /* what is interrupted */
        _Atomic bool cancelled;
        _Atomic int step;
        _Atomic uint64_t done;
        _Atomic uint64_t total;
};

/* Counts one, and keeps the first's detail. */
void check_found(StoreCheck *check, CheckFinding finding, const char *format, ...) _printf_(3, 4);

/* Begins a step. */
void check_begin(StoreCheck *check, CheckStep step, uint64_t total);

/* One more is done: 0, or -ECANCELED. */
int check_advance(StoreCheck *check);

/* Calls @each for every row that @sql yields, which may have ?1 for the owner: 0 or -errno. @each
 * returns 0 or -errno. Damage that ends the reading is a finding, and no error. */
int check_rows(StoreCheck *check, const char *sql,
               int (*each)(StoreCheck *check, sqlite3_stmt *st));

/* The same for one number. */
int check_number(StoreCheck *check, const char *sql, int64_t *ret);

/* The steps after the first; each in its own file. */
int check_structure(StoreCheck *check);
int check_digests(StoreCheck *check);
int check_counts(StoreCheck *check);
int check_journal(StoreCheck *check);
