/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Each uid's part of the daemon, at its bounds and one past them. */
#include "config.h"

#include <check.h>

#include "daemon/limits.h"
#include "daemon/share.h"

#define HALF (HELD_BYTES_PER_UID_MAX / 2)
#define NOW UINT64_C(1000000)
#define PATIENCE (HELD_PATIENCE_SEC * UINT64_C(1000000))

/* Connections, and how often each of them heard what. */
typedef struct Connection {
        Holding holding;
        unsigned heard[SHARE_OVER + 1];
} Connection;

static Shares *shares;
static Connection a[3], other;

static void hear(ShareNews news, void *userdata) {
        Connection *c = userdata;

        c->heard[news]++;
}

static void connect_as(uid_t uid, Connection *c) {
        *c = (Connection){};
        ck_assert_int_eq(holding_begin(shares, uid, hear, c, &c->holding), 0);
}

static void set_up(void) {
        ck_assert_int_eq(shares_new(&shares), 0);
        for (unsigned i = 0; i < N_ELEMENTS(a); i++)
                connect_as(1000, &a[i]);
        connect_as(1001, &other);
}

static void tear_down(void) {
        for (unsigned i = 0; i < N_ELEMENTS(a); i++)
                holding_end(&a[i].holding);
        holding_end(&other.holding);
        shares = shares_free(shares);
}

static void waits(Connection *c, size_t bytes, bool at_work) {
        holding_set(&c->holding, (Held){ .waiting = bytes, .at_work = at_work }, NOW);
}

static void unread(Connection *c, size_t bytes) {
        holding_set(&c->holding, (Held){ .unread = bytes }, NOW);
}

START_TEST(at_the_bound_nothing_more_is_taken) {
        waits(&a[0], HALF - 1, true);
        ck_assert(holding_may_go_on(&a[1].holding));

        waits(&a[1], 1, false);
        for (unsigned i = 0; i < N_ELEMENTS(a); i++) {
                ck_assert(!holding_may_go_on(&a[i].holding));
        }
        /* Another uid does not notice, and what may not be taken may be answered. */
        ck_assert(holding_may_go_on(&other.holding));
        unread(&a[2], HALF);
        ck_assert_uint_eq(a[2].heard[SHARE_OVER], 0);
        ck_assert_uint_eq(a[0].heard[SHARE_OVER], 0);
}
END_TEST

START_TEST(room_is_told_to_all_of_the_uid) {
        waits(&a[0], HALF, true);
        ck_assert_uint_eq(a[1].heard[SHARE_ROOM], 0);
        waits(&a[0], HALF - 1, true);
        for (unsigned i = 0; i < N_ELEMENTS(a); i++)
                ck_assert_uint_eq(a[i].heard[SHARE_ROOM], 1);
        ck_assert_uint_eq(other.heard[SHARE_ROOM], 0);

        /* Who leaves makes room as well; and without need nothing is told. */
        waits(&a[1], HALF, false);
        holding_end(&a[1].holding);
        ck_assert_uint_eq(a[0].heard[SHARE_ROOM], 2);
        waits(&a[0], 0, false);
        ck_assert_uint_eq(a[0].heard[SHARE_ROOM], 2);
}
END_TEST

START_TEST(at_the_bound_one_after_the_other_goes_on) {
        waits(&a[0], HALF / 2, false);
        waits(&a[1], HALF, false);
        waits(&a[2], HALF / 4, false);
        ck_assert(!holding_may_go_on(&a[0].holding));
        ck_assert(holding_may_go_on(&a[1].holding));
        ck_assert_uint_eq(a[1].heard[SHARE_ROOM], 1);

        /* Its call has begun: no other does. */
        waits(&a[1], HALF, true);
        for (unsigned i = 0; i < N_ELEMENTS(a); i++)
                ck_assert(!holding_may_go_on(&a[i].holding));

        /* It is done, and has another that is shorter: the next one's turn. */
        waits(&a[1], HALF / 4 + 1, false);
        ck_assert(!holding_may_go_on(&a[1].holding));
        ck_assert(holding_may_go_on(&a[0].holding));
        ck_assert_uint_eq(a[0].heard[SHARE_ROOM], 1);
        ck_assert_uint_eq(a[2].heard[SHARE_ROOM], 0);
}
END_TEST

START_TEST(who_waits_for_a_person_holds_up_nobody) {
        holding_set(&a[0].holding, (Held){ .waiting = HALF, .stuck = true }, NOW);
        waits(&a[1], 10, false);
        ck_assert(!holding_may_go_on(&a[0].holding));
        ck_assert(holding_may_go_on(&a[1].holding));
        waits(&a[1], 10, true);
        holding_end(&a[1].holding);
        waits(&a[2], 10, false);
        ck_assert(holding_may_go_on(&a[2].holding));
}
END_TEST

START_TEST(past_the_bound_the_fullest_that_does_not_read_goes) {
        unread(&a[0], HALF / 2);
        unread(&a[1], HALF / 2 - 10);
        unread(&a[2], 10);
        for (unsigned i = 0; i < N_ELEMENTS(a); i++)
                ck_assert_uint_eq(a[i].heard[SHARE_OVER], 0);

        unread(&a[2], 11);
        ck_assert_uint_eq(a[0].heard[SHARE_OVER], 1);
        ck_assert_uint_eq(a[1].heard[SHARE_OVER] + a[2].heard[SHARE_OVER], 0);

        /* It counts no more, although it is there until the loop ends it. */
        unread(&a[0], HALF);
        unread(&a[2], HALF / 2);
        ck_assert_uint_eq(a[0].heard[SHARE_OVER], 1);
        ck_assert_uint_eq(a[1].heard[SHARE_OVER] + a[2].heard[SHARE_OVER], 0);
        ck_assert_uint_eq(other.heard[SHARE_OVER], 0);
}
END_TEST

START_TEST(what_stays_full_ends_at_last) {
        ck_assert_uint_eq(shares_due(shares), UINT64_MAX);
        waits(&a[0], HALF - 10, true);
        waits(&a[1], 20, false);
        ck_assert_uint_eq(shares_due(shares), NOW + PATIENCE);

        shares_expire(shares, NOW + PATIENCE - 1);
        ck_assert_uint_eq(a[0].heard[SHARE_OVER], 0);
        shares_expire(shares, NOW + PATIENCE);
        ck_assert_uint_eq(a[0].heard[SHARE_OVER], 1);
        ck_assert_uint_eq(a[1].heard[SHARE_OVER], 0);
        ck_assert_uint_eq(a[1].heard[SHARE_ROOM], 1);
        ck_assert_uint_eq(shares_due(shares), UINT64_MAX);
}
END_TEST

START_TEST(room_ends_the_patience) {
        waits(&a[0], HALF, true);
        waits(&a[0], 0, false);
        ck_assert_uint_eq(shares_due(shares), UINT64_MAX);
        holding_set(&a[0].holding, (Held){ .waiting = HALF }, NOW + 5);
        ck_assert_uint_eq(shares_due(shares), NOW + 5 + PATIENCE);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("share");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, at_the_bound_nothing_more_is_taken);
        tcase_add_test(tcase, room_is_told_to_all_of_the_uid);
        tcase_add_test(tcase, at_the_bound_one_after_the_other_goes_on);
        tcase_add_test(tcase, who_waits_for_a_person_holds_up_nobody);
        tcase_add_test(tcase, past_the_bound_the_fullest_that_does_not_read_goes);
        tcase_add_test(tcase, what_stays_full_ends_at_last);
        tcase_add_test(tcase, room_ends_the_patience);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
