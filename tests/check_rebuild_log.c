/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A write-ahead log whose database is gone, or is another now: as long as it may be all that is left it
 * counts, and afterwards never again. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "tests/ruin.h"

#define LOG        "certexc.db-wal"
#define LOG_ORPHAN LOG ".orphan"
#define LOG_KEPT   LOG ".corrupt-"

static void removed(void) {
        ruin_remove("certexc.db");
}

/* What stands in the place of the database is nobody's. */
static void replaced(void) {
        ruin_copy("journal", "strange");
        ruin_move("strange", "certexc.db");
        ruin_cut("certexc.db", 8192);
        ruin_scratch("certexc.db", 0, 8192);
}

/* Live, or waiting for a person. */
static void expect_all_known(Store *store) {
        for (uint16_t i = 1; i <= MANY; i++) {
                size_t n = test_count_found(store, ME, HOST, i, STATE_UNCONFIRMED);

                ck_assert_msg(ruin_live(store, i) + n == (i != REVOKED), "port %u", i);
        }
        ck_assert_uint_eq(ruin_live(store, DENIED), 1);
}

static const struct {
        const char *sentence;
        void (*damage)(void);
} lost_databases[] = {
        { "it was removed", removed },
        { "something else is in its place", replaced },
};

/* All changes are in the log, as they are for a second after the last one. */
START_TEST(the_log_of_a_lost_database_counts) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        store = test_store();
        ruin_fill(store);
        lost_databases[_i].damage();
        ruin_remove("journal");
        store_rest(store);
        ck_assert_int_eq(store_mend(store, -ESTALE, DECIDED_AT + 1, &mending), 0);
        store_resume(store);
        expect_all_known(store);
        ck_assert_msg(mending.n_saved == MANY && mending.n_missing == 0, "%s",
                      lost_databases[_i].sentence);
        ck_assert_uint_eq(ruin_count(LOG_ORPHAN), 0);

        (void) test_add(store, &(Addition){ .owner = ME, .port = 2000 }, CHANGED);
        store = test_reopen(store);
        expect_all_known(store);
}
END_TEST

/* A log of all changes, without its database. */
static void leave_log(void) {
        Store *store = test_store();

        ruin_fill(store);
        ruin_copy(LOG, "kept");
        (void) store_free(store);
        ruin_remove("certexc.db");
        ruin_move("kept", LOG);
}

START_TEST(a_log_that_is_all_there_is_stays_where_it_is) {
        Store *store = NULL;
        StoreDamage damage;

        leave_log();
        ruin_remove("journal");
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), -EUCLEAN);
        ck_assert_ptr_nonnull(strstr(damage.reason, "write-ahead log"));
        ck_assert_int_gt(ruin_size(LOG), 0);
}
END_TEST

/* The journal was whole when the database began to be made of it, and is not when it is tried again. */
START_TEST(the_log_counts_until_a_new_database_stands) {
        _cleanup_free_ char *obstacle = ruin_path("certexc.db.new");
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;
        Mending mending;

        leave_log();
        ck_assert_int_eq(mkdir(obstacle, 0700), 0);
        ck_assert_int_lt(store_open(test_directory(), &store, &damage), 0);
        ck_assert_int_eq(rmdir(obstacle), 0);
        ruin_remove("journal");
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), -EUCLEAN);
        store = ruin_mend(&mending);
        expect_all_known(store);
        ck_assert_uint_eq(mending.n_saved, MANY);
}
END_TEST

/* Once it does, the log is one of the files that were set aside. */
START_TEST(a_log_is_set_aside_when_a_new_database_stands) {
        _cleanup_(store_freep) Store *store = NULL;

        leave_log();
        ruin_copy(LOG, "copy");
        for (unsigned i = 0; i < REBUILD_KEPT_MAX + 2; i++) {
                store = test_store();
                ruin_expect_all(store);
                ck_assert_uint_eq(ruin_count(LOG_ORPHAN), 0);
                ck_assert_uint_eq(ruin_count(LOG_KEPT),
                                  i < REBUILD_KEPT_MAX ? i + 1 : REBUILD_KEPT_MAX);
                store = store_free(store);
                ruin_remove("certexc.db");
                ruin_copy("copy", LOG);
        }
}
END_TEST

static void lose_journal(void) {
        ruin_remove("journal");
}

static void lose_end_of_journal(void) {
        ruin_cut("journal", ruin_size("journal") - 600);
}

static void lose_most_of_journal(void) {
        ruin_scratch("journal", 4096, (size_t) ruin_size("journal") - 4096);
}

/* All that was allowed is revoked later; the log is of before. */
static const struct {
        const char *sentence;
        void (*damage)(void);
} later_damages[] = {
        { "the journal is gone, the witness knows how far it went", lose_journal },
        { "its last lines are cut off", lose_end_of_journal },
        { "nothing but its head and slots is left", lose_most_of_journal },
};

