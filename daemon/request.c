/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The object from question to answer, the table of methods, and what comes before each of them:
 * whose decisions are meant, whether the caller may, and whether the owner is still the same. */
#include "config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/checkup.h"
#include "daemon/import.h"
#include "daemon/json.h"
#include "daemon/judged.h"
#include "daemon/limits.h"
#include "daemon/mender.h"
#include "daemon/method.h"
#include "daemon/monitors.h"
#include "daemon/namer.h"
#include "daemon/owners.h"
#include "daemon/request.h"
#include "daemon/store.h"
#include "daemon/submit.h"
#include "daemon/text.h"

#define INTERFACE "org.certexc1."
#define ERROR_NAME_MAX 64U

/* The largest uid; the next number means "none" to the kernel. */
#define OWNER_MAX INT64_C(4294967294)

static const Method methods[] = {
        { "Verify", ACCESS_ASK, false, false, method_verify },
        { "Ask", ACCESS_ASK, false, false, method_ask },
        { "AddException", ACCESS_WRITE, false, false, method_add_exception },
        { "AddDenial", ACCESS_WRITE, false, false, method_add_denial },
        { "ListExceptions", ACCESS_READ, false, false, method_list_exceptions },
        { "GetException", ACCESS_READ, false, false, method_get_exception },
        { "RevokeException", ACCESS_WRITE, false, false, method_revoke_exception },
        { "GetCertificate", ACCESS_READ, false, false, method_get_certificate },
        { "GetHistory", ACCESS_READ, false, false, method_get_history },
        { "GetStatus", ACCESS_READ, false, true, method_get_status },
        { "ListAuthorities", ACCESS_READ, false, false, method_list_authorities },
        { "ImportAuthority", ACCESS_WRITE, false, false, method_import_authority },
        { "RemoveAuthority", ACCESS_WRITE, false, false, method_remove_authority },
        { "Distrust", ACCESS_WRITE, false, false, method_distrust },
        { "Monitor", ACCESS_READ, true, true, method_monitor },
        { "RegisterAgent", ACCESS_AGENT, true, true, method_register_agent },
        { "AnswerPrompt", ACCESS_AGENT, false, false, method_answer_prompt },
        { "Rebuild", ACCESS_MANAGE, false, true, method_rebuild },
        { "ImportExceptions", ACCESS_WRITE, false, false, method_import_exceptions },
        { "CheckStore", ACCESS_READ, false, false, method_check_store },
};

static const Method *method_find(const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(methods); i++)
                if (strcmp(methods[i].name, name) == 0)
                        return &methods[i];
        return NULL;
}

bool request_method_needs_more(const char *method) {
        const Method *m = method_find(method);

        return m && m->needs_more;
}

/* -- answers ------------------------------------------------------------------------------- */

static void request_answer(Request *r, const char *error, struct json_object *o, bool continues) {
        if (!continues) {
                r->done = true;
                prompter_leave(r, !error);
        }
        r->answer(r, error, o, continues, r->door);
        (void) json_object_put(o);
}

void request_no_memory(Request *r) {
        struct json_object *o = json_object_new_object();

        /* Whatever of the fields is missing then, the error is still said by its name. */
        (void) json_put_string(o, "what", "memory");
        (void) json_put_int(o, "limit", 0);
        request_answer(r, INTERFACE "LimitReached", o, false);
}

void request_reply(Request *r, struct json_object *o) {
        if (o)
                request_answer(r, NULL, o, false);
        else
                request_no_memory(r);
}

void request_reply_more(Request *r, struct json_object *o) {
        r->told = true;
        if (o)
                request_answer(r, NULL, o, true);
        else
                request_no_memory(r);
}

void request_error(Request *r, const char *error, struct json_object *o) {
        char name[ERROR_NAME_MAX];

        if (!o) {
                request_no_memory(r);
                return;
        }
        (void) snprintf(name, sizeof(name), INTERFACE "%s", error);
        request_answer(r, name, o, false);
}

/* An object of one or two strings; NULL without memory. */
static struct json_object *strings_new(const char *name, const char *value, const char *name2,
                                       const char *value2) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, name, value) < 0)
                return NULL;
        if (name2 && json_put_string(o, name2, value2) < 0)
                return NULL;
        return TAKE_PTR(o);
}

