/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Authorities as one block of bytes in a sealed memfd:
 *
 *   Header
 *   Entry[count]     sorted by subject key, then digest
 *   uint32_t[count]  numbers of entries, sorted by digest
 *   the DER of all, one after the other
 *
 * and, if a block list came along, a second block of the same form at the next multiple of 8; and,
 * if lists of revoked certificates came along, their part (lists.c) at the next one.
 *
 * Writer and readers are the same program on the same machine at the same time, so numbers are as
 * the machine has them. The block cannot change under a reader (seals), so it is checked once.
 */
#include "config.h"

#include "daemon/authorities.h"

#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "daemon/limits.h"
#include "daemon/lists.h"

#define BLOCK_MAGIC UINT64_C(0x31304854554158) /* "XAUTH01" */
#define BLOCK_SEALS (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)

/* More than any lawful block: the numbers are checked one by one. */
#define BLOCK_BYTES_MAX UINT64_C(0x10000000)

typedef struct Header {
        uint64_t magic;
        uint32_t count;
        uint32_t der_size;
} Header;

typedef struct Entry {
        uint8_t subject_key[SHA256_SIZE];
        uint8_t sha256[SHA256_SIZE];
        uint32_t offset; /* from the start of the DER */
        uint32_t size;
} Entry;

struct Authorities {
        void *map; /* NULL: inside another's */
        size_t map_size;
        const uint8_t *block;
        size_t block_size;
        Authorities *blocked;
        Lists *lists;
        size_t count;
        const Entry *entries;
        const uint32_t *by_digest;
        const uint8_t *der;
};

struct AuthoritiesBuilder {
        AuthoritiesBuilder *blocked; /* borrowed */
        ListsBuilder *lists;         /* borrowed */
        Entry *entries;
        size_t count;
        size_t allocated;
        uint8_t *der;
        size_t der_size;
        size_t der_allocated;
};

static size_t block_size(size_t count, size_t der_size) {
        return sizeof(Header) + count * (sizeof(Entry) + sizeof(uint32_t)) + der_size;
}

/* -- building ------------------------------------------------------------------------------- */

int authorities_builder_new(AuthoritiesBuilder **ret) {
        AuthoritiesBuilder *b;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        *ret = b;
        return 0;
}

AuthoritiesBuilder *authorities_builder_free(AuthoritiesBuilder *b) {
        if (!b)
                return NULL;

        free(b->entries);
        free(b->der);
        free(b);
        return NULL;
}

/* A capacity of at least @want, doubled so that growing stays cheap. */
static size_t capacity_for(size_t allocated, size_t want) {
        size_t n = allocated ? allocated : 64;

        while (n < want)
                n *= 2;
        return n;
}

/* Makes room for one more entry with @der_size bytes of DER. */
static int builder_grow(AuthoritiesBuilder *b, size_t der_size) {
        size_t n = capacity_for(b->allocated, b->count + 1);
        size_t der_n = capacity_for(b->der_allocated, b->der_size + der_size);
        Entry *entries;
        uint8_t *der;

        if (n > b->allocated) {
                entries = reallocarray(b->entries, n, sizeof(*entries));
                if (!entries)
                        return -ENOMEM;
                b->entries = entries;
                b->allocated = n;
        }
        if (der_n > b->der_allocated) {
                der = realloc(b->der, der_n);
                if (!der)
                        return -ENOMEM;
                b->der = der;
                b->der_allocated = der_n;
        }
        return 0;
}

int authorities_builder_add(AuthoritiesBuilder *b, Blob der,
                            const uint8_t subject_key[static SHA256_SIZE]) {
        Entry entry = { .offset = (uint32_t) b->der_size, .size = (uint32_t) der.size };
        int r;

        r = sha256(der.data, der.size, entry.sha256);
        if (r < 0)
                return r;
        for (size_t i = 0; i < b->count; i++)
                if (memcmp(b->entries[i].sha256, entry.sha256, SHA256_SIZE) == 0)
                        return 0;

        if (b->count >= AUTHORITIES_MAX || der.size > AUTHORITIES_BYTES_MAX - b->der_size)
                return -E2BIG;
        memcpy(entry.subject_key, subject_key, SHA256_SIZE);

        r = builder_grow(b, der.size);
        if (r < 0)
                return r;

        b->entries[b->count++] = entry;
        if (der.size > 0)
                memcpy(b->der + b->der_size, der.data, der.size);
        b->der_size += der.size;
        return 0;
}

static int compare_entries(const void *a, const void *b) {
        const Entry *x = a, *y = b;
        int c;

        c = memcmp(x->subject_key, y->subject_key, SHA256_SIZE);
        return c != 0 ? c : memcmp(x->sha256, y->sha256, SHA256_SIZE);
}

static int compare_digests(const void *a, const void *b, void *entries) {
        const uint32_t *x = a, *y = b;
        const Entry *e = entries;

        return memcmp(e[*x].sha256, e[*y].sha256, SHA256_SIZE);
}

