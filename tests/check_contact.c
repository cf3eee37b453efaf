/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is done beside the verdict: sessions of another boot, owners with another name, what was
 * seen, and callers of whom nothing is kept. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/encoding.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/login.h"
#include "daemon/namer.h"
#include "daemon/store.h"
#include "daemon/worker.h"
#include "tests/door.h"
#include "tests/pki.h"

/* A session ends with the boot that it was in, whatever the clock says. */
START_TEST(test_another_boot) {
        _cleanup_(door_done) Door same = {}, other = {}, again = {};
        Session session;

        login_session(caller.uid, &session);
        ck_assert(session.known);
        store_exception(caller.uid, 993, &session);
        (void) start("org.certexc1.Verify", with(VERIFY, bad), &same);
        wait_for(&same);
        ck_assert_str_eq(at(&same, "because"), "exception");

        session.boot_id[0] ^= 1;
        store_exception(caller.uid, 143, &session);
        (void) start("org.certexc1.Verify", with(VERIFY_AT_143, bad), &other);
        wait_for(&other);
        ck_assert_str_eq(at(&other, "because"), "ended");
        finish_commits();
        (void) start("org.certexc1.GetException", "{\"id\":2}", &again);
        ck_assert_msg(strstr(at(&again, "exception"), "\"state\": \"ended\""), "%s",
                      at(&again, "exception"));
}
END_TEST

/* Stores an exception of ours that was made under another name. */
static void store_anothers_decision(void) {
        _cleanup_(change_freep) Change *change = NULL;

        store_exception(caller.uid, 993, NULL);
        ck_assert_int_eq(change_new(CHANGE_OWNER, caller.uid, caller.uid, PKI_NOW, &change), 0);
        change->owner_name = strdup("somebody-else");
        ck_assert_int_eq(store_apply(manager->store, change), 0);
}

/* The owner's decisions were made under another name: they wait for a new word. */
START_TEST(test_another_user_with_the_same_uid) {
        _cleanup_(door_done) Door door = {}, status = {};
        char name[CALLER_NAME_MAX];

        if (caller_user_name(getuid(), name) <= 0)
                return; /* nothing is concluded from no name */

        store_anothers_decision();
        (void) start("org.certexc1.Verify", with(VERIFY, bad), &door);
        wait_for(&door);
        ck_assert_str_eq(at(&door, "because"), "unconfirmed");
        ck_assert_str_eq(at(&door, "unconfirmed_because"), "other-user");
        ck_assert_ptr_null(start("org.certexc1.GetStatus", "{}", &status));
        ck_assert_msg(strstr(at(&status, "counts"), "\"unconfirmed\": 1"), "%s",
                      at(&status, "counts"));
}
END_TEST

static int ends[2];

static int hanging(uid_t uid, char ret[static CALLER_NAME_MAX]) {
        char byte;

        return read(ends[0], &byte, 1) < 0 ? -EIO : 0;
}

/* Nothing is concluded from it, and nobody waits for it for long; who asks next, not at all. */
START_TEST(test_a_user_database_that_hangs) {
        _cleanup_(door_done) Door door = {}, next = {};

        store_anothers_decision();
        ck_assert_int_eq(pipe(ends), 0);
        manager->namer = namer_free(manager->namer);
        ck_assert_int_eq(namer_new(manager->event, hanging, &manager->namer), 0);
        (void) start("org.certexc1.Verify", with(VERIFY, bad), &door);
        ck_assert_msg(!door.finished, "it waits");
        wait_for(&door);
        ck_assert_str_eq(at(&door, "because"), "exception");
        (void) start("org.certexc1.AddException", "{}", &next);
        ck_assert_msg(next.finished, "this does not");
        (void) close(ends[1]);
}
END_TEST

/* The same where that cannot be written down at first, since the store's files were removed: they are
 * made anew, and the question waits for it. */
START_TEST(test_another_user_and_no_files) {
        _cleanup_(door_done) Door door = {}, status = {};
        _cleanup_free_ char *database = path_new("state/certexc.db");
        char name[CALLER_NAME_MAX];

        if (caller_user_name(getuid(), name) <= 0)
                return;

        store_anothers_decision();
        ck_assert_int_eq(unlink(database), 0);
        (void) start("org.certexc1.Verify", with(VERIFY, bad), &door);
        ck_assert_msg(!door.finished, "it waits");
        wait_for(&door);
        ck_assert_ptr_null(door.error);
        ck_assert_str_eq(at(&door, "because"), "unconfirmed");
        (void) start("org.certexc1.GetStatus", "{}", &status);
        wait_for(&status);
        ck_assert_str_eq(at(&status, "store"), "ok");
}
END_TEST

