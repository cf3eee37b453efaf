/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A person's decision about a certificate at an endpoint: an exception or a denial. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"
#include "client/endpoint.h"
#include "client/problem.h"

/* The owner that is no uid: the administrator's decisions for everyone. */
#define OWNER_SYSTEM INT64_C(-1)

/* Stored numbers; never changed, never reused. */
typedef enum DecisionAction {
        DECISION_ALLOW = 1,
        DECISION_DENY = 2,
} DecisionAction;

typedef enum DecisionPin {
        PIN_CERTIFICATE = 1,
        PIN_KEY = 2,
} DecisionPin;

typedef enum DecisionEnd {
        END_NEVER = 1,
        END_DATE = 2,
        END_SESSION = 3,
} DecisionEnd;

typedef enum DecisionState {
        STATE_LIVE = 1,
        STATE_UNCONFIRMED = 2,
        STATE_ENDED = 3,
        STATE_REVOKED = 4,
} DecisionState;

#define BOOT_ID_SIZE 16U

/* The sessions of an owner: this boot of the machine, and when they began, on the monotonic clock (logind; 0
 * where there is no logind, so that only the boot counts). A session that is there now and began before the
 * youngest of those that a decision was made in was there then: sessions do not come back. */
typedef struct Session {
        bool known; /* false: nothing that ends with a session can be live */
        uint8_t boot_id[BOOT_ID_SIZE];
        uint64_t login_usec;  /* the youngest */
        uint64_t oldest_usec; /* not of a decision */
} Session;

typedef struct Decision {
        int64_t owner; /* uid or OWNER_SYSTEM */
        uint64_t id;   /* per owner, from 1 */
        DecisionAction action;
        DecisionPin pin;
        DecisionState state;
        char host[ENDPOINT_HOST_MAX + 1];
        uint16_t port;
        uint8_t certificate_sha256[SHA256_SIZE];
        uint8_t key_sha256[SHA256_SIZE];
        ProblemSet problems; /* agreed to; 0 for a denial */
        DecisionEnd end;
        int64_t until;   /* END_DATE: the first second when it is over */
        Session session; /* END_SESSION: the one that it lives in */
        int64_t created;
        int64_t changed; /* when it got its present state */
        uint64_t change_number; /* of the change, in the whole store, that made it what it is */
} Decision;

/* true if @d's end has come at @now in @session. */
bool decision_has_ended(const Decision *d, int64_t now, const Session *session);

/* true if @d is about the leaf with these digests, by what @d pins; NULL matches nothing. */
bool decision_matches(const Decision *d, const uint8_t *certificate_sha256,
                      const uint8_t *key_sha256);

/*
 * SHA-256 over every field of @d in one unambiguous form, owner and id included, so that no other
 * row's digest fits. Returns 0 or -EIO (the crypto library failed).
 */
int decision_digest(const Decision *d, uint8_t ret[static SHA256_SIZE]);
