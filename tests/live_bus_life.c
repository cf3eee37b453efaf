/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon, the bus and the callers come and go, in every order. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "client/bus-value.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/on-bus.h"

START_TEST(test_bus_goes_away) {
        _cleanup_(json_freep) struct json_object *reply = NULL;

        private_bus_stop(b);
        WALK({ "the socket answers meanwhile", 0, "Verify", "{" AT "'chain':[@bad]}", "verdict",
               "prompt" });
        bus = sd_bus_close_unref(bus);
        private_bus_start(b);
        bus = private_bus_open();
        private_bus_wait_for(bus, BUS_NAME);
        reply = on_bus_call("Verify", "{" AT "'chain':[@bad]}");
        ck_assert_str_eq(methods_at(reply, "verdict"), "prompt");
}
END_TEST

START_TEST(test_bus_comes_late) {
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        private_bus_stop(b);
        methods_start(m, PKI_NOW);
        WALK({ "the socket answers", 0, "Verify", "{" AT "'chain':[@bad]}", "verdict", "prompt" });
        bus = sd_bus_close_unref(bus);
        private_bus_start(b);
        bus = private_bus_open();
        private_bus_wait_for(bus, BUS_NAME);
}
END_TEST

START_TEST(test_no_bus) {
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        m->fixture->bus = false;
        methods_start(m, PKI_NOW);
        WALK({ "the socket answers", 0, "GetStatus", "{}", "store", "ok" });
        ck_assert_int_lt(sd_bus_get_name_creds(bus, BUS_NAME, 0, NULL), 0);
}
END_TEST

START_TEST(test_callers_leave) {
        _cleanup_(json_freep) struct json_object *reply = NULL;
        BusTally tally = { 0 };

        for (unsigned i = 0; i < 4; i++) {
                sd_bus *with = private_bus_open();

                on_bus_send_slow(with, &tally);
                on_bus_drain(with);
                (void) sd_bus_flush_close_unref(with);
        }
        reply = on_bus_call("Verify", "{" AT "'chain':[@bad]}");
        ck_assert_str_eq(methods_at(reply, "verdict"), "prompt");
}
END_TEST

/* A call at work gets its answer before the daemon ends. */
START_TEST(test_stop) {
        BusTally tally = { 0 };

        on_bus_send_slow(bus, &tally);
        on_bus_drain(bus);
        m->peer = peer_free(m->peer);
        (void) kill(m->fixture->launch.pid, SIGTERM);
        on_bus_settle(bus, &tally, 1);
        ck_assert_uint_eq(tally.other, 1);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, FIXTURE_WAIT_MSEC), 0);
        launch_done(&m->fixture->launch);
        methods_start(m, PKI_NOW);
}
END_TEST

/* A socket that is passed on, with nobody behind it yet. */
static int open_passed(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                        fixture_path(m->fixture, "passed"));
        ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        return fd;
}

START_TEST(test_idle) {
        _cleanup_fd_ int fd = open_passed();
        FILE *conf;

        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        conf = fopen(fixture_path(m->fixture, "conf/certexcd.conf"), "we");
        ck_assert_ptr_nonnull(conf);
        (void) fputs("[Daemon]\nIdleExitSec=1\n", conf);
        ck_assert_int_eq(fclose(conf), 0);
        m->fixture->how.listen_fd = fd;
        fixture_start(m->fixture, NULL);
        private_bus_wait_for(bus, BUS_NAME);

        /* Not while somebody wants to be told. */
        on_bus_subscribe(bus);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, 1500), -ETIMEDOUT);
        ck_assert_int_ge(sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE, "Unsubscribe",
                                            NULL, NULL, ""), 0);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, FIXTURE_WAIT_MSEC), 0);
        ck_assert_int_lt(sd_bus_get_name_creds(bus, BUS_NAME, 0, NULL), 0);
        launch_done(&m->fixture->launch);
        m->fixture->how.listen_fd = -1;
        ck_assert_int_eq(unlink(fixture_path(m->fixture, "conf/certexcd.conf")), 0);
        methods_start(m, PKI_NOW);
}
END_TEST

START_TEST(test_user_mode) {
        const char *arguments[] = { "--user", "--replace-clock=1767225600", NULL };
        _cleanup_(json_freep) struct json_object *reply = NULL;

        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        fixture_start(m->fixture, arguments);
        private_bus_wait_for(bus, BUS_NAME);
        reply = on_bus_call("GetStatus", "{}");
        ck_assert_str_eq(methods_at(reply, "mode"), "user");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("bus, life");
        TCase *tcase = tcase_create("bus, life");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        private_bus_need();
        tcase_add_checked_fixture(tcase, on_bus_setup, on_bus_teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_bus_goes_away);
        tcase_add_test(tcase, test_bus_comes_late);
        tcase_add_test(tcase, test_no_bus);
        tcase_add_test(tcase, test_callers_leave);
        tcase_add_test(tcase, test_stop);
        tcase_add_test(tcase, test_idle);
        tcase_add_test(tcase, test_user_mode);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
