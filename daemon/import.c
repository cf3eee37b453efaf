/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ImportExceptions: decisions from elsewhere. Of what is said of a certificate nothing is believed but
 * its bytes: each is judged, and what was agreed to counts as far as it is still wrong. Where that cannot
 * be told from the certificate alone the person is asked once more.
 */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/exported.h"
#include "daemon/import.h"
#include "daemon/imports.h"
#include "daemon/json.h"
#include "daemon/judges.h"
#include "daemon/limits.h"
#include "daemon/method.h"
#include "daemon/presented.h"
#include "daemon/rules.h"
#include "daemon/submit.h"

/* What depends on the certificates beside the server's own and on what it staples, which an export does
 * not have. */
#define OF_THE_CHAIN                                                                               \
        (PROBLEM_ISSUER_EXPIRED | PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN |              \
         PROBLEM_WEAK_SIGNATURE | PROBLEM_WEAK_KEY | PROBLEM_DISTRUSTED_ISSUER |                   \
         PROBLEM_REVOCATION_UNKNOWN)

/* Of these, what is found for want of them as well. */
#define FOR_WANT_OF_IT                                                                             \
        (PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN | PROBLEM_REVOCATION_UNKNOWN)

static const char *const outcome_names[_IMPORT_OUTCOME_MAX] = {
        [IMPORT_PENDING] = "added",
        [IMPORT_ADDED] = "added",
        [IMPORT_HELD] = "held",
        [IMPORT_ENDED] = "ended",
        [IMPORT_WIDER] = "wider",
        [IMPORT_LATER] = "later",
        [IMPORT_DENIED] = "denied-here",
        [IMPORT_ALLOWED] = "allowed-here",
        [IMPORT_REVOKED] = "revoked-here",
        [IMPORT_DISTRUSTED] = "distrusted-here",
        [IMPORT_TRUSTED] = "trusted-here",
        [IMPORT_UNCONFIRMED] = "unconfirmed-here",
        [IMPORT_NOT_EXCEPTABLE] = "not-exceptable",
        [IMPORT_NOTHING_LEFT] = "nothing-left",
        [IMPORT_UNREADABLE] = "unreadable",
        [IMPORT_NO_CERTIFICATE] = "no-certificate",
        [IMPORT_NOT_AN_AUTHORITY] = "not-an-authority",
        [IMPORT_FORBIDDEN] = "forbidden",
        [IMPORT_HELD_BY_FILE] = "held-by-file",
        [IMPORT_TOO_MANY] = "too-many",
        [IMPORT_TOO_MANY_HERE] = "too-many-here",
        [IMPORT_TOO_LARGE] = "too-large",
};

/* One whose certificates are being judged. */
struct Importing {
        Request *request;
        Import *import;
        size_t at; /* what is being judged: of the items, then of the authorities */
        JudgeCall *call;
        Endpoint endpoint;
        Blob der;
};

Importing *importing_free(Importing *importing) {
        if (!importing)
                return NULL;
        (void) judge_call_free(importing->call);
        importing->import = import_free(importing->import);
        imports_end_work(importing->request->manager->imports, importing->request->caller.uid);
        free(importing);
        return NULL;
}

/* -- reading ----------------------------------------------------------------------------------- */

const char *import_outcome_name(ImportOutcome outcome) {
        return outcome_names[outcome];
}

void import_answer_bad(Request *r, const char *field, size_t i, const char *reason) {
        _cleanup_free_ char *text = NULL;

        if (asprintf(&text, "number %zu: %s", i + 1, reason) < 0) {
                text = NULL;
                request_no_memory(r);
        } else
                request_invalid(r, field, text);
}

void import_answer_too_much(Request *r, int error) {
        if (error == -E2BIG)
                request_limit(r, "decisions, authorities, or bytes of certificates, of one import",
                              IMPORT_ENTRIES_MAX);
        else
                request_no_memory(r);
}

