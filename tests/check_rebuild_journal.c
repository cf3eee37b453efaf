/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a damaged journal still gives when there is no database any more. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "tests/files.h"
#include "tests/ruin.h"

/* Every place of the journal in turn, with a database that is gone: what was revoked stays so, and no
 * number is missing that is there. */
START_TEST(a_hole_in_the_journal_hides_no_revocation) {
        _cleanup_(store_freep) Store *store = NULL;
        off_t step, at;
        Mending mending;

        ruin_make();
        step = (ruin_size("journal") - 4096) / 16;
        at = 4096 + step * _i;
        ruin_scratch("journal", at, (size_t) step);
        ruin_remove("certexc.db");
        store = ruin_mend(&mending);
        ck_assert_uint_eq(ruin_live(store, REVOKED), 0);
        /* What is older than the hole must be confirmed, unless all that refuses is there. */
        if (ruin_live(store, DENIED) == 0)
                ck_assert_uint_eq(ruin_live(store, 1), 0);
        else if (mending.n_missing == 0)
                ruin_expect_all(store); /* the hole is in a certificate */
        ck_assert_uint_ge(mending.n_saved + mending.n_missing, MANY);
        ck_assert_uint_le(mending.n_saved + mending.n_missing, MANY + 2);
}
END_TEST

/* Allowed, then revoked, then the journal is cut anywhere and the database is gone. */
START_TEST(a_cut_journal_hides_no_revocation) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        {
                _cleanup_(store_freep) Store *first = test_store();

                (void) test_revoke(first, ME, test_add(first, &(Addition){ .owner = ME }, CHANGED));
        }
        ruin_cut("journal", 4096 + (ruin_size("journal") - 4096) * _i / 32);
        ruin_remove("certexc.db");
        store = ruin_mend(&mending);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE), 0);
}
END_TEST

/* Lines are believed by themselves, so that only those which cross a seam are lost: four seams. Block 0
 * has the head. */
START_TEST(blocks_of_the_journal_that_changed_places_lose_nothing_but_their_seams) {
        static const off_t pairs[][2] = { { 1, 2 }, { 2, 3 }, { 1, 3 }, { 0, 3 }, { 0, 1 } };
        _cleanup_(store_freep) Store *store = NULL;
        unsigned n_live = 0;
        Mending mending;

        ruin_make();
        ck_assert_int_ge(ruin_size("journal"), 4 * RUIN_BLOCK);
        ruin_swap_blocks(pairs[_i][0], pairs[_i][1]);
        ruin_remove("certexc.db");
        store = ruin_mend(&mending);
        ck_assert_uint_eq(ruin_live(store, REVOKED), 0);
        ck_assert_uint_le(mending.n_missing, 4);
        ck_assert_uint_ge(mending.n_saved + mending.n_missing, MANY);
        for (uint16_t i = 1; i <= MANY; i++)
                n_live += ruin_live(store, i) > 0;
        ck_assert_uint_ge(n_live + mending.n_unconfirmed + mending.n_missing, MANY - 1);
}
END_TEST

/* The witness knows whose journal it is. */
START_TEST(a_journal_without_its_first_block_is_still_read) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        ruin_scratch("journal", 0, RUIN_BLOCK);
        ruin_remove("certexc.db");
        store = ruin_mend(&mending);
        ck_assert_uint_eq(ruin_live(store, REVOKED), 0);
        ck_assert_uint_eq(ruin_live(store, DENIED), 1);
        ck_assert_uint_eq(mending.n_missing, 0);
        ck_assert_uint_eq(mending.n_saved, MANY);
        ck_assert_uint_eq(mending.n_unconfirmed, 0);
}
END_TEST

static void expect_cut_to_serve(off_t size) {
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_cut("journal", size);
        ruin_remove("certexc.db");
        store = ruin_mend(&mending);
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE), 0);
        (void) test_add(store, &(Addition){ .owner = ME, .port = 2000 }, CHANGED);
}

/* At each end of a line, a byte before and a byte behind. */
START_TEST(whatever_is_cut_off_the_journal_the_store_serves) {
        _cleanup_free_ char *path = ruin_path("journal");
        _cleanup_free_ char *text = NULL;
        _cleanup_fd_ int fd = -1;
        Store *store = test_store();
        off_t size;

        (void) test_revoke(store, ME, test_add(store, &(Addition){ .owner = ME }, CHANGED));
        (void) store_free(store);
        size = ruin_size("journal");
        text = malloc((size_t) size);
        fd = open(path, O_RDONLY | O_CLOEXEC);
        ck_assert_int_eq(read(fd, text, (size_t) size), size);
        for (off_t at = 0; at < size; at++) {
                if (text[at] != '\n')
                        continue;
                for (off_t end = at; end <= at + 2 && end < size; end++) {
                        _cleanup_fd_ int anew = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC);

                        ck_assert_int_eq(write(anew, text, (size_t) size), size);
                        expect_cut_to_serve(end);
                }
        }
}
END_TEST

/* The head block alone still tells how many changes there were; with one of its slots, all but the last
 * perhaps, and then whether it was the last one is not known. */
START_TEST(a_journal_that_was_cut_in_its_head_counts_what_is_missing) {
        static const off_t sizes[] = { 4095, 1600, 1536, 1024 };
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        ruin_cut("journal", sizes[_i]);
        ruin_remove("certexc.db");
        ruin_remove("witness");
        store = ruin_mend(&mending);
        ck_assert_uint_eq(mending.n_saved, 0);
        ck_assert_uint_le(mending.n_missing, MANY + 2);
        ck_assert_uint_ge(mending.n_missing, MANY + (sizes[_i] >= 1536 ? 2 : 1));
}
END_TEST

