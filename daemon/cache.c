/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Chains and facts are entries of one table, each in a list of its owner's, latest use first. An
 * owner over its share loses its own oldest entries; when all together are over theirs, the owner
 * that holds most loses.
 */
#include "config.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "daemon/cache.h"
#include "daemon/limits.h"

/* An ordinary machine has some hundred entries; the bounds allow some thousand. */
#define ENTRY_BUCKETS 1024U
#define OWNER_BUCKETS 64U

/* What an entry costs beside its payload: itself and the allocator's part. */
#define ENTRY_OVERHEAD 512U

typedef enum EntryKind {
        ENTRY_CHAIN,
        ENTRY_FACTS,
        _ENTRY_KIND_MAX,
} EntryKind;

/* A key in its own memory; for a chain only owner and digest are set. */
typedef struct EntryKey {
        EntryKind kind;
        int64_t owner;
        uint8_t chain_sha256[SHA256_SIZE];
        bool has_staple;
        uint8_t staple_sha256[SHA256_SIZE];
        uint8_t basis[SHA256_SIZE];
        uint16_t port;
        const char *host;
} EntryKey;

typedef struct Owner Owner;
typedef struct Entry Entry;

struct Entry {
        EntryKey key;
        char host[ENDPOINT_HOST_MAX + 1];
        Chain *chain;
        Facts *facts;
        int64_t made; /* facts: when they were put here */
        size_t size;
        Owner *owner;
        Entry *newer, *older; /* of the owner */
        Entry *next;          /* in the bucket */
};

struct Owner {
        int64_t owner;
        size_t size;
        unsigned n[_ENTRY_KIND_MAX];
        Entry *newest, *oldest;
        Owner *next; /* in the bucket */
};

struct Cache {
        size_t size;
        Entry *entries[ENTRY_BUCKETS];
        Owner *owners[OWNER_BUCKETS];
};

/* -- chains ------------------------------------------------------------------------------ */

int chain_bytes_new(const Blob *certificates, size_t n, Chain **ret) {
        _cleanup_free_ Chain *chain = NULL;
        size_t size = 0, offset = 0;

        for (size_t i = 0; i < n; i++)
                size += certificates[i].size;

        chain = calloc(1, sizeof(*chain) + n * sizeof(Blob) + size);
        if (!chain)
                return -ENOMEM;

        chain->n_references = 1;
        chain->n_certificates = n;
        chain->certificates = (Blob *) (chain + 1);
        chain->size = size;
        chain->bytes = (uint8_t *) (chain->certificates + n);
        for (size_t i = 0; i < n; i++) {
                if (certificates[i].size > 0)
                        memcpy(chain->bytes + offset, certificates[i].data, certificates[i].size);
                chain->certificates[i] = (Blob){ chain->bytes + offset, certificates[i].size };
                offset += certificates[i].size;
        }

        if (sha256(chain->bytes, chain->size, chain->sha256) < 0)
                return -EIO;
        *ret = TAKE_PTR(chain);
        return 0;
}

Chain *chain_bytes_ref(Chain *chain) {
        assert(chain->n_references > 0);
        chain->n_references++;
        return chain;
}

Chain *chain_bytes_unref(Chain *chain) {
        if (!chain)
                return NULL;

        assert(chain->n_references > 0);
        if (--chain->n_references == 0)
                free(chain);
        return NULL;
}

/* -- the table --------------------------------------------------------------------------- */

/* The digest is as good as random, and an owner can crowd a bucket with its own share only. */
static Entry **entry_bucket(Cache *cache, const EntryKey *key) {
        uint64_t hash;

        memcpy(&hash, key->chain_sha256, sizeof(hash));
        hash ^= (uint64_t) key->owner * UINT64_C(0x9e3779b97f4a7c15) + (uint64_t) key->kind;
        return &cache->entries[(hash ^ hash >> 32) % ENTRY_BUCKETS];
}

static bool entry_key_equal(const EntryKey *a, const EntryKey *b) {
        if (a->kind != b->kind || a->owner != b->owner ||
            memcmp(a->chain_sha256, b->chain_sha256, SHA256_SIZE) != 0)
                return false;
        if (a->kind == ENTRY_CHAIN)
                return true;

        return a->port == b->port && memcmp(a->basis, b->basis, SHA256_SIZE) == 0 &&
               a->has_staple == b->has_staple &&
               memcmp(a->staple_sha256, b->staple_sha256, SHA256_SIZE) == 0 &&
               strcmp(a->host, b->host) == 0;
}