void request_invalid(Request *r, const char *field, const char *reason) {
        request_error(r, "InvalidRequest", strings_new("field", field, "reason", reason));
}

void request_denied(Request *r, const char *reason) {
        request_error(r, "AccessDenied", strings_new("reason", reason, NULL, NULL));
}

void request_limit(Request *r, const char *what, int64_t limit) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, "what", what) < 0 || json_put_int(o, "limit", limit) < 0) {
                request_no_memory(r);
                return;
        }
        request_error(r, "LimitReached", TAKE_PTR(o));
}

void request_store_error(Request *r, int error) {
        if (mender_wait(r->manager->mender, r, error))
                return;
        if (error == -EINPROGRESS)
                request_error(r, "Rebuilding", json_object_new_object());
        else if (error == -ENOMEM)
                request_no_memory(r);
        else if (error == -EBUSY)
                request_limit(r, "changes that wait for the disk", COMMIT_QUEUE_PER_OWNER_MAX);
        else
                request_error(r, "StoreFailed",
                              strings_new("reason", store_error_reason(error), "hint",
                                          store_error_hint(error)));
}

/* -- parameters ---------------------------------------------------------------------------- */

static int64_t read_owner(Fields *f, const Caller *caller) {
        return fields_int_or(f, "owner", OWNER_SYSTEM, OWNER_MAX, (int64_t) caller->uid);
}

Fields request_fields(Request *r) {
        Fields f = FIELDS_INIT(r->parameters);

        (void) read_owner(&f, &r->caller);
        return f;
}

static int answer_bad_fields(Request *r, Fields *f, bool strict) {
        struct json_object *o;

        if (fields_finish(f, strict) >= 0)
                return 0;

        o = strings_new("parameter", f->bad_field, NULL, NULL);
        if (o)
                request_answer(r, "org.varlink.service.InvalidParameter", o, false);
        else
                request_no_memory(r);
        return -EBADMSG;
}

int request_fields_finish(Request *r, Fields *f) {
        return answer_bad_fields(r, f, true);
}

static void answer_bad_host(Request *r, const char *host, size_t size, const char *reason) {
        _cleanup_free_ char *text = NULL;

        /* Said back in a form that is safe to show, and not longer than a host may be. */
        if (utf8_sanitize(host, size, ENDPOINT_HOST_MAX, &text) < 0)
                request_no_memory(r);
        else
                request_error(r, "InvalidHost", strings_new("host", text, "reason", reason));
}

int request_endpoint(Request *r, const char *host, size_t host_size, int64_t port,
                     int64_t port_min, Endpoint *ret) {
        const char *reason = NULL;

        if (port < port_min || port > UINT16_MAX) {
                _cleanup_(json_freep) struct json_object *o = json_object_new_object();

                if (json_put_int(o, "port", port) < 0)
                        request_no_memory(r);
                else
                        request_error(r, "InvalidPort", TAKE_PTR(o));
                return -EINVAL;
        }

        if (endpoint_set(host, host_size, (uint16_t) port, ret, &reason) < 0) {
                answer_bad_host(r, host, host_size, reason);
                return -EINVAL;
        }
        return 0;
}

void request_read_session(Request *r, Fields *f) {
        r->session = fields_string_or(f, "login_session", NULL);
}

void request_session(const Request *r, char ret[static LOGIN_SESSION_MAX]) {
        if (!r->session)
                login_session_name(r->caller.pid, ret);
        else
                (void) snprintf(ret, LOGIN_SESSION_MAX, "%s",
                                strlen(r->session) < LOGIN_SESSION_MAX ? r->session : "");
}

int request_fingerprint(Request *r, const char *text, bool *ret_given,
                        uint8_t ret[static SHA256_SIZE]) {
        *ret_given = text != NULL;
        if (!text || fingerprint_parse(text, ret) == 0)
                return 0;
        request_invalid(r, "fingerprint", "it is not a SHA-256 fingerprint (64 hexadecimal digits; "
                                          "colons and spaces do not matter)");
        return -EINVAL;
}

