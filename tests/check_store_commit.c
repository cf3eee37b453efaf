/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Every step of a commit fails, one by one: what was acknowledged holds, what was refused never
 * comes back. And how many syncs the steps cost that do not fail.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "daemon/commits.h"
#include "tests/decisions.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

/* What the journal's file meets from now on: the error of the n-th call, 0 none. */
typedef struct Faults {
        unsigned write_at; /* 1: the lines, 2: the slot */
        bool write_half;   /* of the lines, before the error */
        int write_error;
        int truncate_error;
        bool blank_fails; /* the taking back of the slot */
        int sync_error;
        bool replaced_at_sync;
        unsigned database_write_at; /* counted from the journal's sync on */
        bool database_once;         /* only that one */
        int database_sync_error;
} Faults;

static Faults faults;
static unsigned n_writes, n_database_writes, n_syncs, n_database_syncs;
static bool synced;

static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static bool is_journal(int fd) {
        struct stat a, b;

        return fstat(fd, &a) == 0 && stat(test_journal(), &b) == 0 && a.st_ino == b.st_ino;
}

static ssize_t write_journal(int fd, const void *data, size_t size, off_t at) {
        n_writes++;
        if (n_writes > faults.write_at && faults.write_at > 0 && faults.blank_fails) {
                errno = faults.write_error ? faults.write_error : EIO;
                return -1;
        }
        if (n_writes != faults.write_at)
                return syscall(SYS_pwrite64, fd, data, size, at);
        if (faults.write_half) {
                faults.write_half = false;
                n_writes--;
                return syscall(SYS_pwrite64, fd, data, size / 2, at);
        }
        errno = faults.write_error;
        return -1;
}

/* In place of the C library's, for the journal; both names, for there may be either. */
__attribute__((visibility("default"))) ssize_t pwrite(int fd, const void *data, size_t size,
                                                      off_t at);
__attribute__((visibility("default"))) ssize_t pwrite64(int fd, const void *data, size_t size,
                                                        off_t at);
ssize_t pwrite(int fd, const void *data, size_t size, off_t at) {
        return is_journal(fd) ? write_journal(fd, data, size, at)
                              : syscall(SYS_pwrite64, fd, data, size, at);
}
ssize_t pwrite64(int fd, const void *data, size_t size, off_t at) {
        return pwrite(fd, data, size, at);
}

__attribute__((visibility("default"))) int ftruncate(int fd, off_t size);
__attribute__((visibility("default"))) int ftruncate64(int fd, off_t size);
int ftruncate(int fd, off_t size) {
        if (faults.truncate_error && is_journal(fd)) {
                errno = faults.truncate_error;
                return -1;
        }
        return (int) syscall(SYS_ftruncate, fd, size);
}
int ftruncate64(int fd, off_t size) {
        return ftruncate(fd, size);
}

