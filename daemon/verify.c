/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verify and Ask: everything that the verdict depends on is looked up here; the verdict itself is
 * arithmetic (verdict.c). */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>

#include "daemon/advice.h"
#include "daemon/answer.h"
#include "daemon/doubt.h"
#include "daemon/ends.h"
#include "daemon/json.h"
#include "daemon/judged.h"
#include "daemon/known.h"
#include "daemon/limits.h"
#include "daemon/method.h"
#include "daemon/own.h"
#include "daemon/owners.h"
#include "daemon/prompter.h"
#include "daemon/rules.h"
#include "daemon/submit.h"
#include "daemon/trust.h"
#include "daemon/verdict.h"

/* All that one answer is made of. */
typedef struct Found {
        DecisionList decisions;
        Known known;
        VerdictOutput out;
} Found;

static void found_done(Found *found) {
        decision_list_done(&found->decisions);
        known_done(&found->known);
}

/* Those in files come behind those of the store. */
static int add_rules(const Request *r, const Endpoint *endpoint, int64_t now, DecisionList *list) {
        const Rule *rules;
        const size_t n = rules_at(r->manager->rules, endpoint->host, endpoint->port, now, &rules);
        Decision *items;

        if (n == 0)
                return 0;
        ends_note_rules(r->manager, rules, n);
        items = reallocarray(list->items, list->n_items + n, sizeof(*items));
        if (!items)
                return -ENOMEM;
        list->items = items;
        for (size_t i = 0; i < n; i++)
                items[list->n_items++] = rules[i].decision;
        return 0;
}

/* While a block or a denial may be missing: what a person allowed may be what it refuses. */
static bool is_in_doubt(const Request *r, const Found *found) {
        return found->decisions.doubtful || doubt_is(r->manager);
}

static int find(Request *r, Found *ret) {
        const Judged *j = r->judged;
        const CertificateFacts *leaf = j->facts->leaf;
        int64_t now = request_now_for_ends(r);
        Sessions sessions;
        int n;

        n = store_find(r->manager->store, r->owner, j->endpoint.host, j->endpoint.port,
                       &ret->decisions);
        if (n < 0)
                return n;
        ends_apply(r->manager, r->owner, now, ret->decisions.items, ret->decisions.n_items,
                   &sessions);
        n = add_rules(r, &j->endpoint, now, &ret->decisions);
        if (n < 0)
                return n;
        n = known_find(r->manager->store, r->manager->rules, r->owner, &j->endpoint,
                       &ret->decisions, leaf, &ret->known);
        if (n < 0)
                return n;

        ret->out = verdict_judge(&(VerdictInput){
                .problems = j->facts->problems,
                .never = r->manager->conf.never,
                .leaf_sha256 = leaf ? leaf->sha256 : NULL,
                .leaf_key_sha256 = leaf ? leaf->key_sha256 : NULL,
                .decisions = ret->decisions.items,
                .n_decisions = ret->decisions.n_items,
                .in_doubt = is_in_doubt(r, ret),
                .user_exceptions = r->manager->conf.user_exceptions,
                .port = j->endpoint.port,
                .owner = r->owner,
                .now = now,
                .session = &sessions.owner,
                .system_session = &sessions.system,
                .certificate_known = ret->known.kind != DIFFERENCE_NONE,
        });
        return 0;
}

/* Remembers what a good server shows, if it is news; best effort. */
static void remember_seen(Request *r, const Found *found) {
        _cleanup_(change_freep) Change *change = NULL;
        const Judged *j = r->judged;
        int64_t now = manager_now();

        if (found->out.because != BECAUSE_NO_PROBLEM || r->caller.overflow ||
            j->endpoint.port == 0 || found->known.seen_is_leaf ||
            !owners_may_write_seen(r->manager->owners, r->owner, now))
                return;

        if (change_new(CHANGE_SEEN, r->owner, (int64_t) r->caller.uid, now, &change) < 0 ||
            certificate_facts_copy(j->facts->leaf, &change->certificate) < 0)
                return;
        judged_describe(j, &change->decision);
        (void) submit(r->manager, NULL, &change, NULL);
}

/* What explains the problems. That the store cannot be asked is no reason to say less of the rest. */
static struct json_object *find_advice(Request *r) {
        _cleanup_free_ char *distrusted_own = NULL, *distrusted_system = NULL;
        _cleanup_(host_list_done) HostList hosts = {};
        const Judged *j = r->judged;
        AdviceList advice;

        if (r->owner != OWNER_SYSTEM)
                (void) own_distrusted(r->manager, r->owner, j->facts, &distrusted_own);
        (void) own_distrusted(r->manager, OWNER_SYSTEM, j->facts, &distrusted_system);
        if (advice_wants_hosts(j->facts))
                (void) store_hosts_of_issuer(r->manager->store, r->owner, j->facts->leaf->issuer,
                                             &hosts);
        advice_find(
                &(AdviceInput){
                        .facts = j->facts,
                        .endpoint = &j->endpoint,
                        .starttls = j->starttls,
                        .now = manager_now(),
                        .build = BUILD_TIME,
                        .last_write = store_last_write(r->manager->store),
                        .hosts = hosts.items,
                        .n_hosts = hosts.n_items,
                        .distrusted_own = distrusted_own,
                        .distrusted_system = distrusted_system,
                },
                &advice);
        return answer_advice(&advice);
}

/* The decision that answered. */
static struct json_object *answer_found(const Request *r, const Decision *d) {
        const Rule *rule = rules_get(r->manager->rules, d->id, 0);

