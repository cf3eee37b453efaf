/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Survey: what the damaged files of a store still have, found out in a simpler way than the
 * daemon's: by comparing them with what they were. What it finds must not be lost; it need not find
 * all.
 */
#pragma once

#include <stdbool.h>

#include "tests/torture/world.h"

typedef struct Survey {
        char *lines; /* of the undamaged journal that the damaged one still has */
        char *whole; /* all of them */
        unsigned n_changes;
        unsigned n_missing; /* changes of which the journal has no whole line any more */
        unsigned n_lost;    /* those among them of which nothing can be read */
        bool end_known;     /* its newest slot is there: from it follows how many those are */
        char *pages; /* of the database and its log, where they are as they were; zeros else */
        size_t n_pages_bytes;
} Survey;

/* What the state directory's files still have of those that were kept as @kept. */
void survey_take(World *w, const char *kept, Survey *ret);
void survey_done(Survey *survey);

/* Whether the last decision about @host survives: in the journal with all lines about it, or as a
 * row with @digest (NULL: there is none). */
bool survey_has(const Survey *survey, const char *host, const uint8_t *digest);
