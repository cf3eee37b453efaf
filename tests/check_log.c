/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the log makes of its lines, on a terminal. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "daemon/log.h"

static int read_fd, saved_fd;

static void set_up(void) {
        int pair[2];

        ck_assert_int_eq(clearenv(), 0);
        ck_assert_int_eq(pipe2(pair, O_NONBLOCK), 0);
        saved_fd = dup(STDERR_FILENO);
        ck_assert_int_ge(dup2(pair[1], STDERR_FILENO), 0);
        (void) close(pair[1]);
        read_fd = pair[0];
}

/* All that was logged; standard error is the old one again. */
static const char *logged(void) {
        static char text[8192];
        ssize_t n;

        ck_assert_int_ge(dup2(saved_fd, STDERR_FILENO), 0);
        n = read(read_fd, text, sizeof(text) - 1);
        text[n > 0 ? n : 0] = '\0';
        (void) close(read_fd);
        (void) close(saved_fd);
        return text;
}

static const struct {
        const char *text;
        const char *want;
} texts[] = {
        { "plain words", "plain words" },
        { "100 % ~ \\ \"quoted\"", "100 % ~ \\ \"quoted\"" },
        { "one\ncertexcd: forged", "one\\x0acertexcd: forged" },
        { "\x1b[31mred\x1b[0m\a", "\\x1b[31mred\\x1b[0m\\x07" },
        { "\r\t\x7f", "\\x0d\\x09\\x7f" },
        { "\xe2\x80\xaegpj.exe", "\\xe2\\x80\\xaegpj.exe" },
        { "\xff\x80", "\\xff\\x80" },
};

START_TEST(what_could_steer_a_terminal_is_escaped) {
        char want[256] = "certexcd: warning: \"";

        log_warning("\"%s\"", texts[_i].text);
        ck_assert_str_eq(logged(), strcat(strcat(want, texts[_i].want), "\"\n"));
}
END_TEST

START_TEST(an_endless_line_is_cut) {
        char text[20000];
        const char *line;

        memset(text, '\n', sizeof(text) - 1);
        text[sizeof(text) - 1] = '\0';
        log_info("%s", text);
        line = logged();
        ck_assert_uint_lt(strlen(line), 2100);
        ck_assert_ptr_eq(strchr(line, '\n'), line + strlen(line) - 1);
}
END_TEST

START_TEST(an_error_is_named_and_returned) {
        errno = EIO;
        ck_assert_int_eq(log_error_errno(-ENOSPC, "Cannot write: %m"), -ENOSPC);
        ck_assert_int_eq(log_error_errno(ENOSPC, "Cannot write"), -ENOSPC);
        ck_assert_int_eq(errno, EIO);
        ck_assert_str_eq(logged(), "certexcd: error: Cannot write: No space left on device\n"
                                   "certexcd: error: Cannot write\n");
}
END_TEST

START_TEST(fields_are_for_the_journal_alone) {
        log_struct(LOG_INFO, LOG_STARTED, "Started\x1b", "CERTEXC_VERSION", "1", NULL);
        log_debug("not shown");
        ck_assert_str_eq(logged(), "certexcd: Started\\x1b\n");
}
END_TEST

START_TEST(what_peers_bring_about_is_told_now_and_then) {
        uint64_t last = 0, other = 0;

        ck_assert(log_is_due(&last));
        ck_assert(!log_is_due(&last));
        ck_assert(log_is_due(&other));
        last -= 10000000U;
        ck_assert(log_is_due(&last));
        (void) logged();
}
END_TEST

START_TEST(debugging_is_shown_on_demand) {
        ck_assert_int_eq(setenv("DEBUG_INVOCATION", "1", 1), 0);
        log_debug("shown");
        ck_assert_str_eq(logged(), "certexcd: shown\n");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("log");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_checked_fixture(tcase, set_up, NULL);
        tcase_add_loop_test(tcase, what_could_steer_a_terminal_is_escaped, 0,
                            (int) N_ELEMENTS(texts));
        tcase_add_test(tcase, an_endless_line_is_cut);
        tcase_add_test(tcase, an_error_is_named_and_returned);
        tcase_add_test(tcase, fields_are_for_the_journal_alone);
        tcase_add_test(tcase, what_peers_bring_about_is_told_now_and_then);
        tcase_add_test(tcase, debugging_is_shown_on_demand);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
