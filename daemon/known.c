/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Looking up what was known; the comparison itself is difference.c's. */
#include "config.h"

#include <json-c/json.h>
#include <string.h>

#include "daemon/answer.h"
#include "daemon/json.h"
#include "daemon/known.h"

void known_done(Known *known) {
        known->old = certificate_facts_free(known->old);
}

/* Its certificate is perhaps not in its file. 0 and *@ret, or NULL; -errno. */
static int excepted_certificate(Store *store, Rules *rules, const Decision *d,
                                CertificateFacts **ret) {
        const RuleCertificate *c;

        if (d->id < RULE_ID_FIRST)
                return store_certificate_of(store, d, ret);
        c = rules_certificate(rules, d->certificate_sha256);
        return c ? certificate_facts_copy(c->facts, ret) : 0;
}

/* The newest exception that tells what was here; NULL if there is none, or one is @leaf's. */
static const Decision *newest_other(const DecisionList *decisions, const CertificateFacts *leaf,
                                    bool *ret_is_leaf) {
        const Decision *newest = NULL;

        *ret_is_leaf = false;
        for (size_t i = 0; i < decisions->n_items; i++) {
                const Decision *d = &decisions->items[i];

                if (d->action != DECISION_ALLOW || d->state == STATE_REVOKED)
                        continue;
                if (memcmp(d->certificate_sha256, leaf->sha256, SHA256_SIZE) == 0) {
                        *ret_is_leaf = true;
                        return NULL;
                }
                if (!newest)
                        newest = d;
        }
        return newest;
}

int known_find(Store *store, Rules *rules, int64_t owner, const Endpoint *endpoint,
               const DecisionList *decisions, const CertificateFacts *leaf, Known *ret) {
        _cleanup_(certificate_facts_freep) CertificateFacts *seen = NULL;
        _cleanup_(known_done) Known known = {};
        const Decision *excepted;
        bool is_leaf;
        int r;

        *ret = (Known){};
        if (!leaf || endpoint->port == 0)
                return 0;

        r = store_seen(store, owner, endpoint->host, endpoint->port, &seen, &known.since);
        if (r < 0)
                return r;
        known.seen_is_leaf = r > 0 && memcmp(seen->sha256, leaf->sha256, SHA256_SIZE) == 0;

        excepted = newest_other(decisions, leaf, &is_leaf);
        if (excepted) {
                r = excepted_certificate(store, rules, excepted, &known.old);
                if (r < 0)
                        return r;
                known.excepted = true;
                known.since = excepted->created;
        } else if (!is_leaf) {
                known.old = TAKE_PTR(seen);
        }

        if (known.old)
                known.kind = difference_kind(known.old, leaf);
        *ret = known;
        known.old = NULL;
        return 0;
}

static struct json_object *fields_answer(const CertificateFacts *old, const CertificateFacts *new) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();
        const char *fields[DIFFERENCE_FIELDS_MAX];
        const size_t n = difference_fields(old, new, fields);

        for (size_t i = 0; i < n; i++)
                if (json_append(list, json_object_new_string(fields[i])) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

struct json_object *known_answer(const Known *known, const CertificateFacts *leaf, int64_t now) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, "kind", difference_name(known->kind)) < 0 ||
            json_put_string(o, "known_from", known->excepted ? "exception" : "seen") < 0 ||
            json_put_int(o, "since", known->since) < 0 ||
            json_put_bool(o, "old_was_due", difference_was_due(known->old, now)) < 0 ||
            json_put(o, "fields", fields_answer(known->old, leaf)) < 0 ||
            json_put(o, "old", answer_certificate(known->old)) < 0)
                return NULL;
        return TAKE_PTR(o);
}
