/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The write-ahead log as a witness: whatever SQLite would pass over in silence is noticed. */
#include "config.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/store-log.h"
#include "tests/decisions.h"

static sqlite3 *db;
static int folder;

static void run(const char *sql) {
        ck_assert_int_eq(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
}

static void setup(void) {
        test_directory_make();
        folder = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(folder, 0);
        ck_assert_int_eq(sqlite3_open(test_database(), &db), SQLITE_OK);
        run("PRAGMA journal_mode = WAL; PRAGMA wal_autocheckpoint = 0; CREATE TABLE t (a)");
}

static void teardown(void) {
        (void) sqlite3_close(db);
        (void) close_fd(folder);
        test_directory_remove();
}

static const char *log_path(void) {
        static char path[512];

        (void) snprintf(path, sizeof(path), "%s-wal", test_database());
        return path;
}

/* A byte as it is with @mask turned; 0 turns nothing. */
static void turn(off_t at, uint8_t mask) {
        _cleanup_fd_ int fd = open(log_path(), O_RDWR | O_CLOEXEC);
        uint8_t byte;

        ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
        byte ^= mask;
        ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
}

static off_t log_size(void) {
        struct stat st;

        ck_assert_int_eq(stat(log_path(), &st), 0);
        return st.st_size;
}

static LogState look(void) {
        LogState state;

        ck_assert_int_eq(store_log_look(folder, strrchr(log_path(), '/') + 1, &state), 0);
        return state;
}

static void commit(unsigned n) {
        while (n-- > 0)
                run("INSERT INTO t VALUES (randomblob(3000))");
}

START_TEST(a_log_of_commits_is_whole) {
        ck_assert_int_eq(look(), LOG_WHOLE);
        commit(5);
        ck_assert_int_eq(look(), LOG_WHOLE);
}
END_TEST

START_TEST(frames_of_an_earlier_use_are_no_damage) {
        off_t size;

        commit(9);
        size = log_size();
        run("PRAGMA wal_checkpoint(RESTART)");
        commit(2);
        ck_assert_int_eq(log_size(), size);
        ck_assert_int_eq(look(), LOG_WHOLE);
}
END_TEST

START_TEST(no_bit_turns_unnoticed) {
        off_t size;

        commit(3);
        size = log_size();
        for (off_t at = 0; at < size; at += at < 64 ? 1 : 37) {
                turn(at, 1);
                ck_assert_msg(look() == LOG_BROKEN, "byte %lld", (long long) at);
                turn(at, 1);
        }
        ck_assert_int_eq(look(), LOG_WHOLE);
}
END_TEST

START_TEST(a_cut_inside_a_transaction_is_noticed) {
        off_t whole;

        commit(1);
        whole = log_size();
        run("BEGIN");
        commit(4);
        run("COMMIT");
        ck_assert_int_eq(look(), LOG_WHOLE);
        for (off_t size = log_size() - 1; size > whole; size -= 513) {
                ck_assert_int_eq(truncate(log_path(), size), 0);
                ck_assert_msg(look() == LOG_UNFINISHED, "cut at %lld", (long long) size);
        }
}
END_TEST

START_TEST(a_log_that_is_no_log_is_noticed) {
        commit(1);
        ck_assert_int_eq(truncate(log_path(), 31), 0);
        ck_assert_int_eq(look(), LOG_BROKEN);
        ck_assert_int_eq(truncate(log_path(), 0), 0);
        ck_assert_int_eq(look(), LOG_NONE);
        ck_assert_int_eq(unlink(log_path()), 0);
        ck_assert_int_eq(look(), LOG_NONE);
        ck_assert_int_eq(symlink("certexc.db", log_path()), 0);
        ck_assert_int_eq(look(), LOG_BROKEN);
        ck_assert_int_eq(unlink(log_path()), 0);
        ck_assert_int_eq(mkdir(log_path(), 0700), 0);
        ck_assert_int_eq(look(), LOG_BROKEN);
        ck_assert_int_eq(rmdir(log_path()), 0);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, log");
        TCase *tcase = tcase_create("log");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, a_log_of_commits_is_whole);
        tcase_add_test(tcase, frames_of_an_earlier_use_are_no_damage);
        tcase_add_test(tcase, no_bit_turns_unnoticed);
        tcase_add_test(tcase, a_cut_inside_a_transaction_is_noticed);
        tcase_add_test(tcase, a_log_that_is_no_log_is_noticed);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
