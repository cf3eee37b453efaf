/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Distrust: what is publicly known of authorities that have lost their trust and of keys that are
 * in the wrong hands, from schema/distrust.def. It holds whatever the system's store says.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "client/encoding.h"

typedef enum DistrustKind {
        DISTRUST_BLOCKED, /* its private key is known to others */
        DISTRUST_AFTER,   /* what it issued after a date is not believed */
} DistrustKind;

/* Before every certificate: nothing that it issued is believed. */
#define DISTRUST_ALWAYS INT64_MIN

typedef struct DistrustRule {
        DistrustKind kind;
        const char *key; /* SHA-256 of the SubjectPublicKeyInfo's DER, lower-case hexadecimal */
        int64_t after;   /* for DISTRUST_AFTER: the last second that is still believed */
        const char *who;
} DistrustRule;

typedef struct DistrustRules {
        const DistrustRule *items;
        size_t n;
} DistrustRules;

extern const DistrustRules distrust_shipped;

/* The rule for a key, or NULL. */
const DistrustRule *distrust_find(const DistrustRules *rules,
                                  const uint8_t key_sha256[static SHA256_SIZE]);
