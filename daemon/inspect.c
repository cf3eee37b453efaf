/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* GetException, GetCertificate, GetStatus: looking at one thing. */
#include "config.h"

#include <inttypes.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/answer.h"
#include "daemon/ends.h"
#include "daemon/json.h"
#include "daemon/judges.h"
#include "daemon/limits.h"
#include "daemon/listener.h"
#include "daemon/mender.h"
#include "daemon/method.h"
#include "daemon/rebuild-losses.h"
#include "daemon/rules.h"
#include "daemon/store.h"
#include "daemon/trust.h"

static void answer_not_found(Request *r) {
        request_error(r, "NotFound", json_object_new_object());
}

/* Takes @exception over. */
static void answer_exception_object(Request *r, struct json_object *exception) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put(o, "exception", exception) < 0)
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

void method_get_exception(Request *r) {
        Fields f = request_fields(r);
        uint64_t id = (uint64_t) fields_int(&f, "id", 0, INT64_MAX);
        const Rule *rule;
        Sessions sessions;
        Decision d;
        int n;

        if (request_fields_finish(r, &f) < 0)
                return;

        rule = rules_get(r->manager->rules, id, request_now_for_ends(r));
        if (rule) {
                answer_exception_object(r, answer_rule(rule));
                return;
        }
        n = store_get(r->manager->store, r->owner, id, &d);
        if (n < 0) {
                request_store_error(r, n);
                return;
        }
        if (n == 0) {
                answer_not_found(r);
                return;
        }

        ends_apply(r->manager, r->owner, request_now_for_ends(r), &d, 1, &sessions);
        answer_exception_object(r, answer_stored(r->manager->store, &d));
}

/* -- certificate ------------------------------------------------------------------------------- */

static struct json_object *certificate_object(const CertificateFacts *c, Blob der) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_free_ char *text = NULL;

        text = malloc(BASE64_SIZE(der.size));
        if (!text)
                return NULL;
        base64_encode(der.data, der.size, text);
        if (json_put_string(o, "der", text) < 0 ||
            json_put(o, "certificate", answer_certificate(c)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

void method_get_certificate(Request *r) {
        _cleanup_(certificate_facts_freep) CertificateFacts *certificate = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        Fields f = request_fields(r);
        const char *text = fields_string(&f, "sha256");
        uint8_t digest[SHA256_SIZE];
        const RuleCertificate *rule;
        size_t size = 0;
        int n;

        if (request_fields_finish(r, &f) < 0)
                return;
        if (sha256_decode(text, digest) < 0) {
                request_invalid(r, "sha256", "it is not 64 hexadecimal digits");
                return;
        }

        rule = rules_certificate(r->manager->rules, digest);
        n = store_certificate(r->manager->store, r->owner, digest, &certificate, &der, &size);
        if (n < 0)
                request_store_error(r, n);
        else if (rule && (n == 0 || !der))
                request_reply(r, certificate_object(rule->facts, (Blob){ rule->der, rule->der_size }));
        else if (n == 0 || !der) /* one that was only seen is known by its facts */
                answer_not_found(r);
        else
                request_reply(r, certificate_object(certificate, (Blob){ der, size }));
}

/* -- status ------------------------------------------------------------------------------------ */

static struct json_object *warnings_object(const Manager *m) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();
        const char *trust = trust_warning(m->trust);
        const char *blocked = trust_blocked_warning(m->trust);
        const char *distrusted = trust_distrusted_warning(m->trust);
        const char *lists = trust_lists_warning(m->trust);
        _cleanup_free_ char *stale = trust_stale_lists(m->trust, manager_now());

        for (size_t i = 0; i < m->conf.n_warnings; i++)
                if (json_append(list, json_object_new_string(m->conf.warnings[i])) < 0)
                        return NULL;
        if (trust && json_append(list, json_object_new_string(trust)) < 0)
                return NULL;
        if (blocked && json_append(list, json_object_new_string(blocked)) < 0)
                return NULL;
        if (distrusted && json_append(list, json_object_new_string(distrusted)) < 0)
                return NULL;
        if (lists && json_append(list, json_object_new_string(lists)) < 0)
                return NULL;
        if (stale && json_append(list, json_object_new_string(stale)) < 0)
                return NULL;
        for (size_t i = 0; i < rules_n_warnings(m->rules); i++)
                if (json_append(list, json_object_new_string(rules_warning(m->rules, i))) < 0)
                        return NULL;
        if (mender_left_damage(m->mender) &&
            json_append(list, json_object_new_string(
                                      "Something in the store is not as it was written. What is "
                                      "damaged is not used; look at the disk, and make a copy of the "
                                      "state directory.")) < 0)
                return NULL;
        if (manager_now() < store_last_write(m->store) &&
            json_append(list, json_object_new_string(
                                      "The clock shows a time before the store's last change: it is "
                                      "or was wrong. Ends count by the later of the two.")) < 0)
                return NULL;
        return TAKE_PTR(list);
}

static struct json_object *counts_object(const OwnerCounts *c) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_int(o, "exceptions", (int64_t) c->exceptions) < 0 ||
            json_put_int(o, "denials", (int64_t) c->denials) < 0 ||
            json_put_int(o, "unconfirmed", (int64_t) c->unconfirmed) < 0 ||
            json_put_int(o, "bytes", (int64_t) c->bytes) < 0 ||
            json_put_int(o, "exceptions_max", DECISIONS_PER_OWNER_MAX) < 0 ||
            json_put_int(o, "bytes_max", STORED_BYTES_PER_OWNER_MAX) < 0)
                return NULL;
        return TAKE_PTR(o);
}

