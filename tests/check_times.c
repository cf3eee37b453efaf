/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ends as people type them, and times as they read them. */
#include "config.h"

#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cleanup.h"
#include "client/times.h"

/* 2026-11-21 12:00:00 UTC */
#define NOW INT64_C(1795262400)
#define HOUR INT64_C(3600)
#define DAY (24 * HOUR)

typedef struct Row {
        const char *says;
        const char *text;
        const char *zone;
        int64_t wanted;      /* if not refused */
        const char *refused; /* part of the reason */
} Row;

#define DATES "dates are written"
#define LENGTHS "lengths of time"
#define NO_SUCH "no such day"
#define OVER "over already"

static const Row rows[] = {
        { "never is no end", "never", "UTC0", 0 },
        { "hours count from now", "12h", "UTC0", NOW + 12 * HOUR },
        { "days count from now", "30d", "UTC0", NOW + 30 * DAY },
        { "weeks count from now", "2w", "UTC0", NOW + 14 * DAY },
        { "years are 365 days", "1y", "UTC0", NOW + 365 * DAY },
        { "minutes have a unit of three letters", "90min", "UTC0", NOW + 90 * 60 },
        { "m could be minutes or months", "3m", "UTC0", .refused = LENGTHS },
        { "a number alone has no unit", "30", "UTC0", .refused = LENGTHS },
        { "a unit alone has no number", "d", "UTC0", .refused = LENGTHS },
        { "a negative length is refused", "-3d", "UTC0", .refused = LENGTHS },
        { "zero days are over at once", "0d", "UTC0", .refused = OVER },
        { "a space before the unit is refused", "3 d", "UTC0", .refused = LENGTHS },
        { "a number beyond all years is refused", "99999999999999999999d", "UTC0",
          .refused = LENGTHS },
        { "too many years are refused", "10000y", "UTC0", .refused = LENGTHS },
        { "the most years are taken", "9999y", "UTC0", NOW + 9999 * 365 * DAY },
        { "nothing is refused", "", "UTC0", .refused = LENGTHS },
        { "a word is told how dates are written", "tomorrow", "UTC0", .refused = "2027-03-01" },

        { "a day lasts until it is over", "2027-03-01", "UTC0", INT64_C(1803945600) },
        { "a day is over at local midnight", "2027-03-01", "CET-1", INT64_C(1803945600) - HOUR },
        { "a day of 23 hours is over at its own midnight", "2027-03-28",
          "CET-1CEST,M3.5.0,M10.5.0/3", INT64_C(1806271200) },
        { "today is not over", "2026-11-21", "UTC0", NOW + 12 * HOUR },
        { "yesterday is", "2026-11-20", "UTC0", .refused = OVER },
        { "a time is local", "2027-03-01 12:00", "CET-1", INT64_C(1803902400) - HOUR },
        { "a T may stand between", "2027-03-01T12:00", "UTC0", INT64_C(1803902400) },
        { "seconds may be given", "2027-03-01 12:00:30", "UTC0", INT64_C(1803902430) },
        { "Z is UTC wherever we are", "2027-03-01T12:00:00Z", "CET-1", INT64_C(1803902400) },
        { "a leap day is one", "2028-02-29", "UTC0", INT64_C(1835481600) },
        { "a leap day in another year is none", "2027-02-29", "UTC0", .refused = NO_SUCH },
        { "there is no thirteenth month", "2027-13-01", "UTC0", .refused = NO_SUCH },
        { "there is no day zero", "2027-03-00", "UTC0", .refused = NO_SUCH },
        { "there is no hour 24", "2027-03-01 24:00", "UTC0", .refused = NO_SUCH },
        { "the hour that summer time skips does not exist", "2027-03-28 02:30",
          "CET-1CEST,M3.5.0,M10.5.0/3", .refused = NO_SUCH },
        { "now is over already", "2026-11-21 12:00", "UTC0", .refused = OVER },
        { "one second later is not", "2026-11-21 12:00:01", "UTC0", NOW + 1 },
        { "a day needs two digits", "2027-3-1", "UTC0", .refused = DATES },
        { "rubbish behind a date is refused", "2027-03-01x", "UTC0", .refused = DATES },
        { "rubbish behind a time is refused", "2027-03-01 12:00x", "UTC0", .refused = DATES },
        { "half a time is refused", "2027-03-01 12", "UTC0", .refused = DATES },
        { "the other order is refused", "01-03-2027", "UTC0", .refused = LENGTHS },
        { "the last day of all is taken", "9999-12-31", "UTC0", INT64_C(253402300800) },
};

START_TEST(an_end) {
        const Row *row = &rows[_i];
        const char *reason = "";
        int64_t got = -1;
        int r;

        ck_assert_int_eq(setenv("TZ", row->zone, 1), 0);
        tzset();
        r = times_parse(row->text, NOW, &got, &reason);
        if (!row->refused) {
                ck_assert_msg(r == 0, "%s: refused: %s", row->says, reason);
                ck_assert_msg(got == row->wanted, "%s: %" PRId64 ", not %" PRId64, row->says, got,
                              row->wanted);
                return;
        }
        ck_assert_msg(r == -EINVAL, "%s: %d, %" PRId64, row->says, r, got);
        ck_assert_msg(strstr(reason, row->refused), "%s: %s", row->says, reason);
        ck_assert_msg(got == -1, "%s: the result was touched", row->says);
}
END_TEST

static const struct {
        const char *says;
        int64_t t;
        const char *text;
        const char *distance;
} texts[] = {
        { "this second is now", NOW, "2026-11-21 12:00", "now" },
        { "seconds are too small to tell", NOW + 59, "2026-11-21 12:00", "now" },
        { "one is one", NOW + 60, "2026-11-21 12:01", "in 1 minute" },
        { "two are many", NOW - 2 * HOUR, "2026-11-21 10:00", "2 hours ago" },
        { "days are rounded down", NOW + 3 * DAY - 1, "2026-11-24 11:59", "in 2 days" },
        { "years are 365 days", NOW - 800 * DAY, "2024-09-12 12:00", "2 years ago" },
        { "the epoch is a date", 0, "1970-01-01 00:00", "56 years ago" },
        { "the end of certificates is a date", INT64_C(253402300799), "9999-12-31 23:59",
          "in 7978 years" },
        { "the largest number is no date and breaks nothing", INT64_MAX,
          "second 9223372036854775807", "in 292471208620 years" },
        { "the smallest, too", INT64_MIN, "second -9223372036854775808",
          "292471208734 years ago" },
};

START_TEST(a_time_in_words) {
        char text[TIMES_TEXT_MAX], distance[TIMES_TEXT_MAX];

        ck_assert_int_eq(setenv("TZ", "UTC0", 1), 0);
        tzset();
        times_write(texts[_i].t, text);
        times_write_distance(texts[_i].t, NOW, distance);
        ck_assert_msg(strcmp(text, texts[_i].text) == 0, "%s: %s", texts[_i].says, text);
        ck_assert_msg(strcmp(distance, texts[_i].distance) == 0, "%s: %s", texts[_i].says,
                      distance);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("times");
        TCase *tcase = tcase_create("times");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_add_loop_test(tcase, an_end, 0, N_ELEMENTS(rows));
        tcase_add_loop_test(tcase, a_time_in_words, 0, N_ELEMENTS(texts));

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
