/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For which hosts an owner has met certificates of one issuer. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/store-private.h"

void host_list_done(HostList *list) {
        for (size_t i = 0; i < list->n_items; i++)
                free(list->items[i]);
        free(list->items);
        *list = (HostList){ 0 };
}

static int read_hosts(sqlite3_stmt *st, HostList *list) {
        int r;

        list->items = calloc(ISSUER_HOSTS_MAX, sizeof(*list->items));
        if (!list->items)
                return -ENOMEM;
        while (list->n_items < ISSUER_HOSTS_MAX && (r = statement_step(st)) != 0) {
                const char *host;

                if (r < 0)
                        return r;
                host = column_text(st, 0);
                if (!host)
                        return -EUCLEAN;
                list->items[list->n_items] = strdup(host);
                if (!list->items[list->n_items])
                        return -ENOMEM;
                list->n_items++;
        }
        return 0;
}

int store_hosts_of_issuer(Store *store, int64_t owner, const char *issuer, HostList *ret) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        _cleanup_(host_list_done) HostList list = { 0 };
        Binder b = { 0 };
        int r;

        r = connection_statement(&store->reader, STATEMENT_HOSTS_OF_ISSUER, &st);
        if (r < 0)
                return r;
        b.st = st;
        bind_int(&b, owner);
        bind_text(&b, issuer);
        r = b.error < 0 ? b.error : read_hosts(st, &list);
        if (r < 0)
                return store_note(store, r);
        *ret = list;
        list = (HostList){ 0 };
        return 0;
}
