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
        int64_t now;
        uint32_t checks; /* CheckFlags */
        bool any_purpose;
        uint64_t comparisons; /* that name constraints may still cost */
} Judging;

/*
 * Finds the best path from the leaf: one without a problem that nobody may allow before one with,
 * then the one with the fewest problems. Reports what is wrong with it, above the leaf and in the
 * way that it leads to. Returns 0, -ENOMEM, -EIO.
 */
int path_judge_best(Judging *judging, Report *report, Path *ret);

/*
 * The key that an authority is looked up by: SHA-256 of its subject in one canonical form, in which
 * names that RFC 5280, section 7.1, calls equal (case, spacing, string type) are the same bytes.
 * Returns 0, -EBADMSG if @der is no certificate, -EIO.
 */
int path_subject_key(Blob der, uint8_t ret[static SHA256_SIZE]);