static int add_entries(Request *r, Staged *staged, struct json_object *entries) {
        for (size_t i = 0; entries && i < json_object_array_length(entries); i++) {
                struct json_object *entry = json_object_array_get_idx(entries, i);
                Decision d = { .owner = r->owner };
                const char *member, *reason = exported_read(entry, false, &d, &member);
                int n;

                if (reason) {
                        import_answer_bad(r, "exceptions", i, reason);
                        return -EINVAL;
                }
                n = staged_add(staged, &d);
                if (n < 0) {
                        import_answer_too_much(r, n);
                        return n;
                }
        }
        return 0;
}

static int add_certificates(Request *r, Staged *staged, struct json_object *certificates) {
        for (size_t i = 0; certificates && i < json_object_array_length(certificates); i++) {
                struct json_object *item = json_object_array_get_idx(certificates, i);
                uint8_t *der = NULL;
                size_t size = 0;
                int n = -EBADMSG;

                if (json_object_is_type(item, json_type_string))
                        n = base64_decode(json_object_get_string(item),
                                          (size_t) json_object_get_string_len(item), &der, &size);
                if (n == -EBADMSG || (n == 0 && (size == 0 || size > CERTIFICATE_BYTES_MAX))) {
                        free(der);
                        request_invalid(r, "certificates",
                                        "one is no base64 of a certificate of lawful size");
                        return -EBADMSG;
                }
                if (n == 0)
                        n = staged_add_certificate(staged, der, size);
                if (n < 0) {
                        import_answer_too_much(r, n);
                        return n;
                }
        }
        return 0;
}

/* -- answering --------------------------------------------------------------------------------- */

static struct json_object *outcomes_object(const Import *import) {
        _cleanup_(json_freep) struct json_object *list = json_object_new_array();

        for (size_t i = 0; i < import->n_items; i++)
                if (json_append(list, json_object_new_string(
                                              outcome_names[import->items[i].outcome])) < 0)
                        return NULL;
        return TAKE_PTR(list);
}

static void answer_progress(Request *r, uint64_t number) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_int(o, "import", (int64_t) number) < 0 || json_put_bool(o, "stored", false) < 0)
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

static void imported(Request *r, Change *change) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (change->error < 0)
                request_store_error(r, change->error);
        else if (json_put_bool(o, "stored", change->import->stored) < 0 ||
                 json_put(o, "outcomes", outcomes_object(change->import)) < 0 ||
                 json_put(o, "authorities", import_authorities_object(change->import)) < 0)
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

/* What a file denies, no import allows. */
static void hold_against_rules(const Request *r, const Import *import) {
        const int64_t now = request_now_for_ends(r);

        for (size_t i = 0; i < import->n_items; i++) {
                ImportItem *item = &import->items[i];
                const Decision *d = &item->decision;

                if (item->outcome == IMPORT_PENDING && d->action == DECISION_ALLOW &&
                    rules_denial(r->manager->rules, d->host, d->port, d->certificate_sha256,
                                 item->der ? d->key_sha256 : NULL, now))
                        item->outcome = IMPORT_HELD_BY_FILE;
        }
}

/* What was sent is gone: it cannot begin again by itself. */
static void store(Request *r) {
        _cleanup_(change_freep) Change *change = NULL;
        int n;

        r->waited = true;
        hold_against_rules(r, r->importing->import);
        n = request_submit_owner_name(r);
        if (n >= 0)
                n = change_new(CHANGE_IMPORT, r->owner, (int64_t) r->caller.uid, manager_now(),
                               &change);
        if (n >= 0) {
                change->import = TAKE_PTR(r->importing->import);
                n = submit(r->manager, r, &change, imported);
        }
        if (n < 0)
                request_store_error(r, n);
}

/* -- judging ----------------------------------------------------------------------------------- */

/*
 * Keeps of what was agreed to what there is; a certificate that signs itself, or that an authority has
 * signed, has no others above it. What nobody here has seen, only the person who agreed to it, is not
 * accepted before they have said so here.
 */
static void narrow(Decision *d, ProblemSet found) {
        bool alone = !(found & PROBLEM_UNKNOWN_ISSUER);

        d->problems &= alone ? found : found | OF_THE_CHAIN;
        if (d->problems & ~(found & ~(ProblemSet) FOR_WANT_OF_IT))
                d->state = STATE_UNCONFIRMED;
}

