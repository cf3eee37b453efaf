/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A set of authorities as one block of bytes, indexed by subject, so that a worker finds the few
 * that could have issued a chain without parsing the others. The layout is private to
 * authorities.c; it lives in a sealed memfd between the daemon and its workers, never on disk.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"

typedef struct Authorities Authorities;
typedef struct Lists Lists;
typedef struct ListsBuilder ListsBuilder;

/* One that is being put together. */
typedef struct AuthoritiesBuilder AuthoritiesBuilder;

int authorities_builder_new(AuthoritiesBuilder **ret);
AuthoritiesBuilder *authorities_builder_free(AuthoritiesBuilder *b);
DEFINE_CLEANUP(AuthoritiesBuilder *, authorities_builder_free)

/*
 * Adds a certificate by its DER and the key of its subject (path.c says what a name's key is). The
 * same DER is kept once. Returns 0, -ENOMEM, -E2BIG past AUTHORITIES_MAX or AUTHORITIES_BYTES_MAX.
 */
int authorities_builder_add(AuthoritiesBuilder *b, Blob der,
                            const uint8_t subject_key[static SHA256_SIZE]);

/* Lets the block list @blocked (NULL: none) travel with @b's block; it must outlive the sealing. */
void authorities_builder_attach(AuthoritiesBuilder *b, AuthoritiesBuilder *blocked);

/* The same for lists of revoked certificates. */
void authorities_builder_attach_lists(AuthoritiesBuilder *b, ListsBuilder *lists);

/* Writes the block: 0 and a new sealed memfd (F_SEAL_SEAL|SHRINK|GROW|WRITE), or -errno. */
int authorities_builder_seal(AuthoritiesBuilder *b, int *ret_fd);

/* The same of the bytes of a block that is there already. Whether they are one is not looked at. */
int authorities_seal(const uint8_t *block, size_t size, int *ret_fd);

/*
 * Maps a block read-only; @fd may be closed afterwards. Every offset is checked here, once. Returns
 * 0, -EBADMSG if the block is not one, or -errno.
 */
int authorities_open(int fd, Authorities **ret);
Authorities *authorities_free(Authorities *a);
DEFINE_CLEANUP(Authorities *, authorities_free)

size_t authorities_count(const Authorities *a);

/* The whole block, the block list and the lists included (borrowed). */
Blob authorities_bytes(const Authorities *a);

/* SHA-256 of the whole block, the block list included. 0 or -EIO. */
int authorities_digest(const Authorities *a, uint8_t ret[static SHA256_SIZE]);

/* Number @i of them, in the order of their SHA-256; borrowed. */
Blob authorities_at(const Authorities *a, size_t i);

/* The block list that came with it (borrowed), NULL: none. */
const Authorities *authorities_blocked(const Authorities *a);

/* The lists of revoked certificates that came with it (borrowed), NULL: none. */
const Lists *authorities_lists(const Authorities *a);

/*
 * Calls-free iteration over those whose subject has @key: start with *@cursor = 0; returns 1 and
 * the DER (borrowed) in *@ret, or 0 when there are no more.
 */
int authorities_next_by_subject(const Authorities *a, const uint8_t key[static SHA256_SIZE],
                                size_t *cursor, Blob *ret);

/* true and the DER (borrowed) of the one with this SHA-256. */
bool authorities_find(const Authorities *a, const uint8_t sha256[static SHA256_SIZE], Blob *ret);

/* 1 if a certificate with this SHA-256 of its DER is among them, else 0. */
int authorities_contains(const Authorities *a, const uint8_t sha256[static SHA256_SIZE]);
