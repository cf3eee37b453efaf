/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of certexcd, and what the environment adds. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cleanup.h"
#include "daemon/options.h"

static int parse(const char *const *arguments, Options *ret) {
        char *argv[16] = { (char *) "certexcd" };
        int argc = 1;

        while (arguments[argc - 1]) {
                argv[argc] = (char *) arguments[argc - 1];
                argc++;
        }
        optind = 0; /* from the start */
        return options_parse(argc, argv, ret);
}

static void set_up(void) {
        ck_assert_int_eq(clearenv(), 0);
        ck_assert_int_eq(setenv("HOME", "/home/person", 1), 0);
        ck_assert_int_eq(setenv("XDG_RUNTIME_DIR", "/run/user/1000", 1), 0);
}

static const struct {
        const char *arguments[6];
        const char *variable; /* NAME=VALUE */
        const char *state, *socket, *conf;
} places[] = {
        { { "--system" }, NULL, LOCALSTATEDIR "/lib/certexc", "/run/certexc/org.certexc1",
          SYSCONFDIR "/certexc" },
        { { "--system" }, "STATE_DIRECTORY=/srv/a", "/srv/a", "/run/certexc/org.certexc1",
          SYSCONFDIR "/certexc" },
        { { "--system" }, "STATE_DIRECTORY=/srv/a:/srv/b", "/srv/a", "/run/certexc/org.certexc1",
          SYSCONFDIR "/certexc" },
        { { "--system", "--state-dir=/s", "--socket=/k", "--conf-dir=/c" },
          "STATE_DIRECTORY=/srv/a", "/s", "/k", "/c" },
        { { "--system", "--state-dir", "/s", "--state-dir=/t" }, NULL, "/t",
          "/run/certexc/org.certexc1", SYSCONFDIR "/certexc" },
        { { "--user" }, NULL, "/home/person/.local/state/certexc",
          "/run/user/1000/certexc/org.certexc1", "/home/person/.config/certexc" },
        { { "--user" }, "XDG_STATE_HOME=/x", "/x/certexc", "/run/user/1000/certexc/org.certexc1",
          "/home/person/.config/certexc" },
        { { "--user" }, "XDG_STATE_HOME=relative", "/home/person/.local/state/certexc",
          "/run/user/1000/certexc/org.certexc1", "/home/person/.config/certexc" },
        { { "--user" }, "XDG_CONFIG_HOME=/y", "/home/person/.local/state/certexc",
          "/run/user/1000/certexc/org.certexc1", "/y/certexc" },
        { { "--user" }, "STATE_DIRECTORY=/srv/a", "/home/person/.local/state/certexc",
          "/run/user/1000/certexc/org.certexc1", "/home/person/.config/certexc" },
        { { "--user", "--socket=/k" }, "XDG_RUNTIME_DIR=", "/home/person/.local/state/certexc",
          "/k", "/home/person/.config/certexc" },
        { { "--user", "--state-dir=/s", "--conf-dir=/c" }, "HOME=", "/s",
          "/run/user/1000/certexc/org.certexc1", "/c" },
};

START_TEST(places_come_from_mode_environment_and_options) {
        Options o = { 0 };

        if (places[_i].variable)
                ck_assert_int_eq(putenv((char *) places[_i].variable), 0);
        ck_assert_int_eq(parse(places[_i].arguments, &o), 1);
        ck_assert_str_eq(o.state_directory, places[_i].state);
        ck_assert_str_eq(o.socket_path, places[_i].socket);
        ck_assert_str_eq(o.conf_directory, places[_i].conf);
        ck_assert_int_eq(o.user_mode, strcmp(places[_i].arguments[0], "--user") == 0);
        ck_assert(o.bus);
        ck_assert_ptr_null(o.trust_file);
        options_done(&o);
}
END_TEST

static const struct {
        const char *arguments[6];
        const char *variable;
        int r;
} ends[] = {
        { { NULL }, NULL, -EINVAL },
        { { "--no-bus" }, NULL, -EINVAL },
        { { "--system", "--user" }, NULL, -EINVAL },
        { { "--user", "--system" }, NULL, -EINVAL },
        { { "--system", "--nonsense" }, NULL, -EINVAL },
        { { "--system", "word" }, NULL, -EINVAL },
        { { "--system", "--socket=" }, NULL, -EINVAL },
        { { "--system", "--socket" }, NULL, -EINVAL },
        { { "--system", "--no-bus=1" }, NULL, -EINVAL },
        { { "--user" }, "HOME=", -EINVAL },
        { { "--user" }, "XDG_RUNTIME_DIR=", -EINVAL },
        { { "--user" }, "XDG_RUNTIME_DIR=relative", -EINVAL },
#ifdef CERTEXC_TESTING
        { { "--system", "--replace-clock=soon" }, NULL, -EINVAL },
        { { "--system", "--replace-clock=-1" }, NULL, -EINVAL },
#else
        { { "--system", "--replace-clock=1" }, NULL, -EINVAL },
#endif
        { { "--help" }, NULL, 0 },
        { { "--version" }, NULL, 0 },
};

START_TEST(what_makes_no_sense_is_refused) {
        static const Options untouched;
        Options o = { 0 };

        if (ends[_i].variable)
                ck_assert_int_eq(putenv((char *) ends[_i].variable), 0);
        ck_assert_int_eq(parse(ends[_i].arguments, &o), ends[_i].r);
        ck_assert_mem_eq(&o, &untouched, sizeof(o));
}
END_TEST

START_TEST(the_rest_is_taken) {
        const char *const arguments[] = { "--system", "--no-bus", "--trust-file=/t.pem", NULL };
        Options o = { 0 };

        ck_assert_int_eq(parse(arguments, &o), 1);
        ck_assert(!o.bus);
        ck_assert_str_eq(o.trust_file, "/t.pem");
        options_done(&o);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("options");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_checked_fixture(tcase, set_up, NULL);
        tcase_add_loop_test(tcase, places_come_from_mode_environment_and_options, 0,
                            (int) N_ELEMENTS(places));
        tcase_add_loop_test(tcase, what_makes_no_sense_is_refused, 0, (int) N_ELEMENTS(ends));
        tcase_add_test(tcase, the_rest_is_taken);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
