/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store made whole again: from a complete journal, from what both copies still prove, and what
 * becomes of the files that were damaged. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/journal.h"
#include "daemon/limits.h"
#include "daemon/rebuild-gaps.h"
#include "tests/files.h"
#include "tests/ruin.h"

/* -- a complete journal ---------------------------------------------------------------------- */

static void nothing(void) {}

static void text(void) {
        ruin_scratch("certexc.db", 0, (size_t) ruin_size("certexc.db"));
}

static void header(void) {
        ruin_scratch("certexc.db", 0, 100);
}

static void middle(void) {
        ruin_scratch("certexc.db", ruin_size("certexc.db") / 4, (size_t) ruin_size("certexc.db") / 2);
}

static void cut_off(void) {
        ruin_cut("certexc.db", ruin_size("certexc.db") / 2);
}

static void empty(void) {
        ruin_cut("certexc.db", 0);
}

static void removed(void) {
        ruin_remove("certexc.db");
}

static const struct {
        const char *sentence;
        void (*damage)(void);
} damages[] = {
        { "a database that is whole", nothing },
        { "one that is text", text },
        { "one without its header", header },
        { "one without its middle", middle },
        { "one without its end", cut_off },
        { "an empty one", empty },
        { "none", removed },
};

START_TEST(a_complete_journal_gives_everything_back) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        damages[_i].damage();
        store = ruin_mend(&mending);
        ruin_expect_all(store);
        ck_assert_msg(mending.rebuilt, "%s", damages[_i].sentence);
        ck_assert_uint_eq(mending.n_saved, MANY);
        ck_assert_uint_eq(mending.n_missing, 0);
        ck_assert_uint_eq(mending.n_unconfirmed, 0);
        ck_assert_str_eq(mending.journal, "");

        /* And it goes on from there, and is the same when it is opened again. */
        (void) test_add(store, &(Addition){ .owner = ME, .port = 2000 }, CHANGED);
        store = test_reopen(store);
        ruin_expect_all(store);
        ck_assert_uint_eq(ruin_live(store, 2000), 1);
}
END_TEST

START_TEST(an_open_store_is_mended_and_read_on) {
        _cleanup_(store_freep) Store *store = NULL;
        DecisionList list = { 0 };
        Mending mending;

        ruin_make();
        store = test_store();
        store_rest(store);
        ck_assert_int_eq(store_find(store, ME, HOST, 1, &list), -EINPROGRESS);
        middle();
        ck_assert_int_eq(store_mend(store, -EUCLEAN, DECIDED_AT + 1, &mending), 0);
        store_resume(store);
        ruin_expect_all(store);
        ck_assert_int_eq(store_check_files(store), 0);
        (void) test_add(store, &(Addition){ .owner = ME, .port = 2000 }, CHANGED);
}
END_TEST

/* A disk that failed once: what is on it is whole, and nothing is set aside. */
START_TEST(a_store_that_is_whole_is_only_opened_anew) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        store = test_store();
        store_rest(store);
        ck_assert_int_eq(store_mend(store, -EIO, DECIDED_AT + 1, &mending), 0);
        store_resume(store);
        ck_assert(!mending.rebuilt);
        ruin_expect_all(store);
        ck_assert_uint_eq(ruin_count("certexc.db.corrupt-"), 0);
}
END_TEST

START_TEST(a_removed_database_is_there_again) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        store = test_store();
        removed();
        ck_assert_int_eq(store_check_files(store), -ESTALE);
        store_rest(store);
        ck_assert_int_eq(store_mend(store, -ESTALE, DECIDED_AT + 1, &mending), 0);
        store_resume(store);
        ck_assert(mending.rebuilt);
        ruin_expect_all(store);
        ck_assert_int_eq(store_check_files(store), 0);
}
END_TEST

/* What is behind the journal's end counts as size, and as nothing else. */
START_TEST(a_large_journal_is_read_while_the_daemon_serves) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;
        StoreDamage damage;

        ruin_make();
        ruin_cut("journal", RESTORE_BYTES_MAX);
        removed();
        store = test_store();
        ruin_expect_all(store);
        store = store_free(store);

        ruin_cut("journal", RESTORE_BYTES_MAX + 1);
        removed();
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), -EUCLEAN);
        store = ruin_mend(&mending);
        ruin_expect_all(store);
        ck_assert_uint_eq(store_mend_progress(store), 100);
}
END_TEST

