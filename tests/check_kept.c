/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The block of authorities that is kept for the next start: used at once while nothing has changed, not
 * used otherwise, and read anew in any case.
 */
#include "config.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <systemd/sd-event.h>
#include <time.h>

#include "daemon/authorities.h"
#include "daemon/limits.h"
#include "daemon/trust-kept.h"
#include "daemon/trust.h"
#include "daemon/worker.h"
#include "tests/pki.h"

static sd_event *event;
static Pki *one, *two;
static char folder[64], pem[96], blocked[96], state[96];

static const char *in(const char *directory, const char *name) {
        static char path[4][256];
        static unsigned turn;
        char *p = path[turn++ % N_ELEMENTS(path)];

        (void) snprintf(p, sizeof(path[0]), "%s/%s", directory, name);
        return p;
}

static void set_up(void) {
        ck_assert_int_eq(sd_event_new(&event), 0);
        (void) snprintf(folder, sizeof(folder), "/tmp/certexc-check-kept-XXXXXX");
        ck_assert_ptr_nonnull(mkdtemp(folder));
        (void) snprintf(pem, sizeof(pem), "%s", in(folder, "trust.pem"));
        (void) snprintf(blocked, sizeof(blocked), "%s", in(folder, "blocked.d"));
        (void) snprintf(state, sizeof(state), "%s", in(folder, "state"));
        ck_assert_int_eq(mkdir(state, 0700), 0);
        one = pki_new(&(PkiSpec) { .subject = "One", .ca = true });
        two = pki_new(&(PkiSpec) { .subject = "Two", .ca = true });
        pki_write(pem, (const Pki *const[]) { one, two }, 2, false);
        kept_take_the_young(true);
}

static void tear_down(void) {
        _cleanup_free_ char *command = NULL;

        ck_assert_int_gt(asprintf(&command, "rm -rf '%s'", folder), 0);
        ck_assert_int_eq(system(command), 0);
        event = sd_event_unref(event);
        one = pki_free(one);
        two = pki_free(two);
}

/* -- what has changed ------------------------------------------------------------------------- */

static void append(const char *path, const char *text) {
        _cleanup_fd_ int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);

        ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t) strlen(text));
}

static void nothing(void) { }
static void grow(void) { append(pem, "\n"); }
static void write_in_place(void) {
        _cleanup_fd_ int fd = open(pem, O_WRONLY | O_CLOEXEC);
        const struct timespec then[] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };

        ck_assert_int_eq(pwrite(fd, "-", 1, 0), 1);
        ck_assert_int_eq(futimens(fd, then), 0);
}
static void replace(void) {
        pki_write(in(folder, "aside"), (const Pki *const[]) { one, two }, 2, false);
        ck_assert_int_eq(rename(in(folder, "aside"), pem), 0);
}
static void take_away(void) { ck_assert_int_eq(unlink(pem), 0); }
static void make_folder(void) { ck_assert_int_eq(mkdir(blocked, 0700), 0); }
static void with_folder(void) {
        make_folder();
        append(in(blocked, "a.pem"), "a");
        append(in(folder, "target"), "t");
        append(in(folder, "other"), "t");
        ck_assert_int_eq(symlink("../target", in(blocked, "link.pem")), 0);
        ck_assert_int_eq(symlink("../nowhere", in(blocked, "nowhere.pem")), 0);
}
static void add_file(void) { append(in(blocked, "b.pem"), ""); }
static void remove_file(void) { ck_assert_int_eq(unlink(in(blocked, "a.pem")), 0); }
static void rename_file(void) {
        ck_assert_int_eq(rename(in(blocked, "a.pem"), in(blocked, "c.pem")), 0);
}
static void change_file(void) { append(in(blocked, "a.pem"), "b"); }
static void change_target(void) { append(in(folder, "target"), "b"); }
static void make_target(void) { append(in(folder, "nowhere"), "b"); }
static void close_file(void) { ck_assert_int_eq(chmod(in(blocked, "a.pem"), 0), 0); }
static void lead_elsewhere(void) {
        ck_assert_int_eq(unlink(in(blocked, "link.pem")), 0);
        ck_assert_int_eq(symlink("../other", in(blocked, "link.pem")), 0);
}

