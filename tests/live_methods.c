/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the methods do, through the real socket: the main job, what changed, ends, sessions,
 * denials, other uids, bounds, pages and events. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/methods.h"

#define AT "'host':'mail.example.org','port':993,"
#define SHOWN "'problems':['self-signed','name-mismatch'],"

/* One uid that is nobody's in particular, and a second one. */
#define ALICE 4711
#define BOB 4712

static Methods *m;

static void setup(void) {
        m = methods_new();
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

/* A call and what of its answer is to be seen. @uid 0 is the test itself. */
typedef struct Step {
        const char *sentence;
        uid_t uid;
        const char *method;
        const char *parameters;
        const char *path; /* "error" is the error's name */
        const char *value;
} Step;

static const char *seen_at(struct json_object *reply, const char *path) {
        return strcmp(path, "error") == 0 ? reply_error(reply) : methods_at(reply, path);
}

static void walk(const Step *steps, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                const Step *s = &steps[i];

                reply = s->uid == 0 ? methods_call(m, s->method, s->parameters)
                                    : methods_call_as(m, s->uid, s->method, s->parameters);
                ck_assert_msg(strcmp(seen_at(reply, s->path), s->value) == 0,
                              "%s: %s is %s, not %s: %s", s->sentence, s->path,
                              seen_at(reply, s->path), s->value,
                              json_object_to_json_string(reply));
        }
}

#define WALK(...)                                                                                  \
        do {                                                                                       \
                const Step steps[] = { __VA_ARGS__ };                                              \
                walk(steps, N_ELEMENTS(steps));                                                    \
        } while (0)

START_TEST(test_main_job) {
        WALK({ "a good server is accepted", 0, "Verify", "{" AT "'chain':[@good]}", "because",
               "no-problem" },
             { "a bad one is asked about", 0, "Verify",
               "{'host':'imap.example.org','port':993,'chain':[@bad]}", "because", "no-exception" },
             { "what was shown is allowed", 0, "AddException",
               "{'host':'IMAP.example.org.','port':993," SHOWN "'chain':[@bad]}", "exception.id",
               "1" },
             { "from then on it is accepted", 0, "Verify",
               "{'host':'imap.example.org','port':993,'chain':[@bad]}", "because", "exception" },
             { "and named", 0, "Verify", "{'host':'imap.example.org','port':993,'chain':[@bad]}",
               "exception.id", "1" },
             { "not at another port", 0, "Verify",
               "{'host':'imap.example.org','port':143,'chain':[@bad]}", "because", "no-exception" },
             { "not at another host", 0, "Verify",
               "{'host':'pop.example.org','port':993,'chain':[@bad]}", "because", "no-exception" },
             { "not another certificate", 0, "Verify",
               "{'host':'imap.example.org','port':993,'chain':[@other]}", "because", "changed" },
             { "allowing it again says so", 0, "AddException",
               "{'host':'imap.example.org','port':993," SHOWN "'chain':[@bad]}", "already",
               "true" },
             { "and stores nothing twice", 0, "ListExceptions", "{}", "exceptions.1", "" },
             { "it is listed", 0, "ListExceptions", "{'host':'Imap.Example.Org','port':993}",
               "exceptions.0.host", "imap.example.org" },
             { "not for another port", 0, "ListExceptions", "{'host':'imap.example.org','port':1}",
               "exceptions", "[]" },
             { "it is shown", 0, "GetException", "{'id':1}", "exception.state", "live" },
             { "it is counted", 0, "GetStatus", "{}", "counts.exceptions", "1" },
             { "it is revoked", 0, "RevokeException", "{'id':1}", "exception.state", "revoked" },
             { "and asked about again", 0, "Verify",
               "{'host':'imap.example.org','port':993,'chain':[@bad]}", "because", "no-exception" },
             { "revoking twice is no error", 0, "RevokeException", "{'id':1}", "exception.state",
               "revoked" },
             { "it is not listed", 0, "ListExceptions", "{}", "exceptions", "[]" },
             { "except with all", 0, "ListExceptions", "{'all':true}", "exceptions.0.id", "1" },
             { "its history begins", 0, "GetHistory", "{'id':1}", "entries.0.kind", "allowed" },
             { "and goes on", 0, "GetHistory", "{'id':1}", "entries.1.kind", "revoked" },
             { "and ends", 0, "GetHistory", "{'id':1}", "entries.2", "" },
             { "allowed anew it has a new id", 0, "AddException",
               "{'host':'imap.example.org','port':993," SHOWN "'chain':[@bad]}", "exception.id",
               "2" });
}
END_TEST