static Owner **owner_link(Cache *cache, int64_t number) {
        Owner **link = &cache->owners[(uint64_t) number % OWNER_BUCKETS];

        while (*link && (*link)->owner != number)
                link = &(*link)->next;
        return link;
}

static void entry_unlist(Entry *e) {
        *(e->newer ? &e->newer->older : &e->owner->newest) = e->older;
        *(e->older ? &e->older->newer : &e->owner->oldest) = e->newer;
        e->newer = e->older = NULL;
}

static void entry_list(Entry *e) {
        e->older = e->owner->newest;
        *(e->older ? &e->older->newer : &e->owner->oldest) = e;
        e->owner->newest = e;
}

static Entry *entry_find(Cache *cache, const EntryKey *key) {
        for (Entry *e = *entry_bucket(cache, key); e; e = e->next) {
                if (!entry_key_equal(&e->key, key))
                        continue;
                entry_unlist(e);
                entry_list(e);
                return e;
        }
        return NULL;
}

/* Takes an entry out and frees it, and its owner with the last one. */
static void entry_drop(Cache *cache, Entry *e) {
        Entry **link = entry_bucket(cache, &e->key);
        Owner *owner = e->owner;

        while (*link != e)
                link = &(*link)->next;
        *link = e->next;

        entry_unlist(e);
        owner->n[e->key.kind]--;
        owner->size -= e->size;
        cache->size -= e->size;
        if (!owner->newest) {
                *owner_link(cache, owner->owner) = owner->next;
                free(owner);
        }

        (void) chain_bytes_unref(e->chain);
        (void) facts_unref(e->facts);
        free(e);
}

/* Who holds most, apart from an owner that has nothing but @keep. */
static Owner *largest_owner(Cache *cache, const Entry *keep) {
        Owner *largest = NULL;

        for (unsigned i = 0; i < OWNER_BUCKETS; i++)
                for (Owner *o = cache->owners[i]; o; o = o->next)
                        if (o->oldest != keep && (!largest || o->size > largest->size))
                                largest = o;
        return largest;
}

/* Makes @owner's share, then the whole, fit again. @keep, which is new, is not dropped for it. */
static void cache_trim(Cache *cache, Owner *owner, Entry *keep) {
        EntryKind kind = keep->key.kind;

        for (Entry *e = owner->oldest, *newer; e && e != keep; e = newer) {
                bool crowded = owner->n[kind] > CACHE_CHAINS_PER_OWNER_MAX;

                newer = e->newer;
                if (owner->size > CACHE_BYTES_PER_OWNER_MAX || (crowded && e->key.kind == kind))
                        entry_drop(cache, e);
                else if (!crowded)
                        break;
        }

        /* @keep alone is far below the bound, so there is somebody else. */
        while (cache->size > CACHE_BYTES_MAX)
                entry_drop(cache, largest_owner(cache, keep)->oldest);
}

/* Adds an entry that takes @chain or @facts over. Failing to remember is no error. */
static void cache_put(Cache *cache, const EntryKey *key, Chain *chain, Facts *facts, size_t size,
                      int64_t now) {
        _cleanup_(chain_bytes_unrefp) Chain *own_chain = chain;
        _cleanup_(facts_unrefp) Facts *own_facts = facts;
        Owner **owner = owner_link(cache, key->owner);
        Entry *e, **bucket = entry_bucket(cache, key);

        if (size > CACHE_BYTES_PER_OWNER_MAX)
                return;

        e = calloc(1, sizeof(*e));
        if (!e)
                return;
        if (!*owner) {
                *owner = calloc(1, sizeof(**owner));
                if (!*owner) {
                        free(e);
                        return;
                }
                (*owner)->owner = key->owner;
        }

        e->key = *key;
        if (key->host)
                strcpy(e->host, key->host);
        e->key.host = e->host;
        e->chain = TAKE_PTR(own_chain);
        e->facts = TAKE_PTR(own_facts);
        e->made = now;
        e->size = size;
        e->owner = *owner;
        e->next = *bucket;
        *bucket = e;
        entry_list(e);
        e->owner->n[key->kind]++;
        e->owner->size += size;
        cache->size += size;
        cache_trim(cache, e->owner, e);
}

