/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Whose work the loop does next: stories of uids with a little and with a lot of it. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/limits.h"
#include "daemon/turns.h"

/* Somebody's work: its turns take so long, and there are so many of them. */
typedef struct Work {
        Turn turn;
        char name;
        uint64_t usec;
        unsigned n;
} Work;

static sd_event *event;
static Turns *turns;
static uint64_t now;
static char order[256];
static Work hostile[3], honest, other;

static uint64_t tell_time(clockid_t clock) {
        return now;
}

static void on_turn(void *userdata) {
        Work *w = userdata;

        now += w->usec;
        (void) snprintf(order + strlen(order), sizeof(order) - strlen(order), "%c", w->name);
        if (--w->n > 0)
                turn_want(&w->turn);
}

static void begin(Work *w, int64_t whose, char name, uint64_t usec, unsigned n) {
        *w = (Work){ .name = name, .usec = usec, .n = n };
        ck_assert_int_eq(turn_begin(turns, whose, on_turn, w, &w->turn), 0);
}

static void run(unsigned n) {
        for (; n > 0; n--)
                ck_assert_int_gt(sd_event_run(event, 0), 0);
}

/* Who rests is looked at again and again, since only the test's clock stands still. */
static void run_all(void) {
        for (unsigned i = 0; i < 3000 && sd_event_run(event, 0) > 0; i++)
                ;
}

static void set_up(void) {
        now = 1000000;
        *order = '\0';
        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_int_eq(turns_new(event, tell_time, &turns), 0);
        for (unsigned i = 0; i < N_ELEMENTS(hostile); i++)
                begin(&hostile[i], 1000, (char) ('1' + i), 100, 4);
        begin(&honest, 1001, 'h', 20, 1);
        begin(&other, 1002, 'o', 100, 1);
}

static void tear_down(void) {
        for (unsigned i = 0; i < N_ELEMENTS(hostile); i++)
                turn_end(&hostile[i].turn);
        turn_end(&honest.turn);
        turn_end(&other.turn);
        turns = turns_free(turns);
        event = sd_event_unref(event);
}

static void want_hostile(void) {
        for (unsigned i = 0; i < N_ELEMENTS(hostile); i++)
                turn_want(&hostile[i].turn);
}

START_TEST(turns_of_one_uid_go_round) {
        want_hostile();
        turn_want(&hostile[0].turn); /* it waits already */
        run_all();
        ck_assert_str_eq(order, "123123123123");
}
END_TEST

START_TEST(who_asks_now_and_then_waits_for_one_turn) {
        want_hostile();
        run(4);
        turn_want(&honest.turn);
        run(2);
        ck_assert_str_eq(order, "1231h2");
        for (unsigned i = 0; i < 3; i++) {
                honest.n = 1;
                turn_want(&honest.turn);
                run(2);
        }
        ck_assert_str_eq(order, "1231h2h3h1h2");
}
END_TEST

START_TEST(many_connections_get_no_more_than_one) {
        other.n = 12;
        want_hostile();
        turn_want(&other.turn);
        run(8);
        ck_assert_str_eq(order, "1o2o3o1o");
}
END_TEST

START_TEST(it_is_time_that_counts_and_not_turns) {
        honest.n = 12;
        want_hostile();
        turn_want(&honest.turn);
        run(8);
        ck_assert_str_eq(order, "1hhhhh2h");
}
END_TEST

/* @n turns of the hostile uid, of 100 us each, before the other one wants any. */
static void work_alone(unsigned n) {
        hostile[0].n = n + 1000;
        turn_want(&hostile[0].turn);
        run(n);
        *order = '\0';
}

/* How many turns of 100 us the other one gets before the hostile one has its next. */
static unsigned turns_ahead(void) {
        other.n = 1000;
        turn_want(&other.turn);
        run(200);
        return (unsigned) strspn(order, "o");
}

START_TEST(what_was_not_wanted_is_owed_up_to_a_bound) {
        /* One turn is owed to it because the other had the last. */
        work_alone(TURNS_AHEAD_USEC / 100);
        ck_assert_uint_eq(turns_ahead(), TURNS_AHEAD_USEC / 100);
}
END_TEST

START_TEST(more_than_the_bound_is_not_owed) {
        work_alone(10 * TURNS_AHEAD_USEC / 100);
        ck_assert_uint_eq(turns_ahead(), TURNS_AHEAD_USEC / 100 + 1);
}
END_TEST

