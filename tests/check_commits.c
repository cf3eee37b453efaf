/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The committing thread: every change is done once, in order, within its bounds. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>

#include "daemon/commits.h"
#include "daemon/limits.h"
#include "tests/decisions.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

/* What done() was told. */
typedef struct Told {
        unsigned n;
        unsigned n_failed;
        int last_error;
        uint64_t last_id;
        pthread_t thread;
        Commits *again; /* submits one more from inside done() */
} Told;

static void note(Change *change, void *userdata) {
        Told *told = userdata;

        told->n++;
        told->n_failed += change->error < 0;
        told->last_error = change->error;
        told->last_id = change->decision.id;
        told->thread = pthread_self();
        if (told->again) {
                Change *next = test_addition(&(Addition){ .owner = ME, .port = 2 });

                next->done = note;
                next->userdata = told;
                ck_assert_int_eq(commits_submit(told->again, next), 0);
                told->again = NULL;
        }
}

static int submit(Commits *commits, const Addition *a, Told *told) {
        _cleanup_(change_freep) Change *change = test_addition(a);
        int r;

        change->done = note;
        change->userdata = told;
        r = commits_submit(commits, change);
        if (r == 0)
                change = NULL;
        return r;
}

/* Dispatches until @n were told. */
static void dispatch_until(Commits *commits, const Told *told, unsigned n) {
        while (told->n < n) {
                struct pollfd p = { .fd = commits_fd(commits), .events = POLLIN };

                ck_assert_int_eq(poll(&p, 1, 60000), 1);
                commits_dispatch(commits);
        }
}

START_TEST(a_change_is_applied_and_told_on_the_dispatching_thread) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        Told told = { 0 };
        struct pollfd p;

        ck_assert_int_eq(commits_new(store, &commits), 0);
        commits_dispatch(commits);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME }, &told), 0);
        dispatch_until(commits, &told, 1);
        ck_assert_int_eq(told.last_error, 0);
        ck_assert_uint_eq(told.last_id, 1);
        ck_assert(pthread_equal(told.thread, pthread_self()));
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE), 1);

        p = (struct pollfd){ .fd = commits_fd(commits), .events = POLLIN };
        ck_assert_int_eq(poll(&p, 1, 0), 0);
}
END_TEST

START_TEST(done_may_submit_the_next) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        Told told = { 0 };

        ck_assert_int_eq(commits_new(store, &commits), 0);
        told.again = commits;
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = 1 }, &told), 0);
        dispatch_until(commits, &told, 2);
        ck_assert_uint_eq(told.last_id, 2);
}
END_TEST

START_TEST(what_is_queued_at_the_end_is_done) {
        _cleanup_(store_freep) Store *store = test_store();
        Commits *commits = NULL;
        Told told = { 0 };

        ck_assert_int_eq(commits_new(store, &commits), 0);
        for (uint16_t i = 1; i <= 50; i++)
                ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = i }, &told), 0);
        ck_assert_ptr_null(commits_free(commits));
        ck_assert_uint_eq(told.n, 50);
        ck_assert_uint_eq(told.n_failed, 0);
        ck_assert_uint_eq(told.last_id, 50);
        store = test_reopen(store);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE), 50);
}
END_TEST

START_TEST(one_owner_has_so_many_waiting_and_no_more) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        Told mine = { 0 }, others = { 0 };

        ck_assert_int_eq(commits_new(store, &commits), 0);
        /* They count until they are told, so the thread's speed does not matter. */
        for (uint16_t i = 1; i <= COMMIT_QUEUE_PER_OWNER_MAX; i++)
                ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = i }, &mine), 0);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = 999 }, &mine), -EBUSY);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = 1 }, &others), 0);
        dispatch_until(commits, &mine, COMMIT_QUEUE_PER_OWNER_MAX);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = 999 }, &mine), 0);
        dispatch_until(commits, &mine, COMMIT_QUEUE_PER_OWNER_MAX + 1);
        dispatch_until(commits, &others, 1);
}
END_TEST

START_TEST(all_owners_have_so_many_waiting_and_no_more) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        Told told = { 0 };

        ck_assert_int_eq(commits_new(store, &commits), 0);
        for (unsigned i = 0; i < COMMIT_QUEUE_MAX; i++)
                ck_assert_int_eq(submit(commits, &(Addition){ .owner = i }, &told), 0);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = COMMIT_QUEUE_MAX }, &told), -EBUSY);
        dispatch_until(commits, &told, COMMIT_QUEUE_MAX);
        ck_assert_uint_eq(told.n_failed, 0);
        ck_assert_uint_eq(store_generation(store), COMMIT_QUEUE_MAX);
}
END_TEST