int request_match_fingerprint(Request *r, const uint8_t typed[static SHA256_SIZE],
                              const CertificateFacts *leaf, bool pin_key) {
        _cleanup_(json_freep) struct json_object *o = NULL;

        if (memcmp(typed, leaf->sha256, SHA256_SIZE) == 0 ||
            (pin_key && memcmp(typed, leaf->key_sha256, SHA256_SIZE) == 0))
                return 0;

        o = json_object_new_object();
        if (json_put_sha256(o, "sha256", leaf->sha256) < 0 ||
            json_put_sha256(o, "key_sha256", leaf->key_sha256) < 0)
                request_no_memory(r);
        else
                request_error(r, "FingerprintMismatch", TAKE_PTR(o));
        return -EINVAL;
}

int64_t request_now_for_ends(const Request *r) {
        int64_t now = manager_now(), last = store_last_write(r->manager->store);

        return now > last ? now : last;
}

/* -- before the method --------------------------------------------------------------------- */

/* The store failed. Nothing may rest on the owner's decisions then, but looking at them, and at the
 * daemon's state above all, is still of use. */
static void owner_not_checked(Request *r, int error) {
        if (r->method->access == ACCESS_READ)
                r->method->start(r);
        else
                request_store_error(r, error);
}

static void owner_changed(Request *r, Change *change) {
        if (change->error < 0) {
                owner_not_checked(r, change->error);
                return;
        }
        owners_name_checked(r->manager->owners, r->owner, manager_now());
        r->method->start(r);
}

/* Nothing is concluded from a user database that has no name, or fails. */
static void owner_named(int result, const char *name, void *userdata) {
        _cleanup_(change_freep) Change *change = NULL;
        _cleanup_free_ char *stored = NULL;
        Request *r = userdata;
        int64_t now = manager_now();
        int n = 0;

        r->naming = NULL;
        if (result > 0)
                n = store_owner_name(r->manager->store, r->owner, &stored);
        if (n >= 0 && result >= 0)
                n = owners_put_name(r->manager->owners, r->owner, name);
        if (n >= 0 && stored && strcmp(stored, name) != 0) {
                n = change_new(CHANGE_OWNER, r->owner, (int64_t) r->caller.uid, now, &change);
                if (n >= 0)
                        change->owner_name = strdup(name);
                if (n >= 0)
                        n = change->owner_name ? submit(r->manager, r, &change, owner_changed) : -ENOMEM;
        } else if (n >= 0) {
                if (result >= 0)
                        owners_name_checked(r->manager->owners, r->owner, now);
                r->method->start(r);
        }
        if (n < 0)
                owner_not_checked(r, n);
        request_settle(r);
}

/* Reading is not held up for a name that there is nothing to compare with; what may store something, which is
 * kept under a name, waits for it. 1, 0, or an error of the store. */
static int needs_name(const Request *r, int64_t now) {
        const AccessKind kind = r->method->access;
        const bool reads = kind == ACCESS_READ || r->method->start == method_verify ||
                           r->method->meanwhile;
        _cleanup_free_ char *stored = NULL;
        int n;

        if (r->owner == OWNER_SYSTEM)
                return 0;
        if (!reads && !owners_name(r->manager->owners, r->owner))
                return 1;
        if (!owners_name_due(r->manager->owners, r->owner, now))
                return 0;
        n = store_owner_name(r->manager->store, r->owner, &stored);
        if (n == 0)
                owners_name_checked(r->manager->owners, r->owner, now);
        return n;
}

/* What tells how the store is does not change it. */
static bool rests_on_files(const Method *method) {
        return !method->meanwhile && method->start != method_check_store;
}

/*
 * A uid that was given to another person must not inherit decisions: they become unconfirmed
 * before the first answer that could rest on them.
 */
static void request_begin(Request *r) {
        int n;

        if (!r->waited)
                mender_asked(r->manager->mender, rests_on_files(r->method));
        if (mender_is_busy(r->manager->mender) && !r->method->meanwhile) {
                request_store_error(r, -EINPROGRESS);
                return;
        }
        n = needs_name(r, manager_now());
        if (n < 0)
                owner_not_checked(r, n);
        else if (n == 0 || namer_ask(r->manager->namer, (uid_t) r->owner, owner_named, r, &r->naming) < 0)
                r->method->start(r);
}

