/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Opening the store: what is refused, that it is left alone, and what survives a kill. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "tests/decisions.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

static int try_open(const char **ret_reason) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;
        int r;

        r = store_open(test_directory(), &store, &damage);
        *ret_reason = damage.reason;
        return r;
}

static void ck_refused(int error, const char *word) {
        const char *reason = NULL;
        int r = try_open(&reason);

        ck_assert_msg(r == error, "%s, not %s", strerror(-r), strerror(-error));
        ck_assert_ptr_nonnull(reason);
        ck_assert_msg(strstr(reason, word), "\"%s\" does not say \"%s\"", reason, word);
}

static void write_database(const void *data, size_t size) {
        _cleanup_fd_ int fd = open(test_database(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(write(fd, data, size), (ssize_t) size);
}

/* The whole file; its size. */
static size_t read_database(char **ret) {
        _cleanup_fd_ int fd = open(test_database(), O_RDONLY | O_CLOEXEC);
        struct stat st;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(fstat(fd, &st), 0);
        *ret = malloc((size_t) st.st_size + 1);
        ck_assert_int_eq(read(fd, *ret, (size_t) st.st_size), st.st_size);
        return (size_t) st.st_size;
}

static void ck_refused_and_untouched(int error, const char *word) {
        _cleanup_free_ char *before = NULL, *after = NULL;
        size_t size = read_database(&before);

        ck_refused(error, word);
        ck_assert_uint_eq(read_database(&after), size);
        ck_assert_mem_eq(before, after, size);
}

START_TEST(files_are_for_the_owner_alone_whatever_the_umask) {
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_free_ char *log = NULL, *shm = NULL;
        struct stat st;

        (void) umask(0);
        store = test_store();
        (void) test_add(store, &(Addition){.owner = ME}, CHANGED);
        ck_assert_int_eq(stat(test_database(), &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
        ck_assert_int_gt(asprintf(&log, "%s-wal", test_database()), 0);
        ck_assert_int_eq(stat(log, &st), 0);
        ck_assert_uint_eq(st.st_mode & 07777, 0600);
        /* No index of the log is shared, so none can be damaged from outside. */
        ck_assert_int_gt(asprintf(&shm, "%s-shm", test_database()), 0);
        ck_assert_int_lt(stat(shm, &st), 0);
}
END_TEST

START_TEST(a_directory_that_others_may_enter_is_refused) {
        ck_assert_int_eq(chmod(test_directory(), 0750), 0);
        ck_refused(-EPERM, "0700");
        ck_assert_int_eq(chmod(test_directory(), 0700), 0);
}
END_TEST

START_TEST(a_directory_that_is_not_there_is_refused) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;

        ck_assert_int_eq(store_open("/nonexistent/certexc", &store, &damage), -ENOENT);
        ck_assert_ptr_nonnull(damage.reason);
}
END_TEST

START_TEST(a_second_one_in_the_same_process_is_refused) {
        _cleanup_(store_freep) _unused_ Store *store = test_store();

        ck_refused(-EBUSY, "another certexcd");
}
END_TEST

/* Runs @run in a child; its exit status. */
static int in_child(int (*run)(void)) {
        pid_t pid = fork();
        int status;

        ck_assert_int_ge(pid, 0);
        if (pid == 0)
                _exit(run());
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int child_opens(void) {
        const char *reason;

        return -try_open(&reason);
}

START_TEST(a_second_process_is_refused_until_the_first_is_gone) {
        _cleanup_(store_freep) _unused_ Store *store = test_store();

        ck_assert_int_eq(in_child(child_opens), EBUSY);
        /* Also when the file was taken away: the lock is on the directory. */
        ck_assert_int_eq(unlink(test_database()), 0);
        ck_assert_int_eq(in_child(child_opens), EBUSY);
}
END_TEST

/* By its path, since in valgrind /proc/self/exe is valgrind. */
static const char *this_program;

/* The child must not inherit what SQLite knows of this process's locks: it is this program, run
 * anew. */
static int child_writes(void) {
        (void) execl(this_program, "check_store_open", test_database(), (char *) NULL);
        return 99;
}

START_TEST(another_program_cannot_write_beside_us) {
        _cleanup_(store_freep) _unused_ Store *store = test_store();

        ck_assert_int_eq(in_child(child_writes), SQLITE_BUSY);
}
END_TEST

/* The other program. */
static int write_as_another(const char *path) {
        sqlite3 *db = NULL;
        int r;

        r = sqlite3_open_v2(path, &db, SQLITE_OPEN_READWRITE, NULL);
        if (r == SQLITE_OK)
                r = sqlite3_exec(db, "UPDATE store SET last_write = 1", NULL, NULL, NULL);
        (void) sqlite3_close(db);
        return r & 0xff;
}

START_TEST(a_newer_version_is_refused_and_left_alone) {
        (void) store_free(test_store());
        test_sql("PRAGMA user_version = 5");
        ck_refused_and_untouched(-EPROTONOSUPPORT, "newer");
}
END_TEST

START_TEST(another_programs_database_is_refused_and_left_alone) {
        write_database("", 0);
        test_sql("CREATE TABLE cookies (name); INSERT INTO cookies VALUES ('one')");
        ck_refused_and_untouched(-EUCLEAN, "another program's");
}
END_TEST

START_TEST(another_application_id_is_refused) {
        (void) store_free(test_store());
        test_sql("PRAGMA application_id = 7");
        ck_refused_and_untouched(-EUCLEAN, "another program's");
}
END_TEST

START_TEST(a_store_without_a_version_is_refused) {
        (void) store_free(test_store());
        test_sql("PRAGMA user_version = 0");
        ck_refused_and_untouched(-EUCLEAN, "no version");
}
END_TEST

START_TEST(what_is_no_database_is_refused_and_left_alone) {
        static const char text[] = "This is a letter, not a database, and it stays one.\n";
        char page[8192];

        for (size_t i = 0; i < sizeof(page); i++)
                page[i] = text[i % (sizeof(text) - 1)];
        write_database(page, sizeof(page));
        ck_refused_and_untouched(-EUCLEAN, "damaged");
        write_database(text, sizeof(text) - 1);
        ck_refused_and_untouched(-EUCLEAN, "damaged");
}
END_TEST

START_TEST(a_truncated_store_is_refused_and_left_alone) {
        (void) store_free(test_store());
        ck_assert_int_eq(truncate(test_database(), 5000), 0);
        ck_refused_and_untouched(-EUCLEAN, "damaged");
}
END_TEST

START_TEST(a_link_is_not_followed) {
        _cleanup_free_ char *elsewhere = NULL;

        ck_assert_int_gt(asprintf(&elsewhere, "%s/elsewhere", test_directory()), 0);
        ck_assert_int_eq(symlink(elsewhere, test_database()), 0);
        ck_refused(-EUCLEAN, "regular file");
        ck_assert_int_lt(access(elsewhere, F_OK), 0);
}
END_TEST

START_TEST(a_removed_or_replaced_file_is_noticed_before_anything_is_acknowledged) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(change_freep) Change *change = test_addition(&(Addition){.owner = ME});
        StoreHealth health;

        (void) test_add(store, &(Addition){.owner = ME, .name = "two"}, CHANGED);
        ck_assert_int_eq(unlink(test_database()), 0);
        ck_assert_int_eq(store_apply(store, change), -ESTALE);
        write_database("", 0);
        ck_assert_int_eq(store_apply(store, change), -ESTALE);
        store_health(store, &health);
        ck_assert_int_eq(health.last_error, -ESTALE);
        /* What is known is still answered from. */
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE), 1);
}
END_TEST

#define N_ADDS 1000

/* Adds until it is killed; tells each acknowledged one by a byte. */
static void add_all(int fd) {
        Store *store = test_store();

        for (unsigned i = 0; i < N_ADDS; i++) {
                Addition a = {.owner = 3000 + i % 4, .port = (uint16_t) (i + 1)};

                (void) test_add(store, &a, CHANGED);
                if (write(fd, "+", 1) != 1)
                        _exit(1);
        }
        pause();
}

START_TEST(every_acknowledged_one_is_there_after_a_kill) {
        unsigned wanted = 100U + 250U * (unsigned) _i, n_told = 0, n_there = 0;
        _cleanup_(store_freep) Store *store = NULL;
        int pipes[2], status;
        char bytes[64];
        pid_t pid;
        ssize_t n;

        ck_assert_int_eq(pipe2(pipes, O_CLOEXEC), 0);
        pid = fork();
        ck_assert_int_ge(pid, 0);
        if (pid == 0) {
                (void) close(pipes[0]);
                add_all(pipes[1]);
                _exit(0);
        }
        (void) close(pipes[1]);
        while ((n = read(pipes[0], bytes, sizeof(bytes))) > 0) {
                n_told += (unsigned) n;
                if (n_told >= wanted)
                        (void) kill(pid, SIGKILL);
        }
        ck_assert_int_eq(waitpid(pid, &status, 0), pid);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        ck_assert_uint_ge(n_told, wanted);

        store = test_store();
        for (unsigned i = 0; i < N_ADDS; i++) {
                size_t found =
                        test_count_found(store, 3000 + i % 4, HOST, (uint16_t) (i + 1), STATE_LIVE);

                ck_assert_msg(found == 1 || i >= n_told, "number %u was acknowledged, and is lost",
                              i);
                n_there += (unsigned) found;
        }
        /* At most the one that was under way is there beyond. */
        ck_assert_uint_le(n_there, n_told + 1);
        ck_assert_uint_eq(store_generation(store), n_there);
        (void) close(pipes[0]);
}
END_TEST

int main(int argc, char **argv) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed;

        if (argc == 2)
                return write_as_another(argv[1]);
        this_program = argv[0];

        suite = suite_create("store, opening");
        tcase = tcase_create("open");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_test(tcase, files_are_for_the_owner_alone_whatever_the_umask);
        tcase_add_test(tcase, a_directory_that_others_may_enter_is_refused);
        tcase_add_test(tcase, a_directory_that_is_not_there_is_refused);
        tcase_add_test(tcase, a_second_one_in_the_same_process_is_refused);
        tcase_add_test(tcase, a_second_process_is_refused_until_the_first_is_gone);
        tcase_add_test(tcase, another_program_cannot_write_beside_us);
        tcase_add_test(tcase, a_newer_version_is_refused_and_left_alone);
        tcase_add_test(tcase, another_programs_database_is_refused_and_left_alone);
        tcase_add_test(tcase, another_application_id_is_refused);
        tcase_add_test(tcase, a_store_without_a_version_is_refused);
        tcase_add_test(tcase, what_is_no_database_is_refused_and_left_alone);
        tcase_add_test(tcase, a_truncated_store_is_refused_and_left_alone);
        tcase_add_test(tcase, a_link_is_not_followed);
        tcase_add_test(tcase,
                       a_removed_or_replaced_file_is_noticed_before_anything_is_acknowledged);
        tcase_add_loop_test(tcase, every_acknowledged_one_is_there_after_a_kill, 0, 4);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
