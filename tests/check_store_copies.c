/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Two copies of the decisions, in whatever state each is found: nothing is lost, nothing accepted.
 */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/journal-private.h"
#include "daemon/limits.h"
#include "daemon/store-witness.h"
#include "tests/decisions.h"
#include "tests/files.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

/* The files of one store at three times: two exceptions; a third one; the first revoked. */
static File database_then[3], journal_then[3], witness_then[3];
/* Of another store, with one change more. */
static File journal_other;

static const char *test_witness(void) {
        static char path[300];

        (void) snprintf(path, sizeof(path), "%s/" WITNESS_FILE, test_directory());
        return path;
}

static void remove_files(void) {
        (void) unlink(test_database());
        (void) unlink(test_journal());
        (void) unlink(test_witness());
}

static void add(Store *store, uint16_t port) {
        (void) test_add(store, &(Addition){.owner = ME, .port = port}, CHANGED);
}

static void keep(unsigned at) {
        database_then[at] = file_load(test_database());
        journal_then[at] = file_load(test_journal());
        witness_then[at] = file_load(test_witness());
}

static void make_copies(void) {
        Store *store;

        test_directory_make();
        store = test_store();
        add(store, 1);
        add(store, 2);
        (void) store_free(store);
        keep(0);
        store = test_store();
        add(store, 3);
        (void) store_free(store);
        keep(1);
        store = test_store();
        (void) test_revoke(store, ME, 1);
        (void) store_free(store);
        keep(2);
        remove_files();

        store = test_store();
        for (uint16_t port = 11; port < 16; port++)
                add(store, port);
        (void) store_free(store);
        journal_other = file_load(test_journal());
        remove_files();
}

static void drop_copies(void) {
        for (unsigned i = 0; i < 3; i++) {
                file_done(database_then + i);
                file_done(journal_then + i);
                file_done(witness_then + i);
        }
        file_done(&journal_other);
        test_directory_remove();
}

/* 0, 1, 2: as it was then. '-': gone. 'e': empty. 'x': other bytes over its beginning.
 * 'w': the last, written at another time. 'r': the last, without the row that was revoked. */
static void put_database(char how) {
        const File *last = database_then + 2;

        if (how >= '0' && how <= '2')
                file_store(test_database(), database_then[how - '0'].data,
                           database_then[how - '0'].size);
        else if (how == 'e')
                file_store(test_database(), "", 0);
        else if (how == 'x') {
                memset(last->data, 'x', 4096);
                file_store(test_database(), last->data, last->size);
        } else if (how == 'w') {
                file_store(test_database(), last->data, last->size);
                test_sql("UPDATE store SET last_write = last_write + 1");
        } else if (how == 'r') {
                file_store(test_database(), last->data, last->size);
                test_sql("DELETE FROM decision WHERE state = 4");
        }
}

/* Of the last journal. */
static unsigned newest_sequence(void) {
        unsigned sequence[2];

        for (unsigned i = 0; i < 2; i++)
                ck_assert_int_eq(sscanf(journal_then[2].data + JOURNAL_SLOT_AT(i), "slot\t%u",
                                        sequence + i),
                                 1);
        return sequence[sequence[1] > sequence[0]];
}

/* The same. 'n': the newest slot is damaged. 't': the last line is half zeros. 'c': it is cut off. 'm': a line in the middle is
 * damaged. 's': bytes behind the end. 'o': another store's. */
static void put_journal(char how) {
        File last = journal_then[2];
        size_t line = journal_then[1].size;

        if (how >= '0' && how <= '2')
                last = journal_then[how - '0'];
        else if (how == 'o')
                last = journal_other;
        else if (how == 'x')
                memset(last.data, 'x', JOURNAL_HEAD_BYTES);
        else if (how == 't')
                memset(last.data + line + 20, 0, last.size - line - 20);
        else if (how == 'c')
                last.size = line;
        else if (how == 'n')
                memset(last.data + JOURNAL_SLOT_AT(newest_sequence()), 'x', 100);
        else if (how == 'm')
                last.data[journal_then[0].size + 30] ^= 1;
        if (how == '-')
                return;
        file_store(test_journal(), last.data, last.size);
        if (how == 's') {
                _cleanup_fd_ int fd = open(test_journal(), O_WRONLY | O_APPEND | O_CLOEXEC);

                ck_assert_int_eq(write(fd, "9\tname\t", 7), 7);
        }
}