START_TEST(who_comes_anew_has_no_claim) {
        work_alone(500);
        turn_end(&other.turn);
        begin(&other, 1002, 'o', 100, 1);
        ck_assert_uint_eq(turns_ahead(), 1);
}
END_TEST

/* A turn so long that nothing more of them is free. */
static void take_long_turn(void) {
        hostile[0].usec = LONG_TURN_BURST_USEC + 50;
        hostile[0].n = 1;
        turn_want(&hostile[0].turn);
        run(1);
        hostile[0].usec = 100;
        hostile[0].n = 4;
        *order = '\0';
}

START_TEST(who_takes_long_rests_while_others_ask) {
        uint64_t end;

        turn_want(&honest.turn);
        run(1);
        take_long_turn();
        end = now;
        honest.n = 3;
        turn_want(&honest.turn);
        want_hostile();
        run_all();
        ck_assert_str_eq(order, "hhh");

        /* What the loop slept for is no way out. */
        turns_rest(turns);
        ck_assert(!turn_at_once(&hostile[1].turn));
        now = end + 50 * LONG_TURN_PACE - 1 - honest.usec;
        honest.n = 1;
        turn_want(&honest.turn);
        run_all();
        ck_assert_str_eq(order, "hhhh");
        now++;
        turn_want(&other.turn);
        run_all();
        ck_assert_ptr_nonnull(strchr(order, '1'));
}
END_TEST

/* So many of a heap are free, of 100 us each, since time pays for a part of each meanwhile. */
#define FREE_OF_HEAP ((HEAPED_TURNS_BURST_USEC - 100) / (100 - 100 / HEAPED_TURNS_PACE) + 1)

/* All turns of the hostile uid's three connections that are free, and one more, beside somebody who asks. */
static void take_heap(void) {
        turn_want(&honest.turn);
        run(1);
        for (unsigned i = 0; i < N_ELEMENTS(hostile); i++)
                hostile[i].n = 1000;
        want_hostile();
        for (unsigned i = 0; i < FREE_OF_HEAP; i++) {
                *order = '\0';
                run(1);
                ck_assert_uint_eq(strlen(order), 1);
        }
        *order = '\0';
        run(1);
        ck_assert_uint_eq(strlen(order), 1);
        *order = '\0';
}

START_TEST(who_asks_on_many_connections_rests_while_others_ask) {
        take_heap();
        run_all();
        ck_assert_str_eq(order, "");
        honest.n = 3;
        turn_want(&honest.turn);
        run_all();
        ck_assert_str_eq(order, "hhh");
        now += REST_USEC_MAX;
        honest.n = 1;
        honest.usec = 0;
        turn_want(&honest.turn);
        run_all();
        ck_assert_ptr_nonnull(strpbrk(order, "123"));
}
END_TEST

START_TEST(who_asks_one_question_after_another_rests_never) {
        turn_want(&honest.turn);
        run(1);
        hostile[0].n = 4 * FREE_OF_HEAP;
        turn_want(&hostile[0].turn);
        for (unsigned i = 0; i < 3 * FREE_OF_HEAP; i++) {
                *order = '\0';
                run(1);
                ck_assert_str_eq(order, "1");
        }
}
END_TEST

START_TEST(to_leave_does_not_pay_a_debt) {
        take_heap();
        for (unsigned i = 0; i < N_ELEMENTS(hostile); i++)
                turn_end(&hostile[i].turn);
        begin(&hostile[0], 1000, '1', 100, 1);
        turn_want(&hostile[0].turn);
        run_all();
        ck_assert_str_eq(order, "");

        /* Time does, and then nothing is remembered. */
        turn_end(&hostile[0].turn);
        now += HEAPED_TURNS_BURST_USEC * HEAPED_TURNS_PACE + REST_USEC_MAX;
        begin(&hostile[0], 1000, '1', 100, 1);
        honest.n = 1;
        turn_want(&honest.turn);
        turn_want(&hostile[0].turn);
        run_all();
        ck_assert_uint_eq(strlen(order), 2);
}
END_TEST

/* A uid comes, takes all long turns that are free, and leaves; then @n others do. The first comes again, and
 * takes half as much. true if it has to rest then. */
