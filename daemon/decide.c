/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * AddException, AddDenial, RevokeException. What a person agreed to is compared with what holds now;
 * only then is anything stored, and only once it is stored is it answered.
 */
#include "config.h"

#include <json-c/json.h>
#include <string.h>

#include "daemon/answer.h"
#include "daemon/decide.h"
#include "daemon/doubt.h"
#include "daemon/ends.h"
#include "daemon/json.h"
#include "daemon/judged.h"
#include "daemon/limits.h"
#include "daemon/login.h"
#include "daemon/method.h"
#include "daemon/rules.h"
#include "daemon/submit.h"

/* The last second of the year 9999; a later date is a slip of units. */
#define UNTIL_MAX INT64_C(253402300799)

/* What the person wants, as read from the fields. */
typedef struct Wanted {
        DecisionAction action;
        DecisionPin pin;
        DecisionEnd end;
        int64_t until;
        Session session;
        ProblemSet shown;
        bool has_fingerprint;
        uint8_t fingerprint[SHA256_SIZE];
} Wanted;

/* -- reading ----------------------------------------------------------------------------------- */

static int read_shown(Request *r, struct json_object *problems, ProblemSet *ret) {
        ProblemSet shown = 0;

        for (size_t i = 0; i < json_object_array_length(problems); i++) {
                struct json_object *item = json_object_array_get_idx(problems, i);
                const ProblemInfo *info = NULL;

                /* A NUL would end the name before the text does. */
                if (json_object_is_type(item, json_type_string) &&
                    strlen(json_object_get_string(item)) ==
                            (size_t) json_object_get_string_len(item))
                        info = problem_by_name(json_object_get_string(item));
                if (!info) {
                        request_invalid(r, "problems", "one of them is no problem's name; GetStatus "
                                                       "has the list");
                        return -EINVAL;
                }
                shown |= (ProblemSet) info->problem;
        }
        *ret = shown;
        return 0;
}

static int read_pin(Request *r, const char *pin, DecisionPin *ret) {
        if (strcmp(pin, "certificate") == 0) {
                *ret = PIN_CERTIFICATE;
                return 0;
        }
        if (strcmp(pin, "key") == 0) {
                *ret = PIN_KEY;
                return 0;
        }
        request_invalid(r, "pin", "it is neither certificate nor key");
        return -EINVAL;
}

static const char *check_until(Request *r, int64_t until) {
        if (until > UNTIL_MAX)
                return "it lies beyond the year 9999; times are whole seconds since 1970";
        if (until <= manager_now())
                return "it has passed already";
        if (until <= request_now_for_ends(r))
                return "it lies before the store's last change, so this computer's clock is or was "
                       "wrong: set it right first";
        return NULL;
}

static int read_end(Request *r, bool has_until, int64_t until, bool session, Wanted *w) {
        const char *reason;

        w->end = END_NEVER;
        if (has_until && session) {
                request_invalid(r, "session", "it and until exclude each other");
                return -EINVAL;
        }

        if (has_until) {
                reason = check_until(r, until);
                if (reason) {
                        request_invalid(r, "until", reason);
                        return -EINVAL;
                }
                w->end = END_DATE;
                w->until = until;
        }

        if (session) {
                login_session(r->owner, &w->session);
                if (!w->session.known) {
                        request_invalid(r, "session", "the owner has no log-in session whose end could "
                                                      "be seen: give a date, or no end");
                        return -EINVAL;
                }
                w->end = END_SESSION;
        }
        return 0;
}

/* How long, what is pinned, and what was typed to confirm; finishes @f. */
static int read_terms(Request *r, Fields *f, Wanted *w) {
        const bool has_until = fields_has(f, "until");
        const int64_t until = fields_int_or(f, "until", INT64_MIN, INT64_MAX, 0);
        const bool session = fields_bool_or(f, "session", false);
        const char *pin = fields_string_or(f, "pin", "certificate");
        const char *fingerprint = fields_string_or(f, "fingerprint", NULL);

        if (request_fields_finish(r, f) < 0)
                return -EBADMSG;
        if (read_pin(r, pin, &w->pin) < 0 ||
            request_fingerprint(r, fingerprint, &w->has_fingerprint, w->fingerprint) < 0)
                return -EINVAL;
        return read_end(r, has_until, until, session, w);
}

