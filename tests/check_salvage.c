/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What is found in damaged pages, and what never is. */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "daemon/salvage-pages.h"
#include "daemon/salvage.h"
#include "tests/decisions.h"

#define ME   INT64_C(1000)
#define OTHER INT64_C(2000)
#define PAGE 4096L

/* As many decisions as several pages hold. */
#define MANY 60U

/* What was found. */
typedef struct Found {
        unsigned n_decisions;
        unsigned n_reached;
        unsigned n_certificates;
        unsigned n_ders;
        unsigned n_names;
        unsigned n_entries;
        unsigned n_history;
        bool seen[2 * MANY + 1]; /* by id */
        bool revoked[2 * MANY + 1];
        bool strange; /* a decision that was never made */
} Found;

static int on_decision(const Decision *d, bool reached, void *userdata) {
        Found *f = userdata;
        uint8_t expected[SHA256_SIZE];

        f->n_decisions++;
        f->n_reached += reached;
        test_sha256("one", expected);
        if (d->owner != ME || d->id == 0 || d->id >= N_ELEMENTS(f->seen) ||
            d->port != 1000 + d->id || strcmp(d->host, "mail.example.org") != 0)
                f->strange = true;
        else {
                f->seen[d->id] = true;
                f->revoked[d->id] |= d->state == STATE_REVOKED;
        }
        return 0;
}

static int on_certificate(const CertificateFacts *c, const uint8_t *der, size_t der_size,
                          void *userdata) {
        Found *f = userdata;

        f->n_certificates++;
        f->n_ders += der && der_size > 0;
        return 0;
}

static int on_entry(const Entry *e, bool reached, void *userdata) {
        Found *f = userdata;

        f->strange |= e->owner != OTHER || e->kind != ENTRY_AUTHORITY ||
                      strcmp(e->only, "example.org") != 0;
        f->n_entries++;
        return 0;
}

static int on_name(int64_t owner, const char *name, void *userdata) {
        Found *f = userdata;

        f->strange |= owner != ME || strcmp(name, "me") != 0;
        f->n_names++;
        return 0;
}

static int on_history(int64_t owner, const HistoryEntry *e, uint64_t change_number,
                      void *userdata) {
        Found *f = userdata;

        f->n_history++;
        return 0;
}

static int on_mark(const SalvageMark *mark, void *userdata) {
        return 0;
}

static Found look(void) {
        Found f = { 0 };
        SalvageFound found = { .decision = on_decision,
                               .entry = on_entry,
                               .certificate = on_certificate,
                               .name = on_name,
                               .history = on_history,
                               .mark = on_mark,
                               .userdata = &f };
        _cleanup_fd_ int fd = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        SalvageRoots roots;

        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(salvage_roots(&roots), 0);
        ck_assert_int_eq(salvage(fd, "certexc.db", "certexc.db-wal", &roots, &found), 0);
        return f;
}

static void name_me(Store *store) {
        _cleanup_(change_freep) Change *change = NULL;

        ck_assert_int_eq(change_new(CHANGE_OWNER, ME, ME, DECIDED_AT, &change), 0);
        change->owner_name = strdup("me");
        (void) test_apply(store, change);
}

/* Decision n is at port 1000 + n; certificates of several pages among them. */
static void add_some(Store *store, unsigned first, unsigned n) {
        for (unsigned i = first; i < first + n; i++) {
                char name[16];

                (void) snprintf(name, sizeof(name), "c%u", i);
                (void) test_add(store,
                                &(Addition){ .owner = ME, .port = (uint16_t) (1000 + i),
                                             .name = name, .key = name,
                                             .der_size = i % 10 == 0 ? 20000 : 0 },
                                CHANGED);
        }
}

/* A closed store of MANY decisions, all in the database itself. */
static void make_store(void) {
        _cleanup_(store_freep) Store *store = test_store();

        name_me(store);
        add_some(store, 1, MANY);
        (void) test_put(store,
                        &(Putting){ .owner = OTHER, .name = "c10", .key = "c10",
                                    .der_size = 20000, .only = "example.org" },
                        CHANGED);
}

static int open_database(void) {
        int fd = open(test_database(), O_RDWR | O_CLOEXEC);

        ck_assert_int_ge(fd, 0);
        return fd;
}

static long n_pages(void) {
        struct stat st;

        ck_assert_int_eq(stat(test_database(), &st), 0);
        return st.st_size / PAGE;
}