static bool first_is_remembered(unsigned n) {
        for (unsigned i = 0; i <= n; i++) {
                Work debtor;

                begin(&debtor, 2000 + i, 'd', LONG_TURN_BURST_USEC, 1);
                honest.n = 1;
                turn_want(&honest.turn);
                run(1);
                turn_want(&debtor.turn);
                run(1);
                turn_end(&debtor.turn);
                *order = '\0';
        }
        begin(&other, 2000, 'o', LONG_TURN_BURST_USEC / 2, 2);
        turn_want(&other.turn);
        run(1);
        ck_assert_str_eq(order, "o");
        (void) sd_event_run(event, 0);
        return strlen(order) == 1;
}

START_TEST(so_many_debtors_are_remembered) {
        honest.usec = 0;
        turn_end(&other.turn);
        ck_assert(first_is_remembered(DEBTORS_MAX - 1));
}
END_TEST

START_TEST(and_not_one_more) {
        honest.usec = 0;
        turn_end(&other.turn);
        ck_assert(!first_is_remembered(DEBTORS_MAX));
}
END_TEST

START_TEST(rest_is_over_when_the_others_have_left) {
        turn_want(&honest.turn);
        run(1);
        take_long_turn();
        honest.n = 1;
        turn_want(&honest.turn);
        want_hostile();
        run_all();
        ck_assert_str_eq(order, "h");

        now += TURNS_CROWD_USEC + 1;
        while (strlen(order) < 2)
                ck_assert_int_gt(sd_event_run(event, UINT64_C(60000000)), 0);
        ck_assert_str_eq(order, "h1");
}
END_TEST

START_TEST(who_is_alone_need_not_rest) {
        take_long_turn();
        want_hostile();
        run(3);
        ck_assert_str_eq(order, "123");
}
END_TEST

/* An hour of long questions while nobody else was there; then somebody comes, and stays. */
START_TEST(what_was_done_alone_does_not_count) {
        for (unsigned i = 0; i < 1000; i++)
                take_long_turn();
        turn_want(&honest.turn);
        run(1);
        want_hostile();
        run(3);
        ck_assert_str_eq(order, "h123");
}
END_TEST

START_TEST(nobody_rests_longer_than_the_bound) {
        turn_want(&honest.turn);
        run(1);
        hostile[0].usec = TURNS_CROWD_USEC / 2;
        hostile[0].n = 1;
        turn_want(&hostile[0].turn);
        run(1);
        *order = '\0';
        hostile[0].n = 4;
        want_hostile();
        now += REST_USEC_MAX / LONG_TURN_PACE * LONG_TURN_PACE - 1;
        honest.n = 1;
        honest.usec = 0;
        turn_want(&honest.turn);
        (void) sd_event_run(event, 0);
        (void) sd_event_run(event, 0);
        ck_assert_str_eq(order, "h");
        now++;
        honest.n = 1;
        turn_want(&honest.turn);
        run_all();
        ck_assert_ptr_nonnull(strchr(order, '1'));
}
END_TEST

START_TEST(a_turn_at_the_bound_is_not_long) {
        hostile[0].usec = LONG_TURN_USEC;
        hostile[0].n = 100000;
        turn_want(&hostile[0].turn);
        for (unsigned i = 0; i < 1000; i++) {
                honest.n = 1;
                turn_want(&honest.turn);
                run(2);
                *order = '\0';
        }
        run(2);
        ck_assert_str_eq(order, "11");
}
END_TEST

START_TEST(a_turn_past_the_bound_is_long) {
        hostile[0].usec = LONG_TURN_USEC + 1;
        hostile[0].n = 100000;
        turn_want(&hostile[0].turn);
        for (unsigned i = 0; i < 1000; i++) {
                honest.n = 1;
                turn_want(&honest.turn);
                (void) sd_event_run(event, 0);
                (void) sd_event_run(event, 0);
                *order = '\0';
        }
        (void) sd_event_run(event, 0);
        (void) sd_event_run(event, 0);
        ck_assert_str_eq(order, "");
}
END_TEST

START_TEST(at_once_only_what_the_loop_slept_for) {
        ck_assert(!turn_at_once(&honest.turn));
        run_all();
        ck_assert_str_eq(order, "h");

        turns_rest(turns);
        ck_assert(turn_at_once(&other.turn));
        ck_assert_str_eq(order, "ho");
        ck_assert(!turn_at_once(&hostile[0].turn));

        /* While somebody waits nobody passes him by. */
        turns_rest(turns);
        honest.n = 1;
        ck_assert(!turn_at_once(&honest.turn));
}
END_TEST