/* A newline that is damaged makes two lines one, each of which is still whole. */
START_TEST(a_damaged_newline_costs_nothing) {
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_(file_done) File journal = {0};
        const char *at;
        Mending mending;

        ruin_make();
        journal = file_load(test_journal());
        at = journal.data + RUIN_BLOCK;
        for (int i = 0; i <= _i; i++)
                at = strchr(at, '\n') + 1;
        ruin_scratch("journal", at - 1 - journal.data, 1);
        ruin_remove("certexc.db");
        store = ruin_mend(&mending);
        ck_assert_uint_eq(mending.n_missing, 0);
        ruin_expect_all(store);
}
END_TEST

/* It is whole, but of before the revocation, which the database knows of; or its log, whose database is gone. */
START_TEST(an_older_journal_that_was_put_back_revives_nothing) {
        _cleanup_(store_freep) Store *store = test_store();
        Mending mending;

        (void) test_add(store, &(Addition){ .owner = ME, .port = 1 }, CHANGED);
        ruin_copy("journal", "journal.old");
        (void) test_revoke(store, ME, 1);
        (void) test_add(store, &(Addition){ .owner = ME, .port = 2 }, CHANGED);
        if (_i > 0)
                ruin_copy("certexc.db-wal", "log");
        store = store_free(store);
        ruin_move("journal.old", "journal");
        ruin_remove("witness");
        if (_i > 0) {
                ruin_remove("certexc.db");
                ruin_move("log", _i == 1 ? "certexc.db-wal" : "certexc.db-wal.orphan");
        }
        store = ruin_mend(&mending);
        ck_assert_uint_eq(ruin_live(store, 1), 0);
        if (_i == 0)
                ck_assert_uint_eq(ruin_live(store, 2) + mending.n_unconfirmed, 1);
}
END_TEST

/* What cannot be read tells nothing against it. */
START_TEST(a_whole_journal_needs_no_log_that_can_be_read) {
        _cleanup_free_ char *path = ruin_path(_i == 0 ? "certexc.db-wal" : "certexc.db-wal.orphan");
        _cleanup_(store_freep) Store *store = NULL;
        Mending mending;

        ruin_make();
        ruin_remove("certexc.db");
        (void) unlink(path);
        ck_assert_int_eq(mkdir(path, 0700), 0);
        store = ruin_mend(&mending);
        ruin_expect_all(store);
        ck_assert_uint_eq(mending.n_unconfirmed, 0);
        store = store_free(store);
        (void) rmdir(path);
}
END_TEST

/* Flips a bit of each line of the journal from @from on that has @word; how many there were. */
static unsigned damage_lines(const char *word, size_t from) {
        _cleanup_free_ char *path = ruin_path("journal");
        File journal = file_load(path);
        unsigned n = 0;
        char *at;

        for (size_t done = from; done < journal.size;) {
                at = memmem(journal.data + done, journal.size - done, word, strlen(word));
                if (!at)
                        break;
                *at ^= 1;
                n++;
                done = (size_t) (at - journal.data) + strlen(word);
        }
        file_store(path, journal.data, journal.size);
        file_done(&journal);
        return n;
}

/* Revoked, and dropped since, so that no set tells of it any more; and of both the lines are damaged. */
START_TEST(what_was_revoked_and_then_made_room_does_not_come_back) {
        Addition large = { .owner = ME, .name = "large", .der_size = CERTIFICATE_BYTES_MAX };
        _cleanup_(store_freep) Store *store = test_store();
        char name[16];
        Mending mending;
        off_t before;

        large.port = 1;
        (void) test_add(store, &large, CHANGED);
        before = ruin_size("journal");
        (void) test_revoke(store, ME, 1);
        large.name = name;
        for (unsigned i = 0; i < STORED_BYTES_PER_OWNER_MAX / CERTIFICATE_BYTES_MAX; i++) {
                (void) snprintf(name, sizeof(name), "large %u", i);
                large.port = (uint16_t) (i + 2);
                (void) test_add(store, &large, CHANGED);
        }
        store = store_free(store);
        ck_assert_uint_eq(damage_lines("\tdrop\t", (size_t) before), 1);
        ruin_scratch("journal", before + 30, 1);
        ruin_remove("certexc.db");
        store = ruin_mend(&mending);
        ck_assert_uint_ge(mending.n_missing, 1);
        ck_assert_uint_eq(ruin_live(store, 1), 0);
}
END_TEST

int main(void) {
        Suite *s = suite_create("rebuild-journal");
        TCase *tc = tcase_create("rebuild-journal");
        SRunner *runner = srunner_create(s);
        int failed;

        suite_add_tcase(s, tc);
        tcase_set_timeout(tc, 120);
        tcase_add_checked_fixture(tc, test_directory_make, test_directory_remove);
        tcase_add_loop_test(tc, a_hole_in_the_journal_hides_no_revocation, 0, 16);
        tcase_add_loop_test(tc, a_cut_journal_hides_no_revocation, 0, 33);
        tcase_add_loop_test(tc, blocks_of_the_journal_that_changed_places_lose_nothing_but_their_seams,
                            0, 5);
        tcase_add_test(tc, a_journal_without_its_first_block_is_still_read);
        tcase_add_loop_test(tc, a_whole_journal_needs_no_log_that_can_be_read, 0, 2);
        tcase_add_loop_test(tc, an_older_journal_that_was_put_back_revives_nothing, 0, 3);
        tcase_add_test(tc, what_was_revoked_and_then_made_room_does_not_come_back);
        tcase_add_test(tc, whatever_is_cut_off_the_journal_the_store_serves);
        tcase_add_loop_test(tc, a_journal_that_was_cut_in_its_head_counts_what_is_missing, 0, 4);
        tcase_add_loop_test(tc, a_damaged_newline_costs_nothing, 0, 42);

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed != 0;
}