static int read_wanted(Request *r, Fields *f, Wanted *w, JudgedFields *fields) {
        struct json_object *problems = NULL;

        judged_read(f, fields);
        if (w->action == DECISION_ALLOW)
                problems = fields_array(f, "problems", true);
        if (read_terms(r, f, w) < 0)
                return -EINVAL;
        return problems ? read_shown(r, problems, &w->shown) : 0;
}

/* -- consent ----------------------------------------------------------------------------------- */

static void answer_problems_changed(Request *r) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put(o, "problems", answer_problems(r->judged->facts, r->manager->conf.never)) < 0)
                request_no_memory(r);
        else
                request_error(r, "ProblemsChanged", TAKE_PTR(o));
}

static void answer_not_exceptable(Request *r, ProblemSet never) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put(o, "problems", answer_problem_names(never)) < 0)
                request_no_memory(r);
        else
                request_error(r, "NotExceptable", TAKE_PTR(o));
}

static int check_consent(Request *r, const Wanted *w) {
        ProblemSet problems = r->judged->facts->problems;
        ProblemSet never = problems & (problem_set_never | r->manager->conf.never);

        if (problems != w->shown) {
                answer_problems_changed(r);
                return -EINVAL;
        }
        if (problems == 0) {
                request_error(r, "NothingToExcept", json_object_new_object());
                return -EINVAL;
        }
        if (never) {
                answer_not_exceptable(r, never);
                return -EINVAL;
        }
        return 0;
}

static int check_fingerprint(Request *r, const Wanted *w) {
        return w->has_fingerprint ? request_match_fingerprint(r, w->fingerprint,
                                                              r->judged->facts->leaf,
                                                              w->pin == PIN_KEY)
                                  : 0;
}

/* A leaf that nobody can read has no key to tell it by; it is refused at every verdict anyway. */
static int check_leaf(Request *r) {
        _cleanup_(json_freep) struct json_object *o = NULL;

        if (r->judged->facts->leaf)
                return 0;

        o = json_object_new_object();
        if (json_put_int(o, "certificate", 0) < 0 ||
            json_put_string(o, "reason", "it cannot be read, so nothing can be remembered about it; "
                                         "Verify rejects it") < 0)
                request_no_memory(r);
        else
                request_error(r, "InvalidChain", TAKE_PTR(o));
        return -EINVAL;
}

/* What a file denies or allows, nobody but who writes the file can change. */
static void answer_held_by_file(Request *r, const Rule *rule) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, "file", rule->path) < 0)
                request_no_memory(r);
        else
                request_error(r, "HeldByFile", TAKE_PTR(o));
}

static int check_rules(Request *r) {
        const Judged *j = r->judged;
        const Rule *rule = rules_denial(r->manager->rules, j->endpoint.host, j->endpoint.port,
                                        j->facts->leaf->sha256, j->facts->leaf->key_sha256,
                                        request_now_for_ends(r));

        if (!rule)
                return 0;
        answer_held_by_file(r, rule);
        return -EPERM;
}

/* -- storing ----------------------------------------------------------------------------------- */

static void answer_decision(Request *r, const Decision *d, const bool *already) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put(o, "exception", answer_stored(r->manager->store, d)) < 0 ||
            (already && json_put_bool(o, "already", *already) < 0))
                request_no_memory(r);
        else
                request_reply(r, TAKE_PTR(o));
}

static const SubmitBounds bounds = {
        .many = "decisions of one owner",
        .many_max = DECISIONS_PER_OWNER_MAX,
        .here = "decisions at one host and port",
        .here_max = DECISIONS_PER_ENDPOINT_MAX,
};

static int answer_doubt(Request *r, bool of_store) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        _cleanup_free_ char *text = doubt_text(r->manager, of_store);

        if (!text || json_put_string(o, "reason", text) < 0)
                request_no_memory(r);
        else
                request_error(r, "InDoubt", TAKE_PTR(o));
        return -EPERM;
}

/* Who allows again what is allowed is asked although it is. "It is held" would send them round in circles:
 * what keeps it from being accepted is to be mended. */
static int check_doubt(Request *r, const Decision *held) {
        _cleanup_(decision_list_done) DecisionList here = { 0 };
        int n;

        n = store_find(r->manager->store, r->owner, held->host, held->port, &here);
        if (n < 0) {
                request_store_error(r, n);
                return n;
        }
        return here.doubtful || doubt_is(r->manager) ? answer_doubt(r, here.doubtful) : 0;
}