/* -- a denial that vanished ------------------------------------------------------------------ */

static const char *const vanishing[] = {
        "UPDATE decision SET state = 4 WHERE action = 2",
        "UPDATE decision SET state = 3 WHERE action = 2",
        "DELETE FROM decision WHERE action = 2",
};

/* At any port: everything that is live is there, the denial with it. */
static void expect_all_by_host(Store *store) {
        ruin_expect_all(store);
        ck_assert_uint_eq(ruin_live(store, 0), MANY);
}

START_TEST(a_denial_that_vanished_accepts_nothing_and_comes_back) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        test_sql("%s", vanishing[_i]);
        store = test_store();
        /* At most what is left of the denial. */
        ck_assert_uint_le(ruin_live(store, 0), 1);
        ck_assert_uint_eq(ruin_live(store, 1), 0);
        store_rest(store);
        ck_assert_int_eq(store_mend(store, -EUCLEAN, DECIDED_AT + 1, &mending), 0);
        store_resume(store);
        expect_all_by_host(store);
}
END_TEST

static char *read_database(size_t *ret_size) {
        _cleanup_fd_ int fd = open(test_database(), O_RDONLY | O_CLOEXEC);
        char *bytes = NULL;

        *ret_size = (size_t) ruin_size("certexc.db");
        bytes = malloc(*ret_size);
        ck_assert_int_eq(read(fd, bytes, *ret_size), (ssize_t) *ret_size);
        return bytes;
}

static void write_database(const char *bytes, size_t size) {
        _cleanup_fd_ int fd = open(test_database(), O_WRONLY | O_CLOEXEC);

        ck_assert_int_eq(write(fd, bytes, size), (ssize_t) size);
}

START_TEST(one_that_vanishes_from_an_open_store_comes_back) {
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_free_ char *whole = NULL, *damaged = NULL;
        size_t size, damaged_size;
        Mending mending;

        ruin_make();
        whole = read_database(&size);
        test_sql("%s", vanishing[_i]);
        damaged = read_database(&damaged_size);
        write_database(whole, size);
        store = test_store();
        expect_all_by_host(store);

        ck_assert_int_eq(store_check_files(store), 0);
        write_database(damaged, damaged_size);
        ck_assert_int_eq(store_check_files(store), -ESTALE);
        store_rest(store);
        ck_assert_int_eq(store_mend(store, -ESTALE, DECIDED_AT + 1, &mending), 0);
        store_resume(store);
        ck_assert(mending.rebuilt);
        ck_assert_uint_eq(mending.n_missing, 0);
        expect_all_by_host(store);
}
END_TEST

/* -- both damaged ---------------------------------------------------------------------------- */

/* The journal has a hole in its middle; the database is whole but for its header. */
START_TEST(what_the_journal_lost_the_database_still_has) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        ruin_scratch("journal", ruin_size("journal") / 2, 2000);
        header();
        store = ruin_mend(&mending);
        ruin_expect_all(store);
        ck_assert_uint_eq(store_mend_progress(store), 100);
        ck_assert_uint_eq(mending.n_missing, 0);
        ck_assert_uint_eq(mending.n_unconfirmed, 0);
        ck_assert_uint_eq(ruin_count(mending.journal), 1);
        ck_assert_uint_ge(ruin_count(mending.database), 1);
}
END_TEST

/* Without any journal the database's pages are all there is. */
START_TEST(a_database_without_header_and_journal_is_salvaged) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        ruin_remove("journal");
        header();
        store = ruin_mend(&mending);
        ck_assert_uint_eq(ruin_live(store, REVOKED), 0);
        ck_assert_uint_eq(ruin_live(store, DENIED), 1);
        ck_assert_uint_eq(mending.n_saved, MANY);
}
END_TEST

/* -- what nothing proves --------------------------------------------------------------------- */

/* History has no digests. Ends count by the store's last change as well as by the clock. */
START_TEST(no_time_of_history_makes_it_late) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        test_sql("UPDATE history SET time = time + 1000000000 WHERE id = 1");
        ruin_remove("journal");
        header();
        store = ruin_mend(&mending);
        ck_assert_uint_eq(mending.n_saved, MANY);
        ck_assert_int_le(store_last_write(store), DECIDED_AT + 1000);
}
END_TEST

