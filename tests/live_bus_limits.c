/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a caller on the bus can make the daemon do at once: each bound, and one past it. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/bus-value.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/on-bus.h"

START_TEST(test_calls_in_flight) {
        sd_bus *with = private_bus_open();
        BusTally tally = { 0 };

        for (unsigned i = 0; i < CALLS_IN_FLIGHT_MAX + 1; i++)
                on_bus_send_slow(with, &tally);
        on_bus_settle(with, &tally, 1);
        ck_assert_uint_eq(tally.refused, 1);
        ck_assert_uint_eq(tally.answered + tally.other, 0);
        (void) sd_bus_flush_close_unref(with);
}
END_TEST

START_TEST(test_calls_of_one_uid) {
        sd_bus *many[BUS_CALLS_PER_UID_MAX / CALLS_IN_FLIGHT_MAX];
        _cleanup_(json_freep) struct json_object *after = NULL;
        BusTally tally = { 0 }, last = { 0 };

        for (unsigned i = 0; i < N_ELEMENTS(many); i++) {
                many[i] = private_bus_open();
                for (unsigned k = 0; k < CALLS_IN_FLIGHT_MAX; k++)
                        on_bus_send_slow(many[i], &tally);
                on_bus_drain(many[i]);
        }
        ck_assert_uint_eq(tally.refused, 0);
        on_bus_send_slow(bus, &last);
        on_bus_settle(bus, &last, 1);
        ck_assert_uint_eq(last.refused, 1);

        /* The socket is another door, and who left is forgotten. */
        WALK({ "the socket answers", 0, "GetStatus", "{}", "store", "ok" });
        for (unsigned i = 0; i < N_ELEMENTS(many); i++)
                (void) sd_bus_flush_close_unref(many[i]);
        do {
                (void) json_object_put(after);
                after = on_bus_call("GetStatus", "{}");
        } while (strcmp(reply_error(after), "org.certexc1.LimitReached") == 0);
        ck_assert_str_eq(methods_at(after, "store"), "ok");
}
END_TEST

/* None of those that are known can make room: one more is refused. */
START_TEST(test_busy_connections) {
        static sd_bus *many[CONNECTIONS_PER_UID_MAX];
        BusTally tally = { 0 }, last = { 0 };

        for (unsigned i = 0; i < N_ELEMENTS(many); i++) {
                many[i] = private_bus_open();
                on_bus_send_slow(many[i], &tally);
                on_bus_drain(many[i]);
        }
        ck_assert_uint_eq(tally.refused, 0);
        on_bus_send_slow(bus, &last);
        on_bus_settle(bus, &last, 1);
        ck_assert_uint_eq(last.refused, 1);
        for (unsigned i = 0; i < N_ELEMENTS(many); i++)
                (void) sd_bus_flush_close_unref(many[i]);
}
END_TEST

START_TEST(test_message_size) {
        _cleanup_free_ char *bytes = calloc(1, MESSAGE_BYTES_MAX + 1);
        _cleanup_(json_freep) struct json_object *at = NULL, *past = NULL;
        _cleanup_(json_freep) struct json_object *in = NULL;
        size_t fits = MESSAGE_BYTES_MAX - strlen("a.example") - strlen("chain_sha256");

        in = on_bus_parameters("{'host':'a.example','port':993}");
        memset(bytes, 'a', fits);
        (void) json_put_string(in, "chain_sha256", bytes);
        at = private_bus_call(b, bus, "Verify", in);
        ck_assert_str_eq(reply_error(at), "org.certexc1.InvalidRequest");
        bytes[fits] = 'a';
        (void) json_put_string(in, "chain_sha256", bytes);
        past = private_bus_call(b, bus, "Verify", in);
        ck_assert_str_eq(reply_error(past), "org.certexc1.LimitReached");
        ck_assert_str_eq(methods_at(past, "what"), "bytes of one message");
}
END_TEST

