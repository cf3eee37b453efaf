/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates that were merely seen, out of a damaged database: the endpoints first, then what is known of
 * their certificates. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/rebuild-seen.h"
#include "daemon/salvage.h"

typedef struct SeenAt {
        SeenRow row;
        CertificateFacts *certificate; /* NULL: it was not found */
        bool owned;                    /* else it is another's of the same digest */
} SeenAt;

struct Seen {
        SeenAt *items;
        size_t n_items;
        size_t n_allocated;
        int64_t now;
};

static int compare_digests(const void *a, const void *b) {
        const SeenAt *x = a, *y = b;

        return memcmp(x->row.sha256, y->row.sha256, SHA256_SIZE);
}

/* By owner and endpoint, what was seen last behind. */
static int compare_endpoints(const void *a, const void *b) {
        const SeenRow *x = &((const SeenAt *) a)->row, *y = &((const SeenAt *) b)->row;
        int r;

        if (x->owner != y->owner)
                return x->owner < y->owner ? -1 : 1;
        r = strcmp(x->host, y->host);
        if (r == 0)
                r = (int) x->port - (int) y->port;
        return r != 0 ? r : (x->time > y->time) - (x->time < y->time);
}

static int on_seen(const SeenRow *row, void *userdata) {
        Seen *seen = userdata;

        /* A time to come is none that it was seen at. */
        if (row->time > seen->now || seen->n_items >= SEEN_SALVAGED_MAX)
                return 0;
        if (seen->n_items == seen->n_allocated) {
                size_t n = seen->n_allocated > 0 ? 2 * seen->n_allocated : 64;
                SeenAt *grown = reallocarray(seen->items, n, sizeof(*grown));

                if (!grown)
                        return -ENOMEM;
                seen->items = grown;
                seen->n_allocated = n;
        }
        seen->items[seen->n_items++] = (SeenAt){ .row = *row };
        return 0;
}

/* Of those with its digest the first one owns it. */
static int on_certificate(const CertificateFacts *c, const uint8_t *der, size_t der_size,
                          void *userdata) {
        Seen *seen = userdata;
        SeenAt key = { 0 }, *at;
        int r;

        memcpy(key.row.sha256, c->sha256, SHA256_SIZE);
        at = seen->n_items > 0 ? bsearch(&key, seen->items, seen->n_items, sizeof(key),
                                         compare_digests)
                               : NULL;
        if (!at || at->certificate)
                return 0;
        while (at > seen->items && compare_digests(at - 1, &key) == 0)
                at--;
        r = certificate_facts_copy(c, &at->certificate);
        if (r < 0)
                return r;
        at->owned = true;
        for (SeenAt *next = at + 1;
             next < seen->items + seen->n_items && compare_digests(next, &key) == 0; next++)
                next->certificate = at->certificate;
        return 0;
}

static void sort(Seen *seen, int (*compare)(const void *, const void *)) {
        if (seen->n_items > 1)
                qsort(seen->items, seen->n_items, sizeof(*seen->items), compare);
}

int seen_gather(int directory_fd, const char *database, const char *log, int64_t now, Seen **ret) {
        _cleanup_(seen_freep) Seen *seen = calloc(1, sizeof(*seen));
        const SalvageFound rows = { .seen = on_seen, .userdata = seen };
        const SalvageFound certificates = { .certificate = on_certificate, .userdata = seen };
        SalvageRoots roots;
        int r;

        if (!seen)
                return -ENOMEM;
        seen->now = now;
        r = salvage_roots(&roots);
        if (r == 0)
                r = salvage(directory_fd, database, log, &roots, &rows);
        sort(seen, compare_digests);
        if (r == 0 && seen->n_items > 0)
                r = salvage(directory_fd, database, log, &roots, &certificates);
        if (r < 0)
                return r;
        sort(seen, compare_endpoints);
        *ret = TAKE_PTR(seen);
        return 0;
}

Seen *seen_free(Seen *seen) {
        if (!seen)
                return NULL;
        for (size_t i = 0; i < seen->n_items; i++)
                if (seen->items[i].owned)
                        (void) certificate_facts_free(seen->items[i].certificate);
        free(seen->items);
        free(seen);
        return NULL;
}

int seen_write(const Seen *seen, Transaction *t) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < seen->n_items; i++) {
                const SeenAt *at = &seen->items[i];
                Change change = { .certificate = at->certificate, .now = at->row.time };

                if (!at->certificate)
                        continue;
                change.decision.owner = at->row.owner;
                change.decision.port = at->row.port;
                strcpy(change.decision.host, at->row.host);
                r = write_seen(t, &change);
        }
        return r;
}
