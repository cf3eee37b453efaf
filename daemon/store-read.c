/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading the store, on the event loop's thread and its own connection. */
#include "config.h"

#include <assert.h>
#include <string.h>

#include "daemon/store-private.h"

void decision_list_done(DecisionList *list) {
        free(list->items);
        *list = (DecisionList){0};
}

void history_list_done(HistoryList *list) {
        free(list->items);
        *list = (HistoryList){0};
}

int decision_list_add(DecisionList *list, size_t *allocated, const Decision *d) {
        if (list->n_items == *allocated) {
                size_t n = *allocated ? 2 * *allocated : 4;
                Decision *items = reallocarray(list->items, n, sizeof(*items));

                if (!items)
                        return -ENOMEM;
                list->items = items;
                *allocated = n;
        }
        list->items[list->n_items++] = *d;
        return 0;
}

/* One look-up under way. */
typedef struct Find {
        DecisionList list;
        size_t allocated;
        bool damaged;
} Find;

static void find_done(Find *f) {
        decision_list_done(&f->list);
}

/*
 * A damaged row. If it reads as a denial it refuses, for good, by the certificate or key that can
 * be read; if it reads as anything else it says nothing, but it may have been a denial.
 */
static int find_add_damaged(Find *f, int64_t owner, Decision *d) {
        f->damaged = true;
        if (d->action != DECISION_DENY)
                return 0;
        d->owner = owner;
        d->state = STATE_LIVE;
        d->end = END_NEVER;
        return decision_list_add(&f->list, &f->allocated, d);
}

static int find_collect(Store *store, Find *f, sqlite3_stmt *st, int64_t owner) {
        unsigned n_ended = 0;
        int r;

        while ((r = statement_step(st)) > 0) {
                Decision d;

                r = row_read_decision(st, &d);
                if (r < 0)
                        return r;
                if (r == 0) {
                        (void) store_note(store, -EUCLEAN);
                        r = find_add_damaged(f, owner, &d);
                } else if (d.state == STATE_ENDED && n_ended++ >= STORE_ENDED_TOLD_MAX)
                        r = 0;
                else
                        r = decision_list_add(&f->list, &f->allocated, &d);
                if (r < 0)
                        return r;
        }
        return store_note(store, r);
}

static int find_of_owner(Store *store, Find *f, int64_t owner, const char *host, uint16_t port) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(&store->reader, port ? STATEMENT_FIND : STATEMENT_FIND_HOST, &st);
        if (r < 0)
                return store_note(store, r);
        b.st = st;
        bind_int(&b, owner);
        bind_text(&b, host);
        if (port)
                bind_int(&b, port);
        if (b.error < 0)
                return b.error;
        return find_collect(store, f, st, owner);
}

static int compare_newest_first(const void *a, const void *b) {
        const Decision *x = a, *y = b;

        if (x->created != y->created)
                return x->created < y->created ? 1 : -1;
        return x->id == y->id ? 0 : x->id < y->id ? 1 : -1;
}

static void find_finish(const Store *store, Find *f, DecisionList *ret) {
        f->list.doubtful = f->damaged || store_is_doubtful(store);
        if (f->list.n_items > 1)
                qsort(f->list.items, f->list.n_items, sizeof(*f->list.items), compare_newest_first);
        *ret = f->list;
        f->list = (DecisionList){0};
}

int store_find(Store *store, int64_t owner, const char *host, uint16_t port, DecisionList *ret) {
        _cleanup_(find_done) Find find = {0};
        int r;

        r = find_of_owner(store, &find, OWNER_SYSTEM, host, port);
        if (r < 0)
                return r;
        if (owner != OWNER_SYSTEM) {
                r = find_of_owner(store, &find, owner, host, port);
                if (r < 0)
                        return r;
        }
        find_finish(store, &find, ret);
        return 0;
}

static int bind_list(Binder *b, const ListQuery *query) {
        bind_int(b, query->owner);
        bind_int(b, query->after > INT64_MAX ? INT64_MAX : (int64_t) query->after);
        bind_int(b, query->all ? STATE_REVOKED : STATE_UNCONFIRMED);
        if (query->host) {
                bind_text(b, query->host);
                bind_int(b, query->port);
        }
        return b->error;
}

