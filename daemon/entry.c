/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Entries: what is lawful in one, and the digest that proves a stored one whole. */
#include "config.h"

#include <string.h>

#include "daemon/entry.h"

/* The first byte of what is digested; no decision's begins like it. */
#define DIGEST_FORM 65U

/* Nine numbers, two digests, the text, and the byte in front. */
#define DIGEST_BYTES_MAX (10U * 8U + 2U * SHA256_SIZE + ONLY_TEXT_MAX + 1U)

bool entry_refuses(const Entry *e) {
        switch (e->kind) {
        case ENTRY_AUTHORITY:
                return e->state == STATE_REVOKED;
        case ENTRY_DISTRUST:
                return e->state != STATE_REVOKED;
        }
        return true;
}

static bool same_certificate(const Entry *a, const Entry *b) {
        return memcmp(a->certificate_sha256, b->certificate_sha256, SHA256_SIZE) == 0;
}

static bool same_key(const Entry *a, const Entry *b) {
        return memcmp(a->key_sha256, b->key_sha256, SHA256_SIZE) == 0;
}

/* Whether the distrust @d is about the authority @a. */
static bool is_about(const Entry *d, const Entry *a) {
        return d->pin == PIN_KEY ? same_key(d, a) : same_certificate(d, a);
}

bool entry_is_same(const Entry *a, const Entry *b) {
        if (a->kind != b->kind)
                return false;
        if (a->kind == ENTRY_DISTRUST && a->pin != b->pin)
                return false;
        return a->kind == ENTRY_DISTRUST ? is_about(a, b) : same_certificate(a, b);
}

bool entry_is_contrary(const Entry *a, const Entry *b) {
        if (a->kind == b->kind)
                return false;
        return a->kind == ENTRY_DISTRUST ? is_about(a, b) : is_about(b, a);
}

bool entry_is_lawful(const Entry *e) {
        return e->owner >= OWNER_SYSTEM && e->owner <= UINT32_MAX && e->id > 0 &&
               e->id <= INT64_MAX && (e->kind == ENTRY_AUTHORITY || e->kind == ENTRY_DISTRUST) &&
               (e->pin == PIN_CERTIFICATE || e->pin == PIN_KEY) &&
               (e->state == STATE_LIVE || e->state == STATE_UNCONFIRMED ||
                e->state == STATE_REVOKED) &&
               (e->kind == ENTRY_AUTHORITY || *e->only == '\0') && e->change_number > 0 &&
               e->change_number <= INT64_MAX;
}

static uint8_t *put_number(uint8_t *to, uint64_t value) {
        for (unsigned i = 0; i < 8; i++)
                *to++ = (uint8_t) (value >> (8 * (7 - i)));
        return to;
}

static uint8_t *put_bytes(uint8_t *to, const void *data, size_t size) {
        memcpy(to, data, size);
        return to + size;
}

int entry_digest(const Entry *e, uint8_t ret[static SHA256_SIZE]) {
        uint8_t bytes[DIGEST_BYTES_MAX] = { DIGEST_FORM };
        uint8_t *at = bytes + 1;

        at = put_number(at, (uint64_t) e->owner);
        at = put_number(at, e->id);
        at = put_number(at, (uint64_t) e->kind);
        at = put_number(at, (uint64_t) e->pin);
        at = put_number(at, (uint64_t) e->state);
        at = put_bytes(at, e->certificate_sha256, SHA256_SIZE);
        at = put_bytes(at, e->key_sha256, SHA256_SIZE);
        at = put_number(at, strlen(e->only));
        at = put_bytes(at, e->only, strlen(e->only));
        at = put_number(at, (uint64_t) e->by);
        at = put_number(at, (uint64_t) e->created);
        at = put_number(at, (uint64_t) e->changed);
        at = put_number(at, e->change_number);
        return sha256(bytes, (size_t) (at - bytes), ret);
}
