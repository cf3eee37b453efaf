/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rebuilds with a loss: for how long they are told, how many are kept, and what a broken file of them is worth. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "daemon/rebuild-losses.h"
#include "tests/decisions.h"

#define NOW INT64_C(1800000000)

static int directory_fd = -1;

static void make(void) {
        test_directory_make();
        directory_fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(directory_fd, 0);
}

static void clean(void) {
        directory_fd = close_fd(directory_fd);
        test_directory_remove();
}

static void note(int64_t time, uint64_t n_missing) {
        Mending loss = { .cause = -EUCLEAN, .time = time, .n_saved = 5, .n_missing = n_missing, .database = "db" };

        ck_assert_int_eq(losses_note(directory_fd, &loss), 0);
}

START_TEST(what_is_noted_is_told_as_it_was) {
        Losses losses;

        note(NOW, 7);
        losses_read(directory_fd, NOW, &losses);
        ck_assert_uint_eq(losses.n, 1);
        ck_assert_int_eq(losses.items[0].time, NOW);
        ck_assert_int_eq(losses.items[0].cause, -EUCLEAN);
        ck_assert_uint_eq(losses.items[0].n_saved, 5);
        ck_assert_uint_eq(losses.items[0].n_missing, 7);
        ck_assert_str_eq(losses.items[0].database, "db");
        ck_assert_str_eq(losses.items[0].journal, "");
}
END_TEST

START_TEST(it_is_told_for_its_time_and_not_a_second_longer) {
        Losses losses;

        note(NOW, 1);
        losses_read(directory_fd, NOW + LOSS_TOLD_SEC - 1, &losses);
        ck_assert_uint_eq(losses.n, 1);
        losses_read(directory_fd, NOW + LOSS_TOLD_SEC, &losses);
        ck_assert_uint_eq(losses.n, 0);
        losses_read(directory_fd, 0, &losses);
        ck_assert_msg(losses.n == 1, "a clock that was put back hides nothing");
}
END_TEST

START_TEST(the_oldest_makes_room) {
        Losses losses;

        for (unsigned i = 0; i < LOSSES_KEPT_MAX; i++)
                note(NOW + i, i + 1);
        losses_read(directory_fd, NOW, &losses);
        ck_assert_uint_eq(losses.n, LOSSES_KEPT_MAX);
        ck_assert_int_eq(losses.items[0].time, NOW);
        note(NOW + LOSSES_KEPT_MAX, 99);
        losses_read(directory_fd, NOW, &losses);
        ck_assert_uint_eq(losses.n, LOSSES_KEPT_MAX);
        ck_assert_int_eq(losses.items[0].time, NOW + 1);
        ck_assert_uint_eq(losses.items[LOSSES_KEPT_MAX - 1].n_missing, 99);
}
END_TEST

START_TEST(one_rebuild_is_one_loss_or_none) {
        Losses losses;

        note(NOW, 1);
        note(NOW + 1, 2);
        note(NOW + 1, 3);
        losses_read(directory_fd, NOW, &losses);
        ck_assert_uint_eq(losses.n, 2);
        ck_assert_uint_eq(losses.items[1].n_missing, 3);
        ck_assert_int_eq(losses_drop(directory_fd, NOW + 1), 0);
        losses_read(directory_fd, NOW, &losses);
        ck_assert_uint_eq(losses.n, 1);
        ck_assert_int_eq(losses_drop(directory_fd, NOW), 0);
        ck_assert_int_lt(faccessat(directory_fd, LOSSES_FILE, F_OK, 0), 0);
        ck_assert_int_eq(losses_drop(directory_fd, NOW), 0);
}
END_TEST

static const struct {
        const char *sentence;
        const char *text;
        size_t n;
} files[] = {
        { "an empty file", "", 0 },
        { "one line", "1800000000 -117 5 1 0 - -\n", 1 },
        { "one that was cut", "1800000000 -117 5 1 0 - -\n1800000001 -117 5 1 0 -", 1 },
        { "noise before a line", "\x01\x02 noise\n1800000000 -117 5 1 0 - -\n", 1 },
        { "something behind it", "1800000000 -117 5 1 0 - - more\n", 0 },
        { "a name that is too long",
          "1800000000 -117 5 1 0 - 0123456789012345678901234567890123456789012345678901234567890123456789\n", 0 },
        { "a control character in a name", "1800000000 -117 5 1 0 a\x1b" "b -\n", 0 },
        { "a number that is none", "soon -117 5 1 0 - -\n", 0 },
};

START_TEST(what_is_not_as_it_was_written_is_passed_over) {
        _cleanup_fd_ int fd = openat(directory_fd, LOSSES_FILE, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
        Losses losses;

        ck_assert_int_eq(write(fd, files[_i].text, strlen(files[_i].text)), (ssize_t) strlen(files[_i].text));
        losses_read(directory_fd, NOW, &losses);
        ck_assert_msg(losses.n == files[_i].n, "%s: %zu", files[_i].sentence, losses.n);
}
END_TEST

START_TEST(what_has_its_name_and_is_no_file_is_none) {
        Losses losses;

        ck_assert_int_eq(symlinkat("/etc/passwd", directory_fd, LOSSES_FILE), 0);
        losses_read(directory_fd, NOW, &losses);
        ck_assert_uint_eq(losses.n, 0);
        note(NOW, 1);
        losses_read(directory_fd, NOW, &losses);
        ck_assert_uint_eq(losses.n, 1);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("losses");
        TCase *tcase = tcase_create("losses");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_add_checked_fixture(tcase, make, clean);
        tcase_add_test(tcase, what_is_noted_is_told_as_it_was);
        tcase_add_test(tcase, it_is_told_for_its_time_and_not_a_second_longer);
        tcase_add_test(tcase, the_oldest_makes_room);
        tcase_add_test(tcase, one_rebuild_is_one_loss_or_none);
        tcase_add_loop_test(tcase, what_is_not_as_it_was_written_is_passed_over, 0, N_ELEMENTS(files));
        tcase_add_test(tcase, what_has_its_name_and_is_no_file_is_none);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
