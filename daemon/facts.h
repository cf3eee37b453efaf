/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Facts: what was found out about a chain at an endpoint. Made by problems.c in the judge, sent
 * to the daemon, cached there, read by verdict and answer. Immutable once made.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"
#include "client/problem.h"
#include "daemon/limits.h"

/* What a certificate says of itself: valid UTF-8, at most FACTS_TEXT_BYTES_MAX each, but otherwise
 * the certificate's own words, control characters included. */
typedef struct CertificateFacts {
        uint8_t sha256[SHA256_SIZE];
        uint8_t key_sha256[SHA256_SIZE]; /* of the SubjectPublicKeyInfo's DER */
        char *subject;                   /* RFC 4514 */
        char *issuer;
        char *serial; /* lower-case hexadecimal */
        char **names; /* subject alternative names, else the common name; NULL-terminated */
        size_t n_names;
        int64_t not_before;
        int64_t not_after;
} CertificateFacts;

/* One problem where it was found. */
typedef struct Finding {
        Problem problem;
        int certificate; /* index in the chain as sent; -1: none in particular */
        char *value;     /* the fact that shows it; never NULL */
} Finding;

typedef struct Facts {
        unsigned n_references;
        ProblemSet problems; /* the union of the findings' */
        CertificateFacts *leaf; /* NULL if the leaf could not be read */
        Finding *findings;
        size_t n_findings;
        /* An imported authority speaks for the names of @limit alone (text of only_add()), and
         * @outside is none of them; both NULL: no such thing. */
        char *outside;
        char *limit;
        /* The findings hold from the first until before the second: no date is passed between. New
         * facts hold always. */
        int64_t holds_from;
        int64_t holds_until;
        /* When the issuer signed an answer that is still to come by the question's clock;
         * INT64_MIN: none. */
        int64_t signed_time;
        /* Where and what to ask whether the leaf has been revoked; NULL: nowhere. The URL begins
         * with http:// and is printable ASCII. */
        char *responder;
        uint8_t request[OCSP_REQUEST_BYTES_MAX];
        size_t request_size;
} Facts;

/* A new, empty one with one reference. Returns 0 or -ENOMEM. */
int facts_new(Facts **ret);
Facts *facts_ref(Facts *facts);
/* Drops one reference; NULL ok; returns NULL. */
Facts *facts_unref(Facts *facts);
DEFINE_CLEANUP(Facts *, facts_unref)

/* Whether no date that they depend on lies between their making and @now. */
bool facts_hold(const Facts *facts, int64_t now);

/*
 * Adds a finding and its problem, copying @value (made valid UTF-8 and cut to the bound). The same
 * problem at the same certificate is kept once. Returns 0 or -ENOMEM; past FACTS_FINDINGS_MAX only
 * the problem's bit is set.
 */
int facts_add(Facts *facts, Problem problem, int certificate, const char *value);

/* Keeps that an authority speaks for @limit alone and not for @outside. 0, -ENOMEM. */
int facts_set_limit(Facts *facts, const char *outside, const char *limit);

/*
 * A new string (free()) of what a certificate says in the @size bytes at @bytes: what is no UTF-8,
 * and a NUL, becomes U+FFFD; past FACTS_TEXT_BYTES_MAX it is cut and ends in an ellipsis. Returns 0
 * or -ENOMEM.
 */
int facts_text(const void *bytes, size_t size, char **ret);

CertificateFacts *certificate_facts_free(CertificateFacts *c);
DEFINE_CLEANUP(CertificateFacts *, certificate_facts_free)

/* Whole copy. Returns 0 or -ENOMEM. */
int certificate_facts_copy(const CertificateFacts *c, CertificateFacts **ret);

/*
 * Facts as bytes for the way from the judge to the daemon, and back. The writer returns -EINVAL for
 * facts that break a rule above, or have neither a leaf nor a problem that nobody may allow. The
 * reader trusts nothing: -EBADMSG for anything that facts_write() would not have written.
 */
int facts_write(const Facts *facts, uint8_t **ret, size_t *ret_size);
int facts_read(Blob bytes, Facts **ret);