/* What nobody reads counts as well: it would be held while the call waits. */
START_TEST(test_message_size_of_what_is_unknown) {
        const size_t size = 2 * BUS_MESSAGE_BYTES_MAX;
        _cleanup_free_ int32_t *numbers = calloc(1, size);
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        ck_assert_ptr_nonnull(numbers);
        for (unsigned past = 0; past < 2; past++) {
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL;

                ck_assert_int_ge(sd_bus_message_new_method_call(bus, &ask, BUS_NAME, BUS_PATH,
                                                                BUS_INTERFACE, "GetStatus"), 0);
                ck_assert_int_ge(sd_bus_message_open_container(ask, 'a', "{sv}"), 0);
                ck_assert_int_ge(sd_bus_message_open_container(ask, 'e', "sv"), 0);
                ck_assert_int_ge(sd_bus_message_append(ask, "s", "unknown"), 0);
                ck_assert_int_ge(sd_bus_message_open_container(ask, 'v', "ai"), 0);
                ck_assert_int_ge(sd_bus_message_append_array(ask, 'i', numbers, past ? size : 4096), 0);
                for (unsigned i = 0; i < 3; i++)
                        ck_assert_int_ge(sd_bus_message_close_container(ask), 0);
                sd_bus_error_free(&error);
                ck_assert_int_lt(sd_bus_call(bus, ask, 0, &error, NULL), 0);
                ck_assert_str_eq(error.name, past ? BUS_ERRORS "LimitReached" : SD_BUS_ERROR_INVALID_ARGS);
        }
}
END_TEST

/* Sixteen with each call that waits would be all that the daemon has for everybody. */
START_TEST(test_descriptors) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

        ck_assert_int_lt(sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE, "GetStatus", &error,
                                            NULL, "a{sv}", 1, "unknown", "h", 0), 0);
        ck_assert_str_eq(error.name, SD_BUS_ERROR_NOT_SUPPORTED);
}
END_TEST

/* Long calls behind a slow one: as many as a uid may make the daemon hold, and one more. */
START_TEST(test_bytes_of_one_uid) {
        enum { LONG = MESSAGE_BYTES_MAX / 2 + 4096 };
        static char text[LONG + 1];
        const unsigned fit = HELD_BYTES_PER_UID_MAX / 2 / (2 * LONG);
        sd_bus *with = private_bus_open(), *too = private_bus_open();
        BusTally tally = { 0 };

        memset(text, 'a', LONG);
        on_bus_send_slow(with, &tally);
        on_bus_drain(with);
        on_bus_send_slow(too, &tally);
        on_bus_drain(too);
        for (unsigned i = 0; i < fit + 2; i++) {
                sd_bus *of = i < fit / 2 ? with : too;

                ck_assert_int_ge(sd_bus_call_method_async(of, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                                          "GetCertificate", on_bus_tally, &tally, "sa{sv}",
                                                          text, 0), 0);
                on_bus_drain(of);
                ck_assert_uint_eq(tally.refused, i > fit);
        }
        /* Another uid, and the socket, go on. */
        WALK({ "the socket answers", 0, "GetStatus", "{}", "store", "ok" });
        (void) sd_bus_flush_close_unref(with);
        (void) sd_bus_flush_close_unref(too);
}
END_TEST

/* More connections than are known at once: each is answered, the quiet ones are forgotten. */
START_TEST(test_connections) {
        static sd_bus *many[CONNECTIONS_PER_UID_MAX + 8];

        for (unsigned round = 0; round < 2; round++)
                for (unsigned i = 0; i < N_ELEMENTS(many); i++) {
                        if (!many[i])
                                many[i] = private_bus_open();
                        ck_assert_int_ge(sd_bus_call_method(many[i], BUS_NAME, BUS_PATH,
                                                            BUS_INTERFACE, "GetStatus", NULL, NULL,
                                                            "a{sv}", 0), 0);
                }
        for (unsigned i = 0; i < N_ELEMENTS(many); i++)
                (void) sd_bus_flush_close_unref(many[i]);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("bus, limits");
        TCase *tcase = tcase_create("bus, limits");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        private_bus_need();
        tcase_add_checked_fixture(tcase, on_bus_setup, on_bus_teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_calls_in_flight);
        tcase_add_test(tcase, test_calls_of_one_uid);
        tcase_add_test(tcase, test_busy_connections);
        tcase_add_test(tcase, test_message_size);
        tcase_add_test(tcase, test_message_size_of_what_is_unknown);
        tcase_add_test(tcase, test_descriptors);
        tcase_add_test(tcase, test_bytes_of_one_uid);
        tcase_add_test(tcase, test_connections);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
