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

#define MONITOR "{\"method\":\"org.certexc1.Monitor\",\"more\":true}"
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
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
