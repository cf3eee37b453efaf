/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Paths: every way from the leaf to an authority (or to where the certificates end), each judged
 * by RFC 5280, section 6, and the one that explains the verdict best.
 */
#pragma once

#include "client/cleanup.h"
#include "client/encoding.h"
#include "daemon/chain.h"
#include "daemon/report.h"

typedef struct Path {
        Certificate *items[PATH_LENGTH_MAX]; /* leaf first */
        size_t n;
        bool anchored; /* the last is an authority */
} Path;

/* What a path is judged with. */
typedef struct Judging {
        Certificates *all;
        const struct Endpoint *endpoint; /* NULL: none in particular */
        int64_t now;
        uint32_t checks; /* CheckFlags */
        bool any_purpose;
        uint64_t comparisons;                /* that name constraints may still cost on this path */
        struct Revocation *revocation;       /* NULL: nothing is known of it */
        int64_t holds_from;                  /* what is found holds from here until before there */
        int64_t holds_until;
        bool leaf_is_revoked; /* on some path */
        int64_t signed_time;  /* of a status answer from the time to come; INT64_MIN: none */
} Judging;

/* Something may change at @date: it bounds how long what was found holds. */
static inline void judging_bound(Judging *judging, int64_t date) {
        if (date > judging->now && date < judging->holds_until)
                judging->holds_until = date;
        if (date <= judging->now && date > judging->holds_from)
                judging->holds_from = date;
}

/*
 * Finds the best path from the leaf: one without a problem that nobody may allow before one with,
 * then the one with the fewest problems. Reports what is wrong with it, above the leaf and in the
 * way that it leads to. Returns 0, -ENOMEM, -EIO.
 */
int path_judge_best(Judging *judging, Report *r, Path *ret);

/*
 * The key that an authority is looked up by: SHA-256 of its subject in one canonical form, in which
 * names that RFC 5280, section 7.1, calls equal (case, spacing, string type) are the same bytes.
 * Returns 0, -EBADMSG if @der is no certificate, -EIO.
 */
int path_subject_key(Blob der, uint8_t ret[static SHA256_SIZE]);