START_TEST(test_certificate) {
        _cleanup_(json_freep) struct json_object *added = NULL, *reply = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        Blob bad = pki_der(methods_certificate(m, "bad"));
        char parameters[128];
        size_t size;

        added = methods_call(m, "AddException", "{" AT SHOWN "'chain':[@bad,@good]}");
        (void) snprintf(parameters, sizeof(parameters), "{'sha256':'%s'}",
                        methods_at(added, "exception.certificate.sha256"));
        reply = methods_call(m, "GetCertificate", parameters);
        ck_assert_int_eq(base64_decode(methods_at(reply, "der"), strlen(methods_at(reply, "der")),
                                       &der, &size),
                         0);
        ck_assert_uint_eq(size, bad.size);
        ck_assert_mem_eq(der, bad.data, size);
        ck_assert_str_eq(methods_at(reply, "certificate.subject"), "CN=nobody.example.net");

        /* An id of the same owner's is not enough: what was only seen is not kept. */
        WALK({ "a good one is seen", 0, "Verify", "{" AT "'chain':[@good]}", "verdict", "accept" });
}
END_TEST

START_TEST(test_changes) {
        WALK({ "one is excepted", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "the same has not changed", 0, "Verify", "{" AT "'chain':[@bad]}", "change", "" },
             { "the same key again is renewed", 0, "Verify", "{" AT "'chain':[@renewed]}",
               "change.kind", "renewed" },
             { "another one is replaced", 0, "Verify", "{" AT "'chain':[@other]}", "change.kind",
               "replaced" },
             { "it is known from the exception", 0, "Verify", "{" AT "'chain':[@other]}",
               "change.known_from", "exception" },
             { "the old one is shown", 0, "Verify", "{" AT "'chain':[@other]}",
               "change.old.subject", "CN=nobody.example.net" },
             { "it was not due", 0, "Verify", "{" AT "'chain':[@other]}", "change.old_was_due",
               "false" },
             { "a good server was seen elsewhere", 0, "Verify",
               "{'host':'mail.example.org','port':465,'chain':[@good]}", "verdict", "accept" });

        /* The seen certificate is written behind the answer; a decision comes after it in the queue. */
        WALK({ "something else is stored", 0, "AddException",
               "{'host':'a.example','port':1," SHOWN "'chain':[@bad]}", "already", "false" },
             { "what was seen there is told", 0, "Verify",
               "{'host':'mail.example.org','port':465,'chain':[@bad]}", "change.known_from",
               "seen" },
             { "and is a change", 0, "Verify",
               "{'host':'mail.example.org','port':465,'chain':[@bad]}", "because", "changed" },
             { "without a port nothing is", 0, "Verify",
               "{'host':'mail.example.org','port':0,'chain':[@other]}", "change", "" },
             { "a second one is excepted", 0, "AddException", "{" AT SHOWN "'chain':[@other]}",
               "already", "false" },
             { "then neither is a change", 0, "Verify", "{" AT "'chain':[@bad]}", "change", "" },
             { "the newest is what others are held against", 0, "Verify",
               "{" AT "'chain':[@due]}", "change.old.subject", "CN=else.example.net" });
}
END_TEST

START_TEST(test_what_is_right_again) {
        WALK({ "one is excepted", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "a good one takes its place", 0, "Verify", "{" AT "'chain':[@good]}", "because",
               "no-problem" });
}
END_TEST

