/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The objects of the interface file, field by field in its order. */
#include "config.h"

#include <json-c/json.h>
#include <string.h>

#include "daemon/answer.h"
#include "daemon/json.h"

struct json_object *answer_certificate(const CertificateFacts *c) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_(json_freep) struct json_object *names = json_object_new_array();

        for (size_t i = 0; i < c->n_names; i++)
                if (json_append(names, json_object_new_string(c->names[i])) < 0)
                        return NULL;

        if (json_put_sha256(o, "sha256", c->sha256) < 0 ||
            json_put_sha256(o, "key_sha256", c->key_sha256) < 0 ||
            json_put_string(o, "subject", c->subject) < 0 ||
            json_put_string(o, "issuer", c->issuer) < 0 ||
            json_put_string(o, "serial", c->serial) < 0 ||
            json_put(o, "names", TAKE_PTR(names)) < 0 ||
            json_put_int(o, "not_before", c->not_before) < 0 ||
            json_put_int(o, "not_after", c->not_after) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static struct json_object *answer_finding(const Finding *finding, ProblemSet never) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        const ProblemInfo *info = problem_info((ProblemSet) finding->problem);
        bool exceptable = info && info->exceptable && !(never & (ProblemSet) finding->problem);

        /* A judge that was taken over could send a bit that is no problem's. */
        if (json_put_string(o, "name", info ? info->name : "malformed") < 0 ||
            json_put_bool(o, "exceptable", exceptable) < 0 ||
            json_put_int(o, "certificate", finding->certificate) < 0 ||
            json_put_string(o, "value", finding->value) < 0)
                return NULL;
        return TAKE_PTR(o);
}

struct json_object *answer_problems(const Facts *facts, ProblemSet never) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();
        ProblemSet told = 0;

        for (size_t i = 0; i < facts->n_findings; i++) {
                if (json_append(list, answer_finding(&facts->findings[i], never)) < 0)
                        return NULL;
                told |= (ProblemSet) facts->findings[i].problem;
        }

        /* Past the bound of findings a problem is only a bit; it is told all the same. */
        for (unsigned i = 0; i < n_problem_infos; i++) {
                Finding finding = { problem_infos[i].problem, -1, (char *) "" };

                if (!(facts->problems & ~told & (ProblemSet) problem_infos[i].problem))
                        continue;
                if (json_append(list, answer_finding(&finding, never)) < 0)
                        return NULL;
        }
        return TAKE_PTR(list);
}

struct json_object *answer_problem_names(ProblemSet problems) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();

        for (unsigned i = 0; i < n_problem_infos; i++) {
                if (!(problems & (ProblemSet) problem_infos[i].problem))
                        continue;
                if (json_append(list, json_object_new_string(problem_infos[i].name)) < 0)
                        return NULL;
        }
        return TAKE_PTR(list);
}

static int append_limit(struct json_object *hosts, const char *limit) {
        while (*limit) {
                const size_t n = strcspn(limit, ",");

                if (json_append(hosts, json_object_new_string_len(limit, (int) n)) < 0)
                        return -ENOMEM;
                limit += n + (limit[n] == ',');
        }
        return 0;
}

static struct json_object *answer_one_advice(const Advice *advice) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_(json_freep) struct json_object *hosts = NULL;

        if (json_put_string(o, "id", advice_name(advice->id)) < 0 ||
            (advice->name && json_put_string(o, "name", advice->name) < 0) ||
            (advice->time >= 0 && json_put_int(o, "time", advice->time) < 0))
                return NULL;
        if (advice->n_hosts == 0 && !advice->limit)
                return TAKE_PTR(o);

        hosts = json_object_new_array();
        if (advice->limit && append_limit(hosts, advice->limit) < 0)
                return NULL;
        for (size_t i = 0; i < advice->n_hosts; i++)
                if (json_append(hosts, json_object_new_string(advice->hosts[i])) < 0)
                        return NULL;
        return json_put(o, "hosts", TAKE_PTR(hosts)) < 0 ? NULL : TAKE_PTR(o);
}

