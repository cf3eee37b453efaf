/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Entries of the store's table trust: an authority that somebody imported, or a certificate or key
 * that somebody distrusts.
 */
#pragma once

#include "daemon/decision.h"
#include "daemon/limits.h"

/* Stored numbers; never changed, never reused. */
typedef enum EntryKind {
        ENTRY_AUTHORITY = 1,
        ENTRY_DISTRUST = 2,
} EntryKind;

typedef struct Entry {
        int64_t owner; /* uid or OWNER_SYSTEM */
        uint64_t id;   /* per owner, from 1; decisions and entries share the numbers */
        EntryKind kind;
        DecisionPin pin;     /* of a distrust: the very certificate, or every one with its key */
        DecisionState state; /* live; unconfirmed: kept, but not believed; revoked: removed */
        uint8_t certificate_sha256[SHA256_SIZE];
        uint8_t key_sha256[SHA256_SIZE];
        char only[ONLY_TEXT_MAX + 1]; /* of an authority: only_parse(); "": all names */
        int64_t by;                   /* uid */
        int64_t created;
        int64_t changed;
        uint64_t change_number; /* of the change, in the whole store, that made it what it is */
} Entry;

/* What keeps a certificate from being an authority. That its dates are over may be the clock's fault, and
 * that it has lost its trust is news about its every chain. */
#define ENTRY_UNFIT                                                                                \
        (PROBLEM_MALFORMED | PROBLEM_BAD_CONSTRAINTS | PROBLEM_UNKNOWN_CRITICAL |                  \
         PROBLEM_WRONG_USAGE | PROBLEM_WEAK_KEY | PROBLEM_BLOCKED)

/* Whether both are about the same in the same manner; and whether one believes what the other does not. */
bool entry_is_same(const Entry *a, const Entry *b);
bool entry_is_contrary(const Entry *a, const Entry *b);

/* true for what must not vanish: a distrust, and an authority that was removed. */
bool entry_refuses(const Entry *e);

/* Whether all that is no digest is within its bounds. */
bool entry_is_lawful(const Entry *e);

/* Like decision_digest(): SHA-256 over every field in one unambiguous form. 0 or -EIO. */
int entry_digest(const Entry *e, uint8_t ret[static SHA256_SIZE]);