static void added(Request *r, Change *change) {
        bool already = change->result == CHANGE_HELD;

        if (!submit_kept(r, change, &bounds))
                return;
        if (already && change->decision.action == DECISION_ALLOW && check_doubt(r, &change->decision) < 0)
                return;
        answer_decision(r, &change->decision, &already);
}

static int change_fill(Request *r, const Wanted *w, Change *change) {
        const Judged *j = r->judged;
        const Blob *der = &j->chain->certificates[0];

        judged_describe(j, &change->decision);
        change->decision.action = w->action;
        change->decision.pin = w->pin;
        change->decision.problems = w->shown;
        change->decision.end = w->end;
        change->decision.until = w->until;
        change->decision.session = w->session;

        change->der = malloc(der->size);
        if (!change->der)
                return -ENOMEM;
        memcpy(change->der, der->data, der->size);
        change->der_size = der->size;
        return certificate_facts_copy(j->facts->leaf, &change->certificate);
}

static void add_ready(Request *r) {
        _cleanup_(change_freep) Change *change = NULL;
        const Wanted *w = r->state;
        int n;

        if (w->action == DECISION_ALLOW && check_consent(r, w) < 0)
                return;
        if (check_leaf(r) < 0 || check_fingerprint(r, w) < 0)
                return;
        if (w->action == DECISION_ALLOW && check_rules(r) < 0)
                return;

        n = request_submit_owner_name(r);
        if (n >= 0)
                n = change_new(CHANGE_ADD, r->owner, (int64_t) r->caller.uid, manager_now(), &change);
        if (n >= 0)
                n = change_fill(r, w, change);
        if (n >= 0)
                n = submit(r->manager, r, &change, added);
        if (n < 0)
                request_store_error(r, n);
}

/* What is wanted, or NULL after the error was answered. */
static Wanted *wanted_new(Request *r, DecisionAction action) {
        Wanted *w;

        if (action == DECISION_ALLOW && !r->manager->conf.user_exceptions &&
            r->owner != OWNER_SYSTEM) {
                request_denied(r, "only the administrator may make exceptions here "
                                  "(UserExceptions=no in certexcd.conf)");
                return NULL;
        }
        w = r->state = calloc(1, sizeof(*w));
        if (!w) {
                request_no_memory(r);
                return NULL;
        }
        w->action = action;
        return w;
}

static void add(Request *r, DecisionAction action) {
        Wanted *w = wanted_new(r, action);
        Fields f = request_fields(r);
        JudgedFields fields;

        if (w && read_wanted(r, &f, w, &fields) == 0)
                judged_start(r, &fields, 1, add_ready);
}

void decide_about(Request *r, Fields *f, DecisionAction action, ProblemSet shown,
                  const Judged *about) {
        Wanted *w = wanted_new(r, action);

        if (!w || read_terms(r, f, w) < 0)
                return;
        if (action == DECISION_ALLOW)
                w->shown = shown;
        if (judged_again(about, &r->judged) < 0)
                request_no_memory(r);
        else
                judged_restart(r, add_ready);
}

void method_add_exception(Request *r) {
        add(r, DECISION_ALLOW);
}

void method_add_denial(Request *r) {
        add(r, DECISION_DENY);
}

/* -- revoking ---------------------------------------------------------------------------------- */

static void revoked(Request *r, Change *change) {
        if (change->error < 0)
                request_store_error(r, change->error);
        else if (change->result == CHANGE_UNKNOWN)
                request_error(r, "NotFound", json_object_new_object());
        else
                answer_decision(r, &change->decision, NULL);
}

void method_revoke_exception(Request *r) {
        _cleanup_(change_freep) Change *change = NULL;
        Fields f = request_fields(r);
        uint64_t id = (uint64_t) fields_int(&f, "id", 0, INT64_MAX);
        const Rule *rule;
        int n;

        if (request_fields_finish(r, &f) < 0)
                return;

        rule = rules_get(r->manager->rules, id, request_now_for_ends(r));
        if (rule) {
                answer_held_by_file(r, rule);
                return;
        }

        n = change_new(CHANGE_REVOKE, r->owner, (int64_t) r->caller.uid, manager_now(), &change);
        if (n >= 0) {
                change->decision.id = id;
                n = submit(r->manager, r, &change, revoked);
        }
        if (n < 0)
                request_store_error(r, n);
}
