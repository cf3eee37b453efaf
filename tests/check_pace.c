/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* How much somebody may work beside others, at the bound and one past it. */
#include "config.h"

#include <check.h>

#include "client/cleanup.h"
#include "daemon/limits.h"
#include "daemon/pace.h"

#define START UINT64_C(1000000000)
#define MSEC  UINT64_C(1000)

static const PaceLimits limits = { JUDGE_BURST_USEC, JUDGE_PACE, REST_USEC_MAX };

/* The same work again and again, and then so long a rest is due. */
static const struct {
        const char *what;
        unsigned n;
        uint64_t work, pause;
        uint64_t rest;
} stories[] = {
        { "who has not worked need not rest", 0, 0, 0, 0 },
        { "a burst is free", 1, JUDGE_BURST_USEC, 0, 0 },
        { "a microsecond more is not", 1, JUDGE_BURST_USEC + 1, 0, JUDGE_PACE },
        { "what follows it is paid for", 1, JUDGE_BURST_USEC + MSEC, 0, MSEC * JUDGE_PACE },
        { "many short ones are one long one, less what was paid meanwhile", 103, MSEC, 0,
          (103 * MSEC - 102 * (MSEC / JUDGE_PACE) - JUDGE_BURST_USEC) * JUDGE_PACE },
        { "the longest rest there is", 1, JUDGE_BURST_USEC + REST_USEC_MAX / JUDGE_PACE, 0,
          REST_USEC_MAX / JUDGE_PACE * JUDGE_PACE },
        { "is not longer for more work", 1, JUDGE_BURST_USEC + REST_USEC_MAX / JUDGE_PACE + 1, 0,
          REST_USEC_MAX / JUDGE_PACE * JUDGE_PACE },
        { "nor for an hour of it", 1, 3600 * 1000 * MSEC, 0, REST_USEC_MAX / JUDGE_PACE * JUDGE_PACE },
        { "at the pace itself nobody rests", 10000, MSEC, (JUDGE_PACE - 1) * MSEC, 0 },
        { "a burst is free again after a pause", 2, JUDGE_BURST_USEC, JUDGE_BURST_USEC * JUDGE_PACE, 0 },
};

static uint64_t work(Pace *pace, uint64_t now, uint64_t usec) {
        pace_begin(pace, now);
        pace_end(pace, &limits, now + usec);
        return now + usec;
}

START_TEST(work_and_rest) {
        Pace pace = {};
        uint64_t now = START;

        for (unsigned i = 0; i < stories[_i].n; i++) {
                if (i > 0)
                        now += stories[_i].pause;
                now = work(&pace, now, stories[_i].work);
        }
        ck_assert_msg(pace_rest(&pace, &limits, now) == stories[_i].rest, "%s: %llu", stories[_i].what,
                      (unsigned long long) pace_rest(&pace, &limits, now));
}
END_TEST

START_TEST(rest_comes_to_its_end) {
        Pace pace = {};
        uint64_t now = work(&pace, START, JUDGE_BURST_USEC + 10);

        ck_assert_uint_eq(pace_rest(&pace, &limits, now + 4), 10 * JUDGE_PACE - 4);
        ck_assert_uint_eq(pace_rest(&pace, &limits, now + 10 * JUDGE_PACE - 1), 1);
        ck_assert_uint_eq(pace_rest(&pace, &limits, now + 10 * JUDGE_PACE), 0);
        ck_assert_uint_eq(pace_rest(&pace, &limits, now + 1000 * JUDGE_PACE), 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("pace");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_loop_test(tcase, work_and_rest, 0, N_ELEMENTS(stories));
        tcase_add_test(tcase, rest_comes_to_its_end);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
