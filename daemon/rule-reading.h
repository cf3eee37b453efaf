/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RuleReading: one reading of all files of exceptions.d, from the folders until a judge has seen every
 * certificate. A file is good as a whole or refused as a whole. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/cleanup.h"
#include "daemon/rule-file.h"
#include "daemon/rule-folder.h"

typedef struct Judges Judges;
typedef struct RuleReading RuleReading;

typedef struct RuleGood {
        RuleFolder folder;
        RuleFile *file;
} RuleGood;

typedef struct RuleRefusal {
        RuleFolder folder;
        char *path;
        const char *name; /* the end of @path; NULL: a whole folder */
        char *reason;     /* half a sentence */
} RuleRefusal;

/* What came of it; whoever reads takes what they need out of it, and leaves NULL behind. */
typedef struct RuleResults {
        RuleGood *good;
        size_t n_good;
        RuleRefusal *refused;
        size_t n_refused;
        char **notices; /* sentences: what masks what */
        size_t n_notices;
        size_t n_decisions; /* of the good ones */
} RuleResults;

/* Reads the files themselves. 0 or -ENOMEM. */
int rule_reading_new(const RuleFolders *folders, RuleReading **ret);

/* Cancels. NULL ok; returns NULL. */
RuleReading *rule_reading_free(RuleReading *reading);
DEFINE_CLEANUP(RuleReading *, rule_reading_free)

/* Whether there are certificates to be read. */
bool rule_reading_wants_judges(const RuleReading *reading);

/* @error is 0 or -errno; the callback may free the reading. */
typedef void (*RuleReadingDone)(RuleReading *reading, int error, void *userdata);

/* Has @judges (NULL ok where they are not wanted) read the certificates, of every file one after the other. Calls
 * @done once, perhaps before this returns, unless the reading is freed first. */
void rule_reading_run(RuleReading *reading, Judges *judges, RuleReadingDone done, void *userdata);

RuleResults *rule_reading_results(RuleReading *reading);

#ifdef CERTEXC_TESTING
/* For the tests: how long the next readings may take. */
void rule_reading_set_seconds(unsigned seconds);
#endif
