/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Check: all of the store examined while the daemon serves, on a thread and a connection of its own,
 * as it was at one moment. It changes nothing: what is found is told, and mending is another's.
 *
 * store_check_new() and _free() are for the event loop's thread, store_check_run() for any one other;
 * between them the store must not be rebuilt.
 */
#pragma once

#include "daemon/rebuild-aside.h"
#include "daemon/store.h"

/* What is done, in this order; with progress of its own. */
typedef enum CheckStep {
        CHECK_FILES,     /* permissions, space, what was set aside */
        CHECK_STRUCTURE, /* the database's pages, and what refers to what */
        CHECK_ROWS,      /* the digest of every row */
        CHECK_COUNTS,    /* counters, and certificates that nobody needs */
        CHECK_JOURNAL,   /* every line to the end; and against the rows, if it goes deep */
        _CHECK_STEP_MAX,
} CheckStep;

typedef enum CheckSeverity {
        CHECK_NOTE,    /* good to know */
        CHECK_WARNING, /* something should be done */
        CHECK_DAMAGE,  /* something is not as it was written */
} CheckSeverity;

typedef enum CheckFinding {
        FOUND_DIRECTORY_OPEN,
        FOUND_FILE_OPEN,
        FOUND_FILES_REPLACED,
        FOUND_DISK_NEARLY_FULL,
        FOUND_SET_ASIDE,
        FOUND_STRUCTURE,
        FOUND_REFERENCES,
        FOUND_DECISIONS_DAMAGED,
        FOUND_ENTRIES_DAMAGED,
        FOUND_CERTIFICATES_DAMAGED,
        FOUND_CERTIFICATES_MISSING,
        FOUND_NAMES_DAMAGED,
        FOUND_HISTORY_DAMAGED,
        FOUND_HISTORY_INCOMPLETE,
        FOUND_COUNTERS,
        FOUND_CERTIFICATES_UNUSED,
        FOUND_REFUSALS,
        FOUND_LAST_WRITE_AHEAD,
        FOUND_JOURNAL_MISSING,
        FOUND_JOURNAL_DAMAGED,
        FOUND_JOURNAL_BEHIND,
        FOUND_JOURNAL_OTHER,
        FOUND_DATABASE_BEHIND,
        FOUND_COPIES_DIFFER,
        FOUND_HISTORIES_DIFFER,
        _FOUND_MAX,
} CheckFinding;

#define CHECK_DETAIL_MAX 256U

typedef struct CheckArgs {
        bool whole;    /* every owner's rows and both files; else @owner's rows alone */
        bool deep;     /* every page, and the two copies row against row */
        int64_t owner; /* unless @whole */
        int64_t now;
} CheckArgs;

typedef struct CheckReport {
        struct {
                uint64_t n; /* 0: not found */
                char detail[CHECK_DETAIL_MAX]; /* the first of them */
        } findings[_FOUND_MAX];
        uint64_t n_rows;          /* that were proved by their digests */
        uint64_t n_lines;         /* of the journal that hold */
        uint64_t database_number; /* the last change that each knows of */
        uint64_t journal_number;
        uint64_t database_bytes; /* with its log */
        uint64_t journal_bytes;
        uint64_t free_bytes;
        AsideList kept;
} CheckReport;

typedef struct StoreCheck StoreCheck;

int store_check_new(const Store *store, const CheckArgs *args, StoreCheck **ret);
StoreCheck *store_check_free(StoreCheck *check);
DEFINE_CLEANUP(StoreCheck *, store_check_free)

/* 0 and a report; -ECANCELED; -errno if it could not be made, which is no finding. */
int store_check_run(StoreCheck *check);
const CheckReport *store_check_report(const StoreCheck *check);
const CheckArgs *store_check_args(const StoreCheck *check);

/* Makes a run end soon. Any thread, until store_check_free(). */
void store_check_cancel(StoreCheck *check);

/* Where a run is: @total is 0 where it is not known. Any thread. */
void store_check_progress(const StoreCheck *check, CheckStep *ret_step, uint64_t *ret_done,
                          uint64_t *ret_total);

/* The words of the interface (static). */
const char *check_step_name(CheckStep step);
const char *check_finding_name(CheckFinding finding);
CheckSeverity check_finding_severity(CheckFinding finding);