static int list_collect(Store *store, const ListQuery *query, sqlite3_stmt *st, Find *f) {
        uint64_t last = 0;
        int r;

        while ((r = statement_step(st)) > 0) {
                Decision d;

                if (f->list.n_items == query->limit) {
                        f->list.next = last;
                        return 0;
                }
                r = row_read_decision(st, &d);
                if (r < 0)
                        return r;
                if (r == 0) {
                        (void) store_note(store, -EUCLEAN);
                        continue;
                }
                last = d.id;
                r = !query->host && query->port && d.port != query->port
                            ? 0
                            : decision_list_add(&f->list, &f->allocated, &d);
                if (r < 0)
                        return r;
        }
        return store_note(store, r);
}

int store_list(Store *store, const ListQuery *query, DecisionList *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        _cleanup_(find_done) Find find = {0};
        Binder b = {0};
        int r;

        assert(query->limit > 0);
        r = connection_statement(&store->reader, query->host ? STATEMENT_LIST_HOST : STATEMENT_LIST,
                                 &st);
        if (r < 0)
                return store_note(store, r);
        b.st = st;
        r = bind_list(&b, query);
        if (r < 0)
                return r;

        r = list_collect(store, query, st, &find);
        if (r < 0)
                return r;
        *ret = find.list;
        find.list = (DecisionList){0};
        return 0;
}

int store_get(Store *store, int64_t owner, uint64_t id, Decision *ret) {
        Decision d;
        int r;

        if (id > INT64_MAX)
                return 0;
        r = row_get_decision(&store->reader, owner, id, &d);
        if (r == -ENOENT)
                return 0;
        if (r == 0)
                r = -EUCLEAN;
        if (r < 0)
                return store_note(store, r);
        *ret = d;
        return 1;
}

static int holds(Store *store, int64_t owner, const uint8_t sha256_held[static SHA256_SIZE]) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(&store->reader, STATEMENT_HOLDS, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, owner);
        bind_blob(&b, sha256_held, SHA256_SIZE);
        return b.error < 0 ? b.error : statement_step(st);
}

/* The system's decisions are everyone's to read. */
static int may_read(Store *store, int64_t owner, const uint8_t sha256_held[static SHA256_SIZE]) {
        int r = holds(store, owner, sha256_held);

        return r == 0 && owner != OWNER_SYSTEM ? holds(store, OWNER_SYSTEM, sha256_held) : r;
}

int store_certificate(Store *store, int64_t owner, const uint8_t sha256_held[static SHA256_SIZE],
                      CertificateFacts **ret, uint8_t **ret_der, size_t *ret_der_size) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        size_t der_size = 0;
        int r;

        r = may_read(store, owner, sha256_held);
        if (r > 0 && ret)
                r = row_get_certificate(&store->reader, sha256_held, &facts);
        if (r > 0 && ret_der)
                r = row_get_der(&store->reader, sha256_held, &der, &der_size);
        if (r <= 0)
                return store_note(store, r);

        if (ret)
                *ret = TAKE_PTR(facts);
        if (ret_der) {
                *ret_der = TAKE_PTR(der);
                *ret_der_size = der_size;
        }
        return 1;
}

int store_certificate_of(Store *store, const Decision *d, CertificateFacts **ret) {
        int r = row_get_certificate(&store->reader, d->certificate_sha256, ret);

        return store_note(store, r == 0 ? -EUCLEAN : r < 0 ? r : 0);
}

static int seen_read(Store *store, int64_t owner, const char *host, uint16_t port,
                     uint8_t ret[static SHA256_SIZE], int64_t *ret_time) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(&store->reader, STATEMENT_SEEN, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, owner);
        bind_text(&b, host);
        bind_int(&b, port);
        if (b.error < 0)
                return b.error;

        r = statement_step(st);
        if (r <= 0)
                return r;
        if (!column_bytes(st, 0, ret, SHA256_SIZE) ||
            !column_int(st, 1, INT64_MIN, INT64_MAX, ret_time))
                return -EUCLEAN;
        return 1;
}