/* Of a batch that was torn nobody was told. */
static void put_witness(char database, char journal) {
        bool torn = database == '1' && (journal == 't' || journal == 'c');
        const File *w = witness_then + (torn ? 1 : 2);

        if (database != '-' || journal != '-')
                file_store(test_witness(), w->data, w->size);
}

typedef struct Row {
        const char *says;
        char database, journal;
        int result;
        CopyState found_database, found_journal;
        int n_live;
        bool revoked;
        bool disagrees;
} Row;

#define OK      COPY_WHOLE
#define MISSING COPY_MISSING
#define DAMAGED COPY_DAMAGED
#define BEHIND  COPY_BEHIND

static const Row rows[] = {
        {"both are begun", '-', '-', 0, MISSING, MISSING, 0, 0, 0},
        {"both are at the same place", '2', '2', 0, OK, OK, 2, 1, 0},
        {"a deleted database comes back", '-', '2', 0, MISSING, OK, 2, 1, 0},
        {"an emptied database comes back", 'e', '2', 0, MISSING, OK, 2, 1, 0},
        {"a database two changes behind is brought up", '0', '2', 0, BEHIND, OK, 2, 1, 0},
        {"a database one change behind is brought up", '1', '2', 0, BEHIND, OK, 2, 1, 0},
        {"a deleted journal is made anew", '2', '-', 0, OK, MISSING, 2, 1, 0},
        {"an overwritten journal is made anew", '2', 'x', 0, OK, DAMAGED, 2, 1, 0},
        {"an older journal is made anew", '2', '0', 0, OK, BEHIND, 2, 1, 0},
        {"a journal cut at a line is made anew", '2', 'c', 0, OK, DAMAGED, 2, 1, 0},
        {"a journal whose last line is damaged is made anew", '2', 't', 0, OK, DAMAGED, 2, 1, 0},
        {"what stands behind the end is cut off", '2', 's', 0, OK, OK, 2, 1, 0},
        {"a batch that was torn is cut off", '1', 't', 0, OK, OK, 3, 0, 0},
        {"a batch of which nothing was written is cut off", '1', 'c', 0, OK, OK, 3, 0, 0},
        {"damage in the middle costs nothing while the database is whole", '2', 'm', 0, OK, OK, 2,
         1, 0},
        {"a lost refusal is seen, and nothing accepted", 'r', '2', 0, OK, OK, 0, 0, 1},
        {"a damaged database is to be rebuilt", 'x', '2', -EUCLEAN, DAMAGED, OK, 0, 0, 0},
        {"a database that says another time of itself is to be rebuilt", 'w', '2', -EUCLEAN,
         DAMAGED, OK, 0, 0, 0},
        {"a damaged database without a journal", 'x', '-', -EUCLEAN, DAMAGED, MISSING, 0, 0, 0},
        {"both are damaged", 'x', 'x', -EUCLEAN, DAMAGED, DAMAGED, 0, 0, 0},
        {"the database is damaged, the journal cut", 'x', 'c', -EUCLEAN, DAMAGED, DAMAGED, 0, 0, 0},
        {"the database is gone, the journal cut", '-', 'c', -EUCLEAN, MISSING, DAMAGED, 0, 0, 0},
        {"the database is gone, the journal damaged", '-', 'm', -EUCLEAN, MISSING, DAMAGED, 0, 0,
         0},
        {"the database is gone, the journal overwritten", '-', 'x', -EUCLEAN, MISSING, DAMAGED, 0,
         0, 0},
        {"a lost refusal, and no journal to tell", 'r', '-', -EUCLEAN, DAMAGED, MISSING, 0, 0, 0},
        {"a lost refusal, and an older journal", 'r', '1', -EUCLEAN, DAMAGED, BEHIND, 0, 0, 0},
        {"the database is behind, and the way there damaged", '0', 'm', -EUCLEAN, BEHIND, DAMAGED,
         0, 0, 0},
        {"the database is behind a torn end", '0', 't', -EUCLEAN, BEHIND, DAMAGED, 0, 0, 0},
        {"the database is older, and the journal gone", '1', '-', -EUCLEAN, BEHIND, MISSING, 0, 0,
         0},
        {"the database is older, and the journal overwritten", '1', 'x', -EUCLEAN, BEHIND, DAMAGED,
         0, 0, 0},
        {"both are older than what was acknowledged", '1', '1', -EUCLEAN, BEHIND, BEHIND, 0, 0, 0},
        {"the journal is older, the database gone", '-', '1', -EUCLEAN, MISSING, BEHIND, 0, 0, 0},
        {"the journal's newest slot is damaged", '2', 'n', 0, OK, BEHIND, 2, 1, 0},
        {"the journal's newest slot is damaged, the database older", '1', 'n', -EUCLEAN, BEHIND,
         DAMAGED, 0, 0, 0},
        {"the journal's newest slot is damaged, the database gone", '-', 'n', -EUCLEAN, MISSING,
         BEHIND, 0, 0, 0},
        {"the journal is another store's, and complete", '2', 'o', -EUCLEAN, BEHIND, OK, 0, 0, 0},
};