/* Damages the line of that change. */
static void lose_change(unsigned number) {
        _cleanup_(file_done) File journal = file_load(test_journal());
        const char *line;
        char begins[32];

        (void) snprintf(begins, sizeof(begins), "\n%u\tchange\t", number);
        line = strstr(journal.data, begins);
        ck_assert_ptr_nonnull(line);
        ruin_scratch("journal", line + strlen(begins) - journal.data, 8);
}

/* By which it is told from what a change of the user's name did. */
static void ck_told_as_the_daemon_s(Store *store, uint16_t port) {
        _cleanup_(decision_list_done) DecisionList list = { 0 };
        HistoryEntry last;

        ck_assert_int_eq(store_find(store, ME, HOST, port, &list), 0);
        ck_assert_uint_gt(list.n_items, 0);
        ck_assert_int_eq(store_last_history(store, ME, list.items[0].id, &last), 1);
        ck_assert_int_eq(last.kind, HISTORY_UNCONFIRMED);
        ck_assert_int_eq(last.by, OWNER_SYSTEM);
}

/* A revocation is in neither copy any more; history says of its number that it was about another. */
START_TEST(no_line_of_history_hides_a_revocation) {
        _cleanup_(store_freep) Store *store = NULL;
        unsigned number;
        Mending mending;

        ruin_make();
        number = (unsigned) test_sql_number("SELECT change_number FROM store");
        store = test_store();
        (void) test_add(store, &(Addition){ .owner = ME, .port = 2000 }, CHANGED);
        store = store_free(store);
        test_sql("UPDATE decision SET digest = zeroblob(32) WHERE port = %u;"
                 "UPDATE history SET id = (SELECT id FROM decision WHERE port = 2000) "
                 "WHERE change_number = %u",
                 REVOKED, number);
        lose_change(number);
        header();
        store = ruin_mend(&mending);
        ck_assert_uint_eq(ruin_live(store, REVOKED), 0);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, REVOKED, STATE_UNCONFIRMED), 1);
        ck_told_as_the_daemon_s(store, REVOKED);
        ck_assert_uint_eq(ruin_live(store, DENIED), 1);
        ck_assert_uint_eq(ruin_live(store, 2000), 1);
}
END_TEST

/* -- what was merely seen -------------------------------------------------------------------- */

static void see(Store *store, uint16_t port, const char *name, int64_t now) {
        _cleanup_(change_freep) Change *change = NULL;

        ck_assert_int_eq(change_new(CHANGE_SEEN, ME, ME, now, &change), 0);
        strcpy(change->decision.host, HOST);
        change->decision.port = port;
        change->certificate = test_certificate(name, name);
        ck_assert_int_eq(test_apply(store, change), CHANGED);
}

static void expect_seen(Store *store, uint16_t port, const char *name) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        _cleanup_(certificate_facts_freep) CertificateFacts *made = test_certificate(name, name);
        int64_t time;

        ck_assert_int_eq(store_seen(store, ME, HOST, port, &facts, &time), 1);
        ck_assert_mem_eq(facts->sha256, made->sha256, SHA256_SIZE);
        ck_assert_int_eq(time, DECIDED_AT);
}

static void header_and_journal(void) {
        header();
        ruin_remove("journal");
}

static void journal_alone(void) {
        ruin_scratch("journal", RUIN_BLOCK, 100);
}

static const struct {
        const char *sentence;
        void (*damage)(void);
} unseen[] = {
        { "the journal is whole, and does not know of it", header },
        { "the journal is gone, too", header_and_journal },
        { "the journal is damaged, the database whole", journal_alone },
};

START_TEST(what_was_seen_is_taken_over) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        store = test_store();
        see(store, 2001, "seen", DECIDED_AT);
        see(store, 2002, "seen", DECIDED_AT);
        see(store, 2003, "also seen", DECIDED_AT);
        see(store, 2004, "seen too late", DECIDED_AT + 1000000);
        store = store_free(store);
        unseen[_i].damage();
        store = ruin_mend(&mending);
        expect_seen(store, 2001, "seen");
        expect_seen(store, 2002, "seen");
        expect_seen(store, 2003, "also seen");
        ck_assert_uint_eq(mending.n_saved, MANY);
        store = store_free(store);
        ck_assert_int_eq(test_sql_number("SELECT count(*) FROM seen"), 3);
        ck_assert_int_eq(test_sql_number("SELECT sum(n_seen) FROM owner"), 3);
}
END_TEST