int store_seen(Store *store, int64_t owner, const char *host, uint16_t port, CertificateFacts **ret,
               int64_t *ret_time) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        uint8_t found[SHA256_SIZE];
        int64_t time;
        int r;

        r = seen_read(store, owner, host, port, found, &time);
        if (r > 0)
                r = row_get_certificate(&store->reader, found, &facts);
        if (r <= 0)
                return store_note(store, r);

        *ret = TAKE_PTR(facts);
        *ret_time = time;
        return 1;
}

int row_read_history(sqlite3_stmt *st, HistoryEntry *ret) {
        int64_t number, kind, id, port;

        *ret = (HistoryEntry){0};
        if (!column_int(st, 0, 1, INT64_MAX, &number) ||
            !column_int(st, 1, INT64_MIN, INT64_MAX, &ret->time) ||
            !column_int(st, 2, HISTORY_ALLOWED, HISTORY_IMPORTED, &kind) ||
            !column_int(st, 3, 1, INT64_MAX, &id) ||
            !column_int(st, 4, OWNER_SYSTEM, UINT32_MAX, &ret->by) ||
            !column_int(st, 6, 1, UINT16_MAX, &port) ||
            !column_bytes(st, 7, ret->sha256, SHA256_SIZE) || !column_host(st, 5, ret->host))
                return -EUCLEAN;
        ret->number = (uint64_t) number;
        ret->kind = (HistoryKind) kind;
        ret->id = (uint64_t) id;
        ret->port = (uint16_t) port;
        return 0;
}

static int history_collect(sqlite3_stmt *st, size_t limit, HistoryList *list) {
        int r;

        list->items = calloc(limit, sizeof(*list->items));
        if (!list->items)
                return -ENOMEM;
        while ((r = statement_step(st)) > 0) {
                if (list->n_items == limit) {
                        list->next = list->items[limit - 1].number;
                        return 0;
                }
                r = row_read_history(st, list->items + list->n_items);
                if (r < 0)
                        return r;
                list->n_items++;
        }
        return r;
}

int store_history(Store *store, int64_t owner, uint64_t id, uint64_t after, size_t limit,
                  HistoryList *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        _cleanup_(history_list_done) HistoryList list = {0};
        Binder b = {0};
        int r;

        assert(limit > 0);
        r = connection_statement(&store->reader, id ? STATEMENT_HISTORY_OF : STATEMENT_HISTORY,
                                 &st);
        if (r < 0)
                return store_note(store, r);
        b.st = st;
        bind_int(&b, owner);
        bind_int(&b, after > INT64_MAX ? INT64_MAX : (int64_t) after);
        if (id)
                bind_int(&b, id > INT64_MAX ? INT64_MAX : (int64_t) id);
        if (b.error < 0)
                return b.error;

        r = history_collect(st, limit, &list);
        if (r < 0)
                return store_note(store, r);
        *ret = list;
        list = (HistoryList){0};
        return 0;
}

int store_last_history(Store *store, int64_t owner, uint64_t id, HistoryEntry *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        Binder b = {0};
        int r;

        r = connection_statement(&store->reader, STATEMENT_LAST_HISTORY, &st);
        if (r < 0)
                return store_note(store, r);
        b.st = st;
        bind_int(&b, owner);
        bind_int(&b, (int64_t) id);
        r = b.error < 0 ? b.error : statement_step(st);
        if (r > 0)
                r = row_read_history(st, ret);
        else if (r == 0)
                return 0;
        return r < 0 ? store_note(store, r) : 1;
}

int store_counts(Store *store, int64_t owner, OwnerCounts *ret) {
        _cleanup_(owner_row_done) OwnerRow row = {0};
        int r;

        r = row_get_owner(&store->reader, owner, &row);
        if (r < 0)
                return store_note(store, r);
        *ret = row.counts;
        return 0;
}

int store_owner_name(Store *store, int64_t owner, char **ret) {
        _cleanup_(owner_row_done) OwnerRow row = {0};
        int r;

        r = row_get_owner(&store->reader, owner, &row);
        if (r < 0)
                return store_note(store, r);
        if (r == 0 || !row.name)
                return 0;
        *ret = TAKE_PTR(row.name);
        return 1;
}
