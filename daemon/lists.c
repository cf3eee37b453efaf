/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists of revoked certificates as a part of a block:
 *
 *   Header
 *   Entry[count]     sorted by the issuer's key; those that speak for other issuers come first
 *   the DER of all, one after the other
 */
#include "config.h"

#include "daemon/lists.h"

#include <stdio.h>
#include <string.h>

#include "daemon/crl.h"
#include "daemon/limits.h"

typedef struct Header {
        uint64_t magic;
        uint32_t count;
        uint32_t der_size;
} Header;

typedef struct Entry {
        uint8_t issuer_key[SHA256_SIZE]; /* zeros: an indirect list, which may speak of any */
        int64_t next_update;
        uint32_t offset; /* from the start of the DER */
        uint32_t size;
        uint32_t is_vendor;
        uint32_t is_partial;
        char file[LISTS_FILE_SIZE];
} Entry;

struct ListsBuilder {
        Entry *entries;
        size_t count;
        uint8_t *der;
        size_t der_size;
        size_t der_allocated;
};

struct Lists {
        size_t count;
        const Entry *entries;
        const uint8_t *der;
};

static const uint8_t any_issuer[SHA256_SIZE];

static size_t part_size(size_t count, size_t der_size) {
        return sizeof(Header) + count * sizeof(Entry) + der_size;
}

/* -- putting together ------------------------------------------------------------------------ */

int lists_builder_new(ListsBuilder **ret) {
        ListsBuilder *b;

        b = calloc(1, sizeof(*b));
        if (!b)
                return -ENOMEM;
        b->entries = calloc(LISTS_MAX, sizeof(*b->entries));
        if (!b->entries) {
                free(b);
                return -ENOMEM;
        }
        *ret = b;
        return 0;
}

ListsBuilder *lists_builder_free(ListsBuilder *b) {
        if (!b)
                return NULL;
        free(b->entries);
        free(b->der);
        free(b);
        return NULL;
}

static int builder_grow(ListsBuilder *b, size_t size) {
        size_t n = b->der_allocated ? b->der_allocated : 64 * 1024;
        uint8_t *der;

        while (n < b->der_size + size)
                n *= 2;
        if (n == b->der_allocated)
                return 0;
        der = realloc(b->der, n);
        if (!der)
                return -ENOMEM;
        b->der = der;
        b->der_allocated = n;
        return 0;
}

int lists_builder_add(ListsBuilder *b, Blob der, const char *file, bool is_vendor,
                      const char **ret_fault) {
        Entry entry = {
                .offset = (uint32_t) b->der_size,
                .size = (uint32_t) der.size,
                .is_vendor = is_vendor,
        };
        Crl crl;
        int r;

        if (b->count >= LISTS_MAX || der.size > LISTS_BYTES_MAX - b->der_size)
                return -E2BIG;
        r = crl_read(der, &crl);
        if (r < 0)
                return r;
        if (!crl_entries_are_whole(&crl))
                return -EBADMSG;
        r = builder_grow(b, der.size);
        if (r < 0)
                return r;

        if (!crl.scope.indirect)
                memcpy(entry.issuer_key, crl.issuer_key, SHA256_SIZE);
        entry.next_update = crl.has_next_update ? crl.next_update : INT64_MAX;
        (void) snprintf(entry.file, sizeof(entry.file), "%s", file);
        b->entries[b->count++] = entry;
        memcpy(b->der + b->der_size, der.data, der.size);
        b->der_size += der.size;
        *ret_fault = crl.fault;
        return 0;
}

size_t lists_builder_count(const ListsBuilder *b) {
        return b->count;
}

void lists_builder_cut(ListsBuilder *b, size_t n) {
        if (n >= b->count)
                return;
        b->der_size = b->entries[n].offset;
        b->count = n;
}

void lists_builder_mark_partial(ListsBuilder *b, size_t n) {
        for (size_t i = n; i < b->count; i++)
                b->entries[i].is_partial = true;
}