/* -- files ----------------------------------------------------------------------------------- */

START_TEST(the_last_few_damaged_files_are_kept) {
        ruin_make();
        for (unsigned i = 0; i < REBUILD_KEPT_MAX + 3; i++) {
                _cleanup_(store_freep) Store *store = NULL;
                Mending mending;

                text();
                store = ruin_mend(&mending);
                ruin_expect_all(store);
                /* All of them of one second: none took the place of another. */
                ck_assert_uint_eq(ruin_count("certexc.db.corrupt-"),
                                  i < REBUILD_KEPT_MAX ? i + 1 : REBUILD_KEPT_MAX);
                ck_assert_uint_ge(ruin_count(mending.database), 1);
        }
}
END_TEST

START_TEST(what_was_set_aside_is_what_was_there) {
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_fd_ int fd = -1;
        char bytes[8];
        Mending mending;

        ruin_make();
        text();
        store = ruin_mend(&mending);
        path = ruin_path(mending.database);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(read(fd, bytes, sizeof(bytes)), (ssize_t) sizeof(bytes));
        ck_assert_mem_eq(bytes, "xxxxxxxx", sizeof(bytes));
}
END_TEST

/* -- gaps ------------------------------------------------------------------------------------ */

START_TEST(gaps_count_what_was_not_found) {
        _cleanup_(gaps_done) Gaps gaps = { 0 };
        uint64_t last;

        ck_assert_uint_eq(gaps_missing(&gaps, &last), 0);
        ck_assert_uint_eq(last, 0);
        ck_assert_int_eq(gaps_add(&gaps, 5, 4), 0);
        ck_assert_int_eq(gaps_add(&gaps, 5, 9), 0);
        ck_assert_int_eq(gaps_add(&gaps, 20, 20), 0);
        ck_assert(!gaps_has(&gaps, 4) && gaps_has(&gaps, 5) && gaps_has(&gaps, 9));
        ck_assert(!gaps_has(&gaps, 10) && gaps_has(&gaps, 20) && !gaps_has(&gaps, 21));
        ck_assert_uint_eq(gaps_missing(&gaps, &last), 6);
        ck_assert_uint_eq(last, 20);

        ck_assert_int_eq(gaps_found(&gaps, 20), 0);
        ck_assert_int_eq(gaps_found(&gaps, 9), 0);
        ck_assert_int_eq(gaps_found(&gaps, 9), 0);
        ck_assert_int_eq(gaps_found(&gaps, 5), 0);
        ck_assert_uint_eq(gaps_missing(&gaps, &last), 3);
        ck_assert_uint_eq(last, 8);
}
END_TEST

int main(void) {
        Suite *s = suite_create("rebuild");
        TCase *tc = tcase_create("rebuild");
        SRunner *runner = srunner_create(s);
        int failed;

        suite_add_tcase(s, tc);
        tcase_set_timeout(tc, 120);
        tcase_add_checked_fixture(tc, test_directory_make, test_directory_remove);
        tcase_add_loop_test(tc, a_complete_journal_gives_everything_back, 0, N_ELEMENTS(damages));
        tcase_add_test(tc, an_open_store_is_mended_and_read_on);
        tcase_add_test(tc, a_store_that_is_whole_is_only_opened_anew);
        tcase_add_test(tc, a_removed_database_is_there_again);
        tcase_add_test(tc, a_large_journal_is_read_while_the_daemon_serves);
        tcase_add_loop_test(tc, a_denial_that_vanished_accepts_nothing_and_comes_back, 0,
                            N_ELEMENTS(vanishing));
        tcase_add_loop_test(tc, one_that_vanishes_from_an_open_store_comes_back, 0,
                            N_ELEMENTS(vanishing));
        tcase_add_test(tc, what_the_journal_lost_the_database_still_has);
        tcase_add_test(tc, a_database_without_header_and_journal_is_salvaged);
        tcase_add_test(tc, no_time_of_history_makes_it_late);
        tcase_add_test(tc, no_line_of_history_hides_a_revocation);
        tcase_add_loop_test(tc, what_was_seen_is_taken_over, 0, N_ELEMENTS(unseen));
        tcase_add_test(tc, the_last_few_damaged_files_are_kept);
        tcase_add_test(tc, what_was_set_aside_is_what_was_there);
        tcase_add_test(tc, gaps_count_what_was_not_found);

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed != 0;
}
