/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is believed changes under the running daemon, which nobody tells: through the real socket. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/json.h"
#include "tests/methods.h"
#include "tests/status.h"

#define MONITOR "{\"method\":\"org.certexc1.Monitor\",\"more\":true}"
#define VERIFY_BAD "Verify", "{" AT "'chain':[@bad]}"
#define VERIFY_GOOD "Verify", "{" AT "'chain':[@good]}"

static Methods *m;
static Peer *monitor;

static void expect_event(const char *event) {
        _cleanup_(json_freep) struct json_object *reply = peer_reply(monitor, FIXTURE_WAIT_MSEC);

        ck_assert_ptr_nonnull(reply);
        ck_assert_str_eq(json_object_get_string(reply_field(reply, "event")), event);
}

static void setup(void) {
        m = methods_new();
        monitor = peer_new(m->fixture);
        ck_assert(peer_send(monitor, MONITOR));
        expect_event("ready");
}

static void teardown(void) {
        monitor = peer_free(monitor);
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

/* As a package manager does it. */
static void replace_authorities(const Pki *authority) {
        char aside[256];

        (void) snprintf(aside, sizeof(aside), "%s", fixture_path(m->fixture, "aside.pem"));
        pki_write(aside, &authority, 1, false);
        ck_assert_int_eq(rename(aside, fixture_path(m->fixture, "authorities.pem")), 0);
        expect_event("authorities-changed");
}

/* Aside and renamed, so that it is one change. */
static void put_file(const char *path, const Status *list) {
        char aside[256];
        FILE *f;

        (void) snprintf(aside, sizeof(aside), "%s", fixture_path(m->fixture, "aside.crl"));
        f = fopen(aside, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_uint_eq(fwrite(list->data, 1, list->size, f), list->size);
        ck_assert_int_eq(fclose(f), 0);
        ck_assert_int_eq(rename(aside, path), 0);
}

START_TEST(an_authority_that_is_removed_is_gone_at_the_next_verdict) {
        _cleanup_(pki_freep) Pki *another = pki_new(&(PkiSpec){ .subject = "Another", .ca = true });

        WALK({ "its certificates are accepted", 0, VERIFY_GOOD, "verdict", "accept" },
             { "and known by heart", 0, VERIFY_GOOD, "verdict", "accept" });
        replace_authorities(another);
        WALK({ "the very next question asks", 0, VERIFY_GOOD, "verdict", "prompt" },
             { "and says why", 0, VERIFY_GOOD, "problems.0.name", "unknown-issuer" });
        replace_authorities(m->authority);
        WALK({ "when it is back they are accepted", 0, VERIFY_GOOD, "verdict", "accept" });
}
END_TEST

START_TEST(what_the_administrator_blocks_is_refused) {
        char folder[256], file[288];

        (void) snprintf(folder, sizeof(folder), "%s", fixture_path(m->fixture, "conf/blocked.d"));
        (void) snprintf(file, sizeof(file), "%s/authority.pem", folder);
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        ck_assert_int_eq(mkdir(folder, 0755), 0);
        monitor = peer_free(monitor);
        methods_restart(m, PKI_NOW);
        monitor = peer_new(m->fixture);
        ck_assert(peer_send(monitor, MONITOR));
        expect_event("ready");

        WALK({ "an empty folder blocks nothing", 0, VERIFY_GOOD, "verdict", "accept" });
        pki_write(file, (const Pki *const *) &m->authority, 1, false);
        expect_event("authorities-changed");
        WALK({ "an authority that is blocked is refused, although it is trusted and not sent", 0,
               VERIFY_GOOD, "verdict", "reject" },
             { "and the answer says why", 0, VERIFY_GOOD, "problems.0.name", "blocked" });
        ck_assert_int_eq(unlink(file), 0);
        expect_event("authorities-changed");
        WALK({ "until the file is removed", 0, VERIFY_GOOD, "verdict", "accept" });
}
END_TEST

START_TEST(what_a_list_revokes_is_refused) {
        const Pki *const revoked[] = { methods_certificate(m, "good"), NULL };
        _cleanup_(status_done) Status list = status_list(m->authority, revoked, 0, 0);
        _cleanup_(status_done) Status stale = status_list(m->authority, NULL, 1, 2);
        _cleanup_(status_done) Status old = status_list(m->authority, revoked, 1, 2);
        char folder[256], file[288];

        WALK({ "its certificates are accepted", 0, VERIFY_GOOD, "verdict", "accept" },
             { "and known by heart", 0, VERIFY_GOOD, "verdict", "accept" });
        (void) snprintf(folder, sizeof(folder), "%s", fixture_path(m->fixture, "conf/crls.d"));
        (void) snprintf(file, sizeof(file), "%s/ours.crl", folder);
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        ck_assert_int_eq(mkdir(folder, 0755), 0);
        expect_event("authorities-changed");

        put_file(file, &list);
        expect_event("authorities-changed");
        WALK({ "the very next question is refused", 0, VERIFY_GOOD, "verdict", "reject" },
             { "and the answer says why", 0, VERIFY_GOOD, "problems.0.name", "revoked" });
        put_file(file, &old);
        expect_event("authorities-changed");
        WALK({ "a list that is out of date still revokes", 0, VERIFY_GOOD, "problems.0.name",
               "revoked" });
        put_file(file, &stale);
        expect_event("authorities-changed");
        WALK({ "what an outdated list does not name is not known", 0, VERIFY_GOOD,
               "problems.0.name", "revocation-unknown" },
             { "and since when is told", 0, VERIFY_GOOD, "problems.0.value",
               "the list is out of date since 1970-01-01" });
        ck_assert_int_eq(unlink(file), 0);
        expect_event("authorities-changed");
        WALK({ "until the file is removed", 0, VERIFY_GOOD, "verdict", "accept" });
}
END_TEST

/* The answer's @field has @words in it. */
static void ck_says(const char *method, const char *parameters, const char *field, const char *words) {
        _cleanup_(json_freep) struct json_object *reply = methods_call(m, method, parameters);

        ck_assert_msg(strstr(methods_seen(reply, field), words), "%s: %s does not say %s: %s", method,
                      field, words, json_object_to_json_string(reply));
}

/* What is to be blocked cannot be read, and nobody knows what it was. */
START_TEST(while_a_block_may_be_missing_no_exception_counts) {
        char folder[256], file[288];
        FILE *f;

        (void) snprintf(folder, sizeof(folder), "%s", fixture_path(m->fixture, "conf/blocked.d"));
        (void) snprintf(file, sizeof(file), "%s/words.pem", folder);
        WALK({ "something is allowed", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "and accepted", 0, VERIFY_BAD, "because", "exception" });
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        ck_assert_int_eq(mkdir(folder, 0755), 0);
        f = fopen(file, "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs("These are words.\n", f), 0);
        ck_assert_int_eq(fclose(f), 0);
        monitor = peer_free(monitor);
        methods_restart(m, PKI_NOW);
        WALK({ "the daemon starts, but does not accept", 0, VERIFY_BAD, "verdict", "prompt" },
             { "for a reason of its own", 0, VERIFY_BAD, "because", "in-doubt" },
             { "the exception is what it was", 0, VERIFY_BAD, "exception.state", "live" },
             { "to allow it again is no way out", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}",
               "error", "org.certexc1.InDoubt" },
             { "nobody is asked in vain", 0, "Ask", "{" AT "'chain':[@bad]}", "asked", "in-doubt" },
             { "what is new may be stored", 0, "AddException", "{" AT SHOWN "'chain':[@other]}",
               "already", "false" },
             { "and waits as well", 0, "Verify", "{" AT "'chain':[@other]}", "because", "in-doubt" },
             { "a no is a no", 0, "AddDenial", "{" AT "'chain':[@other]}", "already", "false" },
             { "at once", 0, "Verify", "{" AT "'chain':[@other]}", "because", "denial" },
             { "what is in order is in order", 0, VERIFY_GOOD, "verdict", "accept" },
             { "and in no doubt", 0, VERIFY_GOOD, "doubt", "" });
        ck_says("Verify", "{" AT "'chain':[@bad]}", "doubt", file);
        ck_says("Verify", "{" AT "'chain':[@bad]}", "doubt", "take the file away");
        ck_says("Verify", "{'host':'other.example.org','port':993,'chain':[@good]}", "doubt", file);
        ck_says("AddException", "{" AT SHOWN "'chain':[@bad]}", "reason", file);
        ck_assert_int_eq(unlink(file), 0);
        methods_restart(m, PKI_NOW);
        WALK({ "mended, it goes on", 0, VERIFY_BAD, "because", "exception" });
}
END_TEST

static Peer *say(const char *method, bool more) {
        _cleanup_free_ char *text = methods_text(m, method, more ? "{}" : "{" AT "'chain':[@bad]}", more);
        Peer *peer = peer_new(m->fixture);

        ck_assert(peer_send(peer, text));
        return peer;
}

static void hears(Peer *peer, const char *path, const char *value) {
        _cleanup_(json_freep) struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

        ck_assert_msg(strcmp(methods_seen(reply, path), value) == 0, "%s is not %s: %s", path, value,
                      json_object_to_json_string(reply));
}

/* Who is being asked when the doubt comes is let go: what they said could not be accepted. */
START_TEST(nobody_is_asked_in_vain) {
        _cleanup_(peer_freep) Peer *agent = say("RegisterAgent", true), *who = NULL, *later = NULL;
        FILE *f;

        hears(agent, "event", "ready");
        who = say("Ask", false);
        hears(agent, "event", "prompt");
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        ck_assert_int_eq(mkdir(fixture_path(m->fixture, "conf/blocked.d"), 0755), 0);
        f = fopen(fixture_path(m->fixture, "conf/blocked.d/words.pem"), "we");
        ck_assert_ptr_nonnull(f);
        ck_assert_int_ge(fputs("These are words.\n", f), 0);
        ck_assert_int_eq(fclose(f), 0);
        hears(agent, "reason", "changed");
        hears(who, "asked", "in-doubt");
        later = say("Ask", false);
        hears(later, "asked", "in-doubt");
        WALK({ "nobody waits", 0, "GetStatus", "{}", "asking", "0" },
             { "and the agent is still there", 0, "GetStatus", "{}", "agents", "1" },
             { "what is in order needs nobody", 0, "Ask", "{" AT "'chain':[@good]}", "asked",
               "not-needed" });
}
END_TEST

int main(void) {
        Suite *suite = suite_create("distrust");
        TCase *tcase = tcase_create("distrust");
        SRunner *runner = srunner_create(suite);
        int n_failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, an_authority_that_is_removed_is_gone_at_the_next_verdict);
        tcase_add_test(tcase, what_the_administrator_blocks_is_refused);
        tcase_add_test(tcase, while_a_block_may_be_missing_no_exception_counts);
        tcase_add_test(tcase, nobody_is_asked_in_vain);
        tcase_add_test(tcase, what_a_list_revokes_is_refused);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