size_t lists_builder_size(const ListsBuilder *b) {
        return part_size(b->count, b->der_size);
}

static int compare_entries(const void *a, const void *b) {
        const Entry *x = a, *y = b;
        int c;

        c = memcmp(x->issuer_key, y->issuer_key, SHA256_SIZE);
        return c != 0 ? c : (x->offset > y->offset) - (x->offset < y->offset);
}

void lists_builder_compose(ListsBuilder *b, uint8_t *ret) {
        const Header header = {
                .magic = LISTS_MAGIC,
                .count = (uint32_t) b->count,
                .der_size = (uint32_t) b->der_size,
        };

        qsort(b->entries, b->count, sizeof(*b->entries), compare_entries);
        memcpy(ret, &header, sizeof(header));
        memcpy(ret + sizeof(header), b->entries, b->count * sizeof(*b->entries));
        if (b->der_size > 0)
                memcpy(ret + sizeof(header) + b->count * sizeof(*b->entries), b->der, b->der_size);
}

/* -- looking up ------------------------------------------------------------------------------ */

static bool entry_is_good(const Entry *e, const Header *header) {
        return e->offset <= header->der_size && e->size <= header->der_size - e->offset &&
               memchr(e->file, 0, sizeof(e->file));
}

int lists_read(const uint8_t *p, size_t size, Lists **ret) {
        const Header *header = (const Header *) p;
        const Entry *entries;
        Lists *lists;

        if (size < sizeof(Header) || header->magic != LISTS_MAGIC || header->count > LISTS_MAX ||
            header->der_size > LISTS_BYTES_MAX ||
            size != part_size(header->count, header->der_size))
                return -EBADMSG;
        entries = (const Entry *) (p + sizeof(Header));
        for (size_t i = 0; i < header->count; i++)
                if (!entry_is_good(&entries[i], header) ||
                    (i > 0 && compare_entries(&entries[i - 1], &entries[i]) > 0))
                        return -EBADMSG;

        lists = calloc(1, sizeof(*lists));
        if (!lists)
                return -ENOMEM;
        *lists = (Lists) {
                .count = header->count,
                .entries = entries,
                .der = (const uint8_t *) (entries + header->count),
        };
        *ret = lists;
        return 0;
}

Lists *lists_free(Lists *lists) {
        free(lists);
        return NULL;
}

size_t lists_count(const Lists *lists) {
        return lists ? lists->count : 0;
}

ListInfo lists_get(const Lists *lists, size_t i) {
        const Entry *e = &lists->entries[i];

        return (ListInfo) {
                .der = { lists->der + e->offset, e->size },
                .file = e->file,
                .is_vendor = e->is_vendor,
                .is_partial = e->is_partial,
                .next_update = e->next_update,
        };
}

/* The first entry whose key is not below @key. */
static size_t lower_bound(const Lists *lists, const uint8_t *key) {
        size_t low = 0, high = lists->count;

        while (low < high) {
                size_t middle = low + (high - low) / 2;

                if (memcmp(lists->entries[middle].issuer_key, key, SHA256_SIZE) < 0)
                        low = middle + 1;
                else
                        high = middle;
        }
        return low;
}

int lists_next_by_issuer(const Lists *lists, const uint8_t key[static SHA256_SIZE], size_t *cursor,
                         Blob *ret) {
        size_t i = *cursor;

        /* Those of any issuer are in front; behind them is a gap to the issuer's own. */
        if (i >= lists_count(lists))
                return 0;
        if (memcmp(lists->entries[i].issuer_key, any_issuer, SHA256_SIZE) != 0) {
                size_t first = lower_bound(lists, key);

                if (i < first)
                        i = first;
                if (i >= lists->count ||
                    memcmp(lists->entries[i].issuer_key, key, SHA256_SIZE) != 0)
                        return 0;
        }
        *ret = lists_get(lists, i).der;
        *cursor = i + 1;
        return 1;
}
