/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A disk that is full, fails or lies: verdicts go on, changes fail with the reason, nothing halves.
 */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "tests/decisions.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

/* Which sync or write fails from now on: 0 none, 1 the next one, 2 the one after it ... */
static unsigned sync_fails_at, write_fails_at;
static int fails_with;
static unsigned n_syncs, n_writes;

/* Removed under the store's hands while it commits. */
static const char *removed_at_sync;

static bool is_due(unsigned *at) {
        if (*at == 0)
                return false;
        if (*at > 1) {
                --*at;
                return false;
        }
        errno = fails_with;
        return true;
}

/* In place of the C library's: SQLite syncs by this one. */
__attribute__((visibility("default"))) int fdatasync(int fd);
int fdatasync(int fd) {
        n_syncs++;
        if (removed_at_sync)
                (void) unlink(removed_at_sync);
        return is_due(&sync_fails_at) ? -1 : (int) syscall(SYS_fdatasync, fd);
}

static ssize_t failing_pwrite(int fd, const void *data, size_t size, off_t at) {
        n_writes++;
        return is_due(&write_fails_at) ? -1 : (ssize_t) syscall(SYS_pwrite64, fd, data, size, at);
}

/* In place of SQLite's own way to write. */
static void replace_writing(void) {
        static const char *const names[] = {"pwrite", "pwrite64"};
        sqlite3_vfs *vfs;

        ck_assert_int_eq(sqlite3_initialize(), SQLITE_OK);
        vfs = sqlite3_vfs_find("unix-excl");
        ck_assert_ptr_nonnull(vfs);
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                (void) vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr) failing_pwrite);
}

/* What the change came to; @port tells the additions apart. */
static int add(Store *store, uint16_t port) {
        _cleanup_(change_freep) Change *change = NULL;

        change = test_addition(&(Addition){.owner = ME, .port = port});
        return store_apply(store, change);
}

static size_t n_found(Store *store) {
        return test_count_found(store, ME, HOST, 0, STATE_LIVE);
}

static const int sync_errors[] = {EIO, ENOSPC, EDQUOT};

START_TEST(a_sync_that_failed_is_never_taken_for_one_that_did_not) {
        _cleanup_(store_freep) Store *store = NULL;
        unsigned before;

        store = test_store();
        ck_assert_int_eq(add(store, 1), 0);
        ck_assert_uint_gt(n_syncs, 0);

        fails_with = sync_errors[_i];
        sync_fails_at = 1;
        ck_assert_int_eq(add(store, 2), -EIO);
        ck_assert_uint_eq(n_found(store), 1);
        ck_assert_uint_eq(store_generation(store), 1);

        /* The disk is well again, but nobody knows what it kept: what was refused is taken back, and
         * that is synced, before anything else. */
        sync_fails_at = 0;
        before = n_syncs;
        ck_assert_int_eq(add(store, 3), 0);
        ck_assert_uint_ge(n_syncs, before + 3);
        ck_assert_uint_eq(n_found(store), 2);

        store = test_reopen(store);
        ck_assert_uint_eq(n_found(store), 2);
        ck_assert_uint_eq(store_generation(store), 2);
        ck_assert_int_eq(add(store, 4), 0);
        ck_assert_uint_eq(n_found(store), 3);
}
END_TEST

START_TEST(what_was_synced_holds_although_its_database_was_removed) {
        _cleanup_(store_freep) Store *store = test_store();

        ck_assert_int_eq(add(store, 1), 0);
        removed_at_sync = test_database();
        ck_assert_int_eq(add(store, 2), 0);
        removed_at_sync = NULL;
        ck_assert_int_eq(add(store, 3), -ESTALE);
        ck_assert_uint_eq(n_found(store), 2);
        store = test_reopen(store);
        ck_assert_uint_eq(n_found(store), 2);
}
END_TEST

START_TEST(what_was_synced_to_a_removed_journal_is_not_acknowledged) {
        _cleanup_(store_freep) Store *store = test_store();

        ck_assert_int_eq(add(store, 1), 0);
        removed_at_sync = test_journal();
        ck_assert_int_eq(add(store, 2), -ESTALE);
        removed_at_sync = NULL;
        ck_assert_uint_eq(store_generation(store), 1);
        ck_assert_int_eq(add(store, 3), -ESTALE);
        store = test_reopen(store);
        ck_assert_uint_eq(n_found(store), 1);
        ck_assert_int_eq(add(store, 4), 0);
}
END_TEST

