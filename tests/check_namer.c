/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* User names from a database that answers when the test lets it. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include <systemd/sd-event.h>

#include "daemon/limits.h"
#include "daemon/namer.h"

#define WAIT_USEC (60U * 1000U * 1000U)

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static bool shut;           /* the database hangs */
static unsigned n_entered, n_left;

static sd_event *event;
static Namer *namer;

static void set_shut(bool to) {
        (void) pthread_mutex_lock(&mutex);
        shut = to;
        (void) pthread_cond_broadcast(&changed);
        (void) pthread_mutex_unlock(&mutex);
}

static void wait_until(const unsigned *counter, unsigned n) {
        (void) pthread_mutex_lock(&mutex);
        while (*counter < n)
                (void) pthread_cond_wait(&changed, &mutex);
        (void) pthread_mutex_unlock(&mutex);
}

static int look_up(uid_t uid, char ret[static CALLER_NAME_MAX]) {
        (void) pthread_mutex_lock(&mutex);
        n_entered++;
        (void) pthread_cond_broadcast(&changed);
        while (shut)
                (void) pthread_cond_wait(&changed, &mutex);
        n_left++;
        (void) pthread_cond_broadcast(&changed);
        (void) pthread_mutex_unlock(&mutex);
        if (uid == 0)
                return 0;
        if (uid == 1)
                return -EIO;
        (void) snprintf(ret, CALLER_NAME_MAX, "user%u", uid);
        return 1;
}

typedef struct Answer {
        unsigned n;
        int result;
        char name[CALLER_NAME_MAX];
} Answer;

static void on_done(int result, const char *name, void *userdata) {
        Answer *answer = userdata;

        answer->n++;
        answer->result = result;
        (void) snprintf(answer->name, sizeof(answer->name), "%s", name);
}

static void wait_for(const Answer *answer) {
        while (answer->n == 0)
                ck_assert_int_gt(sd_event_run(event, WAIT_USEC), 0);
}

static NamerCall *ask(uid_t uid, Answer *answer) {
        NamerCall *call = NULL;

        ck_assert_int_eq(namer_ask(namer, uid, on_done, answer, &call), 0);
        ck_assert_msg(answer->n == 0, "not before the loop runs");
        return call;
}

static void setup(void) {
        n_entered = n_left = 0;
        ck_assert_int_ge(sd_event_new(&event), 0);
        ck_assert_int_eq(namer_new(event, look_up, &namer), 0);
}

static void teardown(void) {
        namer = namer_free(namer);
        event = sd_event_unref(event);
        set_shut(false);
        wait_until(&n_left, n_entered);
}

static const struct {
        const char *sentence;
        uid_t uid;
        int result;
        const char *name;
} rows[] = {
        { "somebody has a name", 1000, 1, "user1000" },
        { "somebody has none", 0, 0, "" },
        { "the database fails", 1, -EIO, "" },
};

START_TEST(each_gets_what_the_database_says) {
        Answer answer = { 0 };

        (void) ask(rows[_i].uid, &answer);
        wait_for(&answer);
        ck_assert_msg(answer.result == rows[_i].result && strcmp(answer.name, rows[_i].name) == 0,
                      "%s: %d %s", rows[_i].sentence, answer.result, answer.name);
}
END_TEST

START_TEST(they_are_answered_in_their_order) {
        Answer answers[3] = { { 0 } };

        for (unsigned i = 0; i < 3; i++)
                (void) ask(2000 + i, &answers[i]);
        for (unsigned i = 0; i < 3; i++) {
                char name[32];

                wait_for(&answers[i]);
                ck_assert_msg(i == 2 || answers[i + 1].n == 0, "one after the other");
                (void) snprintf(name, sizeof(name), "user%u", 2000 + i);
                ck_assert_str_eq(answers[i].name, name);
        }
}
END_TEST

START_TEST(a_database_that_hangs_is_waited_for_once) {
        Answer first = { 0 }, second = { 0 }, later = { 0 };
        NamerCall *call = NULL;

        set_shut(true);
        (void) ask(1000, &first);
        (void) ask(1001, &second);
        wait_for(&first);
        ck_assert_int_eq(first.result, -ETIMEDOUT);
        wait_for(&second);
        ck_assert_int_eq(second.result, -ETIMEDOUT);
        ck_assert_msg(namer_ask(namer, 1002, on_done, &later, &call) == -EBUSY,
                      "nobody else waits for it");

        /* What comes too late is for nobody, and then all is well. */
        set_shut(false);
        while (namer_ask(namer, 1002, on_done, &later, &call) < 0)
                ck_assert_int_gt(sd_event_run(event, WAIT_USEC), 0);
        wait_for(&later);
        ck_assert_str_eq(later.name, "user1002");
        ck_assert_uint_eq(first.n, 1);
        ck_assert_uint_eq(second.n, 1);
}
END_TEST

START_TEST(who_left_is_not_answered) {
        Answer at_work = { 0 }, waiting = { 0 }, last = { 0 };
        NamerCall *one, *two;

        set_shut(true);
        one = ask(1000, &at_work);
        wait_until(&n_entered, 1);
        two = ask(1001, &waiting);
        (void) ask(1002, &last);
        ck_assert_ptr_null(namer_call_free(two));
        ck_assert_ptr_null(namer_call_free(one));
        set_shut(false);
        wait_for(&last);
        ck_assert_str_eq(last.name, "user1002");
        ck_assert_uint_eq(at_work.n + waiting.n, 0);
        ck_assert_msg(n_entered == 2, "nor is it asked about who left before its turn");
}
END_TEST

START_TEST(so_many_wait_and_no_more) {
        static Answer answers[NAMER_QUEUE_MAX + 2];
        NamerCall *call = NULL;

        set_shut(true);
        (void) ask(1000, &answers[0]);
        for (unsigned i = 1; i <= NAMER_QUEUE_MAX; i++)
                (void) ask(1000 + i, &answers[i]);
        ck_assert_int_eq(namer_ask(namer, 9, on_done, &answers[NAMER_QUEUE_MAX + 1], &call), -EBUSY);
        set_shut(false);
        wait_for(&answers[NAMER_QUEUE_MAX]);
        ck_assert_int_eq(answers[NAMER_QUEUE_MAX].result, 1);
}
END_TEST

/* The daemon ends also then; the thread does when the database lets it. */
START_TEST(the_end_does_not_wait_for_it) {
        Answer answer = { 0 };

        set_shut(true);
        (void) namer_call_free(ask(1000, &answer));
        wait_until(&n_entered, 1);
        namer = namer_free(namer);
        ck_assert_uint_eq(n_left, 0);
        ck_assert_uint_eq(answer.n, 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("namer");
        TCase *tcase = tcase_create("namer");
        SRunner *runner = srunner_create(suite);
        int failed;

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, each_gets_what_the_database_says, 0, N_ELEMENTS(rows));
        tcase_add_test(tcase, they_are_answered_in_their_order);
        tcase_add_test(tcase, a_database_that_hangs_is_waited_for_once);
        tcase_add_test(tcase, who_left_is_not_answered);
        tcase_add_test(tcase, so_many_wait_and_no_more);
        tcase_add_test(tcase, the_end_does_not_wait_for_it);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