static const struct {
        const char *says;
        void (*before)(void);
        void (*change)(void);
        bool same;
} changes[] = {
        { "nothing has changed", nothing, nothing, true },
        { "nothing has changed in a folder", with_folder, nothing, true },
        { "the file has grown", nothing, grow, false },
        { "it was written in place and its date put back", nothing, write_in_place, false },
        { "another one is in its place", nothing, replace, false },
        { "it is gone", nothing, take_away, false },
        { "there is a folder where there was none", nothing, make_folder, false },
        { "a file has come into the folder", with_folder, add_file, false },
        { "one was taken out", with_folder, remove_file, false },
        { "one has another name", with_folder, rename_file, false },
        { "one has changed", with_folder, change_file, false },
        { "nobody may read one any more", with_folder, close_file, false },
        { "what a link leads to has changed", with_folder, change_target, false },
        { "a link that led nowhere leads somewhere", with_folder, make_target, false },
        { "a link leads elsewhere", with_folder, lead_elsewhere, false },
};

static int stamp(uint8_t ret[static SHA256_SIZE]) {
        const char *const paths[] = { pem, NULL, blocked };

        return kept_stamp(paths, N_ELEMENTS(paths), (int64_t) time(NULL), ret);
}

START_TEST(changes_row) {
        uint8_t before[SHA256_SIZE], after[SHA256_SIZE];

        changes[_i].before();
        ck_assert_int_eq(stamp(before), 1);
        changes[_i].change();
        ck_assert_int_eq(stamp(after), 1);
        ck_assert_msg((memcmp(before, after, SHA256_SIZE) == 0) == changes[_i].same, "%s",
                      changes[_i].says);
}
END_TEST

START_TEST(a_link_to_nothing_has_no_stamp) {
        uint8_t digest[SHA256_SIZE];

        ck_assert_int_eq(symlink("nowhere", blocked), 0);
        ck_assert_int_eq(stamp(digest), 0);
        ck_assert_int_eq(unlink(blocked), 0);
        ck_assert_int_eq(stamp(digest), 1);
}
END_TEST

START_TEST(what_changed_a_moment_ago_has_no_stamp) {
        const int64_t now = (int64_t) time(NULL);
        uint8_t digest[SHA256_SIZE];

        kept_take_the_young(false);
        ck_assert_msg(kept_stamp((const char *const[]) { pem }, 1, now, digest) == 0, "now");
        ck_assert_msg(kept_stamp((const char *const[]) { pem }, 1, now - 100, digest) == 0,
                      "the clock was put back");
        ck_assert_msg(kept_stamp((const char *const[]) { pem }, 1, now + 10, digest) == 1, "later");
}
END_TEST

START_TEST(so_many_files_are_looked_at_and_no_more) {
        uint8_t digest[SHA256_SIZE];

        make_folder();
        for (unsigned i = 1; i < TRUST_STAMPED_MAX; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "%u", i);
                ck_assert_int_eq(symlink("nowhere", in(blocked, name)), 0);
        }
        ck_assert_int_eq(stamp(digest), 1);
        ck_assert_int_eq(symlink("nowhere", in(blocked, "more")), 0);
        ck_assert_int_eq(stamp(digest), 0);
}
END_TEST

/* -- the file ----------------------------------------------------------------------------------- */

static Authorities *block_of_one(void) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *builder = NULL;
        static const uint8_t key[SHA256_SIZE] = { 1 };
        _cleanup_fd_ int fd = -1;
        Authorities *block;

        ck_assert_int_eq(authorities_builder_new(&builder), 0);
        ck_assert_int_eq(authorities_builder_add(builder, pki_der(one), key), 0);
        ck_assert_int_eq(authorities_builder_seal(builder, &fd), 0);
        ck_assert_int_eq(authorities_open(fd, &block), 0);
        return block;
}

static bool is_read(const uint8_t by[static SHA256_SIZE]) {
        _cleanup_(authorities_freep) Authorities *block = NULL;
        _cleanup_fd_ int fd = -1;
        int r = kept_read(state, by, &block, &fd);

        ck_assert_int_ge(r, 0);
        ck_assert(r == 0 || (authorities_count(block) == 1 && fd >= 0));
        return r > 0;
}