/* What nobody may allow, of what the certificate alone shows and of what is asked for. */
static ImportOutcome weigh(const Manager *m, ImportItem *item, ProblemSet found) {
        ProblemSet never = problem_set_never | m->conf.never;
        Decision *d = &item->decision;

        if ((found & ~(ProblemSet) OF_THE_CHAIN & never) || (d->problems & never))
                return IMPORT_NOT_EXCEPTABLE;
        if (d->problems == 0) {
                d->state = STATE_UNCONFIRMED;
                return IMPORT_PENDING;
        }
        narrow(d, found);
        return d->problems ? IMPORT_PENDING : IMPORT_NOTHING_LEFT;
}

static int take_facts(Request *r, ImportItem *item, const Facts *facts) {
        Decision *d = &item->decision;
        int n;

        if (!facts->leaf) {
                item->outcome = IMPORT_UNREADABLE;
                return 0;
        }
        n = certificate_facts_copy(facts->leaf, &item->certificate);
        if (n < 0)
                return n;
        memcpy(d->key_sha256, facts->leaf->key_sha256, SHA256_SIZE);
        if (d->action == DECISION_DENY) {
                d->problems = 0;
                d->state = STATE_LIVE;
        } else
                item->outcome = weigh(r->manager, item, facts->problems);
        return 0;
}

/* Only the digest is known: enough to refuse it, and to ask about it. */
static int take_digest(ImportItem *item) {
        CertificateFacts *c = calloc(1, sizeof(*c));
        Decision *d = &item->decision;

        if (!c)
                return -ENOMEM;
        item->certificate = c;
        memcpy(c->sha256, d->certificate_sha256, SHA256_SIZE);
        c->subject = strdup("");
        c->issuer = strdup("");
        c->serial = strdup("");
        c->names = calloc(1, sizeof(*c->names));
        if (!c->subject || !c->issuer || !c->serial || !c->names)
                return -ENOMEM;
        if (d->pin == PIN_KEY)
                item->outcome = IMPORT_NO_CERTIFICATE;
        else if (d->problems & problem_set_never)
                item->outcome = IMPORT_NOT_EXCEPTABLE;
        d->state = d->action == DECISION_DENY ? STATE_LIVE : STATE_UNCONFIRMED;
        d->problems = d->action == DECISION_DENY ? 0 : d->problems;
        return 0;
}

static void judge_next(Request *r);

static const char failed[] = "the worker that reads certificates failed on its certificate; nothing was stored";

static void judged(JudgeCall *call, int error, Facts *facts, void *userdata) {
        Request *r = userdata;
        Importing *importing = r->importing;
        Import *import = importing->import;
        const bool is_item = importing->at < import->n_items;
        const size_t i = is_item ? importing->at : importing->at - import->n_items;

        importing->call = NULL;
        if (error == 0)
                error = is_item ? take_facts(r, import->items + i, facts)
                                : import_take_authority(import->authorities + i, facts);
        if (error == -ENOMEM)
                request_no_memory(r);
        else if (error < 0)
                import_answer_bad(r, is_item ? "exceptions" : "authorities", i, failed);
        else {
                importing->at++;
                judge_next(r);
        }
        request_settle(r);
}

/* @endpoint NULL: whether it can be an authority. */
static int ask_judge(Request *r, const Endpoint *endpoint, const uint8_t *der, size_t size) {
        Importing *importing = r->importing;
        Question question = { .endpoint = endpoint,
                              .chain = &importing->der,
                              .n_chain = 1,
                              .now = manager_now(),
                              .checks = r->manager->conf.checks,
                              .as_authority = !endpoint };

        importing->der = (Blob){ der, size };
        return judges_ask(r->manager->judges, r->owner == OWNER_SYSTEM ? 0 : (uid_t) r->owner,
                          &question, judged, r, &importing->call);
}