/* Sorts both indexes and puts the parts of the block one behind the other at @block. */
static int builder_compose(AuthoritiesBuilder *b, uint8_t *block) {
        Header header = {
                .magic = BLOCK_MAGIC,
                .count = (uint32_t) b->count,
                .der_size = (uint32_t) b->der_size,
        };
        _cleanup_free_ uint32_t *by_digest = NULL;

        memcpy(block, &header, sizeof(header));
        block += sizeof(header);
        if (b->count == 0)
                return 0;

        by_digest = calloc(b->count, sizeof(*by_digest));
        if (!by_digest)
                return -ENOMEM;
        for (size_t i = 0; i < b->count; i++)
                by_digest[i] = (uint32_t) i;

        qsort(b->entries, b->count, sizeof(*b->entries), compare_entries);
        qsort_r(by_digest, b->count, sizeof(*by_digest), compare_digests, b->entries);

        memcpy(block, b->entries, b->count * sizeof(*b->entries));
        block += b->count * sizeof(*b->entries);
        memcpy(block, by_digest, b->count * sizeof(*by_digest));
        block += b->count * sizeof(*by_digest);
        memcpy(block, b->der, b->der_size);
        return 0;
}

static int write_all(int fd, const uint8_t *data, size_t size) {
        while (size > 0) {
                ssize_t n = write(fd, data, size);

                if (n < 0 && errno != EINTR)
                        return -errno;
                if (n > 0) {
                        data += n;
                        size -= (size_t) n;
                }
        }
        return 0;
}

void authorities_builder_attach(AuthoritiesBuilder *b, AuthoritiesBuilder *blocked) {
        b->blocked = blocked;
}

void authorities_builder_attach_lists(AuthoritiesBuilder *b, ListsBuilder *lists) {
        b->lists = lists;
}

static size_t aligned(size_t size) {
        return (size + 7) & ~(size_t) 7;
}

static size_t builder_size(const AuthoritiesBuilder *b) {
        return block_size(b->count, b->der_size);
}

/* All parts one behind the other, in new memory. */
static int builder_compose_all(AuthoritiesBuilder *b, uint8_t **ret, size_t *ret_size) {
        size_t blocked_at = aligned(builder_size(b));
        size_t lists_at = b->blocked ? aligned(blocked_at + builder_size(b->blocked)) : blocked_at;
        size_t size = b->lists     ? lists_at + lists_builder_size(b->lists)
                      : b->blocked ? blocked_at + builder_size(b->blocked)
                                   : builder_size(b);
        _cleanup_free_ uint8_t *block = calloc(1, size);
        int r;

        if (!block)
                return -ENOMEM;
        r = builder_compose(b, block);
        if (r == 0 && b->blocked)
                r = builder_compose(b->blocked, block + blocked_at);
        if (r < 0)
                return r;
        if (b->lists)
                lists_builder_compose(b->lists, block + lists_at);
        *ret = TAKE_PTR(block);
        *ret_size = size;
        return 0;
}

int authorities_seal(const uint8_t *block, size_t size, int *ret_fd) {
        _cleanup_fd_ int fd = -1;
        int r;

        fd = memfd_create("certexc-authorities", MFD_CLOEXEC | MFD_ALLOW_SEALING);
        if (fd < 0)
                return -errno;
        r = write_all(fd, block, size);
        if (r < 0)
                return r;
        if (fcntl(fd, F_ADD_SEALS, BLOCK_SEALS) < 0)
                return -errno;

        *ret_fd = take_fd(&fd);
        return 0;
}

int authorities_builder_seal(AuthoritiesBuilder *b, int *ret_fd) {
        _cleanup_free_ uint8_t *block = NULL;
        size_t size;
        int r;

        r = builder_compose_all(b, &block, &size);
        return r < 0 ? r : authorities_seal(block, size, ret_fd);
}

/* -- reading -------------------------------------------------------------------------------- */

/* Points into the @size bytes at @p, of which the header's numbers say how many are the block. */
static int authorities_locate(Authorities *a, const uint8_t *p, size_t size) {
        const Header *header = (const Header *) p;

        if (size < sizeof(Header) || header->magic != BLOCK_MAGIC ||
            header->count > AUTHORITIES_MAX || header->der_size > AUTHORITIES_BYTES_MAX ||
            size < block_size(header->count, header->der_size))
                return -EBADMSG;

        a->block = p;
        a->block_size = block_size(header->count, header->der_size);

        a->count = header->count;
        a->entries = (const Entry *) (p + sizeof(Header));
        a->by_digest = (const uint32_t *) (p + sizeof(Header) + a->count * sizeof(Entry));
        a->der = (const uint8_t *) (a->by_digest + a->count);
        return 0;
}

/* Every number that is ever followed, and the two orders that the searches rely on. */
static int authorities_check(const Authorities *a) {
        const Header *header = (const Header *) a->block;

        for (size_t i = 0; i < a->count; i++) {
                const Entry *e = &a->entries[i];

                if (e->offset > header->der_size || e->size > header->der_size - e->offset)
                        return -EBADMSG;
                if (i > 0 && compare_entries(e - 1, e) >= 0)
                        return -EBADMSG;
                if (a->by_digest[i] >= a->count)
                        return -EBADMSG;
                if (i > 0 && memcmp(a->entries[a->by_digest[i - 1]].sha256,
                                    a->entries[a->by_digest[i]].sha256, SHA256_SIZE) >= 0)
                        return -EBADMSG;
        }
        return 0;
}

