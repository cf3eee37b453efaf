/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The verdict: arithmetic over problems, decisions and now. No clock, no store, no allocation;
 * whoever calls it has looked everything up.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/decision.h"

typedef enum Verdict {
        VERDICT_ACCEPT,
        VERDICT_PROMPT,
        VERDICT_REJECT,
} Verdict;

/* Why; the words of org.certexc1.Verify's "because", in the same order. */
typedef enum Because {
        BECAUSE_NO_PROBLEM,
        BECAUSE_EXCEPTION,
        BECAUSE_NEVER_EXCEPTABLE,
        BECAUSE_DENIAL,
        BECAUSE_NO_EXCEPTION,
        BECAUSE_CHANGED,
        BECAUSE_NEW_PROBLEM,
        BECAUSE_ENDED,
        BECAUSE_UNCONFIRMED,
        BECAUSE_IN_DOUBT,
        _BECAUSE_MAX,
} Because;

/* Everything that a verdict depends on. */
typedef struct VerdictInput {
        ProblemSet problems;
        ProblemSet never; /* those that may not be excepted here; problem_set_never is always added */
        const uint8_t *leaf_sha256; /* NULL: the leaf could not be read */
        const uint8_t *leaf_key_sha256;
        /* All decisions of the owner and of the system at the endpoint, in any order and state; for
         * port 0, those of every port of the host. */
        const Decision *decisions;
        size_t n_decisions;
        bool in_doubt;        /* something that refuses may be missing: no exception accepts */
        bool user_exceptions; /* false: the owner's exceptions do not count (denials do) */
        uint16_t port;        /* 0: only certificate pins may answer */
        int64_t owner;
        int64_t now;
        const Session *session;        /* the owner's */
        const Session *system_session; /* the system's; NULL: the same */
        bool certificate_known; /* another certificate was seen or excepted here before */
} VerdictInput;

typedef struct VerdictOutput {
        Verdict verdict;
        Because because;
        const Decision *decision; /* in @decisions: the one that answered or nearly did; NULL */
        ProblemSet new_problems;  /* BECAUSE_NEW_PROBLEM: those that @decision does not cover */
} VerdictOutput;

/* In this order: never-exceptable problems, the system's denial, the owner's denial (these two refuse
 * also where nothing is wrong), no problem, the owner's exception, the system's exception; else
 * prompt. */
VerdictOutput verdict_judge(const VerdictInput *input);

/* "accept", "prompt", "reject"; "no-problem" and so on. */
const char *verdict_name(Verdict verdict);
const char *because_name(Because because);