struct json_object *answer_advice(const AdviceList *advice) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();

        for (size_t i = 0; i < advice->n; i++)
                if (json_append(list, answer_one_advice(&advice->items[i])) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

struct json_object *answer_responder(const Facts *facts) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        char request[BASE64_SIZE(OCSP_REQUEST_BYTES_MAX)];

        base64_encode(facts->request, facts->request_size, request);
        if (json_put_string(o, "url", facts->responder) < 0 ||
            json_put_string(o, "request", request) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static const char *end_name(DecisionEnd end) {
        switch (end) {
        case END_NEVER:
                return "never";
        case END_DATE:
                return "date";
        case END_SESSION:
                return "session";
        }
        return "session";
}

static const char *state_name(DecisionState state) {
        switch (state) {
        case STATE_LIVE:
                return "live";
        case STATE_UNCONFIRMED:
                return "unconfirmed";
        case STATE_ENDED:
                return "ended";
        case STATE_REVOKED:
                return "revoked";
        }
        return "ended";
}

/* A certificate of which only the digests are known: its own words were lost. */
static struct json_object *answer_digests(const Decision *d) {
        CertificateFacts c = {
                .subject = (char *) "",
                .issuer = (char *) "",
                .serial = (char *) "",
        };

        memcpy(c.sha256, d->certificate_sha256, SHA256_SIZE);
        memcpy(c.key_sha256, d->key_sha256, SHA256_SIZE);
        return answer_certificate(&c);
}

static const char *origin_of(int64_t owner) {
        return owner == OWNER_SYSTEM ? "admin" : "own";
}

struct json_object *answer_exception(const Decision *d, const char *file,
                                     const CertificateFacts *certificate) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_int(o, "id", (int64_t) d->id) < 0 ||
            json_put_int(o, "owner", d->owner) < 0 ||
            json_put_string(o, "origin", file ? "file" : origin_of(d->owner)) < 0 ||
            (file && json_put_string(o, "file", file) < 0) ||
            json_put_string(o, "action", d->action == DECISION_ALLOW ? "allow" : "deny") < 0 ||
            json_put_string(o, "host", d->host) < 0 ||
            json_put_int(o, "port", d->port) < 0 ||
            json_put_string(o, "pin", d->pin == PIN_KEY ? "key" : "certificate") < 0 ||
            json_put(o, "problems", answer_problem_names(d->problems)) < 0 ||
            json_put_string(o, "end", end_name(d->end)) < 0)
                return NULL;
        if (d->end == END_DATE && json_put_int(o, "until", d->until) < 0)
                return NULL;
        if (json_put_string(o, "state", state_name(d->state)) < 0 ||
            json_put_int(o, "created", d->created) < 0 ||
            json_put_int(o, "changed", d->changed) < 0 ||
            json_put(o, "certificate",
                     certificate ? answer_certificate(certificate) : answer_digests(d)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

struct json_object *answer_stored(Store *store, const Decision *d) {
        _cleanup_(certificate_facts_freep) CertificateFacts *certificate = NULL;

        if (store_certificate_of(store, d, &certificate) < 0)
                return answer_exception(d, NULL, NULL);
        return answer_exception(d, NULL, certificate);
}

struct json_object *answer_rule(const Rule *rule) {
        return answer_exception(&rule->decision, rule->path,
                                rule->certificate ? rule->certificate->facts : NULL);
}

static const char *entry_state(DecisionState state) {
        switch (state) {
        case STATE_LIVE:
                return "live";
        case STATE_UNCONFIRMED:
                return "unconfirmed";
        case STATE_ENDED:
        case STATE_REVOKED:
                break;
        }
        return "removed";
}

/* The names of an entry, which are separated by commas. */
static struct json_object *names_of(const char *only) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();

        while (*only) {
                size_t n = strcspn(only, ",");

                if (json_append(list, json_object_new_string_len(only, (int) n)) < 0)
                        return NULL;
                only += n + (only[n] == ',');
        }
        return TAKE_PTR(list);
}

/* What every authority and distrust has. */
static struct json_object *authority_object(const char *origin, const Entry *e,
                                            struct json_object *certificate) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_(json_freep) struct json_object *c = certificate;
        bool distrust = e->kind == ENTRY_DISTRUST;

        if (json_put_string(o, "origin", origin) < 0 ||
            json_put_string(o, "kind", distrust ? "distrust" : "authority") < 0 ||
            json_put_string(o, "state", entry_state(e->state)) < 0 ||
            json_put_string(o, "pin", e->pin == PIN_KEY ? "key" : "certificate") < 0 ||
            json_put(o, "only", names_of(e->only)) < 0 ||
            json_put(o, "certificate", TAKE_PTR(c)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

struct json_object *answer_authority(const Entry *e, const CertificateFacts *certificate) {
        return authority_object(origin_of(e->owner), e, answer_certificate(certificate));
}

struct json_object *answer_system_authority(const CertificateFacts *certificate) {
        const Entry e = { .kind = ENTRY_AUTHORITY, .pin = PIN_CERTIFICATE, .state = STATE_LIVE };

        return authority_object("system", &e, answer_certificate(certificate));
}

struct json_object *answer_entry(Store *store, const Entry *e) {
        _cleanup_(certificate_facts_freep) CertificateFacts *certificate = NULL;
        _cleanup_(json_freep) struct json_object *o = NULL;
        char none[] = "";
        CertificateFacts digests = { .subject = none, .issuer = none, .serial = none };

        memcpy(digests.sha256, e->certificate_sha256, SHA256_SIZE);
        memcpy(digests.key_sha256, e->key_sha256, SHA256_SIZE);
        (void) store_certificate(store, e->owner, e->certificate_sha256, &certificate, NULL, NULL);
        o = answer_authority(e, certificate ? certificate : &digests);
        if (json_put_int(o, "id", (int64_t) e->id) < 0 ||
            json_put_int(o, "owner", e->owner) < 0 || json_put_int(o, "by", e->by) < 0 ||
            json_put_int(o, "created", e->created) < 0 ||
            json_put_int(o, "changed", e->changed) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static const char *history_name(HistoryKind kind) {
        switch (kind) {
        case HISTORY_ALLOWED:
                return "allowed";
        case HISTORY_DENIED:
                return "denied";
        case HISTORY_REVOKED:
                return "revoked";
        case HISTORY_ENDED:
                return "ended";
        case HISTORY_CONFIRMED:
                return "confirmed";
        case HISTORY_UNCONFIRMED:
                return "unconfirmed";
        case HISTORY_IMPORTED:
                return "imported";
        }
        return "ended";
}

struct json_object *answer_history_entry(const HistoryEntry *e) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_int(o, "number", (int64_t) e->number) < 0 ||
            json_put_int(o, "time", e->time) < 0 ||
            json_put_string(o, "kind", history_name(e->kind)) < 0 ||
            json_put_int(o, "id", (int64_t) e->id) < 0 || json_put_int(o, "by", e->by) < 0 ||
            json_put_string(o, "host", e->host) < 0 || json_put_int(o, "port", e->port) < 0 ||
            json_put_sha256(o, "sha256", e->sha256) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static struct json_object *kept_object(const Mending *mending) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();
        const char *const kept[] = { mending->database, mending->journal };

        for (size_t i = 0; i < N_ELEMENTS(kept); i++)
                if (*kept[i] && json_append(list, json_object_new_string(kept[i])) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

struct json_object *answer_kept(const AsideList *kept) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();

        for (size_t i = 0; i < kept->n; i++)
                if (json_append(list, json_object_new_string(kept->names[i])) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

struct json_object *answer_rebuild(const Mending *mending) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_int(o, "time", mending->time) < 0 ||
            json_put_string(o, "reason", mending_reason(mending->cause)) < 0 ||
            json_put_int(o, "saved", (int64_t) mending->n_saved) < 0 ||
            json_put_int(o, "missing", (int64_t) mending->n_missing) < 0 ||
            json_put_int(o, "unconfirmed", (int64_t) mending->n_unconfirmed) < 0 ||
            json_put(o, "kept", kept_object(mending)) < 0)
                return NULL;
        return TAKE_PTR(o);
}