static void ck_goes_on(Store *store, const Row *row) {
        JournalReport report;
        StoreDamage damage;
        int fd;

        add(store, 99);
        (void) store_free(store);
        ck_assert_int_eq(store_open(test_directory(), &store, &damage), 0);
        ck_assert_int_eq(damage.database, COPY_WHOLE);
        ck_assert_int_eq(damage.journal, COPY_WHOLE);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE),
                          (size_t) row->n_live + 1);
        fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (row->journal != 'm')
                ck_assert_msg(journal_verify(fd, JOURNAL_FILE, &report) == 0, "%s", row->says);
        (void) close(fd);
        (void) store_free(store);
}

START_TEST(whatever_is_found_is_brought_together_or_refused) {
        const Row *row = rows + _i;
        Store *store = NULL;
        StoreDamage damage;
        Decision d;
        int r;

        put_database(row->database);
        put_journal(row->journal);
        put_witness(row->database, row->journal);
        r = store_open(test_directory(), &store, &damage);
        ck_assert_msg(r == row->result, "%s: %s, %s", row->says, strerror(-r), damage.reason);
        ck_assert_msg(damage.database == row->found_database, "%s: database %u", row->says,
                      damage.database);
        ck_assert_msg(damage.journal == row->found_journal, "%s: journal %u", row->says,
                      damage.journal);
        ck_assert_msg(damage.disagrees == row->disagrees, "%s", row->says);
        if (r < 0) {
                ck_assert_ptr_nonnull(damage.reason);
                return;
        }
        ck_assert_msg((int) test_count_found(store, ME, HOST, 0, STATE_LIVE) == row->n_live, "%s",
                      row->says);
        if (row->revoked) {
                ck_assert_int_eq(store_get(store, ME, 1, &d), 1);
                ck_assert_int_eq(d.state, STATE_REVOKED);
        }
        if (row->disagrees)
                (void) store_free(store);
        else
                ck_goes_on(store, row);
}
END_TEST

/* A crash after the new journal got its name, before the database took note of it. */
START_TEST(a_journal_in_place_of_the_named_one_is_taken_for_it) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;
        File old;

        put_database('2');
        put_journal('2');
        put_witness('2', '2');
        old = file_load(test_database());
        ck_assert_int_eq(unlink(test_journal()), 0);
        (void) store_free(test_store());
        file_store(test_database(), old.data, old.size);
        file_done(&old);

        ck_assert_int_eq(store_open(test_directory(), &store, &damage), 0);
        ck_assert_int_eq(damage.database, COPY_WHOLE);
        ck_assert_int_eq(damage.journal, COPY_WHOLE);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE), 2);
        add(store, 9);
        store = test_reopen(store);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 0, STATE_LIVE), 3);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, two copies");
        TCase *tcase = tcase_create("copies");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, make_copies, drop_copies);
        tcase_add_loop_test(tcase, whatever_is_found_is_brought_together_or_refused, 0,
                            N_ELEMENTS(rows));
        tcase_add_test(tcase, a_journal_in_place_of_the_named_one_is_taken_for_it);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
