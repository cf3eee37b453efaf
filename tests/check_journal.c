/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The journal as a file: its end moves as changes are committed, and whatever damages it is seen. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/journal-private.h"
#include "daemon/limits.h"
#include "tests/decisions.h"

#define N_CHANGES 5U

static int directory_fd;
static char *bytes;
static size_t n_bytes;

static void begin(void) {
        test_directory_make();
        directory_fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        ck_assert_int_ge(directory_fd, 0);
}

static void end(void) {
        free(bytes);
        bytes = NULL;
        (void) close(directory_fd);
        test_directory_remove();
}

static void append_change(Journal *j, unsigned number) {
        JournalRecord record = {.kind = JOURNAL_CHANGE, .decision = test_decision(number)};

        record.history.kind = HISTORY_ALLOWED;
        record.history.by = 1000;
        ck_assert_int_eq(journal_append(j, &record), 0);
        ck_assert_uint_eq(record.number, number);
}

static void commit_change(Journal *j, unsigned number) {
        RefusalSet refusals = {.n = number};

        append_change(j, number);
        ck_assert_int_eq(journal_commit(j, &refusals), 0);
}

/* N_CHANGES changes behind base 0, each with a sync of its own. */
static Journal *make_journal(void) {
        RefusalSet none = {0};
        Journal *j = NULL;

        ck_assert_int_eq(journal_create(directory_fd, 0, NULL, NULL, &j), 0);
        ck_assert_int_eq(journal_publish(j, &none), 0);
        for (unsigned i = 1; i <= N_CHANGES; i++)
                commit_change(j, i);
        return j;
}