static int authorities_read(Authorities *a, const uint8_t *p, size_t size) {
        int r;

        r = authorities_locate(a, p, size);
        return r < 0 ? r : authorities_check(a);
}

/* The magic number that begins at @at; 0: there is nothing more. */
static uint64_t magic_at(const Authorities *a, size_t at) {
        uint64_t magic = 0;

        if (at <= a->map_size && a->map_size - at >= sizeof(magic))
                memcpy(&magic, a->block + at, sizeof(magic));
        return magic;
}

/* What is behind the block is nothing, the block list, the lists, or both in this order. */
static int authorities_read_rest(Authorities *a) {
        size_t end = a->block_size, at = aligned(end);
        int r;

        if (magic_at(a, at) == BLOCK_MAGIC) {
                a->blocked = calloc(1, sizeof(*a->blocked));
                if (!a->blocked)
                        return -ENOMEM;
                r = authorities_read(a->blocked, a->block + at, a->map_size - at);
                if (r < 0)
                        return r;
                end = at + a->blocked->block_size;
                at = aligned(end);
        }
        if (magic_at(a, at) == LISTS_MAGIC)
                return lists_read(a->block + at, a->map_size - at, &a->lists);
        return end == a->map_size ? 0 : -EBADMSG;
}

int authorities_open(int fd, Authorities **ret) {
        _cleanup_(authorities_freep) Authorities *a = NULL;
        struct stat st;
        int r, seals;

        /* Without the seals somebody could shorten the block under us, and reading it kills. */
        seals = fcntl(fd, F_GET_SEALS);
        if (seals < 0)
                return errno == EINVAL ? -EBADMSG : -errno;
        if ((seals & BLOCK_SEALS) != BLOCK_SEALS)
                return -EBADMSG;
        if (fstat(fd, &st) < 0)
                return -errno;
        if (st.st_size < (off_t) sizeof(Header) ||
            st.st_size > (off_t) BLOCK_BYTES_MAX)
                return -EBADMSG;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        a->map_size = (size_t) st.st_size;
        /* Private, because older kernels take a shared one for a wish to write. */
        a->map = mmap(NULL, a->map_size, PROT_READ, MAP_PRIVATE, fd, 0);
        if (a->map == MAP_FAILED) {
                a->map = NULL;
                return -errno;
        }

        r = authorities_read(a, a->map, a->map_size);
        if (r < 0)
                return r;
        r = authorities_read_rest(a);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

Authorities *authorities_free(Authorities *a) {
        if (!a)
                return NULL;

        (void) authorities_free(a->blocked);
        (void) lists_free(a->lists);
        if (a->map)
                (void) munmap(a->map, a->map_size);
        free(a);
        return NULL;
}

size_t authorities_count(const Authorities *a) {
        return a->count;
}

const Authorities *authorities_blocked(const Authorities *a) {
        return a->blocked;
}

const Lists *authorities_lists(const Authorities *a) {
        return a->lists;
}

/* The first entry whose subject key is not below @key; @count if there is none. */
static size_t lower_bound(const Authorities *a, const uint8_t *key) {
        size_t low = 0, high = a->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (memcmp(a->entries[middle].subject_key, key, SHA256_SIZE) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int authorities_next_by_subject(const Authorities *a, const uint8_t key[static SHA256_SIZE],
                                size_t *cursor, Blob *ret) {
        /* The cursor is one more than the entry to look at, so that 0 starts the search. */
        size_t i = *cursor > 0 ? *cursor - 1 : lower_bound(a, key);

        if (i >= a->count || memcmp(a->entries[i].subject_key, key, SHA256_SIZE) != 0)
                return 0;

        *cursor = i + 2;
        *ret = (Blob) { .data = a->der + a->entries[i].offset, .size = a->entries[i].size };
        return 1;
}

Blob authorities_bytes(const Authorities *a) {
        return (Blob){ .data = a->block, .size = a->map_size };
}

int authorities_digest(const Authorities *a, uint8_t ret[static SHA256_SIZE]) {
        return sha256(a->block, a->map_size, ret);
}

Blob authorities_at(const Authorities *a, size_t i) {
        const Entry *e = &a->entries[a->by_digest[i]];

        return (Blob) { .data = a->der + e->offset, .size = e->size };
}

bool authorities_find(const Authorities *a, const uint8_t sha256[static SHA256_SIZE], Blob *ret) {
        size_t low = 0, high = a->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;
                int c = memcmp(a->entries[a->by_digest[middle]].sha256, sha256, SHA256_SIZE);

                if (c == 0) {
                        *ret = authorities_at(a, middle);
                        return true;
                }
                if (c < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return false;
}

int authorities_contains(const Authorities *a, const uint8_t sha256[static SHA256_SIZE]) {
        Blob der;

        return authorities_find(a, sha256, &der);
}