/* Those that are not over. */
static size_t count_in_files(const Manager *m) {
        const Rule *rules = NULL;
        size_t n = rules_all(m->rules, manager_now(), &rules), count = 0;

        for (size_t i = 0; i < n; i++)
                count += rules[i].decision.state != STATE_ENDED;
        return count;
}

static int put_daemon(struct json_object *o, const Manager *m) {
        if (json_put_string(o, "version", PACKAGE_VERSION) < 0 ||
            json_put_string(o, "mode", m->options.user_mode ? "user" : "system") < 0 ||
            json_put_string(o, "state_directory", m->options.state_directory) < 0 ||
            json_put_int(o, "started", m->started) < 0)
                return -ENOMEM;
        return 0;
}

static int put_rebuilding(struct json_object *o, const Manager *m) {
        char detail[64];

        (void) snprintf(detail, sizeof(detail), "%u percent is written", store_mend_progress(m->store));
        if (json_put_string(o, "store", "rebuilding") < 0 ||
            json_put_string(o, "store_detail", detail) < 0)
                return -ENOMEM;
        return 0;
}

/* @error: what reading the owner's counts came to. */
static int put_store(struct json_object *o, const Manager *m, int error) {
        StoreHealth health;

        store_health(m->store, &health);
        if (error >= 0)
                error = health.last_error;
        if (mender_is_busy(m->mender))
                return put_rebuilding(o, m);
        if (json_put_string(o, "store", error < 0 ? "failed" : "ok") < 0 ||
            json_put_string(o, "store_detail", error < 0 ? store_error_reason(error) : "") < 0)
                return -ENOMEM;
        return 0;
}

static struct json_object *losses_object(const Manager *m) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();
        Losses losses;

        store_losses(m->store, manager_now(), &losses);
        for (size_t i = 0; i < losses.n; i++)
                if (json_append(list, answer_rebuild(losses.items + i)) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

static int put_last_rebuild(struct json_object *o, const Manager *m) {
        const Mending *last = mender_last(m->mender);
        AsideList kept = {};

        (void) store_set_aside(m->store, &kept); /* what cannot be listed is not what is asked for */
        if (json_put(o, "kept", answer_kept(&kept)) < 0 || json_put(o, "losses", losses_object(m)) < 0)
                return -ENOMEM;
        return last && last->rebuilt ? json_put(o, "last_rebuild", answer_rebuild(last)) : 0;
}

static int put_agents(struct json_object *o, const Manager *m, int64_t owner) {
        const PromptsCounts n = prompter_count(m->prompter, owner);

        if (json_put_int(o, "agents", n.agents) < 0 || json_put_int(o, "asking", n.askers) < 0)
                return -ENOMEM;
        return 0;
}

static int put_rest(struct json_object *o, const Manager *m) {
        if (json_put_int(o, "authorities", trust_count(m->trust)) < 0 ||
            json_put_string(o, "authorities_from", trust_from(m->trust)) < 0 ||
            json_put_int(o, "generation", (int64_t) manager_generation(m)) < 0 ||
            json_put_int(o, "judges", judges_count(m->judges)) < 0 ||
            json_put_int(o, "connections", listener_n_connections(m->listener)) < 0 ||
            json_put(o, "warnings", warnings_object(m)) < 0)
                return -ENOMEM;
        return 0;
}

void method_get_status(Request *r) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        Fields f = request_fields(r);
        OwnerCounts counts = {};
        int n;

        if (request_fields_finish(r, &f) < 0)
                return;

        n = store_counts(r->manager->store, r->owner, &counts);
        if (put_daemon(o, r->manager) < 0 || put_store(o, r->manager, n) < 0 ||
            put_last_rebuild(o, r->manager) < 0 || put_rest(o, r->manager) < 0 ||
            put_agents(o, r->manager, r->owner) < 0 || json_put_int(o, "owner", r->owner) < 0 ||
            json_put(o, "counts", counts_object(&counts)) < 0 ||
            json_put_int(o, "in_files", (int64_t) count_in_files(r->manager)) < 0 ||
            json_put(o, "problems", answer_problem_names(problem_set_all)) < 0)
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}
