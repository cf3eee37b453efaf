/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Cache: chains that an owner has shown and what was found out about them, so that the same
 * question costs no parsing. Exceptions and denials are never part of it. One owner never sees or
 * displaces another's beyond its share.
 */
#pragma once

#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"
#include "client/endpoint.h"
#include "daemon/facts.h"

typedef struct Cache Cache;

/* A chain with its bytes; shared by reference. */
typedef struct Chain {
        unsigned n_references;
        uint8_t sha256[SHA256_SIZE]; /* of all certificates' DER, joined */
        size_t n_certificates;
        Blob *certificates; /* leaf first; the bytes are the chain's own */
        size_t size;        /* bytes of all certificates */
        uint8_t *bytes;
} Chain;

/* Copies @certificates into a new chain. 0, -ENOMEM, -EIO. */
int chain_bytes_new(const Blob *certificates, size_t n, Chain **ret);
Chain *chain_bytes_ref(Chain *chain);
Chain *chain_bytes_unref(Chain *chain);
DEFINE_CLEANUP(Chain *, chain_bytes_unref)

int cache_new(Cache **ret);
Cache *cache_free(Cache *cache);
DEFINE_CLEANUP(Cache *, cache_free)

/* A chain that @owner has shown: a new reference, or NULL. */
Chain *cache_chain(Cache *cache, int64_t owner, const uint8_t sha256[static SHA256_SIZE]);

/* Remembers @chain as shown by @owner. A failure to do so is no error. */
void cache_put_chain(Cache *cache, int64_t owner, Chain *chain);

/* What judged facts depend on, apart from the time. */
typedef struct CacheKey {
        int64_t owner;
        const Endpoint *endpoint;
        const uint8_t *chain_sha256;
        const uint8_t *staple_sha256; /* NULL: none */
        const uint8_t *basis; /* own_basis() */
} CacheKey;

/* Facts that hold at @now: a new reference, or NULL. */
Facts *cache_facts(Cache *cache, const CacheKey *key, int64_t now);
void cache_put_facts(Cache *cache, const CacheKey *key, int64_t now, Facts *facts);