/* 1: it is being judged; 0: there is nothing to ask; -EBUSY, -ENOMEM. */
static int begin_item(Request *r, ImportItem *item) {
        Importing *importing = r->importing;
        const char *reason = NULL;
        int n;

        if (!r->manager->conf.user_exceptions && r->owner != OWNER_SYSTEM &&
            item->decision.action == DECISION_ALLOW) {
                item->outcome = IMPORT_FORBIDDEN;
                return 0;
        }
        if (!item->der)
                return take_digest(item);
        if (endpoint_set(item->decision.host, strlen(item->decision.host), item->decision.port,
                         &importing->endpoint, &reason) < 0)
                return -EINVAL;
        n = ask_judge(r, &importing->endpoint, item->der, item->der_size);
        return n < 0 ? n : 1;
}

static int begin_authority(Request *r, ImportAuthority *item) {
        int n;

        if (import_authority_is_settled(r, r->importing->import, item))
                return 0;
        n = ask_judge(r, NULL, item->der, item->der_size);
        return n < 0 ? n : 1;
}

static void judge_next(Request *r) {
        Importing *importing = r->importing;
        Import *import = importing->import;

        for (; importing->at < import->n_items + import->n_authorities; importing->at++) {
                int n = importing->at < import->n_items
                                ? begin_item(r, import->items + importing->at)
                                : begin_authority(r, import->authorities + (importing->at -
                                                                            import->n_items));

                if (n == -EBUSY)
                        request_limit(r, "chains that wait to be judged", JUDGE_QUEUE_MAX);
                else if (n < 0)
                        request_no_memory(r);
                if (n != 0)
                        return;
        }
        store(r);
}

/* -- the method -------------------------------------------------------------------------------- */

static void finish(Request *r, Staged *staged, bool replace, bool skip, bool dry_run) {
        Importing *importing;
        int n;

        /* It stays staged, for another try. */
        if (imports_begin_work(r->manager->imports, r->caller.uid) < 0) {
                request_limit(r, "imports of one user at work", 1);
                return;
        }
        importing = calloc(1, sizeof(*importing));
        if (!importing) {
                imports_end_work(r->manager->imports, r->caller.uid);
                request_no_memory(r);
                return;
        }
        importing->request = r;
        r->importing = importing;
        n = staged_take(staged, &importing->import);
        imports_end(r->manager->imports, staged);
        if (n < 0) {
                request_no_memory(r);
                return;
        }
        importing->import->replace = replace;
        importing->import->skip = skip;
        importing->import->dry_run = dry_run;
        judge_next(r);
}

static int find_staged(Request *r, bool has_number, uint64_t number, Staged **ret) {
        Imports *imports = r->manager->imports;
        int n = 0;

        if (has_number)
                *ret = imports_find(imports, r->caller.uid, r->owner, number, manager_now());
        else
                n = imports_begin(imports, r->caller.uid, r->owner, manager_now(), ret);
        if (n == -EBUSY)
                request_limit(r, "imports at once", IMPORTS_MAX);
        else if (n < 0)
                request_no_memory(r);
        else if (!*ret) {
                request_invalid(r, "import", "there is none of that number: it was finished, or left for "
                                             "too long; begin again");
                n = -ENOENT;
        }
        return n;
}

void method_import_exceptions(Request *r) {
        Fields f = request_fields(r);
        bool has_number = fields_has(&f, "import");
        uint64_t number = (uint64_t) fields_int_or(&f, "import", 0, INT64_MAX, 0);
        struct json_object *certificates = fields_array(&f, "certificates", false);
        struct json_object *entries = fields_array(&f, "exceptions", false);
        struct json_object *authorities = fields_array(&f, "authorities", false);
        bool ends = fields_bool_or(&f, "finish", false);
        bool replace = fields_bool_or(&f, "replace", false);
        bool skip = fields_bool_or(&f, "skip", false);
        bool dry_run = fields_bool_or(&f, "dry_run", false);
        Staged *staged = NULL;

        if (request_fields_finish(r, &f) < 0 || find_staged(r, has_number, number, &staged) < 0)
                return;
        if (add_certificates(r, staged, certificates) < 0 || add_entries(r, staged, entries) < 0 ||
            import_add_authorities(r, staged, authorities) < 0) {
                imports_end(r->manager->imports, staged);
                return;
        }
        if (ends)
                finish(r, staged, replace, skip, dry_run);
        else
                answer_progress(r, staged_number(staged));
}