        return rule ? answer_rule(rule) : answer_stored(r->manager->store, d);
}

/* What made @d one that must be confirmed. */
static const char *unconfirmed_because(const Request *r, const Decision *d) {
        HistoryEntry last;

        if (d->id >= RULE_ID_FIRST)
                return "incomplete";
        if (store_last_history(r->manager->store, d->owner, d->id, &last) <= 0)
                return "store-damaged";
        if (last.kind == HISTORY_IMPORTED)
                return "imported";
        return last.kind == HISTORY_UNCONFIRMED && last.by != OWNER_SYSTEM ? "other-user" : "store-damaged";
}

/* Why nothing that a person allows is accepted, where that matters. */
static int put_doubt(const Request *r, const Found *found, struct json_object *o) {
        _cleanup_free_ char *text = NULL;

        if (found->out.verdict != VERDICT_PROMPT || !is_in_doubt(r, found))
                return 0;
        text = doubt_text(r->manager, found->decisions.doubtful);
        return text ? json_put_string(o, "doubt", text) : -ENOMEM;
}

/* The parts that are not in every answer. */
static int put_optional(Request *r, const Found *found, struct json_object *o) {
        const CertificateFacts *leaf = r->judged->facts->leaf;
        const Decision *d = found->out.decision;

        if (leaf && json_put(o, "leaf", answer_certificate(leaf)) < 0)
                return -ENOMEM;
        if (d && json_put(o, "exception", answer_found(r, d)) < 0)
                return -ENOMEM;
        if (found->out.because == BECAUSE_UNCONFIRMED &&
            json_put_string(o, "unconfirmed_because", unconfirmed_because(r, d)) < 0)
                return -ENOMEM;
        if (found->known.kind != DIFFERENCE_NONE &&
            json_put(o, "change", known_answer(&found->known, leaf, manager_now())) < 0)
                return -ENOMEM;
        if (d && found->out.because == BECAUSE_NO_PROBLEM && json_put_bool(o, "obsolete", true) < 0)
                return -ENOMEM;
        if (r->judged->facts->responder &&
            json_put(o, "responder", answer_responder(r->judged->facts)) < 0)
                return -ENOMEM;
        return put_doubt(r, found, o);
}

static struct json_object *answer(Request *r, const Found *found) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        const Judged *j = r->judged;

        if (json_put_string(o, "verdict", verdict_name(found->out.verdict)) < 0 ||
            json_put_string(o, "because", because_name(found->out.because)) < 0 ||
            json_put_string(o, "host", j->endpoint.host) < 0 ||
            json_put_int(o, "port", j->endpoint.port) < 0 ||
            json_put_sha256(o, "chain_sha256", j->chain->sha256) < 0 ||
            json_put(o, "problems", answer_problems(j->facts, r->manager->conf.never)) < 0 ||
            json_put(o, "new_problems", answer_problem_names(found->out.new_problems)) < 0 ||
            json_put(o, "advice", found->out.verdict == VERDICT_ACCEPT ? json_object_new_array()
                                                                       : find_advice(r)) < 0 ||
            put_optional(r, found, o) < 0)
                return NULL;
        return TAKE_PTR(o);
}

/* Lets @r wait for a person where that can help. 1: it waits. 0: @o is complete. -ENOMEM. */
static int ask_person(Request *r, const Found *found, struct json_object *o) {
        int n = 0;

        if (found->out.verdict == VERDICT_PROMPT) {
                /* Nobody could allow it. */
                if (!r->manager->conf.user_exceptions && r->owner != OWNER_SYSTEM)
                        r->asking.outcome = "not-allowed";
                /* Whatever they said, it would be asked again. */
                else if (!r->asking.outcome && is_in_doubt(r, found))
                        r->asking.outcome = "in-doubt";
                n = prompter_wait(r, o);
        }
        return n != 0 ? n : json_put_string(o, "asked", prompter_word(r));
}

static void verify_ready(Request *r) {
        _cleanup_(json_freep) struct json_object *o = NULL;
        _cleanup_(found_done) Found found = {};
        int n;

        n = find(r, &found);
        if (n == 0 && request_in_doubt(r))
                n = -EUCLEAN;
        if (n < 0) {
                request_store_error(r, n);
                return;
        }
        remember_seen(r, &found);
        o = answer(r, &found);
        if (o && r->asking.wanted) {
                n = ask_person(r, &found, o);
                if (n > 0)
                        return;
                if (n < 0) {
                        request_no_memory(r);
                        return;
                }
        }
        request_reply(r, TAKE_PTR(o));
}

void method_verify(Request *r) {
        Fields f = request_fields(r);
        JudgedFields fields;

        judged_read(&f, &fields);
        if (request_fields_finish(r, &f) < 0)
                return;
        judged_start(r, &fields, 0, verify_ready);
}

void method_ask(Request *r) {
        Fields f = request_fields(r);
        JudgedFields fields;
        int64_t seconds;

        judged_read(&f, &fields);
        request_read_session(r, &f);
        seconds = fields_int_or(&f, "timeout", INT64_MIN, INT64_MAX, ASK_SEC_USUAL);
        if (request_fields_finish(r, &f) < 0)
                return;
        if (seconds < 1 || seconds > ASK_SEC_MAX) {
                request_invalid(r, "timeout", "it is not between 1 and 600 seconds");
                return;
        }
        prompter_begin(r, (uint64_t) seconds);
        judged_start(r, &fields, 1, verify_ready);
}
