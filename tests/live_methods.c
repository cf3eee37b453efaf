/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the methods do, through the real socket: the main job, what changed, ends, sessions,
 * denials, pins and digests. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/json.h"
#include "tests/methods.h"

static Methods *m;

static void setup(void) {
        m = methods_new();
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

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
             { "the fields that differ are named", 0, "Verify", "{" AT "'chain':[@renewed]}",
               "change.fields", "[\"serial\"]" },
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

START_TEST(test_advice) {
        Pki *shield = pki_new(&(PkiSpec){ .subject = "Avast Web/Mail Shield Root", .ca = true });

        methods_add_certificate(m, "shielded",
                                &(PkiSpec){ .name = "mail.example.org", .issuer = shield });
        methods_add_certificate(m, "elsewhere",
                                &(PkiSpec){ .name = "mail.example.net", .issuer = shield });
        WALK({ "what is accepted needs none", 0, "Verify", "{" AT "'chain':[@good]}", "advice",
               "[]" },
             { "a mail shield is known by its name", 0, "Verify", "{" AT "'chain':[@shielded]}",
               "advice.0.id", "intercepted-by-antivirus" },
             { "its product is named", 0, "Verify", "{" AT "'chain':[@shielded]}", "advice.0.name",
               "Avast" },
             { "the port is a mail port", 0, "Verify", "{" AT "'chain':[@shielded]}",
               "advice.1.id", "not-unencrypted" },
             { "an unusual port is told", 0, "Verify",
               "{'host':'mail.example.org','port':1023,'chain':[@bad]}", "advice.0.id",
               "port-unusual" },
             { "TLS on a plain port, too", 0, "Verify",
               "{'host':'mail.example.org','port':143,'chain':[@bad]}", "advice.0.id",
               "port-plain" },
             { "but not after an upgrade", 0, "Verify",
               "{'host':'mail.example.org','port':143,'starttls':true,'chain':[@bad]}",
               "advice.0.id", "not-unencrypted" },
             { "the shield is allowed elsewhere", 0, "AddException",
               "{'host':'mail.example.net','port':993,"
               "'problems':['unknown-issuer','incomplete-chain'],"
               "'chain':[@elsewhere]}", "already", "false" },
             { "then it vouches for strangers", 0, "Verify", "{" AT "'chain':[@shielded]}",
               "advice.1.id", "one-issuer-for-many" },
             { "the chain lacks nothing that the server could send", 0, "Verify",
               "{" AT "'chain':[@shielded]}", "advice.2.id", "not-unencrypted" },
             { "who are named", 0, "Verify", "{" AT "'chain':[@shielded]}", "advice.1.hosts",
               "[\"mail.example.net\"]" },
             { "not to another owner", BOB, "Verify", "{" AT "'chain':[@shielded]}", "advice.1.id",
               "not-unencrypted" });
        methods_restart(m, PKI_NOW - 2 * 365 * PKI_DAY);
        WALK({ "a clock that was put back is seen by the store", 0, "Verify",
               "{" AT "'chain':[@good]}", "advice.0.id", "clock-before-store" });
        (void) pki_free(shield);
}
END_TEST

/* A problem that time mends: the exception has done its work. */
START_TEST(test_obsolete) {
        methods_add_certificate(m, "early",
                                &(PkiSpec){ .name = "mail.example.org",
                                            .issuer = m->authority,
                                            .not_before = PKI_NOW + 5 * PKI_DAY });
        WALK({ "one that is early is excepted", 0, "AddException",
               "{" AT "'problems':['not-yet-valid'],'chain':[@early]}", "exception.id", "1" },
             { "and needed", 0, "Verify", "{" AT "'chain':[@early]}", "obsolete", "" });
        methods_restart(m, PKI_NOW + 6 * PKI_DAY);
        WALK({ "then nothing is wrong", 0, "Verify", "{" AT "'chain':[@early]}", "because",
               "no-problem" },
             { "the exception is named", 0, "Verify", "{" AT "'chain':[@early]}", "exception.id",
               "1" },
             { "as one that could be revoked", 0, "Verify", "{" AT "'chain':[@early]}", "obsolete",
               "true" });
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

START_TEST(test_sessions) {
        uid_t self = getuid();

        methods_log_in(m, self, 1000);
        WALK({ "one is excepted for a session", 0, "AddException",
               "{" AT SHOWN "'chain':[@bad],'session':true}", "exception.end", "session" },
             { "and accepted in it", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" });
        methods_restart(m, PKI_NOW);
        WALK({ "also when the daemon was started anew", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "exception" });
        methods_log_out(m, self);
        WALK({ "not when the session cannot be seen", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "ended" });
        methods_log_in(m, self, 1000);
        WALK({ "but when it is seen again", 0, "Verify", "{" AT "'chain':[@bad]}", "because",
               "exception" });
        methods_log_in(m, self, 2000);
        WALK({ "in the next session it has ended", 0, "Verify", "{" AT "'chain':[@bad]}",
               "because", "ended" },
             { "another is stored behind that", 0, "AddDenial",
               "{'host':'a.example','port':1,'chain':[@bad]}", "already", "false" });
        methods_log_in(m, self, 1000);
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
        tcase_add_test(tcase, test_main_job);
        tcase_add_test(tcase, test_certificate);
        tcase_add_test(tcase, test_changes);
        tcase_add_test(tcase, test_advice);
        tcase_add_test(tcase, test_obsolete);
        tcase_add_test(tcase, test_new_problem);
        tcase_add_test(tcase, test_dates);
        tcase_add_test(tcase, test_clock_set_back_unseen);
        tcase_add_test(tcase, test_sessions);
        tcase_add_test(tcase, test_denials);
        tcase_add_test(tcase, test_keys);
        tcase_add_test(tcase, test_without_port);
        tcase_add_test(tcase, test_digest);
        tcase_add_test(tcase, test_configuration);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