START_TEST(what_is_kept_is_read_by_its_stamp_and_only_whole) {
        _cleanup_(authorities_freep) Authorities *block = block_of_one();
        const uint8_t right[SHA256_SIZE] = { 7 }, wrong[SHA256_SIZE] = { 8 };
        const char *path = in(state, KEPT_FILE);
        _cleanup_fd_ int fd = -1;
        struct stat st;

        ck_assert_msg(!is_read(right), "although nothing is kept");
        ck_assert_int_eq(kept_write(state, right, block), 0);
        ck_assert(is_read(right));
        ck_assert(!is_read(wrong));

        fd = open(path, O_RDWR | O_CLOEXEC);
        ck_assert_int_eq(fstat(fd, &st), 0);
        ck_assert_uint_eq(st.st_mode & 0777, 0600);
        for (off_t at = 0; at < st.st_size; at++) {
                uint8_t byte, other;

                ck_assert_int_eq(pread(fd, &byte, 1, at), 1);
                other = byte ^ 0x10;
                ck_assert_int_eq(pwrite(fd, &other, 1, at), 1);
                ck_assert_msg(!is_read(right), "byte %jd", (intmax_t) at);
                ck_assert_int_eq(pwrite(fd, &byte, 1, at), 1);
        }
        ck_assert(is_read(right));
        for (off_t size = 0; size <= st.st_size + 1; size++) {
                if (size == st.st_size)
                        continue;
                ck_assert_int_eq(ftruncate(fd, size), 0);
                ck_assert_msg(!is_read(right), "%jd bytes", (intmax_t) size);
        }
}
END_TEST

START_TEST(what_is_in_its_place_is_not_read) {
        _cleanup_(authorities_freep) Authorities *block = block_of_one();
        const uint8_t digest[SHA256_SIZE] = { 7 };

        ck_assert_int_eq(kept_write(state, digest, block), 0);
        ck_assert_int_eq(rename(in(state, KEPT_FILE), in(folder, "kept")), 0);
        ck_assert_int_eq(symlink("../kept", in(state, KEPT_FILE)), 0);
        ck_assert_msg(!is_read(digest), "a link");
        ck_assert_int_eq(kept_write(state, digest, block), 0);
        ck_assert_msg(is_read(digest), "it is replaced");
        ck_assert_int_eq(unlink(in(state, KEPT_FILE)), 0);
        ck_assert_int_eq(mkfifo(in(state, KEPT_FILE), 0600), 0);
        ck_assert_msg(!is_read(digest), "a FIFO");
}
END_TEST

/* -- from one start to the next ----------------------------------------------------------------- */

typedef struct Seen {
        unsigned n_calls, count;
} Seen;

static void on_changed(Trust *trust, int fd, unsigned count, void *userdata) {
        Seen *seen = userdata;

        seen->n_calls++;
        seen->count = count;
        ck_assert_int_ge(fd, 0);
}

static Trust *start(Seen *seen) {
        const TrustFolders folders = { .paths = { blocked }, .kept = state };
        Trust *trust;

        *seen = (Seen){};
        ck_assert_int_eq(trust_new(event, pem, &folders, on_changed, seen, &trust), 0);
        ck_assert_uint_eq(seen->n_calls, 0);
        return trust;
}

static void wait_for_change(const Seen *seen, unsigned n_calls) {
        while (seen->n_calls < n_calls)
                ck_assert_int_gt(sd_event_run(event, UINT64_C(60000000)), 0);
}

/* As a daemon does that is there for a while. */
static void start_once(unsigned count) {
        Seen seen;
        _cleanup_(trust_freep) Trust *trust = start(&seen);

        wait_for_change(&seen, 1);
        ck_assert_uint_eq(seen.count, count);
        ck_assert_uint_eq(trust_count(trust), count);
}

