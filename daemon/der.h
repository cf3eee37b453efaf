/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A reader of DER that stays bad: the first thing that is not as expected makes it bad, and every
 * later read yields nothing. Read all, then ask der_end() once. Nothing is copied; definite and
 * shortest lengths only, tags of one byte.
 *
 * GnuTLS reads certificates too, but refuses whole what it does not like, and its getters hide what
 * a verdict must know (a field twice, an empty list, a name's exact bytes).
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"

enum {
        DER_BOOLEAN = 0x01,
        DER_INTEGER = 0x02,
        DER_BIT_STRING = 0x03,
        DER_OCTET_STRING = 0x04,
        DER_NULL = 0x05,
        DER_OID = 0x06,
        DER_ENUMERATED = 0x0a,
        DER_UTF8_STRING = 0x0c,
        DER_PRINTABLE_STRING = 0x13,
        DER_T61_STRING = 0x14,
        DER_IA5_STRING = 0x16,
        DER_UTC_TIME = 0x17,
        DER_GENERALIZED_TIME = 0x18,
        DER_UNIVERSAL_STRING = 0x1c,
        DER_BMP_STRING = 0x1e,
        DER_SEQUENCE = 0x30,
        DER_SET = 0x31,
};

/* [n], as a value and as something built of others. */
#define DER_CONTEXT(n)       (0x80 | (n))
#define DER_CONTEXT_BUILT(n) (0xa0 | (n))

typedef struct Der {
        Blob rest;
        bool bad;
} Der;

static inline Der der_of(Blob bytes) {
        return (Der){bytes, false};
}

/* true while the reader is good and there is something left. */
static inline bool der_more(const Der *der) {
        return !der->bad && der->rest.size > 0;
}

/* true if the next element has @tag. */
bool der_next_is(const Der *der, uint8_t tag);

/* The next element: its content, its tag in *@ret_tag, and with its header in *@ret_whole (both
 * may be NULL). */
Blob der_any(Der *der, uint8_t *ret_tag, Blob *ret_whole);

/* The content of the next element, which must have @tag; and the same with its header. */
Blob der_take(Der *der, uint8_t tag);
Blob der_take_whole(Der *der, uint8_t tag);

/* true and *@ret if the next element has @tag; otherwise nothing is read. */
bool der_optional(Der *der, uint8_t tag, Blob *ret);

/* A reader inside the next element. */
Der der_enter(Der *der, uint8_t tag);

/* A BOOLEAN that may be absent; a number from 0 to @max; a BIT STRING's bytes. */
bool der_boolean_or(Der *der, bool otherwise);
uint32_t der_number(Der *der, uint8_t tag, uint32_t max);
Blob der_bits(Der *der, uint8_t tag, unsigned *ret_unused);

/* A UTCTime or GeneralizedTime as RFC 5280, section 4.1.2.5, wants it: seconds, and Z. */
int64_t der_time(Der *der);

/* 0 if all was read and nothing was bad, else -EBADMSG. */
int der_end(const Der *der);

/* true if the two hold the same bytes. */
bool blob_equal(Blob a, Blob b);