static int sync_journal(int fd) {
        n_syncs++;
        synced = true;
        if (faults.replaced_at_sync) {
                _cleanup_fd_ int other = -1;

                (void) unlink(test_journal());
                other = open(test_journal(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        }
        if (faults.sync_error) {
                errno = faults.sync_error;
                return -1;
        }
        return (int) syscall(SYS_fdatasync, fd);
}

__attribute__((visibility("default"))) int fdatasync(int fd);
int fdatasync(int fd) {
        if (is_journal(fd)) {
                (void) pthread_mutex_lock(&gate);
                (void) pthread_mutex_unlock(&gate);
                return sync_journal(fd);
        }
        n_database_syncs++;
        if (synced && faults.database_sync_error) {
                errno = faults.database_sync_error;
                return -1;
        }
        return (int) syscall(SYS_fdatasync, fd);
}

static ssize_t write_database(int fd, const void *data, size_t size, off_t at) {
        if (synced && faults.database_write_at && ++n_database_writes >= faults.database_write_at) {
                faults.database_write_at = faults.database_once ? 0 : faults.database_write_at;
                errno = ENOSPC;
                return -1;
        }
        return syscall(SYS_pwrite64, fd, data, size, at);
}

/* In place of SQLite's own way to write. */
static void replace_writing(void) {
        static const char *const names[] = {"pwrite", "pwrite64"};
        sqlite3_vfs *vfs;

        ck_assert_int_eq(sqlite3_initialize(), SQLITE_OK);
        vfs = sqlite3_vfs_find("unix-excl");
        ck_assert_ptr_nonnull(vfs);
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                (void) vfs->xSetSystemCall(vfs, names[i], (sqlite3_syscall_ptr) write_database);
}

static int add(Store *store, uint16_t port) {
        _cleanup_(change_freep) Change *change = NULL;

        change = test_addition(&(Addition){.owner = ME, .port = port});
        return store_apply(store, change);
}

static size_t n_live(Store *store) {
        return test_count_found(store, ME, HOST, 0, STATE_LIVE);
}

typedef struct Step {
        const char *says;
        Faults faults;
        int result;  /* of the change that meets it */
        int next;    /* of the next one, when the fault is over */
        bool behind; /* acknowledged, and nothing is accepted until the database has it */
} Step;

static const Step steps[] = {
        {"the lines are not written", {.write_at = 1, .write_error = ENOSPC}, -ENOSPC, 0, 0},
        {"half of the lines are written",
         {.write_at = 1, .write_half = true, .write_error = EFBIG},
         -EFBIG,
         0,
         0},
        {"the slot is not written", {.write_at = 2, .write_error = EDQUOT}, -EDQUOT, 0, 0},
        {"the lines are not written, nor can they be cut off",
         {.write_at = 1, .write_half = true, .write_error = ENOSPC, .truncate_error = EIO},
         -ENOSPC,
         0,
         0},
        {"neither is possible any more: the file system is read-only",
         {.write_at = 1, .write_error = EROFS, .truncate_error = EROFS, .blank_fails = true},
         -EROFS,
         0,
         0},
        {"the slot is not written, nor can it be blanked",
         {.write_at = 2, .write_error = ENOSPC, .blank_fails = true},
         -ENOSPC,
         0,
         0},
        {"the sync fails", {.sync_error = EIO}, -EIO, 0, 0},
        {"the sync fails for want of space", {.sync_error = ENOSPC}, -EIO, 0, 0},
        {"the sync fails, and cutting back as well",
         {.sync_error = EIO, .truncate_error = EIO},
         -EIO,
         0,
         0},
        {"the sync fails, and nothing can be taken back",
         {.sync_error = EIO, .truncate_error = EIO, .write_at = 3, .blank_fails = true},
         -EIO,
         0,
         0},
        {"the journal was replaced", {.replaced_at_sync = true}, -ESTALE, -ESTALE, 0},
        {"the database is not written", {.database_write_at = 1}, 0, 0, 1},
        {"the database is written at the second try",
         {.database_write_at = 1, .database_once = true},
         0,
         0,
         0},
        {"the database is not synced", {.database_sync_error = EIO}, 0, 0, 1},
};

START_TEST(what_was_acknowledged_holds_and_what_was_refused_never_comes_back) {
        const Step *step = steps + _i;
        _cleanup_(store_freep) Store *store = NULL;
        unsigned n_there = 2;
        StoreHealth health;
        int r;

        replace_writing();
        store = test_store();
        ck_assert_int_eq(add(store, 1), 0);
        ck_assert_int_eq(add(store, 2), 0);

        faults = step->faults;
        n_writes = n_database_writes = 0;
        synced = false;
        r = add(store, 3);
        ck_assert_msg(r == step->result, "%s: %s", step->says, strerror(-r));
        n_there += r == 0;
        /* What happens behind the answer. */
        if (r == 0 && step->behind)
                (void) store_settle(store);
        store_health(store, &health);
        ck_assert_msg(health.disagrees == step->behind, "%s", step->says);
        ck_assert_msg(n_live(store) == (step->behind ? 0 : n_there), "%s", step->says);

        faults = (Faults){0};
        r = add(store, 4);
        ck_assert_msg(r == step->next, "%s, and then: %s", step->says, strerror(-r));
        n_there += r == 0;
        if (r == 0)
                ck_assert_msg(n_live(store) == n_there, "%s", step->says);

        for (int i = 0; i < 2; i++) {
                store = test_reopen(store);
                ck_assert_msg(n_live(store) == n_there, "%s: %zu, not %u", step->says,
                              n_live(store), n_there);
                ck_assert_uint_eq(store_generation(store), n_there);
        }
        ck_assert_int_eq(add(store, 5), 0);
}
END_TEST

/* As long as it lasts the reason stays the same, reading goes on, and it is not tried all the time. */
START_TEST(a_closed_journal_is_opened_anew_when_its_cause_has_ended) {
        _cleanup_(store_freep) Store *store = NULL;
        int r;

        replace_writing();
        store = test_store();
        ck_assert_int_eq(add(store, 1), 0);
        n_writes = 0;
        faults = (Faults){ .write_at = 1, .write_error = EROFS, .truncate_error = EROFS,
                           .blank_fails = true };
        for (int i = 0; i < 20; i++)
                ck_assert_int_eq(add(store, 2), -EROFS);
        ck_assert_uint_le(n_writes, 4);
        ck_assert_uint_eq(n_live(store), 1);

        faults = (Faults){ 0 };
        do
                r = add(store, 3);
        while (r < 0);
        ck_assert_uint_eq(n_live(store), 2);
        store = test_reopen(store);
        ck_assert_uint_eq(n_live(store), 2);
        ck_assert_uint_eq(store_generation(store), 2);
}
END_TEST

START_TEST(a_database_that_is_behind_is_brought_up_when_it_can_be) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreHealth health;

        replace_writing();
        store = test_store();
        ck_assert_int_eq(add(store, 1), 0);
        faults.database_write_at = 1;
        n_database_writes = 0;
        synced = false;
        ck_assert_int_eq(add(store, 2), 0);
        ck_assert_int_eq(store_settle(store), -ENOSPC);
        ck_assert_int_eq(add(store, 3), -ENOSPC);
        ck_assert_uint_eq(n_live(store), 0);

        faults = (Faults){0};
        ck_assert_int_eq(store_settle(store), 0);
        ck_assert_uint_eq(n_live(store), 2);
        store_health(store, &health);
        ck_assert(!health.disagrees);
        ck_assert_int_eq(add(store, 3), 0);
        ck_assert_uint_eq(n_live(store), 3);
}
END_TEST

START_TEST(a_commit_costs_a_sync_and_another_when_it_was_told_however_many_changes_share_it) {
        _cleanup_(store_freep) Store *store = test_store();
        Change *first = NULL, **end = &first;

        for (uint16_t port = 1; port <= 32; port++) {
                *end = test_addition(&(Addition){.owner = 100 + port, .port = port});
                end = &(*end)->next;
        }
        ck_assert_int_eq(add(store, 1), 0);
        ck_assert_int_eq(store_settle(store), 0);
        n_syncs = n_database_syncs = 0;
        ck_assert_int_eq(store_apply(store, first), 0);
        ck_assert_uint_eq(n_syncs, 1);
        ck_assert_uint_eq(n_database_syncs, 0);
        ck_assert_int_eq(store_settle(store), 0);
        ck_assert_uint_eq(n_syncs, 1);
        ck_assert_uint_eq(n_database_syncs, 1);
        ck_assert_int_eq(add(store, 2), 0);
        ck_assert_uint_eq(n_database_syncs, 1);
        ck_assert_int_eq(add(store, 3), 0);
        ck_assert_msg(n_database_syncs == 2, "before the next change at the latest");
        while (first) {
                Change *next = first->next;

                (void) change_free(first);
                first = next;
        }
}
END_TEST

static void count_done(Change *change, void *userdata) {
        ck_assert_int_eq(change->error, 0);
        ++*(unsigned *) userdata;
}

/* Whoever comes while the first one is being synced waits for the next sync, all together. */
START_TEST(thirty_two_adders_share_their_syncs) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        unsigned n_done = 0;

        ck_assert_int_eq(add(store, 1), 0);
        ck_assert_int_eq(store_settle(store), 0);
        n_syncs = n_database_syncs = 0;
        ck_assert_int_eq(commits_new(store, &commits), 0);
        (void) pthread_mutex_lock(&gate);
        for (int64_t owner = 1; owner <= 32; owner++) {
                Change *change = test_addition(&(Addition){.owner = owner});

                change->done = count_done;
                change->userdata = &n_done;
                ck_assert_int_eq(commits_submit(commits, change), 0);
        }
        (void) pthread_mutex_unlock(&gate);
        while (n_done < 32) {
                struct pollfd ready = {.fd = commits_fd(commits), .events = POLLIN};

                ck_assert_int_eq(poll(&ready, 1, 60000), 1);
                commits_dispatch(commits);
        }
        commits = commits_free(commits);
        ck_assert_uint_le(n_syncs, 2);
        ck_assert_uint_le(n_database_syncs, 2);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, committing");
        TCase *tcase = tcase_create("commit");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_loop_test(tcase,
                            what_was_acknowledged_holds_and_what_was_refused_never_comes_back, 0,
                            N_ELEMENTS(steps));
        tcase_add_test(tcase, a_closed_journal_is_opened_anew_when_its_cause_has_ended);
        tcase_add_test(tcase, a_database_that_is_behind_is_brought_up_when_it_can_be);
        tcase_add_test(
                tcase,
                a_commit_costs_a_sync_and_another_when_it_was_told_however_many_changes_share_it);
        tcase_add_test(tcase, thirty_two_adders_share_their_syncs);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