START_TEST(a_turn_that_ends_is_not_taken) {
        want_hostile();
        turn_end(&hostile[1].turn);
        run(3);
        ck_assert_str_eq(order, "131");
}
END_TEST

static void end_it(void *userdata) {
        turn_end(userdata);
}

START_TEST(a_turn_may_end_itself) {
        Turn last = {};

        ck_assert_int_eq(turn_begin(turns, 1003, end_it, &last, &last), 0);
        turn_want(&last);
        run_all();
        ck_assert_ptr_null(last.party);
}
END_TEST

START_TEST(a_crowd_is_another_uid_a_moment_ago) {
        Work nobody;

        ck_assert(!turns_are_crowded(turns, 1000));
        begin(&nobody, TURNS_OF_LISTENER, 'n', 1, 1);
        turn_want(&nobody.turn);
        turn_want(&hostile[0].turn);
        run_all();
        ck_assert(!turns_are_crowded(turns, 1000));
        ck_assert(turns_are_crowded(turns, 1001));
        turn_end(&nobody.turn);

        turn_want(&honest.turn);
        run_all();
        now += TURNS_CROWD_USEC;
        ck_assert(turns_are_crowded(turns, 1000));
        now++;
        ck_assert(!turns_are_crowded(turns, 1000));
}
END_TEST

START_TEST(who_leaves_after_a_question_is_of_the_crowd) {
        turn_want(&honest.turn);
        run_all();
        turn_end(&honest.turn);
        ck_assert(turns_are_crowded(turns, 1000));
        ck_assert(!turns_are_crowded(turns, 1001));

        /* However often the one who asks about the crowd had turns since, and others before. */
        turn_want(&other.turn);
        run_all();
        want_hostile();
        run_all();
        ck_assert(turns_are_crowded(turns, 1000));
        ck_assert(turns_are_crowded(turns, 1001));
        now += TURNS_CROWD_USEC;
        ck_assert(!turns_are_crowded(turns, 1000));
        ck_assert(turns_are_crowded(turns, 1001));
}
END_TEST

START_TEST(what_is_nobodys_rests_never) {
        Work nobody;

        begin(&nobody, TURNS_OF_STORE, 'n', LONG_TURN_BURST_USEC, 8);
        for (unsigned i = 0; i < 8; i++) {
                honest.n = 1;
                turn_want(&honest.turn);
                turn_want(&nobody.turn);
                *order = '\0';
                run(2);
                ck_assert_uint_eq(strlen(order), 2);
                now += 1;
        }
        turn_end(&nobody.turn);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("turns");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, turns_of_one_uid_go_round);
        tcase_add_test(tcase, who_asks_now_and_then_waits_for_one_turn);
        tcase_add_test(tcase, many_connections_get_no_more_than_one);
        tcase_add_test(tcase, it_is_time_that_counts_and_not_turns);
        tcase_add_test(tcase, what_was_not_wanted_is_owed_up_to_a_bound);
        tcase_add_test(tcase, more_than_the_bound_is_not_owed);
        tcase_add_test(tcase, who_comes_anew_has_no_claim);
        tcase_add_test(tcase, who_takes_long_rests_while_others_ask);
        tcase_add_test(tcase, who_asks_on_many_connections_rests_while_others_ask);
        tcase_add_test(tcase, who_asks_one_question_after_another_rests_never);
        tcase_add_test(tcase, to_leave_does_not_pay_a_debt);
        tcase_add_test(tcase, so_many_debtors_are_remembered);
        tcase_add_test(tcase, and_not_one_more);
        tcase_add_test(tcase, rest_is_over_when_the_others_have_left);
        tcase_add_test(tcase, who_is_alone_need_not_rest);
        tcase_add_test(tcase, what_was_done_alone_does_not_count);
        tcase_add_test(tcase, nobody_rests_longer_than_the_bound);
        tcase_add_test(tcase, a_turn_at_the_bound_is_not_long);
        tcase_add_test(tcase, a_turn_past_the_bound_is_long);
        tcase_add_test(tcase, at_once_only_what_the_loop_slept_for);
        tcase_add_test(tcase, a_turn_that_ends_is_not_taken);
        tcase_add_test(tcase, a_turn_may_end_itself);
        tcase_add_test(tcase, a_crowd_is_another_uid_a_moment_ago);
        tcase_add_test(tcase, who_leaves_after_a_question_is_of_the_crowd);
        tcase_add_test(tcase, what_is_nobodys_rests_never);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