static int open_file(void) {
        int fd = openat(directory_fd, JOURNAL_FILE, O_RDWR | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        return fd;
}

static void load(void) {
        _cleanup_fd_ int fd = open_file();
        struct stat st;

        ck_assert_int_eq(fstat(fd, &st), 0);
        n_bytes = (size_t) st.st_size;
        free(bytes);
        bytes = malloc(n_bytes + 1);
        ck_assert_int_eq(pread(fd, bytes, n_bytes, 0), (ssize_t) n_bytes);
        bytes[n_bytes] = '\0';
}

/* Puts other contents in place of the journal's. */
static void store_bytes(const char *data, size_t size) {
        _cleanup_fd_ int fd = open_file();

        ck_assert_int_eq(ftruncate(fd, 0), 0);
        ck_assert_int_eq(pwrite(fd, data, size, 0), (ssize_t) size);
}

static int verify(JournalReport *ret) {
        *ret = (JournalReport){0};
        return journal_verify(directory_fd, JOURNAL_FILE, ret);
}

/* -- lines -------------------------------------------------------------------------------- */

static int append_name(Journal *j, size_t size) {
        _cleanup_free_ char *name = malloc(size + 1);
        JournalRecord record = {.kind = JOURNAL_NAME, .name = name};

        memset(name, 'a', size);
        name[size] = '\0';
        return journal_append(j, &record);
}

START_TEST(a_line_may_be_so_long_and_no_longer) {
        _cleanup_(journal_freep) Journal *j = make_journal();
        JournalPlace before = journal_end(j), after;
        RefusalSet none = {0};
        JournalReport report;
        size_t rest;

        ck_assert_int_eq(append_name(j, 1), 0);
        after = journal_end(j);
        rest = JOURNAL_LINE_BYTES_MAX - (size_t) (after.offset - before.offset);
        journal_rewind(j, &before);
        ck_assert_int_eq(append_name(j, rest + 2), -E2BIG);
        after = journal_end(j);
        ck_assert_uint_eq(after.offset, before.offset);
        ck_assert_int_eq(append_name(j, rest + 1), 0);
        ck_assert_int_eq(journal_commit(j, &none), 0);
        ck_assert_int_eq(verify(&report), 0);
        ck_assert_uint_eq(report.n_lines, N_CHANGES + 1);
}
END_TEST

/* -- slots -------------------------------------------------------------------------------- */

static JournalSlot read_slot(bool older) {
        _cleanup_(journal_reader_freep) JournalReader *reader = NULL;
        JournalSlot slot = {0};

        ck_assert_int_eq(journal_reader_new(directory_fd, JOURNAL_FILE, &reader), 0);
        ck_assert(journal_reader_slot(reader, older, &slot));
        return slot;
}

START_TEST(the_slots_take_turns) {
        _cleanup_(journal_freep) Journal *j = make_journal();

        for (unsigned i = N_CHANGES + 1; i < N_CHANGES + 5; i++) {
                JournalSlot newest, older;

                commit_change(j, i);
                newest = read_slot(false);
                older = read_slot(true);
                ck_assert_uint_eq(newest.end.number, i);
                ck_assert_uint_eq(older.end.number, i - 1);
                ck_assert_uint_eq(newest.sequence, older.sequence + 1);
                ck_assert_uint_eq(newest.refusals.n, i);
        }
}
END_TEST

START_TEST(a_torn_newest_slot_leaves_the_older_one) {
        _cleanup_(journal_freep) _unused_ Journal *j = make_journal();
        JournalSlot newest = read_slot(false);
        JournalReport report;

        load();
        for (size_t n = 0; n < JOURNAL_SECTOR; n += 37) {
                _cleanup_free_ char *torn = malloc(n_bytes);

                memcpy(torn, bytes, n_bytes);
                memset(torn + JOURNAL_SLOT_AT(newest.sequence), 0, JOURNAL_SECTOR - n);
                store_bytes(torn, n_bytes);
                ck_assert_uint_eq(read_slot(false).end.number, N_CHANGES - 1);
                ck_assert_int_eq(verify(&report), 0);
                ck_assert_uint_eq(report.n_lines, N_CHANGES - 1);
        }
}
END_TEST

/* -- damage ------------------------------------------------------------------------------- */

START_TEST(a_whole_one_is_complete) {
        _cleanup_(journal_freep) _unused_ Journal *j = make_journal();
        JournalReport report;

        ck_assert_int_eq(verify(&report), 0);
        ck_assert_uint_eq(report.n_lines, N_CHANGES);
        ck_assert_uint_eq(report.n_damages, 0);
        ck_assert_uint_eq(report.n_missing, 0);
}
END_TEST

START_TEST(every_cut_is_seen) {
        _cleanup_(journal_freep) _unused_ Journal *j = make_journal();
        _cleanup_fd_ int fd = -1;

        load();
        fd = open_file();
        for (size_t n = n_bytes; n-- > 0;) {
                JournalReport report;

                ck_assert_int_eq(ftruncate(fd, (off_t) n), 0);
                ck_assert_msg(verify(&report) == -EBADMSG, "cut to %zu bytes", n);
        }
}
END_TEST

/* Seen, or without consequence: the same lines, or an end that is before the one acknowledged last,
 * which the database knows. */
START_TEST(every_flipped_bit_is_seen_or_harmless) {
        _cleanup_(journal_freep) _unused_ Journal *j = make_journal();
        _cleanup_fd_ int fd = -1;
        unsigned n_seen = 0;

        load();
        fd = open_file();
        for (size_t at = 0; at < n_bytes; at++)
                for (unsigned bit = 0; bit < 8; bit++) {
                        char flipped = (char) (bytes[at] ^ (1 << bit));
                        JournalReport report;
                        int r;

                        if (at >= 3 * JOURNAL_SECTOR && at < JOURNAL_HEAD_BYTES && at % 64 != 0)
                                continue;
                        ck_assert_int_eq(pwrite(fd, &flipped, 1, (off_t) at), 1);
                        r = verify(&report);
                        ck_assert_int_eq(pwrite(fd, bytes + at, 1, (off_t) at), 1);
                        n_seen += r == -EBADMSG;
                        ck_assert(r == 0 || r == -EBADMSG);
                        ck_assert_msg(r < 0 || at < JOURNAL_HEAD_BYTES, "bit %u of byte %zu", bit,
                                      at);
                        ck_assert_msg(r < 0 || report.n_lines == N_CHANGES ||
                                              (report.n_lines == N_CHANGES - 1 &&
                                               at / JOURNAL_SECTOR == 1 + N_CHANGES % 2),
                                      "bit %u of byte %zu", bit, at);
                        /* A line costs itself, and at most the chain to the next. */
                        if (at >= JOURNAL_HEAD_BYTES)
                                ck_assert_uint_ge(report.n_lines, N_CHANGES - 2);
                }
        ck_assert_uint_gt(n_seen, 8 * (n_bytes - JOURNAL_HEAD_BYTES) - 1);
}
END_TEST

/* Where each line begins; the last is the end. */
static void find_lines(size_t ret[static N_CHANGES + 1]) {
        size_t at = JOURNAL_HEAD_BYTES;

        for (unsigned i = 0; i <= N_CHANGES; i++) {
                ret[i] = at;
                if (i < N_CHANGES)
                        at = (size_t) (strchr(bytes + at, '\n') - bytes) + 1;
        }
        ck_assert_uint_eq(at, n_bytes);
}

/* Which lines, by their index, stand in the file. */
typedef struct Splice {
        const char *says;
        int lines[8]; /* -1: the end; 10 and up: of the other journal */
        int n_lines;
        int n_missing;
} Splice;

static const Splice splices[] = {
        {"the first is gone", {1, 2, 3, 4, -1}, 4, 1},
        {"one in the middle is gone", {0, 1, 3, 4, -1}, 4, 1},
        {"three are gone", {0, 4, -1}, 2, 3},
        {"the last is gone", {0, 1, 2, 3, -1}, 4, 1},
        {"all are gone", {-1}, 0, 5},
        {"two have changed places", {0, 2, 1, 3, 4, -1}, 4, 1},
        {"one is there twice, and the last behind the end", {0, 1, 1, 2, 3, 4, -1}, 4, 1},
        {"one is another journal's", {0, 1, 12, 3, 4, -1}, 4, 1},
        {"the end is another journal's", {0, 1, 2, 13, 14, -1}, 3, 2},
};

START_TEST(what_was_spliced_is_seen_and_told) {
        const Splice *s = splices + _i;
        _cleanup_free_ char *spliced = NULL, *other = NULL;
        size_t lines[N_CHANGES + 1], others[N_CHANGES + 1], size = JOURNAL_HEAD_BYTES;
        JournalReport report;

        (void) journal_free(make_journal());
        load();
        find_lines(others);
        other = TAKE_PTR(bytes);
        (void) journal_free(make_journal());
        load();
        find_lines(lines);
        spliced = malloc(2 * n_bytes);
        memcpy(spliced, bytes, JOURNAL_HEAD_BYTES);
        for (const int *i = s->lines; *i >= 0; i++) {
                const size_t *l = *i < 10 ? lines : others;
                size_t n = l[*i % 10 + 1] - l[*i % 10];

                memcpy(spliced + size, (*i < 10 ? bytes : other) + l[*i % 10], n);
                size += n;
        }
        store_bytes(spliced, size);

        ck_assert_msg(verify(&report) == -EBADMSG, "%s", s->says);
        ck_assert_msg(report.n_lines == (uint64_t) s->n_lines, "%s: %u lines", s->says,
                      (unsigned) report.n_lines);
        ck_assert_msg(report.n_missing == (uint64_t) s->n_missing, "%s: %u missing", s->says,
                      (unsigned) report.n_missing);
}
END_TEST

START_TEST(a_line_without_end_is_skipped) {
        _cleanup_(journal_freep) _unused_ Journal *j = make_journal();
        _cleanup_free_ char *longer = NULL;
        size_t lines[N_CHANGES + 1], size = JOURNAL_LINE_BYTES_MAX + 100000;
        JournalReport report;

        load();
        find_lines(lines);
        longer = malloc(n_bytes + size);
        memcpy(longer, bytes, lines[1]);
        memset(longer + lines[1], 'x', size);
        memcpy(longer + lines[1] + size, bytes + lines[1], n_bytes - lines[1]);
        store_bytes(longer, n_bytes + size);
        ck_assert_int_eq(verify(&report), -EBADMSG);
        ck_assert_uint_eq(report.n_lines, 1);
        ck_assert_uint_eq(report.n_missing, N_CHANGES - 1);
}
END_TEST

START_TEST(a_newer_version_is_told_from_damage) {
        _cleanup_(journal_freep) _unused_ Journal *j = make_journal();
        char sector[JOURNAL_SECTOR], hex[SHA256_HEX_SIZE];
        uint8_t digest[SHA256_SIZE];
        JournalReport report;

        load();
        memset(sector, ' ', sizeof(sector));
        memcpy(sector, "certexc-journal\t2\tnew\t", 22);
        ck_assert_int_eq(sha256(sector, 22, digest), 0);
        hex_encode(digest, SHA256_SIZE, hex);
        memcpy(sector + 22, hex, 2 * SHA256_SIZE);
        sector[JOURNAL_SECTOR - 1] = '\n';
        memcpy(bytes, sector, sizeof(sector));
        store_bytes(bytes, n_bytes);
        ck_assert_int_eq(verify(&report), -EPROTONOSUPPORT);
        bytes[30] ^= 1;
        store_bytes(bytes, n_bytes);
        ck_assert_int_eq(verify(&report), -EBADMSG);
}
END_TEST

START_TEST(what_is_no_journal_is_none) {
        JournalReport report;

        ck_assert_int_eq(verify(&report), -ENOENT);
        ck_assert_int_eq(mkdirat(directory_fd, JOURNAL_FILE, 0700), 0);
        ck_assert_int_eq(verify(&report), -EBADMSG);
        ck_assert_int_eq(unlinkat(directory_fd, JOURNAL_FILE, AT_REMOVEDIR), 0);
        ck_assert_int_eq(symlinkat("elsewhere", directory_fd, JOURNAL_FILE), 0);
        ck_assert_int_eq(verify(&report), -EBADMSG);
        ck_assert_int_eq(unlinkat(directory_fd, JOURNAL_FILE, 0), 0);
        ck_assert_int_eq(mkfifoat(directory_fd, JOURNAL_FILE, 0600), 0);
        ck_assert_int_eq(verify(&report), -EBADMSG);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("journal");
        TCase *tcase = tcase_create("journal");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, begin, end);
        tcase_add_test(tcase, a_line_may_be_so_long_and_no_longer);
        tcase_add_test(tcase, the_slots_take_turns);
        tcase_add_test(tcase, a_torn_newest_slot_leaves_the_older_one);
        tcase_add_test(tcase, a_whole_one_is_complete);
        tcase_add_test(tcase, every_cut_is_seen);
        tcase_add_test(tcase, every_flipped_bit_is_seen_or_harmless);
        tcase_add_loop_test(tcase, what_was_spliced_is_seen_and_told, 0, N_ELEMENTS(splices));
        tcase_add_test(tcase, a_line_without_end_is_skipped);
        tcase_add_test(tcase, a_newer_version_is_told_from_damage);
        tcase_add_test(tcase, what_is_no_journal_is_none);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
