/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Where the trees of a store begin: every store is made by the same statements in the same order, so a
 * new one in memory tells, and nothing has to be believed of one that is damaged. */
#include "config.h"

#include "daemon/salvage.h"
#include "daemon/store-private.h"
#include "schema/schema-sql.h"

static int read_root(Connection *c, const char *sql, uint32_t *ret) {
        int64_t number;
        int r = connection_number(c, sql, &number);

        if (r == 0)
                *ret = (uint32_t) number;
        return r;
}

static int read_roots(Connection *c, SalvageRoots *ret) {
        const struct {
                const char *sql;
                uint32_t *root;
        } roots[] = {
                { "SELECT rootpage FROM sqlite_schema WHERE name = 'decision'", &ret->decision },
                { "SELECT rootpage FROM sqlite_schema WHERE name = 'certificate'",
                  &ret->certificate },
                { "SELECT rootpage FROM sqlite_schema WHERE name = 'owner'", &ret->owner },
                { "SELECT rootpage FROM sqlite_schema WHERE name = 'history'", &ret->history },
                { "SELECT rootpage FROM sqlite_schema WHERE name = 'store'", &ret->store },
                { "SELECT rootpage FROM sqlite_schema WHERE name = 'trust'", &ret->trust },
                { "SELECT rootpage FROM sqlite_schema WHERE name = 'seen'", &ret->seen },
        };
        int r = 0;

        for (size_t i = 0; r == 0 && i < N_ELEMENTS(roots); i++)
                r = read_root(c, roots[i].sql, roots[i].root);
        return r;
}

int salvage_roots(SalvageRoots *ret) {
        Connection c = { 0 };
        int r;

        r = connection_open(&c, ":memory:");
        for (size_t v = 0; r == 0 && v < N_ELEMENTS(schema_sql); v++)
                r = connection_run(&c, schema_sql[v]);
        if (r == 0)
                r = read_roots(&c, ret);
        connection_close(&c);
        return r;
}