static void state_done(Request *r) {
        if (r->state && r->state_free)
                r->state_free(r->state);
        else
                free(r->state);
        r->state = NULL;
        r->state_free = NULL;
}

void request_begin_again(Request *r) {
        r->judged = judged_free(r->judged);
        state_done(r);
        r->resume = NULL;
        request_begin(r);
}

bool request_in_doubt(const Request *r) {
        return !r->waited && !r->told && mender_check(r->manager->mender);
}

int request_may(Request *r, AccessKind kind) {
        const char *reason = NULL;
        AccessGrant lacks;

        if (access_check(&r->caller, kind, r->owner, &reason) == 0)
                return 0;

        r->wanted = kind;
        lacks = access_lacks(&r->caller, kind, r->owner);
        /* Unless somebody can be asked to grant what the caller lacks. */
        if (lacks == ACCESS_GRANT_NONE || !r->authorize || !r->authorize(r, lacks, r->door))
                request_denied(r, reason);
        return -EACCES;
}

int request_submit_owner_name(Request *r) {
        _cleanup_(change_freep) Change *change = NULL;
        const char *name = owners_name(r->manager->owners, r->owner);
        _cleanup_free_ char *stored = NULL;
        int n;

        if (r->owner == OWNER_SYSTEM || !name || !*name)
                return 0;
        n = store_owner_name(r->manager->store, r->owner, &stored);
        if (n != 0)
                return n < 0 ? n : 0;

        n = change_new(CHANGE_OWNER, r->owner, (int64_t) r->caller.uid, manager_now(), &change);
        if (n < 0)
                return n;
        change->owner_name = strdup(name);
        return change->owner_name ? submit(r->manager, NULL, &change, NULL) : -ENOMEM;
}

static void request_admit(Request *r) {
        Fields f = FIELDS_INIT(r->parameters);

        r->owner = read_owner(&f, &r->caller);
        if (answer_bad_fields(r, &f, false) < 0)
                return;

        if (request_may(r, r->method->access) < 0)
                return;

        if (r->method->needs_more && !r->more) {
                request_answer(r, "org.varlink.service.ExpectedMore", NULL, false);
                return;
        }
        request_begin(r);
}

void request_authorized(Request *r, unsigned grant, bool granted, const char *reason) {
        const char *usual = NULL;

        if (granted) {
                r->caller.granted |= grant;
                request_admit(r);
        } else {
                (void) access_check(&r->caller, r->wanted, r->owner, &usual);
                request_denied(r, reason ? reason : usual);
        }
        request_settle(r);
}

/* -- the object ---------------------------------------------------------------------------- */

int request_start(const RequestArgs *args, Request **ret) {
        const Method *method;
        Request *r;

        if (strncmp(args->method, INTERFACE, strlen(INTERFACE)) != 0)
                return -ENOENT;
        method = method_find(args->method + strlen(INTERFACE));
        if (!method)
                return -ENOENT;

        r = calloc(1, sizeof(*r));
        if (!r)
                return -ENOMEM;

        *r = (Request){
                .manager = args->manager,
                .caller = args->caller,
                .method = method,
                .parameters = json_object_get(args->parameters),
                .more = args->more,
                .answer = args->answer,
                .authorize = args->authorize,
                .waits = args->waits,
                .door = args->door,
        };
        request_admit(r);

        *ret = r->done ? request_free(r) : r;
        return 0;
}

void request_settle(Request *r) {
        if (r->done)
                (void) request_free(r);
}

void request_resume(Request *r) {
        if (!r->resume)
                return;
        r->resume(r);
        request_settle(r);
}

bool request_is_patient(const Request *r) {
        return r->monitor || r->asking.asker || r->asking.agent;
}

size_t request_held(const Request *r) {
        return r ? sizeof(*r) + (r->judged ? judged_held(r->judged) : 0) : 0;
}

Request *request_free(Request *r) {
        if (!r)
                return NULL;

        submission_forget(r->submission);
        (void) namer_call_free(r->naming);
        prompter_leave(r, false);
        (void) waiting_free(r->waiting);
        (void) monitor_free(r->monitor);
        (void) checkup_free(r->checkup);
        (void) importing_free(r->importing);
        (void) judged_free(r->judged);
        state_done(r);
        (void) json_object_put(r->parameters);
        free(r);
        return NULL;
}
