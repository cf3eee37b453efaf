/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Owners apart: what one uid does and another does not see, through the real socket; the
 * system's decisions; events. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

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

/* Where the system's decisions begin in a list. */
#define AFTER_OWN "4611686018427387904"

START_TEST(test_system) {
        WALK({ "root excepts for everyone", 0, "AddException",
               "{" AT SHOWN "'chain':[@bad],'owner':-1}", "exception.owner", "-1" },
             { "and she is let through", ALICE, "Verify", "{" AT "'chain':[@bad]}",
               "exception.owner", "-1" },
             { "she does not see it in her list", ALICE, "ListExceptions", "{}", "exceptions",
               "[]" },
             { "unless she asks for the system's to follow", ALICE, "ListExceptions", "{'system':true}", "next",
               AFTER_OWN },
             { "as they do", ALICE, "ListExceptions", "{'system':true,'after':" AFTER_OWN "}", "exceptions.0.owner",
               "-1" },
             { "and nothing behind them", ALICE, "ListExceptions", "{'system':true,'after':" AFTER_OWN "}", "next", "" },
             { "at another host there is none", ALICE, "ListExceptions",
               "{'host':'b.example','system':true,'after':" AFTER_OWN "}", "exceptions", "[]" },
             { "nor for who does not ask for them", ALICE, "ListExceptions", "{'after':" AFTER_OWN "}", "exceptions",
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
        methods_log_in(m, BOB, 5000);
        WALK({ "and for one who is", BOB, "Verify",
               "{'host':'a.example','port':1,'chain':[@bad]}", "because", "exception" });
}
END_TEST

static Peer *monitor_start(const char *parameters) {
        _cleanup_free_ char *text = methods_text(m, "Monitor", parameters, true);
        Peer *peer = peer_new(m->fixture);

        ck_assert(peer_send(peer, text));
        return peer;
}

static void ck_event(Peer *peer, const char *path, const char *value) {
        _cleanup_(json_freep) struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

        methods_hold("Monitor", reply);
        ck_assert_msg(strcmp(methods_seen(reply, path), value) == 0, "%s is not %s: %s", path, value,
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

int main(void) {
        Suite *suite = suite_create("owners");
        TCase *tcase = tcase_create("owners");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_monitor);
        if (geteuid() == 0) {
                tcase_add_test(tcase, test_owners);
                tcase_add_test(tcase, test_same_answer_for_anothers_id);
                tcase_add_test(tcase, test_system);
        } else {
                (void) fputs("Other uids: skipped, needs root\n", stderr);
        }
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