START_TEST(a_log_of_before_revives_nothing) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        leave_log();
        ruin_copy(LOG, "copy");
        store = test_store();
        for (uint64_t id = 1; id <= MANY; id++)
                if (id != REVOKED)
                        (void) test_revoke(store, ME, id);
        store = store_free(store);
        ruin_copy("copy", LOG_ORPHAN);
        ruin_remove("certexc.db");
        later_damages[_i].damage();
        store = ruin_mend(&mending);
        for (uint16_t i = 1; i <= MANY; i++)
                ck_assert_msg(ruin_live(store, i) == 0, "%s: port %u", later_damages[_i].sentence, i);
        if (later_damages[_i].damage != lose_end_of_journal)
                ck_assert_uint_eq(mending.n_saved, 0);
        ck_assert_uint_eq(ruin_count(LOG_ORPHAN), 0);
        ck_assert_uint_eq(ruin_count(LOG_KEPT), 2);
}
END_TEST

/* -- a database that looks new --------------------------------------------------------------- */

/* As SIGKILL leaves it in the first second: nothing is in the database itself. */
static void leave_killed(void) {
        static const char *const names[][2] = {
                { "certexc.db", "a" }, { LOG, "b" }, { "journal", "c" }, { "witness", "d" }
        };
        Store *store = test_store();

        ruin_fill(store);
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                ruin_copy(names[i][0], names[i][1]);
        (void) store_free(store);
        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                ruin_move(names[i][1], names[i][0]);
        ck_assert_int_eq(ruin_size("certexc.db"), RUIN_BLOCK);
}

static void lose_log_and_order(void) {
        ruin_scratch(LOG, 0, (size_t) ruin_size(LOG));
        ruin_swap_blocks(0, 1);
        ruin_cut("witness", 0);
}

static void lose_log_alone(void) {
        ruin_remove(LOG);
        ruin_swap_blocks(0, 1);
        ruin_cut("witness", 0);
}

static void lose_journal_and_head_of_log(void) {
        ruin_scratch(LOG, 16, 4);
        ruin_remove("journal");
}

static const struct {
        const char *sentence;
        void (*damage)(void);
        uint64_t n_missing; /* at most */
} new_looks[] = {
        { "its log is text, the journal begins elsewhere", lose_log_and_order, 3 },
        { "its log is gone, the journal begins elsewhere", lose_log_alone, 3 },
        { "its log has no head, the journal is gone", lose_journal_and_head_of_log, 0 },
};

/* Nothing is begun anew where something may be left. */
START_TEST(a_database_that_only_looks_new_is_not_one) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;
        Mending mending;

        leave_killed();
        new_looks[_i].damage();
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), -EUCLEAN);
        store = ruin_mend(&mending);
        ck_assert_uint_eq(ruin_live(store, REVOKED), 0);
        ck_assert_msg(mending.n_missing <= new_looks[_i].n_missing &&
                              mending.n_saved + mending.n_missing >= MANY,
                      "%s: %u and %u", new_looks[_i].sentence, (unsigned) mending.n_saved,
                      (unsigned) mending.n_missing);
}
END_TEST

/* -- what is told ---------------------------------------------------------------------------- */

static void one_of_each(void) {
        removed();
        ruin_scratch(LOG, 16, 4);
        ruin_scratch("journal", RUIN_BLOCK, 40);
        ruin_cut("witness", 100);
}

static void log_alone(void) {
        ruin_scratch(LOG, 16, 4);
}

static void database_and_journal(void) {
        ruin_cut("certexc.db", 0);
        ruin_remove(LOG);
        ruin_remove("journal");
}

static const struct {
        const char *sentence;
        void (*damage)(void);
        const char *says;
} descriptions[] = {
        { "the log that had everything", log_alone,
          "certexc.db: damaged, certexc.db-wal: damaged, journal: whole, witness: whole" },
        { "all four", one_of_each,
          "certexc.db: gone, certexc.db-wal: damaged, journal: damaged, witness: damaged" },
        { "one that was begun anew", database_and_journal,
          "certexc.db: a new and empty one, certexc.db-wal: whole, journal: gone, witness: whole" },
};

/* Not only what was noticed first. */
START_TEST(all_that_is_damaged_is_told) {
        _cleanup_free_ char *told = NULL;
        Store *store = NULL;
        StoreDamage damage;

        leave_killed();
        descriptions[_i].damage();
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), -EUCLEAN);
        ck_assert_int_eq(store_describe(test_directory(), &damage, &told), 0);
        ck_assert_msg(strcmp(told, descriptions[_i].says) == 0, "%s: %s", descriptions[_i].sentence,
                      told);
}
END_TEST

int main(void) {
        Suite *s = suite_create("rebuild-log");
        TCase *tc = tcase_create("rebuild-log");
        SRunner *runner = srunner_create(s);
        int failed;

        suite_add_tcase(s, tc);
        tcase_set_timeout(tc, 120);
        tcase_add_checked_fixture(tc, test_directory_make, test_directory_remove);
        tcase_add_loop_test(tc, the_log_of_a_lost_database_counts, 0, N_ELEMENTS(lost_databases));
        tcase_add_test(tc, a_log_that_is_all_there_is_stays_where_it_is);
        tcase_add_test(tc, the_log_counts_until_a_new_database_stands);
        tcase_add_test(tc, a_log_is_set_aside_when_a_new_database_stands);
        tcase_add_loop_test(tc, a_log_of_before_revives_nothing, 0, N_ELEMENTS(later_damages));
        tcase_add_loop_test(tc, a_database_that_only_looks_new_is_not_one, 0, N_ELEMENTS(new_looks));
        tcase_add_loop_test(tc, all_that_is_damaged_is_told, 0, N_ELEMENTS(descriptions));

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed != 0;
}
