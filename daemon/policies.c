/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>

#include "daemon/limits.h"
#include "daemon/policies.h"

#define ANY_POLICY "\x55\x1d\x20\x00"

typedef struct Policies {
        Blob items[POLICIES_MAX];
        size_t n;
} Policies;

typedef struct State {
        Policies valid;    /* what the certificates so far agree on; empty: nothing */
        uint32_t explicit; /* certificates until there must be a policy */
        uint32_t mapping;  /* until none may be mapped to another */
        uint32_t any;      /* until "any" stands for none */
} State;

static bool is_any(Blob oid) {
        return oid.size == sizeof(ANY_POLICY) - 1 && memcmp(oid.data, ANY_POLICY, oid.size) == 0;
}

static bool has(const Policies *set, Blob oid) {
        for (size_t i = 0; i < set->n; i++)
                if (blob_equal(set->items[i], oid))
                        return true;
        return false;
}

static bool has_any(const Policies *set) {
        for (size_t i = 0; i < set->n; i++)
                if (is_any(set->items[i]))
                        return true;
        return false;
}

/* One that does not fit is left out: fewer policies never make a path better. */
static void add(Policies *set, Blob oid) {
        if (oid.size > 0 && set->n < POLICIES_MAX && !has(set, oid))
                set->items[set->n++] = oid;
}

/* 6.1.3 (d): what the certificate names of what is valid so far. */
static void narrow(State *s, const Certificate *c, bool any_counts) {
        Der list = der_of(c->extensions.policies);
        Policies next = {.n = 0};

        while (der_more(&list)) {
                Der information = der_enter(&list, DER_SEQUENCE);
                Blob oid = der_take(&information, DER_OID);

                if (!is_any(oid)) {
                        if (has(&s->valid, oid) || has_any(&s->valid))
                                add(&next, oid);
                } else if (any_counts)
                        for (size_t i = 0; i < s->valid.n; i++)
                                add(&next, s->valid.items[i]);
        }
        s->valid = next;
}

/* 6.1.4 (a) and (b): an issuer's policy is called otherwise below. */
static const char *map(State *s, const Certificate *c) {
        Der list = der_of(c->extensions.policy_mappings);
        const Policies before = s->valid;
        Policies mapped = {.n = 0}, after = {.n = 0};

        while (der_more(&list)) {
                Der mapping = der_enter(&list, DER_SEQUENCE);
                Blob from = der_take(&mapping, DER_OID), to = der_take(&mapping, DER_OID);

                if (der_end(&mapping) < 0 || is_any(from) || is_any(to))
                        return "a policy mapping that makes no sense";
                add(&mapped, from);
                if (s->mapping > 0 && (has(&before, from) || has_any(&before)))
                        add(&after, to);
        }
        for (size_t i = 0; i < before.n; i++)
                if (!has(&mapped, before.items[i]))
                        add(&after, before.items[i]);
        s->valid = after;
        return NULL;
}

static void count_down(uint32_t *counter) {
        if (*counter > 0)
                (*counter)--;
}

static void lower(uint32_t *counter, bool there, uint32_t to) {
        if (there && to < *counter)
                *counter = to;
}

/* 6.1.4 (h) to (j). */
static void prepare(State *s, const Certificate *c) {
        const Extensions *e = &c->extensions;

        if (!certificate_is_self_issued(c)) {
                count_down(&s->explicit);
                count_down(&s->mapping);
                count_down(&s->any);
        }
        lower(&s->explicit, e->has_explicit_policy, e->explicit_policy);
        lower(&s->mapping, e->has_inhibit_mapping, e->inhibit_mapping);
        lower(&s->any, e->has_inhibit_any, e->inhibit_any);
}

const char *policies_fault(const Path *path) {
        uint32_t all = (uint32_t) path->n;
        State s = {.explicit = all, .mapping = all, .any = all};

        add(&s.valid, (Blob){(const uint8_t *) ANY_POLICY, sizeof(ANY_POLICY) - 1});
        for (size_t i = path->n - 1; i-- > 0;) {
                const Certificate *c = path->items[i];
                const char *fault = NULL;

                narrow(&s, c, s.any > 0 || (i > 0 && certificate_is_self_issued(c)));
                if (s.explicit == 0 && s.valid.n == 0)
                        return "its issuers demand a policy, and there is none that all agree on";
                if (i > 0) {
                        fault = map(&s, c);
                        prepare(&s, c);
                } else {
                        count_down(&s.explicit);
                        lower(&s.explicit,
                              c->extensions.has_explicit_policy &&
                                      c->extensions.explicit_policy == 0,
                              0);
                }
                if (fault)
                        return fault;
        }
        return s.explicit == 0 && s.valid.n == 0
                       ? "its issuers demand a policy, and there is none that all agree on"
                       : NULL;
}