/* Small and the same everywhere. */
static uint32_t random_next(uint32_t *seed) {
        *seed ^= *seed << 13;
        *seed ^= *seed >> 17;
        *seed ^= *seed << 5;
        return *seed;
}

START_TEST(a_whole_database_yields_all) {
        Found f;

        make_store();
        f = look();
        ck_assert_uint_eq(f.n_decisions, MANY);
        ck_assert_uint_eq(f.n_reached, MANY);
        ck_assert_uint_eq(f.n_certificates, MANY);
        ck_assert_uint_eq(f.n_ders, MANY);
        ck_assert_uint_eq(f.n_entries, 1);
        ck_assert_uint_eq(f.n_names, 1);
        ck_assert_uint_eq(f.n_history, MANY);
        ck_assert(!f.strange);
}
END_TEST

/* History has no digests; what the store itself would not read is not carried into a new one. */
START_TEST(history_at_a_host_that_is_no_text_is_left) {
        make_store();
        test_sql("UPDATE history SET host = CAST(x'676f6e65bf' AS TEXT) WHERE number = 1");
        test_sql("UPDATE history SET host = '' WHERE number = 2");
        ck_assert_uint_eq(look().n_history, MANY - 2);
}
END_TEST

START_TEST(what_only_the_log_has_is_found) {
        _cleanup_(store_freep) Store *store = NULL;
        Found f;

        make_store();
        store = test_store();
        add_some(store, MANY + 1, 3);
        (void) test_revoke(store, ME, 1);
        f = look();
        ck_assert(f.seen[MANY + 3]);
        ck_assert(f.revoked[1]);
        ck_assert_uint_eq(f.n_decisions, MANY + 3);
}
END_TEST

/* The whole of the database is gone, the log is not. */
START_TEST(a_log_alone_yields_what_it_has) {
        _cleanup_(store_freep) Store *store = NULL;
        Found f;

        make_store();
        store = test_store();
        add_some(store, MANY + 1, 3);
        ck_assert_int_eq(unlink(test_database()), 0);
        f = look();
        ck_assert(f.seen[MANY + 1] && f.seen[MANY + 2] && f.seen[MANY + 3]);
        ck_assert(!f.strange);
}
END_TEST

/* A frame of the log that is damaged takes none of the others along. */
START_TEST(a_damaged_frame_is_not_believed) {
        _cleanup_(store_freep) Store *store = NULL;
        _cleanup_free_ char *path = NULL;
        _cleanup_fd_ int fd = -1;
        Found f;

        make_store();
        store = test_store();
        add_some(store, MANY + 1, 3);
        (void) test_revoke(store, ME, MANY + 3);
        ck_assert_int_gt(asprintf(&path, "%s-wal", test_database()), 0);
        fd = open(path, O_RDWR | O_CLOEXEC);
        ck_assert_int_ge(fd, 0);
        ck_assert_int_eq(pwrite(fd, "x", 1, 32 + 24 + 100), 1);
        f = look();
        ck_assert(f.revoked[MANY + 3]);
        ck_assert(!f.strange);
}
END_TEST

/* Each page in turn, with text over it: what is on the others is found. */
START_TEST(a_page_that_is_overwritten_costs_no_more_than_it_holds) {
        _cleanup_fd_ int fd = -1;
        char text[PAGE], was[PAGE];

        make_store();
        fd = open_database();
        memset(text, 'x', sizeof(text));
        for (long i = 0; i < n_pages(); i++) {
                Found f;

                ck_assert_int_eq(pread(fd, was, PAGE, i * PAGE), PAGE);
                ck_assert_int_eq(pwrite(fd, text, PAGE, i * PAGE), PAGE);
                f = look();
                ck_assert_msg(f.n_decisions >= MANY - 25, "page %ld: %u", i, f.n_decisions);
                ck_assert(!f.strange);
                ck_assert_int_eq(pwrite(fd, was, PAGE, i * PAGE), PAGE);
        }
}
END_TEST

