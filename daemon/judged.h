/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judged: the chain that a request is about, from its fields to its facts. Verify, AddException and
 * AddDenial share this way, so that what is allowed is judged exactly as what was asked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/cleanup.h"
#include "client/endpoint.h"
#include "client/fields.h"
#include "daemon/cache.h"
#include "daemon/decision.h"
#include "daemon/facts.h"

typedef struct JudgeCall JudgeCall;
typedef struct Request Request;

/* The fields as they came; they belong to the request's parameters. */
typedef struct JudgedFields {
        const char *host;
        size_t host_size;
        int64_t port;
        struct json_object *chain;
        const char *chain_sha256;
        const char *staple;
        bool starttls;
} JudgedFields;

typedef struct Judged {
        Endpoint endpoint;
        Chain *chain;
        uint8_t *staple; /* NULL: none */
        size_t staple_size;
        uint8_t staple_sha256[SHA256_SIZE];
        bool starttls; /* no problem depends on it, advice does */
        bool as_authority; /* whether the certificate can be one; else about an endpoint */
        uint8_t basis[SHA256_SIZE]; /* own_basis() when the judge was asked */
        JudgeCall *call; /* while the judge is at work */
        Facts *facts;    /* afterwards */
        void (*ready)(Request *r);
} Judged;

void judged_read(Fields *f, JudgedFields *ret);

/*
 * Checks @fields and finds the facts, in the cache or by the judge. Then r->judged is complete and
 * @ready is called, perhaps before this returns. Otherwise the error has been answered. @port_min is 0
 * where a port may be unknown.
 */
void judged_start(Request *r, const JudgedFields *fields, int64_t port_min,
                  void (*ready)(Request *r));

/* The same endpoint, chain and staple in a new object, of which nothing is known yet. 0 or -ENOMEM. */
int judged_again(const Judged *j, Judged **ret);

/* As judged_start(), with r->judged made by judged_again(). */
void judged_restart(Request *r, void (*ready)(Request *r));

/*
 * The same for one certificate, in base64, or as DER, by itself: what speaks against it as an
 * authority, and what it says. Of a field that cannot be read InvalidChain is answered.
 */
void judged_start_authority(Request *r, const char *certificate, void (*ready)(Request *r));
void judged_start_der(Request *r, Blob der, void (*ready)(Request *r));

/* Fills in what @d is about: the endpoint and the leaf, which was read. */
void judged_describe(const Judged *j, Decision *d);

/* Bytes that are held for it, beside what the cache may keep anyway. */
size_t judged_held(const Judged *j);

/* Cancels the judge's work. NULL ok; returns NULL. */
Judged *judged_free(Judged *j);
DEFINE_CLEANUP(Judged *, judged_free)