/* Another connection of this process, which SQLite lets in beside the store's. */
static sqlite3 *hold_writing(void) {
        sqlite3 *db = NULL;

        ck_assert_int_eq(sqlite3_open_v2(test_database(), &db, SQLITE_OPEN_READWRITE, "unix-excl"),
                         SQLITE_OK);
        ck_assert_int_eq(sqlite3_exec(db, "BEGIN IMMEDIATE; UPDATE store SET last_write = 5", NULL,
                                      NULL, NULL),
                         SQLITE_OK);
        return db;
}

START_TEST(a_failure_is_told_and_the_reader_goes_on) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        Told told = { 0 };
        sqlite3 *db;

        ck_assert_int_eq(commits_new(store, &commits), 0);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = 1 }, &told), 0);
        dispatch_until(commits, &told, 1);

        db = hold_writing();
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE), 1);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = 2 }, &told), 0);
        dispatch_until(commits, &told, 2);
        ck_assert_int_eq(told.last_error, -EBUSY);
        (void) sqlite3_close(db);

        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = 3 }, &told), 0);
        dispatch_until(commits, &told, 3);
        ck_assert_int_eq(told.last_error, 0);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE), 2);
        ck_assert_int_eq(store_last_write(store), DECIDED_AT);
}
END_TEST

START_TEST(one_owners_damage_does_not_cost_the_others) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        Told bad = { 0 }, good = { 0 };

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        store = store_free(store);
        test_sql("UPDATE decision SET certificate_sha256 = zeroblob(3), action = 0, digest = x''");
        /* The next id of this owner is one that is there already. */
        test_sql("UPDATE owner SET last_id = 0");
        store = test_store();

        ck_assert_int_eq(commits_new(store, &commits), 0);
        for (int64_t i = 0; i < 20; i++) {
                ck_assert_int_eq(submit(commits, &(Addition){ .owner = 2000 + i }, &good), 0);
                ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME, .port = 2 }, &bad), 0);
        }
        dispatch_until(commits, &good, 20);
        dispatch_until(commits, &bad, 20);
        ck_assert_uint_eq(good.n_failed, 0);
        ck_assert_uint_eq(bad.n_failed, 20);
        ck_assert_int_eq(bad.last_error, -EUCLEAN);
}
END_TEST

/* -- jobs ------------------------------------------------------------------------------------ */

typedef struct Jobs {
        Commits *commits;
        unsigned n_done;
} Jobs;

static void do_nothing(void *userdata) {}

static void count_job(void *userdata) {
        Jobs *jobs = userdata;

        jobs->n_done++;
}

/* Starts the next one, and comes back only when that has been done. */
static void start_next_job(void *userdata) {
        Jobs *jobs = userdata;
        struct pollfd p = { .fd = commits_fd(jobs->commits), .events = POLLIN };

        jobs->n_done++;
        ck_assert_int_eq(commits_run(jobs->commits, do_nothing, count_job, jobs), 0);
        ck_assert_int_eq(poll(&p, 1, 60000), 1);
}

START_TEST(a_job_that_is_done_at_once_is_told_like_any_other) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        Jobs jobs = { 0 };
        Told told = { 0 };

        ck_assert_int_eq(commits_new(store, &commits), 0);
        jobs.commits = commits;
        ck_assert_int_eq(commits_run(commits, do_nothing, start_next_job, &jobs), 0);
        while (jobs.n_done < 2) {
                struct pollfd p = { .fd = commits_fd(commits), .events = POLLIN };

                ck_assert_msg(poll(&p, 1, 10000) == 1, "the second was forgotten");
                commits_dispatch(commits);
        }
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME }, &told), 0);
        dispatch_until(commits, &told, 1);
}
END_TEST

/* Nobody asks for it; the file that is written last tells. */
START_TEST(when_nothing_changes_the_log_is_emptied) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        _cleanup_free_ char *log = NULL, *witness = NULL;
        _cleanup_fd_ int fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
        struct stat st = { .st_size = 1 };
        Told told = { 0 };

        ck_assert_int_gt(asprintf(&log, "%s-wal", test_database()), 0);
        ck_assert_int_gt(asprintf(&witness, "%s/witness", test_directory()), 0);
        ck_assert_int_ge(inotify_add_watch(fd, witness, IN_CLOSE_WRITE), 0);
        ck_assert_int_eq(commits_new(store, &commits), 0);
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME }, &told), 0);
        dispatch_until(commits, &told, 1);
        while (st.st_size > 0) {
                struct pollfd p = { .fd = fd, .events = POLLIN };
                char events[4096];

                ck_assert_int_eq(poll(&p, 1, 60000), 1);
                while (read(fd, events, sizeof(events)) > 0)
                        ;
                ck_assert_int_eq(stat(log, &st), 0);
        }
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE), 1);
}
END_TEST