typedef struct Cause {
        const char *says;
        int error;
} Cause;

static const Cause causes[] = {
        {"a full disk", ENOSPC},
        {"a quota", EDQUOT},
        {"a limit on file sizes", EFBIG},
        {"a file system that became read-only", EROFS},
};

START_TEST(a_write_that_failed_costs_its_change_and_no_more) {
        const Cause *cause = causes + _i;
        _cleanup_(store_freep) Store *store = NULL;
        unsigned n_added = 0, n_tried = 0;
        uint16_t port = 1;

        replace_writing();
        store = test_store();
        ck_assert_int_eq(add(store, port++), 0);
        n_added++;

        /* The first write fails, then the second ... until one addition needs no more of them. */
        for (unsigned at = 1;; at++) {
                int r;

                write_fails_at = at;
                fails_with = cause->error;
                r = add(store, port++);
                if (r == 0)
                        break;
                n_tried++;
                ck_assert_msg(r == -cause->error, "%s: %s", cause->says, strerror(-r));
                ck_assert_uint_eq(n_found(store), n_added);

                /* The cause ends, and so does the failing. */
                write_fails_at = 0;
                ck_assert_int_eq(add(store, port++), 0);
                n_added++;
                ck_assert_uint_eq(n_found(store), n_added);
        }
        write_fails_at = 0;
        n_added++;
        ck_assert_uint_gt(n_tried, 3);

        store = test_reopen(store);
        ck_assert_uint_eq(n_found(store), n_added);
        ck_assert_uint_eq(store_generation(store), n_added);
}
END_TEST

START_TEST(a_real_limit_on_file_sizes_is_told_and_passes) {
        _cleanup_(store_freep) Store *store = test_store();
        struct rlimit limit, low;
        uint16_t port = 1;
        unsigned n_added;
        int r;

        ck_assert_ptr_ne(signal(SIGXFSZ, SIG_IGN), SIG_ERR);
        ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
        low = (struct rlimit){.rlim_cur = 512 * 1024, .rlim_max = limit.rlim_max};
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &low), 0);

        while ((r = add(store, port)) == 0)
                port++;
        ck_assert_int_eq(r, -EFBIG);
        n_added = port - 1U;
        ck_assert_uint_gt(n_added, 0);
        ck_assert_uint_eq(n_found(store), n_added);

        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        ck_assert_int_eq(add(store, port), 0);
        store = test_reopen(store);
        ck_assert_uint_eq(n_found(store), n_added + 1);
}
END_TEST

START_TEST(every_error_has_its_reason_and_its_way_out) {
        static const int errors[] = {
                -ENOSPC, -EDQUOT,  -EFBIG,  -EROFS,        -EACCES,         -EMFILE,
                -EIO,    -EUCLEAN, -ESTALE, -EBUSY,        -ENOMEM,         -E2BIG,
                -EINVAL, -ENFILE,  -EPERM,  -ENAMETOOLONG, -EPROTONOSUPPORT};

        for (size_t i = 0; i < N_ELEMENTS(errors); i++) {
                ck_assert_str_ne(store_error_reason(errors[i]), store_error_reason(-ENOTTY));
                ck_assert_str_ne(store_error_hint(errors[i]), store_error_hint(-ENOTTY));
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, faults");
        TCase *tcase = tcase_create("faults");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_loop_test(tcase, a_sync_that_failed_is_never_taken_for_one_that_did_not, 0,
                            N_ELEMENTS(sync_errors));
        tcase_add_test(tcase, what_was_synced_holds_although_its_database_was_removed);
        tcase_add_test(tcase, what_was_synced_to_a_removed_journal_is_not_acknowledged);
        tcase_add_loop_test(tcase, a_write_that_failed_costs_its_change_and_no_more, 0,
                            N_ELEMENTS(causes));
        tcase_add_test(tcase, a_real_limit_on_file_sizes_is_told_and_passes);
        tcase_add_test(tcase, every_error_has_its_reason_and_its_way_out);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
