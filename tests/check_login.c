/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The sessions of an owner, read from files laid out as logind lays them out. */
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

#define N_SESSIONS 3U

static char directory[256];

static void path_of(const char *kind, const char *name, char ret[static 400]) {
        (void) snprintf(ret, 400, "%s/%s/%s", directory, kind, name);
}

static void make(void) {
        const char *where = getenv("TMPDIR");

        (void) snprintf(directory, sizeof(directory), "%s/certexc-login-XXXXXX",
                        where ? where : "/tmp");
        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_eq(setenv("CERTEXC_LOGIND_DIRECTORY", directory, 1), 0);
}

static void clean(void) {
        static const char *const names[] = { "users/1000", "sessions/1", "sessions/2", "sessions/3",
                                             "users",      "sessions",   "." };
        char path[400];

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                (void) snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
                (void) remove(path);
        }
        (void) rmdir(directory);
}

static void write_file(const char *kind, const char *name, const char *text) {
        _cleanup_fd_ int fd = -1;
        char path[400];

        path_of(kind, "", path);
        (void) mkdir(path, 0700);
        path_of(kind, name, path);
        fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

typedef struct Row {
        const char *says;
        const char *user;
        const char *sessions[N_SESSIONS]; /* "1", "2", "3"; NULL: there is no such file */
        bool known;
        uint64_t oldest_usec, youngest_usec;
} Row;

#define ACTIVE "UID=1000\nSTATE=active\nCLASS=user\n"

static const Row rows[] = {
        { "a session begins when logind says", "NAME=anna\nSTATE=active\nSESSIONS=1\n",
          { ACTIVE "REALTIME=1767225600123456\nMONOTONIC=5\n" }, true, 5, 5 },
        { "of several the oldest and the youngest count", "SESSIONS=1 2 3\n",
          { ACTIVE "MONOTONIC=6\n", ACTIVE "MONOTONIC=5\n", ACTIVE "MONOTONIC=7\n" }, true, 5, 7 },
        { "online is logged in", "SESSIONS=1\n", { "UID=1000\nSTATE=online\nCLASS=user\nMONOTONIC=7\n" },
          true, 7, 7 },
        { "opening is logged in", "SESSIONS=1\n",
          { "UID=1000\nSTATE=opening\nCLASS=user-early\nMONOTONIC=7\n" }, true, 7, 7 },
        { "a session that is closing has been left", "SESSIONS=1 2\n",
          { "UID=1000\nSTATE=closing\nCLASS=user\nMONOTONIC=6\n", ACTIVE "MONOTONIC=7\n" }, true, 7, 7 },
        { "the last one that is closing is none", "SESSIONS=1\n",
          { "UID=1000\nSTATE=closing\nCLASS=user\nMONOTONIC=6\n" }, false, 0, 0 },
        { "who only lingers has none", "STATE=lingering\nREALTIME=7\nSESSIONS=\n", { NULL }, false, 0, 0 },
        { "their service manager is none", "SESSIONS=1\n",
          { "UID=1000\nSTATE=active\nCLASS=manager\nMONOTONIC=7\n" }, false, 0, 0 },
        { "one without a terminal counts", "SESSIONS=1\n",
          { "UID=1000\nSTATE=active\nCLASS=background\nMONOTONIC=7\n" }, true, 7, 7 },
        { "a greeter is none", "SESSIONS=1\n",
          { "UID=1000\nSTATE=active\nCLASS=greeter\nMONOTONIC=7\n" }, false, 0, 0 },
        { "a class that begins alike is none", "SESSIONS=1\n",
          { "UID=1000\nSTATE=active\nCLASS=userdb\nMONOTONIC=7\n" }, false, 0, 0 },
        { "a state that is new to us is none", "SESSIONS=1\n",
          { "UID=1000\nSTATE=dreaming\nCLASS=user\nMONOTONIC=7\n" }, false, 0, 0 },
        { "another user's is none", "SESSIONS=1\n",
          { "UID=1001\nSTATE=active\nCLASS=user\nMONOTONIC=7\n" }, false, 0, 0 },
        { "no list is none", "STATE=active\nREALTIME=7\n", { ACTIVE "MONOTONIC=7\n" }, false, 0, 0 },
        { "one that is not there is none", "SESSIONS=1 2\n", { ACTIVE "MONOTONIC=7\n" }, true, 7, 7 },
        { "a name that leaves the folder is none", "SESSIONS=../sessions/1\n", { ACTIVE "MONOTONIC=7\n" },
          false, 0, 0 },
        { "no time is none", "SESSIONS=1\n", { ACTIVE }, false, 0, 0 },
        { "time zero is none", "SESSIONS=1\n", { ACTIVE "MONOTONIC=0\n" }, false, 0, 0 },
        { "a negative time is none", "SESSIONS=1\n", { ACTIVE "MONOTONIC=-7\n" }, false, 0, 0 },
        { "half a time is none", "SESSIONS=1\n", { ACTIVE "MONOTONIC=7x\n" }, false, 0, 0 },
        { "a time too large is none", "SESSIONS=1\n", { ACTIVE "MONOTONIC=99999999999999999999999\n" },
          false, 0, 0 },
        { "an empty file is none", "SESSIONS=1\n", { "" }, false, 0, 0 },
        { "another key that ends alike does not count", "SESSIONS=1\n",
          { "XMONOTONIC=3\n" ACTIVE "MONOTONIC=7\n" }, true, 7, 7 },
};

START_TEST(login_row) {
        static const char *const names[N_SESSIONS] = { "1", "2", "3" };
        Session session = { 0 };

        write_file("users", "1000", rows[_i].user);
        for (unsigned i = 0; i < N_SESSIONS; i++)
                if (rows[_i].sessions[i])
                        write_file("sessions", names[i], rows[_i].sessions[i]);
        login_session(1000, &session);
        ck_assert_msg(session.known == rows[_i].known, "%s", rows[_i].says);
        ck_assert_uint_eq(session.oldest_usec, rows[_i].oldest_usec);
        ck_assert_uint_eq(session.login_usec, rows[_i].youngest_usec);
}
END_TEST

START_TEST(where_logind_runs_a_user_without_a_session_has_none) {
        Session session = { .known = true };

        write_file("users", "1000", "SESSIONS=1\n");
        write_file("sessions", "1", ACTIVE "MONOTONIC=7\n");
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

        write_file("users", "1000", "SESSIONS=1\n");
        write_file("sessions", "1", ACTIVE "MONOTONIC=7\n");
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