START_TEST(the_next_start_has_them_at_once_and_reads_them_all_the_same) {
        _cleanup_(trust_freep) Trust *trust = NULL;
        Seen seen;

        start_once(2);
        trust = start(&seen);
        ck_assert_int_ge(trust_block_fd(trust), 0);
        wait_for_change(&seen, 1);
        ck_assert_uint_eq(seen.count, 2);
        ck_assert_uint_eq(trust_count(trust), 2);
        ck_assert(!trust_is_doubtful(trust));
        wait_for_change(&seen, 2);
        ck_assert_uint_eq(seen.count, 2);
}
END_TEST

START_TEST(what_was_changed_meanwhile_is_read_first) {
        Seen seen;
        _cleanup_(trust_freep) Trust *trust = NULL;

        start_once(2);
        pki_write(pem, (const Pki *const[]) { one }, 1, false);
        trust = start(&seen);
        ck_assert_int_lt(trust_block_fd(trust), 0);
        wait_for_change(&seen, 1);
        ck_assert_uint_eq(seen.count, 1);
}
END_TEST

START_TEST(what_was_kept_wrongly_ends_with_the_reading) {
        _cleanup_(authorities_freep) Authorities *block = block_of_one();
        const char *const paths[] = { pem, blocked };
        uint8_t digest[SHA256_SIZE];
        Seen seen;
        _cleanup_(trust_freep) Trust *trust = NULL;

        ck_assert_int_eq(kept_stamp(paths, N_ELEMENTS(paths), 0, digest), 1);
        ck_assert_int_eq(kept_write(state, digest, block), 0);
        trust = start(&seen);
        wait_for_change(&seen, 1);
        ck_assert_uint_eq(seen.count, 1);
        wait_for_change(&seen, 2);
        ck_assert_uint_eq(seen.count, 2);
        trust = trust_free(trust);
        trust = start(&seen);
        wait_for_change(&seen, 1);
        ck_assert_msg(seen.count == 2, "it was kept again");
}
END_TEST

START_TEST(what_there_is_something_to_say_of_is_not_kept) {
        append(pem, "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
        start_once(2);
        ck_assert_int_lt(access(in(state, KEPT_FILE), F_OK), 0);

        pki_write(pem, (const Pki *const[]) { one }, 1, false);
        make_folder();
        append(in(blocked, "broken.pem"), "no certificate");
        start_once(1);
        ck_assert_int_lt(access(in(state, KEPT_FILE), F_OK), 0);
}
END_TEST

/* What was kept before is not what is believed now. */
START_TEST(what_cannot_be_kept_leaves_nothing_older_behind) {
        start_once(2);
        ck_assert_int_eq(access(in(state, KEPT_FILE), F_OK), 0);
        kept_take_the_young(false);
        pki_write(pem, (const Pki *const[]) { one }, 1, false);
        start_once(1);
        ck_assert_int_lt(access(in(state, KEPT_FILE), F_OK), 0);
        kept_take_the_young(true);
}
END_TEST

START_TEST(where_it_cannot_be_kept_all_is_read) {
        ck_assert_int_eq(rmdir(state), 0);
        start_once(2);
        start_once(2);
}
END_TEST

int main(int argc, char *argv[]) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed = worker_dispatch(argc, argv);

        if (n_failed >= 0)
                return n_failed;
        suite = suite_create("kept");
        tcase = tcase_create("kept");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_loop_test(tcase, changes_row, 0, N_ELEMENTS(changes));
        tcase_add_test(tcase, a_link_to_nothing_has_no_stamp);
        tcase_add_test(tcase, what_changed_a_moment_ago_has_no_stamp);
        tcase_add_test(tcase, so_many_files_are_looked_at_and_no_more);
        tcase_add_test(tcase, what_is_kept_is_read_by_its_stamp_and_only_whole);
        tcase_add_test(tcase, what_is_in_its_place_is_not_read);
        tcase_add_test(tcase, the_next_start_has_them_at_once_and_reads_them_all_the_same);
        tcase_add_test(tcase, what_was_changed_meanwhile_is_read_first);
        tcase_add_test(tcase, what_was_kept_wrongly_ends_with_the_reading);
        tcase_add_test(tcase, what_there_is_something_to_say_of_is_not_kept);
        tcase_add_test(tcase, what_cannot_be_kept_leaves_nothing_older_behind);
        tcase_add_test(tcase, where_it_cannot_be_kept_all_is_read);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