/* The line is one of those that nothing looked at when the store was opened. */
START_TEST(when_nothing_changes_all_of_the_journal_is_looked_at) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        _cleanup_fd_ int fd = -1;
        StoreHealth health = { 0 };
        uint8_t byte;

        for (uint16_t port = 1; port <= 9; port++)
                (void) test_add(store, &(Addition){ .owner = ME, .port = port }, CHANGED);
        store = store_free(store);
        fd = open(test_journal(), O_RDWR | O_CLOEXEC);
        ck_assert_int_eq(pread(fd, &byte, 1, 6000), 1);
        byte ^= 1;
        ck_assert_int_eq(pwrite(fd, &byte, 1, 6000), 1);

        store = test_store();
        ck_assert_int_eq(commits_new(store, &commits), 0);
        while (health.n_rewritten == 0) {
                struct pollfd p = { .fd = commits_fd(commits), .events = POLLIN };

                ck_assert_int_eq(poll(&p, 1, 60000), 1);
                commits_dispatch(commits);
                store_health(store, &health);
        }
        commits = commits_free(commits);
        store = store_free(store);
        ck_assert_int_eq(unlink(test_database()), 0);
        store = test_store(); /* from the journal, which is complete again */
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE), 9);
}
END_TEST

/* One more decision than opening looks at, of as many owners as it takes, in one commit. */
static void fill_beyond_opening(void) {
        Store *store = test_store();
        Change *first = NULL;

        for (unsigned i = 0; i <= STANDING_AT_OPEN_MAX; i++) {
                Change *change = test_addition(&(Addition){
                        .owner = ME + i / DECISIONS_PER_OWNER_MAX,
                        .port = (uint16_t) (1 + i % DECISIONS_PER_OWNER_MAX) });

                change->next = first;
                first = change;
        }
        ck_assert_int_eq(store_apply(store, first), 0);
        while (first) {
                Change *next = first->next;

                ck_assert_int_eq(first->result, CHANGED);
                (void) change_free(first);
                first = next;
        }
        (void) store_free(store);
}

START_TEST(when_nothing_changes_all_of_a_large_database_is_looked_at) {
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_(commits_freep) Commits *commits = NULL;
        StoreHealth health = { 0 };
        StoreDamage damage;

        fill_beyond_opening();
        test_sql("%s", "DELETE FROM decision WHERE owner = 1003 AND port = 7");
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), 0);
        ck_assert(!damage.gaps);
        ck_assert_int_eq(commits_new(store, &commits), 0);
        while (health.n_damaged == 0) {
                struct pollfd p = { .fd = commits_fd(commits), .events = POLLIN };

                ck_assert_int_eq(poll(&p, 1, 60000), 1);
                commits_dispatch(commits);
                store_health(store, &health);
        }
        commits = commits_free(commits);
}
END_TEST

START_TEST(the_callers_signals_stay_as_they_were) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(commits_freep) Commits *commits = NULL;
        sigset_t before, after;
        Told told = { 0 };

        (void) pthread_sigmask(SIG_SETMASK, NULL, &before);
        ck_assert_int_eq(commits_new(store, &commits), 0);
        (void) pthread_sigmask(SIG_SETMASK, NULL, &after);
        for (int i = 1; i < 32; i++)
                ck_assert_int_eq(sigismember(&before, i), sigismember(&after, i));
        ck_assert_int_eq(submit(commits, &(Addition){ .owner = ME }, &told), 0);
        dispatch_until(commits, &told, 1);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("commits");
        TCase *tcase = tcase_create("commits");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_test(tcase, a_change_is_applied_and_told_on_the_dispatching_thread);
        tcase_add_test(tcase, done_may_submit_the_next);
        tcase_add_test(tcase, what_is_queued_at_the_end_is_done);
        tcase_add_test(tcase, one_owner_has_so_many_waiting_and_no_more);
        tcase_add_test(tcase, all_owners_have_so_many_waiting_and_no_more);
        tcase_add_test(tcase, a_failure_is_told_and_the_reader_goes_on);
        tcase_add_test(tcase, one_owners_damage_does_not_cost_the_others);
        tcase_add_test(tcase, a_job_that_is_done_at_once_is_told_like_any_other);
        tcase_add_test(tcase, when_nothing_changes_the_log_is_emptied);
        tcase_add_test(tcase, when_nothing_changes_all_of_the_journal_is_looked_at);
        tcase_add_test(tcase, when_nothing_changes_all_of_a_large_database_is_looked_at);
        tcase_add_test(tcase, the_callers_signals_stay_as_they_were);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