START_TEST(test_new_problem) {
        WALK({ "one is excepted", 0, "AddException", "{" AT SHOWN "'chain':[@due]}", "already",
               "false" },
             { "and accepted", 0, "Verify", "{" AT "'chain':[@due]}", "verdict", "accept" });
        methods_restart(m, PKI_NOW + 11 * PKI_DAY);
        WALK({ "then it expires", 0, "Verify", "{" AT "'chain':[@due]}", "because", "new-problem" },
             { "which is named", 0, "Verify", "{" AT "'chain':[@due]}", "new_problems",
               "[\"expired\"]" },
             { "with the exception", 0, "Verify", "{" AT "'chain':[@due]}", "exception.id", "1" },
             { "the old consent is none", 0, "AddException", "{" AT SHOWN "'chain':[@due]}",
               "error", "org.certexc1.ProblemsChanged" },
             { "the new one is", 0, "AddException",
               "{" AT "'problems':['expired','name-mismatch','self-signed'],'chain':[@due]}",
               "already", "false" },
             { "and it is accepted", 0, "Verify", "{" AT "'chain':[@due]}", "verdict", "accept" });
}
END_TEST

START_TEST(test_dates) {
        char parameters[128];

        (void) snprintf(parameters, sizeof(parameters), "{" AT SHOWN "'chain':[@bad],'until':%lld}",
                        (long long) PKI_NOW + 100);
        WALK({ "one is excepted until a date", 0, "AddException", parameters, "exception.end",
               "date" },
             { "and accepted", 0, "Verify", "{" AT "'chain':[@bad]}", "because", "exception" });
        methods_restart(m, PKI_NOW + 99);
        WALK({ "in its last second too", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" });
        methods_restart(m, PKI_NOW + 100);
        WALK({ "then it has ended", 0, "Verify", "{" AT "'chain':[@bad]}", "because", "ended" },
             { "it is not listed", 0, "ListExceptions", "{}", "exceptions", "[]" },
             { "it is shown as ended", 0, "GetException", "{'id':1}", "exception.state", "ended" },
             { "another is stored", 0, "AddDenial",
               "{'host':'a.example','port':1,'chain':[@bad]}", "already", "false" },
             { "the end is in the history", 0, "GetHistory", "{'id':1}", "entries.1.kind",
               "ended" });
        methods_restart(m, PKI_NOW);
        WALK({ "setting the clock back revives nothing", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "ended" },
             { "and is told", 0, "GetStatus", "{}", "store", "ok" },
             { "a date that lies before it is refused", 0, "AddException", parameters, "error",
               "org.certexc1.InvalidRequest" });
}
END_TEST

/* A date whose end nobody saw before the clock was set back: the store's last write bounds it. */
START_TEST(test_clock_set_back_unseen) {
        char parameters[128];

        (void) snprintf(parameters, sizeof(parameters), "{" AT SHOWN "'chain':[@bad],'until':%lld}",
                        (long long) PKI_NOW + 100);
        WALK({ "one is excepted until a date", 0, "AddException", parameters, "exception.end",
               "date" });
        methods_restart(m, PKI_NOW + 200);
        WALK({ "something else is stored after it", 0, "AddDenial",
               "{'host':'a.example','port':1,'chain':[@bad]}", "already", "false" });
        methods_restart(m, PKI_NOW);
        WALK({ "it has ended all the same", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "ended" });
}
END_TEST

/* logind's word for an owner: since when logged in. */
static void log_in(uid_t uid, unsigned usec) {
        char name[64];
        FILE *file;

        (void) snprintf(name, sizeof(name), "logind/users/%u", (unsigned) uid);
        file = fopen(fixture_path(m->fixture, name), "we");
        ck_assert_ptr_nonnull(file);
        (void) fprintf(file, "STATE=active\nREALTIME=%u\n", usec);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(chmod(fixture_path(m->fixture, name), 0644), 0);
}

static void log_out(uid_t uid) {
        char name[64];

        (void) snprintf(name, sizeof(name), "logind/users/%u", (unsigned) uid);
        ck_assert_int_eq(unlink(fixture_path(m->fixture, name)), 0);
}

START_TEST(test_sessions) {
        uid_t self = getuid();

        log_in(self, 1000);
        WALK({ "one is excepted for a session", 0, "AddException",
               "{" AT SHOWN "'chain':[@bad],'session':true}", "exception.end", "session" },
             { "and accepted in it", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" });
        methods_restart(m, PKI_NOW);
        WALK({ "also when the daemon was started anew", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "exception" });
        log_out(self);
        WALK({ "not when the session cannot be seen", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "ended" });
        log_in(self, 1000);
        WALK({ "but when it is seen again", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" });
        log_in(self, 2000);
        WALK({ "in the next session it has ended", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "ended" },
             { "another is stored behind that", 0, "AddDenial",
               "{'host':'a.example','port':1,'chain':[@bad]}", "already", "false" });
        log_in(self, 1000);
        WALK({ "and nothing revives it", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "ended" });
}
END_TEST

START_TEST(test_denials) {
        WALK({ "one is denied", 0, "AddDenial", "{" AT "'chain':[@bad]}", "exception.action",
               "deny" },
             { "and rejected", 0, "Verify", "{" AT "'chain':[@bad]}", "verdict", "reject" },
             { "for that reason", 0, "Verify", "{" AT "'chain':[@bad]}", "because", "denial" },
             { "also without a port", 0, "Verify",
               "{'host':'mail.example.org','port':0,'chain':[@bad]}", "because", "denial" },
             { "not another certificate", 0, "Verify", "{" AT "'chain':[@other]}", "verdict",
               "prompt" },
             { "denying it again says so", 0, "AddDenial", "{" AT "'chain':[@bad]}", "already",
               "true" },
             { "it has no problems", 0, "GetException", "{'id':1}", "exception.problems", "[]" },
             { "it is counted", 0, "GetStatus", "{}", "counts.denials", "1" },
             { "the newest decision is what one means", 0, "AddException",
               "{" AT SHOWN "'chain':[@bad]}", "exception.id", "2" },
             { "so it is accepted", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" },
             { "and the denial is gone", 0, "GetException", "{'id':1}", "exception.state",
               "revoked" });
}
END_TEST

START_TEST(test_keys) {
        _cleanup_(json_freep) struct json_object *prompt = NULL;
        char parameters[256];

        prompt = methods_call(m, "Verify", "{" AT "'chain':[@bad]}");
        (void) snprintf(parameters, sizeof(parameters),
                        "{" AT SHOWN "'chain':[@bad],'pin':'key','fingerprint':'%s'}",
                        methods_at(prompt, "leaf.key_sha256"));
        WALK({ "a key is excepted, by its fingerprint", 0, "AddException", parameters,
               "exception.pin", "key" },
             { "its next certificate is accepted", 0, "Verify", "{" AT "'chain':[@renewed]}",
               "because", "exception" },
             { "another key is not", 0, "Verify", "{" AT "'chain':[@other]}", "because",
               "changed" },
             { "nor is it without a port", 0, "Verify",
               "{'host':'mail.example.org','port':0,'chain':[@renewed]}", "verdict", "prompt" });
}
END_TEST

START_TEST(test_without_port) {
        WALK({ "a certificate is excepted at one port", 0, "AddException",
               "{" AT SHOWN "'chain':[@bad]}", "already", "false" },
             { "who knows no port is told of it", 0, "Verify",
               "{'host':'mail.example.org','port':0,'chain':[@bad]}", "exception.port", "993" },
             { "as an accept", 0, "Verify", "{'host':'mail.example.org','port':0,'chain':[@bad]}",
               "verdict", "accept" });
}
END_TEST

START_TEST(test_digest) {
        _cleanup_(json_freep) struct json_object *first = NULL;
        char parameters[256];

        first = methods_call(m, "Verify", "{" AT "'chain':[@bad,@good]}");
        (void) snprintf(parameters, sizeof(parameters), "{" AT SHOWN "'chain_sha256':'%s'}",
                        methods_at(first, "chain_sha256"));
        WALK({ "what was shown once is known by its digest", 0, "AddException", parameters,
               "already", "false" });

        (void) snprintf(parameters, sizeof(parameters), "{" AT "'chain_sha256':'%s'}",
                        methods_at(first, "chain_sha256"));
        WALK({ "in a question too", 0, "Verify", parameters, "because", "exception" });
        if (getuid() == 0)
                WALK({ "another user has not shown it", ALICE, "Verify", parameters, "error",
                       "org.certexc1.ChainUnknown" },
                     { "also where root asks for that user", 0, "Verify", parameters, "because",
                       "exception" });
        methods_restart(m, PKI_NOW);
        WALK({ "nor has anybody after a restart", 0, "Verify", parameters, "error",
               "org.certexc1.ChainUnknown" });
}
END_TEST

/* -- other uids -------------------------------------------------------------------------------- */

START_TEST(test_owners) {
        _cleanup_(json_freep) struct json_object *added = NULL, *there = NULL, *nowhere = NULL;
        char certificate[128];

        added = methods_call_as(m, ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}");
        (void) snprintf(certificate, sizeof(certificate), "{'sha256':'%s'}",
                        methods_at(added, "exception.certificate.sha256"));
        WALK({ "her exception is hers", ALICE, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" },
             { "he sees nothing of it", BOB, "Verify", "{" AT "'chain':[@bad]}", "because",
               "no-exception" },
             { "nor of what changed", BOB, "Verify", "{" AT "'chain':[@other]}", "change", "" },
             { "nor in a list", BOB, "ListExceptions", "{'all':true}", "exceptions", "[]" },
             { "nor in the history", BOB, "GetHistory", "{}", "entries", "[]" },
             { "nor in numbers", BOB, "GetStatus", "{}", "counts.bytes", "0" },
             { "nor the certificate", BOB, "GetCertificate", certificate, "error",
               "org.certexc1.NotFound" },
             { "which she gets", ALICE, "GetCertificate", certificate, "certificate.subject",
               "CN=nobody.example.net" },
             { "root gets it in her name only", 0, "GetCertificate", certificate, "error",
               "org.certexc1.NotFound" },
             { "his ids begin at one as well", BOB, "AddDenial", "{" AT "'chain':[@other]}",
               "exception.id", "1" },
             { "hers is untouched", ALICE, "Verify", "{" AT "'chain':[@other]}", "because",
               "changed" },
             { "root sees hers by naming her", 0, "ListExceptions", "{'owner':4711}",
               "exceptions.0.owner", "4711" },
             { "and asks in her name", 0, "Verify", "{" AT "'chain':[@bad],'owner':4711}",
               "because", "exception" },
             { "and revokes in her name", 0, "RevokeException", "{'id':1,'owner':4711}",
               "exception.state", "revoked" },
             { "which the history tells", ALICE, "GetHistory", "{}", "entries.1.by", "0" });

        there = methods_call_as(m, BOB, "RevokeException", "{'id':2}");
        nowhere = methods_call_as(m, BOB, "RevokeException", "{'id':77}");
        ck_assert_str_eq(json_object_to_json_string(there), json_object_to_json_string(nowhere));
}
END_TEST

START_TEST(test_same_answer_for_anothers_id) {
        static const char *const methods[] = { "GetException", "RevokeException", "GetHistory" };

        WALK({ "she has one", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}",
               "exception.id", "1" });
        for (size_t i = 0; i < N_ELEMENTS(methods); i++) {
                _cleanup_(json_freep) struct json_object *hers = NULL, *nobodys = NULL;

                hers = methods_call_as(m, BOB, methods[i], "{'id':1}");
                nobodys = methods_call_as(m, BOB, methods[i], "{'id':2}");
                ck_assert_str_eq(json_object_to_json_string(hers),
                                 json_object_to_json_string(nobodys));
                ck_assert_str_eq(reply_error(hers), "org.certexc1.NotFound");
        }
        WALK({ "it is still there", ALICE, "GetException", "{'id':1}", "exception.state", "live" });
}
END_TEST

START_TEST(test_system) {
        WALK({ "root excepts for everyone", 0, "AddException",
               "{" AT SHOWN "'chain':[@bad],'owner':-1}", "exception.owner", "-1" },
             { "and she is let through", ALICE, "Verify", "{" AT "'chain':[@bad]}",
               "exception.owner", "-1" },
             { "she does not see it in her list", ALICE, "ListExceptions", "{}", "exceptions",
               "[]" },
             { "she cannot revoke it", ALICE, "RevokeException", "{'id':1}", "error",
               "org.certexc1.NotFound" },
             { "her denial beats it", ALICE, "AddDenial", "{" AT "'chain':[@bad]}", "already",
               "false" },
             { "for her", ALICE, "Verify", "{" AT "'chain':[@bad]}", "because", "denial" },
             { "not for him", BOB, "Verify", "{" AT "'chain':[@bad]}", "because", "exception" },
             { "root denies another for everyone", 0, "AddDenial",
               "{" AT "'chain':[@other],'owner':-1}", "exception.owner", "-1" },
             { "her exception does not beat that", ALICE, "AddException",
               "{" AT SHOWN "'chain':[@other]}", "already", "false" },
             { "so it is rejected", ALICE, "Verify", "{" AT "'chain':[@other]}", "because",
               "denial" },
             { "an exception of the system's session", 0, "AddException",
               "{'host':'a.example','port':1," SHOWN "'chain':[@bad],'owner':-1,'session':true}",
               "exception.end", "session" },
             { "holds for one who is not logged in", ALICE, "Verify",
               "{'host':'a.example','port':1,'chain':[@bad]}", "because", "exception" });
        log_in(BOB, 5000);
        WALK({ "and for one who is", BOB, "Verify",
               "{'host':'a.example','port':1,'chain':[@bad]}", "because", "exception" });
}
END_TEST

/* -- bounds and pages -------------------------------------------------------------------------- */

START_TEST(test_endpoint_bound) {
        for (unsigned i = 0; i <= DECISIONS_PER_ENDPOINT_MAX; i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                unsigned slot;

                methods_add_certificate(m, "one", &(PkiSpec){ .name = "nobody.example.net" });
                reply = methods_call(m, "AddException", "{" AT SHOWN "'chain':[@one]}");
                slot = --m->n_certificates;
                m->certificates[slot].pki = pki_free(m->certificates[slot].pki);
                if (i < DECISIONS_PER_ENDPOINT_MAX) {
                        ck_assert_msg(*methods_at(reply, "already"), "number %u: %s", i,
                                      json_object_to_json_string(reply));
                        continue;
                }
                ck_assert_str_eq(reply_error(reply), "org.certexc1.LimitReached");
                ck_assert_str_eq(methods_at(reply, "limit"), "32");
        }
        WALK({ "at another port there is room", 0, "AddException",
               "{'host':'mail.example.org','port':143," SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "a revoked one makes room", 0, "RevokeException", "{'id':1}", "exception.state",
               "revoked" },
             { "for the next", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" });
}
END_TEST

/* Adds an exception at a port of its own, with as many calls under way as a connection may have. */
static void fill(unsigned n) {
        unsigned sent = 0;

        for (unsigned answered = 0; answered < n; answered++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                for (; sent < n && sent - answered < CALLS_IN_FLIGHT_MAX; sent++) {
                        _cleanup_free_ char *text = NULL;
                        char parameters[128];

                        (void) snprintf(parameters, sizeof(parameters),
                                        "{'host':'mail.example.org','port':%u," SHOWN
                                        "'chain':[@bad]}",
                                        sent + 1);
                        text = methods_text(m, "AddException", parameters, false);
                        ck_assert(peer_send(m->peer, text));
                }
                reply = peer_reply(m->peer, FIXTURE_WAIT_MSEC);
                methods_hold("AddException", reply);
                ck_assert_msg(!*reply_error(reply), "number %u: %s", answered,
                              json_object_to_json_string(reply));
        }
}

/* Reads the pages of a list one by one; how many items they have. */
static unsigned count_by_pages(const char *method, const char *items, unsigned *ret_pages) {
        char parameters[64] = "{}";
        unsigned n = 0;

        for (*ret_pages = 1;; (*ret_pages)++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                struct json_object *list;

                reply = methods_call(m, method, parameters);
                list = reply_field(reply, items);
                ck_assert_uint_le(json_object_array_length(list), LIST_PAGE_MAX);
                n += (unsigned) json_object_array_length(list);
                if (!*methods_at(reply, "next"))
                        return n;
                (void) snprintf(parameters, sizeof(parameters), "{'after':%s}",
                                methods_at(reply, "next"));
        }
}

/* The same as one streamed call. */
static unsigned count_streamed(const char *method, const char *items, unsigned *ret_pages) {
        _cleanup_free_ char *text = methods_text(m, method, "{}", true);
        struct json_object *continues;
        unsigned n = 0;

        ck_assert(peer_send(m->peer, text));
        for (*ret_pages = 1;; (*ret_pages)++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                reply = peer_reply(m->peer, FIXTURE_WAIT_MSEC);
                methods_hold(method, reply);
                n += (unsigned) json_object_array_length(reply_field(reply, items));
                if (!json_object_object_get_ex(reply, "continues", &continues) ||
                    !json_object_get_boolean(continues))
                        return n;
        }
}

START_TEST(test_owner_bound_and_pages) {
        unsigned pages;

        fill(DECISIONS_PER_OWNER_MAX);
        WALK({ "one past the bound", 0, "AddException",
               "{'host':'one.example','port':1," SHOWN "'chain':[@bad]}", "error",
               "org.certexc1.LimitReached" },
             { "which is named", 0, "AddDenial", "{'host':'one.example','port':1,'chain':[@bad]}",
               "limit", "1000" },
             { "one that is held is held", 0, "AddException",
               "{'host':'mail.example.org','port':7," SHOWN "'chain':[@bad]}", "already", "true" },
             { "all are counted", 0, "GetStatus", "{}", "counts.exceptions", "1000" });
        if (getuid() == 0)
                WALK({ "another owner has room", ALICE, "AddException",
                       "{" AT SHOWN "'chain':[@bad]}", "already", "false" });

        ck_assert_uint_eq(count_by_pages("ListExceptions", "exceptions", &pages), 1000);
        ck_assert_uint_eq(pages, 10);
        ck_assert_uint_eq(count_streamed("ListExceptions", "exceptions", &pages), 1000);
        ck_assert_uint_eq(pages, 10);
        ck_assert_uint_eq(count_by_pages("GetHistory", "entries", &pages), 1000);
        ck_assert_uint_eq(pages, 10);
        ck_assert_uint_eq(count_streamed("GetHistory", "entries", &pages), 1000);

        WALK({ "revoking makes room", 0, "RevokeException", "{'id':500}", "exception.state",
               "revoked" },
             { "for one more", 0, "AddException",
               "{'host':'one.example','port':1," SHOWN "'chain':[@bad]}", "exception.id",
               "1001" });
}
END_TEST

/* -- events ------------------------------------------------------------------------------------ */

static Peer *monitor_start(const char *parameters) {
        _cleanup_free_ char *text = methods_text(m, "Monitor", parameters, true);
        Peer *peer = peer_new(m->fixture);

        ck_assert(peer_send(peer, text));
        return peer;
}

static void ck_event(Peer *peer, const char *path, const char *value) {
        _cleanup_(json_freep) struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

        methods_hold("Monitor", reply);
        ck_assert_msg(strcmp(seen_at(reply, path), value) == 0, "%s is not %s: %s", path, value,
                      json_object_to_json_string(reply));
}

START_TEST(test_monitor) {
        _cleanup_(peer_freep) Peer *own = monitor_start("{}"), *other = NULL;

        ck_event(own, "event", "ready");
        if (getuid() == 0) {
                other = monitor_start("{'owner':4711}");
                ck_event(other, "event", "ready");
        }

        WALK({ "an exception", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "that is held", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "true" },
             { "a denial", 0, "AddDenial", "{" AT "'chain':[@bad]}", "exception.id", "2" },
             { "that is revoked", 0, "RevokeException", "{'id':2}", "exception.state", "revoked" },
             { "and again", 0, "RevokeException", "{'id':2}", "exception.state", "revoked" },
             { "and another exception", 0, "AddException", "{" AT SHOWN "'chain':[@other]}",
               "already", "false" });
        ck_event(own, "event", "allowed");
        ck_event(own, "event", "revoked"); /* the exception, by the denial */
        ck_event(own, "event", "denied");
        ck_event(own, "exception.id", "2");
        ck_event(own, "exception.certificate.subject", "CN=else.example.net");

        if (getuid() != 0)
                return;
        WALK({ "she excepts one", ALICE, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "and root one for everyone", 0, "AddException",
               "{" AT SHOWN "'chain':[@other],'owner':-1}", "already", "false" });
        ck_event(other, "exception.owner", "4711");
        ck_event(other, "exception.owner", "-1");
        ck_event(own, "exception.owner", "-1");
}
END_TEST

START_TEST(test_monitor_bound) {
        _cleanup_(peer_freep) Peer *more = NULL;
        Peer *peers[MONITORS_PER_UID_MAX];

        for (unsigned i = 0; i < MONITORS_PER_UID_MAX; i++) {
                peers[i] = monitor_start("{}");
                ck_event(peers[i], "event", "ready");
        }
        more = monitor_start("{}");
        ck_event(more, "error", "org.certexc1.LimitReached");

        /* The daemon sees the end of one before the next call: they are on one socket's queue. */
        for (unsigned i = 0; i < MONITORS_PER_UID_MAX; i++)
                peers[i] = peer_free(peers[i]);
        WALK({ "the daemon is still there", 0, "GetStatus", "{}", "store", "ok" });
}
END_TEST

START_TEST(test_configuration) {
        FILE *file;

        WALK({ "one is excepted", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" });
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        file = fopen(fixture_path(m->fixture, "conf/certexcd.conf"), "we");
        ck_assert_ptr_nonnull(file);
        (void) fputs("[Verdict]\nNever=self-signed\nUserExceptions=no\nHostOnlyLookups=no\n", file);
        ck_assert_int_eq(fclose(file), 0);
        methods_restart(m, PKI_NOW);
        WALK({ "what may not be excepted is rejected", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "never-exceptable" },
             { "and is said so", 0, "Verify", "{" AT "'chain':[@bad]}", "problems.1.exceptable",
               "false" },
             { "nobody asks without a port", 0, "Verify",
               "{'host':'mail.example.org','port':0,'chain':[@bad]}", "error",
               "org.certexc1.AccessDenied" },
             { "nobody excepts", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "error",
               "org.certexc1.AccessDenied" },
             { "denials stay", 0, "AddDenial", "{" AT "'chain':[@bad]}", "already", "false" });
        if (getuid() == 0)
                WALK({ "nor the administrator this problem", 0, "AddException",
                       "{" AT SHOWN "'chain':[@bad],'owner':-1}", "error",
                       "org.certexc1.NotExceptable" });
}
END_TEST

static void add_tests(TCase *tcase) {
        tcase_add_test(tcase, test_main_job);
        tcase_add_test(tcase, test_certificate);
        tcase_add_test(tcase, test_changes);
        tcase_add_test(tcase, test_what_is_right_again);
        tcase_add_test(tcase, test_new_problem);
        tcase_add_test(tcase, test_dates);
        tcase_add_test(tcase, test_clock_set_back_unseen);
        tcase_add_test(tcase, test_sessions);
        tcase_add_test(tcase, test_denials);
        tcase_add_test(tcase, test_keys);
        tcase_add_test(tcase, test_without_port);
        tcase_add_test(tcase, test_digest);
        tcase_add_test(tcase, test_endpoint_bound);
        tcase_add_test(tcase, test_owner_bound_and_pages);
        tcase_add_test(tcase, test_monitor);
        tcase_add_test(tcase, test_monitor_bound);
        tcase_add_test(tcase, test_configuration);
        if (geteuid() != 0) {
                (void) fputs("Other uids: skipped, needs root\n", stderr);
                return;
        }
        tcase_add_test(tcase, test_owners);
        tcase_add_test(tcase, test_same_answer_for_anothers_id);
        tcase_add_test(tcase, test_system);
}

int main(void) {
        Suite *suite = suite_create("methods");
        TCase *tcase = tcase_create("methods");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        add_tests(tcase);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