/* -- what others call -------------------------------------------------------------------- */

int cache_new(Cache **ret) {
        Cache *cache;

        cache = calloc(1, sizeof(*cache));
        if (!cache)
                return -ENOMEM;
        *ret = cache;
        return 0;
}

static void cache_drop(Cache *cache) {
        for (unsigned i = 0; i < ENTRY_BUCKETS; i++)
                for (Entry *e = cache->entries[i], *next; e; e = next) {
                        next = e->next;
                        entry_drop(cache, e);
                }
}

Cache *cache_free(Cache *cache) {
        if (!cache)
                return NULL;
        cache_drop(cache);
        free(cache);
        return NULL;
}

static EntryKey chain_key(int64_t owner, const uint8_t sha256_of_chain[static SHA256_SIZE]) {
        EntryKey key = { .kind = ENTRY_CHAIN, .owner = owner };

        memcpy(key.chain_sha256, sha256_of_chain, SHA256_SIZE);
        return key;
}

static EntryKey facts_key(const CacheKey *from) {
        EntryKey key = {
                .kind = ENTRY_FACTS,
                .owner = from->owner,
                .port = from->endpoint->port,
                .host = from->endpoint->host,
        };

        memcpy(key.chain_sha256, from->chain_sha256, SHA256_SIZE);
        memcpy(key.basis, from->basis, SHA256_SIZE);
        if (from->staple_sha256) {
                key.has_staple = true;
                memcpy(key.staple_sha256, from->staple_sha256, SHA256_SIZE);
        }
        return key;
}

Chain *cache_chain(Cache *cache, int64_t owner, const uint8_t sha256_of_chain[static SHA256_SIZE]) {
        EntryKey key = chain_key(owner, sha256_of_chain);
        Entry *e = entry_find(cache, &key);

        return e ? chain_bytes_ref(e->chain) : NULL;
}

void cache_put_chain(Cache *cache, int64_t owner, Chain *chain) {
        EntryKey key = chain_key(owner, chain->sha256);

        if (entry_find(cache, &key))
                return;
        cache_put(cache, &key, chain_bytes_ref(chain), NULL,
                  ENTRY_OVERHEAD + sizeof(Chain) + chain->n_certificates * sizeof(Blob) + chain->size,
                  0);
}

/* Bytes of a text that the allocator gave. */
static size_t text_size(const char *text) {
        return text ? strlen(text) + 1 : 0;
}

static size_t facts_size(const Facts *facts) {
        size_t size = sizeof(*facts) + text_size(facts->responder);

        for (size_t i = 0; i < facts->n_findings; i++)
                size += sizeof(Finding) + text_size(facts->findings[i].value);
        if (!facts->leaf)
                return size;

        size += sizeof(CertificateFacts) + text_size(facts->leaf->subject) +
                text_size(facts->leaf->issuer) + text_size(facts->leaf->serial);
        for (size_t i = 0; i < facts->leaf->n_names; i++)
                size += sizeof(char *) + text_size(facts->leaf->names[i]);
        return size;
}

/* false once a date is passed, an hour is over, or the clock went back. */
static bool entry_holds(const Entry *e, int64_t now) {
        return facts_hold(e->facts, now) && now >= e->made && now - e->made <= CACHE_SECONDS_MAX;
}

Facts *cache_facts(Cache *cache, const CacheKey *from, int64_t now) {
        EntryKey key = facts_key(from);
        Entry *e = entry_find(cache, &key);

        if (!e)
                return NULL;
        if (!entry_holds(e, now)) {
                entry_drop(cache, e);
                return NULL;
        }
        return facts_ref(e->facts);
}

void cache_put_facts(Cache *cache, const CacheKey *from, int64_t now, Facts *facts) {
        EntryKey key = facts_key(from);
        Entry *e = entry_find(cache, &key);

        if (e)
                entry_drop(cache, e);
        cache_put(cache, &key, NULL, facts_ref(facts), ENTRY_OVERHEAD + facts_size(facts), now);
}
