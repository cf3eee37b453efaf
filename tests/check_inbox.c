/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a peer's bytes to its calls, at their bounds. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/inbox.h"
#include "daemon/limits.h"
#include "daemon/outbox.h"

static Inbox inbox;

static void set_up(void) {
        inbox_init(&inbox);
}

static void tear_down(void) {
        inbox_done(&inbox);
}

static void append(const char *text) {
        ck_assert_int_eq(inbox_append(&inbox, text, strlen(text) + 1), 0);
}

START_TEST(calls_wait_up_to_their_bound) {
        char text[64];

        for (unsigned i = 0; i < CALLS_IN_FLIGHT_MAX + 1; i++) {
                (void) snprintf(text, sizeof(text), "{\"method\":\"a.B%u\"}", i);
                append(text);
        }
        for (unsigned i = 0; i < CALLS_IN_FLIGHT_MAX; i++) {
                ck_assert(inbox_has_room(&inbox));
                ck_assert_int_eq(inbox_take(&inbox), 1);
        }
        ck_assert(!inbox_has_room(&inbox));
        ck_assert_int_eq(inbox_take(&inbox), 0);

        /* One goes, one comes, in their order, and none is lost. */
        inbox_pop(&inbox);
        ck_assert_str_eq(inbox.first->read.method, "a.B1");
        ck_assert(inbox_has_room(&inbox));
        ck_assert_int_eq(inbox_take(&inbox), 1);
        for (unsigned i = 1; i < CALLS_IN_FLIGHT_MAX + 1; i++) {
                (void) snprintf(text, sizeof(text), "a.B%u", i);
                ck_assert_str_eq(inbox.first->read.method, text);
                inbox_pop(&inbox);
        }
        ck_assert_ptr_null(inbox.first);
        ck_assert_int_eq(inbox_take(&inbox), 0);
}
END_TEST

START_TEST(long_calls_wait_in_smaller_numbers) {
        size_t size = MESSAGE_BYTES_MAX / 2;
        char *text = malloc(size + 1);

        ck_assert_ptr_nonnull(text);
        memset(text, ' ', size);
        memcpy(text, "{\"method\":\"a.B\"}", 16);
        text[size] = '\0';
        for (unsigned i = 0; i < 3; i++)
                append(text);
        free(text);

        ck_assert_int_eq(inbox_take(&inbox), 1);
        ck_assert_int_eq(inbox_take(&inbox), 1);
        ck_assert_int_eq(inbox_take(&inbox), 0);
        inbox_pop(&inbox);
        ck_assert_int_eq(inbox_take(&inbox), 1);
}
END_TEST

/* What parsing makes of a call counts, not its text alone. */
START_TEST(calls_of_many_values_wait_in_smaller_numbers) {
        const unsigned n_values = MESSAGE_BYTES_MAX / VARLINK_VALUE_BYTES;
        char *text = malloc(64 + 2 * (size_t) n_values), *p = text;

        ck_assert_ptr_nonnull(text);
        p += sprintf(p, "{\"method\":\"a.B\",\"parameters\":{\"a\":[0");
        for (unsigned i = 1; i < n_values; i++)
                p += sprintf(p, ",0");
        (void) sprintf(p, "]}}");
        append(text);
        append(text);
        ck_assert_uint_lt(inbox_held(&inbox), MESSAGE_BYTES_MAX);
        ck_assert_int_eq(inbox_take(&inbox), 1);
        ck_assert_int_eq(inbox_take(&inbox), 0);
        ck_assert_uint_gt(inbox_held(&inbox), MESSAGE_BYTES_MAX);
        inbox_pop(&inbox);
        ck_assert_int_eq(inbox_take(&inbox), 1);
        free(text);
}
END_TEST

START_TEST(nothing_is_taken_after_nonsense) {
        append("{\"method\":\"a.B\"}");
        append("nonsense");
        append("{\"method\":\"a.C\"}");
        ck_assert_int_eq(inbox_take(&inbox), 1);
        ck_assert_int_eq(inbox_take(&inbox), 1);
        ck_assert_int_eq(inbox_take(&inbox), 0);
        ck_assert(!inbox_has_room(&inbox));

        ck_assert_ptr_nonnull(inbox.first->message);
        inbox_pop(&inbox);
        ck_assert_ptr_null(inbox.first->message);
        ck_assert_str_eq(inbox.first->fault.reason, "it is not a JSON object");
        inbox_pop(&inbox);
        ck_assert_ptr_null(inbox.first);
}
END_TEST

START_TEST(what_has_begun_is_counted) {
        append("{\"method\":\"a.B\"}");
        ck_assert_int_eq(inbox_append(&inbox, "{\"met", 5), 0);
        ck_assert_int_eq(inbox_take(&inbox), 1);
        ck_assert_int_eq(inbox_take(&inbox), 0);
        ck_assert_uint_eq(inbox_begun(&inbox), 5);
}
END_TEST

START_TEST(an_outbox_keeps_the_order_of_bytes) {
        _cleanup_(outbox_done) Outbox outbox = { 0 };

        ck_assert_int_eq(outbox_append(&outbox, "abc", 3), 0);
        outbox.begin = 2; /* as if two had been sent */
        for (unsigned i = 0; i < 20000; i++)
                ck_assert_int_eq(outbox_append(&outbox, "d", 1), 0);
        ck_assert_uint_eq(outbox_size(&outbox), 20001);
        ck_assert_int_eq(outbox.data[outbox.begin], 'c');
        ck_assert_int_eq(outbox.data[outbox.end - 1], 'd');
}
END_TEST

int main(void) {
        Suite *suite = suite_create("inbox");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, calls_wait_up_to_their_bound);
        tcase_add_test(tcase, long_calls_wait_in_smaller_numbers);
        tcase_add_test(tcase, calls_of_many_values_wait_in_smaller_numbers);
        tcase_add_test(tcase, nothing_is_taken_after_nonsense);
        tcase_add_test(tcase, what_has_begun_is_counted);
        tcase_add_test(tcase, an_outbox_keeps_the_order_of_bytes);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