/* A directory in the place of the database is set aside like a file, and the decisions are there again. */
START_TEST(test_no_store_at_all) {
        _cleanup_(door_done) Door door = {}, verdict = {}, status = {};
        _cleanup_free_ char *database = path_new("state/certexc.db");
        _cleanup_free_ char *within = path_new("state/certexc.db/something");

        store_exception(caller.uid, 143, NULL);
        ck_assert_int_eq(unlink(database), 0);
        ck_assert_int_eq(mkdir(database, 0700), 0);
        ck_assert_int_eq(mkdir(within, 0700), 0);
        (void) start("org.certexc1.AddException", with(ADD, bad), &door);
        wait_for(&door);
        ck_assert_ptr_null(door.error);
        (void) start("org.certexc1.Verify", with(VERIFY_AT_143, bad), &verdict);
        wait_for(&verdict);
        ck_assert_str_eq(at(&verdict, "because"), "exception");
        (void) start("org.certexc1.GetStatus", "{}", &status);
        wait_for(&status);
        ck_assert_str_eq(at(&status, "store"), "ok");
}
END_TEST

START_TEST(test_name_is_kept_with_the_first_decision) {
        _cleanup_(door_done) Door door = {};
        _cleanup_free_ char *stored = NULL;
        char name[CALLER_NAME_MAX];

        if (caller_user_name(getuid(), name) <= 0)
                return;

        ck_assert_int_eq(store_owner_name(manager->store, caller.uid, &stored), 0);
        (void) start("org.certexc1.AddException", with(ADD, bad), &door);
        wait_for(&door);
        ck_assert_int_eq(store_owner_name(manager->store, caller.uid, &stored), 1);
        ck_assert_str_eq(stored, name);
}
END_TEST

/* true if the certificate last seen is the one in @text. */
static bool is_seen(const char *text) {
        _cleanup_(certificate_facts_freep) CertificateFacts *seen = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        uint8_t digest[SHA256_SIZE];
        int64_t time;
        size_t size;

        ck_assert_int_eq(base64_decode(text, strlen(text), &der, &size), 0);
        ck_assert_int_eq(sha256(der, size, digest), 0);
        if (store_seen(manager->store, caller.uid, "mail.example.org", 993, &seen, &time) <= 0)
                return false;
        return memcmp(seen->sha256, digest, SHA256_SIZE) == 0;
}

static void verify(const char *text) {
        _cleanup_(door_done) Door door = {};

        (void) start("org.certexc1.Verify", with(VERIFY, text), &door);
        wait_for(&door);
        ck_assert_ptr_null(door.error);
}

START_TEST(test_seen_is_written_when_it_changes) {
        verify(bad);
        finish_commits();
        ck_assert_msg(!is_seen(bad), "only what was accepted");

        verify(good);
        finish_commits();
        ck_assert_msg(is_seen(good), "what was accepted is");
        for (unsigned i = 0; i < 2 * SEEN_WRITES_PER_OWNER_MAX; i++)
                verify(good);

        verify(better);
        finish_commits();
        ck_assert_msg(is_seen(better), "the same one again has cost no write of this minute's");

        /* Two writes are spent; the clock stands, so the minute does not pass. */
        for (unsigned i = 2; i < SEEN_WRITES_PER_OWNER_MAX; i++) {
                verify(i % 2 ? better : good);
                finish_commits();
        }
        ck_assert_msg(is_seen(better), "two that take turns are written up to the bound");
        verify(good);
        finish_commits();
        ck_assert_msg(is_seen(better), "and not past it");
}
END_TEST

START_TEST(test_overflow_uid_leaves_nothing) {
        _cleanup_(door_done) Door door = {};
        uint64_t generation = store_generation(manager->store);

        caller = (Caller){ .uid = 65534, .overflow = true };
        (void) start("org.certexc1.Verify", with(VERIFY, good), &door);
        wait_for(&door);
        ck_assert_str_eq(at(&door, "verdict"), "accept");
        finish_commits();
        ck_assert_uint_eq(store_generation(manager->store), generation);
}
END_TEST

int main(int argc, char **argv) {
        Suite *suite = suite_create("contact");
        TCase *tcase = tcase_create("contact");
        SRunner *runner;
        int failed;

        /* The workers are this program again, as they are the daemon's. */
        failed = worker_dispatch(argc, argv);
        if (failed >= 0)
                return failed;
#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 300);
        tcase_add_test(tcase, test_another_boot);
        tcase_add_test(tcase, test_another_user_with_the_same_uid);
        tcase_add_test(tcase, test_another_user_and_no_files);
        tcase_add_test(tcase, test_a_user_database_that_hangs);
        tcase_add_test(tcase, test_no_store_at_all);
        tcase_add_test(tcase, test_name_is_kept_with_the_first_decision);
        tcase_add_test(tcase, test_seen_is_written_when_it_changes);
        tcase_add_test(tcase, test_overflow_uid_leaves_nothing);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

