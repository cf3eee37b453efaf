/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends: decisions that were read as live although their end has come. */
#pragma once

#include "daemon/decision.h"

typedef struct Manager Manager;
typedef struct Rule Rule;

/* The sessions that decisions of an owner and of the system live in. */
typedef struct Sessions {
        Session owner;
        Session system;
} Sessions;

/*
 * Marks those of @decisions whose end has come at @now as ended, and records it in the store, so
 * that no clock revives them. What cannot be known (no log-in session to be seen) counts as ended here
 * and is not recorded. *@ret is only looked up if one of the decisions needs it.
 */
void ends_apply(Manager *manager, int64_t owner, int64_t now, Decision *decisions, size_t n,
                Sessions *ret);

/* What is over of @rules has no row in which that could be recorded: the store remembers that it was so late, so
 * that no clock revives them after a restart. */
void ends_note_rules(Manager *manager, const Rule *rules, size_t n);
