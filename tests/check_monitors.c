/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who is told of whose changes, and what is remembered of owners between requests. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <string.h>

#include "daemon/decision.h"
#include "daemon/limits.h"
#include "daemon/monitors.h"
#include "daemon/owners.h"

typedef struct Listener {
        Monitor *monitor;
        Monitor **leaves; /* a monitor that leaves when this one is told */
        unsigned n;
} Listener;

static void on_event(Monitor *monitor, struct json_object *event, void *userdata) {
        Listener *l = userdata;

        ck_assert_ptr_eq(monitor, l->monitor);
        ck_assert_ptr_nonnull(event);
        l->n++;
        if (l->leaves)
                *l->leaves = monitor_free(*l->leaves);
}

static void listen_to(Monitors *monitors, int64_t owner, Listener *l) {
        ck_assert_int_eq(monitor_new(monitors, 1, owner, on_event, l, &l->monitor), 0);
}

START_TEST(test_told) {
        _cleanup_(monitors_freep) Monitors *monitors = NULL;
        struct json_object *event = json_object_new_object();
        Listener alice = {}, bob = {}, root = {};

        ck_assert_int_eq(monitors_new(&monitors), 0);
        listen_to(monitors, 1000, &alice);
        listen_to(monitors, 1001, &bob);
        listen_to(monitors, OWNER_SYSTEM, &root);

        monitors_tell(monitors, 1000, event);
        ck_assert_msg(alice.n == 1 && bob.n == 0 && root.n == 0, "an owner's change is its own");

        monitors_tell(monitors, OWNER_SYSTEM, event);
        ck_assert_msg(alice.n == 2 && bob.n == 1 && root.n == 1, "the system's is everyone's");

        alice.monitor = monitor_free(alice.monitor);
        monitors_tell(monitors, 1000, event);
        ck_assert_msg(alice.n == 2, "who left is not told");
        ck_assert_ptr_null(monitor_free(NULL));
        json_object_put(event);
}
END_TEST

START_TEST(test_leaving_while_told) {
        _cleanup_(monitors_freep) Monitors *monitors = NULL;
        struct json_object *event = json_object_new_object();
        Listener l[3] = {};

        ck_assert_int_eq(monitors_new(&monitors), 0);
        for (unsigned i = 0; i < 3; i++)
                listen_to(monitors, 1000, &l[i]);

        /* They are told latest first: the last one takes the next out, then itself leaves. */
        l[2].leaves = &l[1].monitor;
        l[0].leaves = &l[0].monitor;
        monitors_tell(monitors, 1000, event);
        ck_assert_uint_eq(l[2].n, 1);
        ck_assert_uint_eq(l[1].n, 0);
        ck_assert_uint_eq(l[0].n, 1);

        l[2].leaves = NULL;
        monitors_tell(monitors, 1000, event);
        ck_assert_uint_eq(l[2].n, 2);
        ck_assert_uint_eq(l[1].n + l[0].n, 1);
        json_object_put(event);
}
END_TEST

START_TEST(test_bound) {
        _cleanup_(monitors_freep) Monitors *monitors = NULL;
        Monitor *m[MONITORS_PER_UID_MAX], *more = NULL;

        ck_assert_int_eq(monitors_new(&monitors), 0);
        for (unsigned i = 0; i < MONITORS_PER_UID_MAX; i++)
                ck_assert_int_eq(monitor_new(monitors, 7, 7, on_event, NULL, &m[i]), 0);
        ck_assert_int_eq(monitor_new(monitors, 7, 7, on_event, NULL, &more), -EBUSY);
        ck_assert_ptr_null(more);
        ck_assert_int_eq(monitor_new(monitors, 8, 7, on_event, NULL, &more), 0);

        m[0] = monitor_free(m[0]);
        ck_assert_int_eq(monitor_new(monitors, 7, 7, on_event, NULL, &m[0]), 0);
}
END_TEST

START_TEST(test_owner_names) {
        _cleanup_(owners_freep) Owners *owners = NULL;

        ck_assert_int_eq(owners_new(&owners), 0);
        ck_assert_msg(owners_name_due(owners, 1000, 50), "at the first contact");
        owners_name_checked(owners, 1000, 50);
        ck_assert_msg(!owners_name_due(owners, 1000, 50), "not again at once");
        ck_assert_msg(!owners_name_due(owners, 1000, 50 + OWNERS_NAME_SEC - 1), "nor just before");
        ck_assert_msg(owners_name_due(owners, 1000, 50 + OWNERS_NAME_SEC), "but then");
        ck_assert_msg(owners_name_due(owners, 1000, 49), "and when the clock went back");
        ck_assert_msg(owners_name_due(owners, 1001, 50), "another owner is another owner");
        ck_assert_msg(owners_name_due(owners, 1256, 50), "also in the same slot");
        owners_name_checked(owners, 1256, 50);
        ck_assert_msg(owners_name_due(owners, 1000, 50), "which it then has taken");
}
END_TEST

START_TEST(test_seen_writes) {
        _cleanup_(owners_freep) Owners *owners = NULL;

        ck_assert_int_eq(owners_new(&owners), 0);
        for (unsigned i = 0; i < SEEN_WRITES_PER_OWNER_MAX; i++)
                ck_assert(owners_may_write_seen(owners, 1000, 100 + i % 2));
        ck_assert_msg(!owners_may_write_seen(owners, 1000, 100 + SEEN_WRITES_SEC - 1), "one past");
        ck_assert_msg(owners_may_write_seen(owners, 1001, 100), "another owner has its own");
        ck_assert_msg(owners_may_write_seen(owners, 1000, 100 + SEEN_WRITES_SEC), "a minute later");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("monitors");
        TCase *tcase = tcase_create("monitors");
        SRunner *runner;
        int failed;

        tcase_add_test(tcase, test_told);
        tcase_add_test(tcase, test_leaving_while_told);
        tcase_add_test(tcase, test_bound);
        tcase_add_test(tcase, test_owner_names);
        tcase_add_test(tcase, test_seen_writes);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
