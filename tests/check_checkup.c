/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* CheckStore against a whole manager in the same process: whose turn it is, at the bounds, and who may
 * leave when. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/worker.h"
#include "tests/door.h"

#define ALL (CHECKS_WAITING_MAX + 1)

static Request *ask(uid_t uid, const char *text, Door *door) {
        caller.uid = uid;
        return start_with("org.certexc1.CheckStore", text, true, door, NULL);
}

static struct json_object *check_of(const Door *door) {
        return json_object_object_get(door->last, "check");
}

START_TEST(it_is_answered_by_what_was_found) {
        _cleanup_(door_done) Door door = { 0 };

        ck_assert_ptr_nonnull(ask(caller.uid, "{\"deep\":true}", &door));
        wait_for(&door);
        ck_assert_ptr_null(door.error);
        ck_assert(json_object_get_boolean(json_object_object_get(check_of(&door), "whole")));
        ck_assert_uint_eq(json_object_array_length(
                                  json_object_object_get(check_of(&door), "findings")),
                          0);
}
END_TEST

START_TEST(one_uid_has_one) {
        _cleanup_(door_done) Door first = { 0 }, second = { 0 }, third = { 0 };
        uid_t uid = caller.uid;

        ck_assert_ptr_nonnull(ask(uid, "{}", &first));
        ck_assert_ptr_null(ask(uid, "{}", &second));
        ck_assert_str_eq(second.error, "org.certexc1.LimitReached");
        wait_for(&first);
        ck_assert_ptr_nonnull(check_of(&first));
        ck_assert_ptr_nonnull(ask(uid, "{}", &third));
        wait_for(&third);
        ck_assert_ptr_nonnull(check_of(&third));
}
END_TEST

START_TEST(others_wait_up_to_the_bound) {
        Door doors[ALL] = { 0 };
        _cleanup_(door_done) Door late = { 0 };

        for (unsigned i = 0; i < ALL; i++)
                ck_assert_ptr_nonnull(ask(5000 + i, "{}", &doors[i]));
        ck_assert_ptr_null(ask(6000, "{}", &late));
        ck_assert_str_eq(late.error, "org.certexc1.LimitReached");
        for (unsigned i = 0; i < ALL; i++) {
                wait_for(&doors[i]);
                ck_assert_ptr_null(doors[i].error);
                ck_assert(!json_object_get_boolean(
                        json_object_object_get(check_of(&doors[i]), "whole")));
                door_done(&doors[i]);
        }
}
END_TEST

START_TEST(who_leaves_is_in_nobodys_way) {
        _cleanup_(door_done) Door first = { 0 }, waits = { 0 }, last = { 0 };
        uid_t uid = caller.uid;
        Request *running, *waiting;

        running = ask(uid, "{\"deep\":true}", &first);
        waiting = ask(5000, "{}", &waits);
        ck_assert_ptr_nonnull(ask(5001, "{}", &last));
        ck_assert_ptr_null(request_free(waiting));
        ck_assert_ptr_null(request_free(running));
        wait_for(&last);
        ck_assert_ptr_nonnull(check_of(&last));
        ck_assert_uint_eq(first.n, 0);
        ck_assert_uint_eq(waits.n, 0);
}
END_TEST

START_TEST(a_rebuild_does_not_wait_for_it) {
        _cleanup_(door_done) Door check = { 0 }, rebuild = { 0 }, after = { 0 };
        uid_t uid = caller.uid;

        ck_assert_ptr_nonnull(ask(uid, "{\"deep\":true}", &check));
        (void) start("org.certexc1.Rebuild", "{}", &rebuild);
        wait_for(&rebuild);
        ck_assert_ptr_null(rebuild.error);
        wait_for(&check);
        ck_assert(check_of(&check) || strcmp(check.error, "org.certexc1.Rebuilding") == 0);
        ck_assert_ptr_nonnull(ask(uid, "{\"deep\":true}", &after));
        wait_for(&after);
        ck_assert_ptr_nonnull(check_of(&after));
}
END_TEST

START_TEST(the_daemon_may_stop_meanwhile) {
        Door door = { 0 };
        Request *request = ask(caller.uid, "{\"deep\":true}", &door);

        ck_assert_ptr_null(request_free(request));
        door_done(&door);
}
END_TEST

static const struct {
        const char *sentence;
        uid_t uid; /* 0: the daemon's own */
        const char *parameters;
        const char *error;
} refusals[] = {
        { "another may not have all pages read", 5000, "{\"deep\":true}", "org.certexc1.AccessDenied" },
        { "nor look at another's rows", 5000, "{\"owner\":1}", "org.certexc1.AccessDenied" },
        { "deep is yes or no", 0, "{\"deep\":1}", "org.varlink.service.InvalidParameter" },
        { "there is nothing else", 0, "{\"deeper\":true}", "org.varlink.service.InvalidParameter" },
};

START_TEST(it_is_refused_by_name) {
        _cleanup_(door_done) Door door = { 0 };

        (void) ask(refusals[_i].uid ? refusals[_i].uid : caller.uid, refusals[_i].parameters, &door);
        ck_assert_msg(door.error && strcmp(door.error, refusals[_i].error) == 0, "%s: %s",
                      refusals[_i].sentence, door.error);
}
END_TEST

int main(int argc, char **argv) {
        TCase *c = tcase_create("checkup");
        Suite *s = suite_create("checkup");
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
        tcase_add_checked_fixture(c, setup, teardown);
        tcase_set_timeout(c, 60);
        tcase_add_test(c, it_is_answered_by_what_was_found);
        tcase_add_test(c, one_uid_has_one);
        tcase_add_test(c, others_wait_up_to_the_bound);
        tcase_add_test(c, who_leaves_is_in_nobodys_way);
        tcase_add_test(c, a_rebuild_does_not_wait_for_it);
        tcase_add_test(c, the_daemon_may_stop_meanwhile);
        tcase_add_loop_test(c, it_is_refused_by_name, 0, (int) N_ELEMENTS(refusals));
        suite_add_tcase(s, c);
        runner = srunner_create(s);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