/* Bits, bytes, zeros, swaps and cuts at places that a seed chooses: nothing strange is ever found. */
START_TEST(whatever_the_damage_nothing_is_made_up) {
        uint32_t seed = (uint32_t) _i * 2654435761U + 1;
        _cleanup_fd_ int fd = -1;
        char page[PAGE], other[PAGE] = { 0 };
        long n, a, b;

        make_store();
        fd = open_database();
        n = n_pages();
        for (unsigned i = 0; i < 12; i++) {
                a = random_next(&seed) % n;
                b = random_next(&seed) % n;
                ck_assert_int_eq(pread(fd, page, PAGE, a * PAGE), PAGE);
                switch (random_next(&seed) % 4) {
                case 0:
                        page[random_next(&seed) % PAGE] ^= (char) (1U << random_next(&seed) % 8);
                        break;
                case 1: /* in the head of the page, where it hurts */
                        page[random_next(&seed) % 32] = (char) random_next(&seed);
                        break;
                case 2:
                        ck_assert_int_eq(pread(fd, other, PAGE, b * PAGE), PAGE);
                        ck_assert_int_eq(pwrite(fd, page, PAGE, b * PAGE), PAGE);
                        memcpy(page, other, PAGE);
                        break;
                case 3:
                        memset(page + random_next(&seed) % PAGE / 2, 0, PAGE / 2);
                        break;
                }
                ck_assert_int_eq(pwrite(fd, page, PAGE, a * PAGE), PAGE);
        }
        if (_i % 5 == 0)
                ck_assert_int_eq(ftruncate(fd, (off_t) (random_next(&seed) % (n * PAGE))), 0);
        ck_assert(!look().strange);
}
END_TEST

/* Pages go free when what was on them is dropped; and they keep their bytes. */
START_TEST(nothing_comes_from_free_pages) {
        Found f;

        make_store();
        test_sql("PRAGMA secure_delete = OFF; DELETE FROM decision WHERE id > 20");
        f = look();
        ck_assert_uint_eq(f.n_decisions, 20);
        for (unsigned i = 21; i <= MANY; i++)
                ck_assert_msg(!f.seen[i], "decision %u came from a free page", i);
}
END_TEST

START_TEST(a_database_that_is_text_yields_nothing) {
        static const char text[] = "This is no database, and never was.\n";
        _cleanup_fd_ int fd = open(test_database(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        Found f;

        for (unsigned i = 0; i < 1000; i++)
                ck_assert_int_eq(write(fd, text, sizeof(text) - 1), (ssize_t) sizeof(text) - 1);
        f = look();
        ck_assert_uint_eq(f.n_decisions + f.n_certificates + f.n_names + f.n_history, 0);
}
END_TEST

/* The bound is on pages, however large a file says it is. */
static const struct {
        off_t pages;
        uint32_t expected;
} sizes[] = {
        { (off_t) SALVAGE_PAGES_MAX, SALVAGE_PAGES_MAX },
        { (off_t) SALVAGE_PAGES_MAX + 1, SALVAGE_PAGES_MAX },
};

START_TEST(no_more_pages_are_looked_at_than_the_bound) {
        _cleanup_fd_ int directory = open(test_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        _cleanup_fd_ int fd = open(test_database(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        _cleanup_(pages_freep) Pages *pages = NULL;

        ck_assert_int_eq(ftruncate(fd, sizes[_i].pages * PAGE), 0);
        ck_assert_int_eq(pages_open(directory, "certexc.db", "certexc.db-wal", &pages), 0);
        ck_assert_uint_eq(pages_count(pages), sizes[_i].expected);
}
END_TEST

int main(void) {
        TCase *tc = tcase_create("salvage");
        Suite *s = suite_create("salvage");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_add_checked_fixture(tc, test_directory_make, test_directory_remove);
        tcase_set_timeout(tc, 120);
        tcase_add_test(tc, a_whole_database_yields_all);
        tcase_add_test(tc, history_at_a_host_that_is_no_text_is_left);
        tcase_add_test(tc, what_only_the_log_has_is_found);
        tcase_add_test(tc, a_log_alone_yields_what_it_has);
        tcase_add_test(tc, a_damaged_frame_is_not_believed);
        tcase_add_test(tc, a_page_that_is_overwritten_costs_no_more_than_it_holds);
        tcase_add_loop_test(tc, whatever_the_damage_nothing_is_made_up, 0, 60);
        tcase_add_test(tc, nothing_comes_from_free_pages);
        tcase_add_test(tc, a_database_that_is_text_yields_nothing);
        tcase_add_loop_test(tc, no_more_pages_are_looked_at_than_the_bound, 0,
                            (int) N_ELEMENTS(sizes));
        suite_add_tcase(s, tc);

        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed != 0;
}
