/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The session of an owner, read from files laid out as logind lays them out. */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "client/cleanup.h"
#include "daemon/login.h"

#ifdef CERTEXC_TESTING
#define CAN_REPLACE true
#else
#define CAN_REPLACE false
#endif

static char directory[256], users[300], file[400];

static void make(void) {
        const char *where = getenv("TMPDIR");

        (void) snprintf(directory, sizeof(directory), "%s/certexc-login-XXXXXX",
                        where ? where : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(users, sizeof(users), "%s/users", directory);
        (void) snprintf(file, sizeof(file), "%s/1000", users);
        ck_assert_int_eq(setenv("CERTEXC_LOGIND_DIRECTORY", directory, 1), 0);
}

static void clean(void) {
        (void) unlink(file);
        (void) rmdir(users);
        (void) rmdir(directory);
}

static void write_file(const char *text) {
        _cleanup_fd_ int fd = -1;

        if (mkdir(users, 0700) < 0)
                (void) unlink(file);
        fd = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

typedef struct Row {
        const char *says;
        const char *text;
        bool known;
        uint64_t login_usec;
} Row;

static const Row rows[] = {
        { "an active user's period begins when logind says",
          "NAME=anna\nSTATE=active\nREALTIME=1767225600123456\nMONOTONIC=5\n", true,
          1767225600123456 },
        { "online is logged in", "STATE=online\nREALTIME=7\n", true, 7 },
        { "opening is logged in", "STATE=opening\nREALTIME=7\n", true, 7 },
        { "a user who only lingers is not", "STATE=lingering\nREALTIME=7\n", false, 0 },
        { "a user who is closing is not", "STATE=closing\nREALTIME=7\n", false, 0 },
        { "a user who is offline is not", "STATE=offline\nREALTIME=7\n", false, 0 },
        { "a state that is new to us is not", "STATE=dreaming\nREALTIME=7\n", false, 0 },
        { "no state is not", "REALTIME=7\n", false, 0 },
        { "no time is not", "STATE=active\n", false, 0 },
        { "time zero is not", "STATE=active\nREALTIME=0\n", false, 0 },
        { "a negative time is not", "STATE=active\nREALTIME=-7\n", false, 0 },
        { "half a time is not", "STATE=active\nREALTIME=7x\n", false, 0 },
        { "a time too large is not", "STATE=active\nREALTIME=99999999999999999999999\n", false, 0 },
        { "an empty file is not", "", false, 0 },
        { "another key that ends alike does not count",
          "XSTATE=active\nSTATE=closing\nREALTIME=7\n", false, 0 },
};

START_TEST(login_row) {
        Session session = { 0 };

        write_file(rows[_i].text);
        login_session(1000, &session);
        ck_assert_msg(session.known == rows[_i].known, "%s", rows[_i].says);
        ck_assert_uint_eq(session.login_usec, rows[_i].login_usec);
}
END_TEST

START_TEST(where_logind_runs_a_user_without_a_session_has_none) {
        Session session = { .known = true };

        write_file("STATE=active\nREALTIME=7\n");
        login_session(1001, &session);
        ck_assert(!session.known);
        login_session(-5, &session);
        ck_assert(!session.known);
        login_session(INT64_C(0x1000003e8), &session);
        ck_assert(!session.known);
}
END_TEST

START_TEST(for_the_system_only_the_boot_counts) {
        Session session = { 0 };

        write_file("STATE=active\nREALTIME=7\n");
        login_session(OWNER_SYSTEM, &session);
        ck_assert(session.known);
        ck_assert_uint_eq(session.login_usec, 0);
}
END_TEST

/* The kernel's boot id, read by the test itself. */
static void read_boot_id(uint8_t ret[static BOOT_ID_SIZE]) {
        _cleanup_fd_ int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
        char text[64] = "", *at = text;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_ge(read(fd, text, sizeof(text) - 1), 36);
        for (unsigned i = 0; i < BOOT_ID_SIZE; i++) {
                unsigned byte;

                at += *at == '-';
                ck_assert_int_eq(sscanf(at, "%2x", &byte), 1);
                ret[i] = (uint8_t) byte;
                at += 2;
        }
}

START_TEST(without_logind_only_the_boot_counts) {
        uint8_t boot[BOOT_ID_SIZE];
        Session session = { 0 };

        login_session(1000, &session);
        ck_assert(session.known);
        ck_assert_uint_eq(session.login_usec, 0);
        read_boot_id(boot);
        ck_assert_mem_eq(session.boot_id, boot, BOOT_ID_SIZE);
}
END_TEST

int main(void) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed;

        if (!CAN_REPLACE) {
                (void) puts("skipped: only a testing build takes another directory for logind's");
                return 77;
        }
        suite = suite_create("login");
        tcase = tcase_create("login");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_add_checked_fixture(tcase, make, clean);
        tcase_add_loop_test(tcase, login_row, 0, N_ELEMENTS(rows));
        tcase_add_test(tcase, where_logind_runs_a_user_without_a_session_has_none);
        tcase_add_test(tcase, for_the_system_only_the_boot_counts);
        tcase_add_test(tcase, without_logind_only_the_boot_counts);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
