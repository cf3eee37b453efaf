/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What was sent of imports so far: whose it is, how much it may be, and what makes room. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#include "daemon/imports.h"
#include "daemon/limits.h"

#define NOW INT64_C(1767225600)

static Imports *imports;

static void begin(void) {
        ck_assert_int_eq(imports_new(&imports), 0);
}

static void end(void) {
        imports = imports_free(imports);
}

static Staged *staged_of(uid_t uid, int64_t now) {
        Staged *staged = NULL;

        ck_assert_int_eq(imports_begin(imports, uid, uid, now, &staged), 0);
        return staged;
}

static int add_certificate(Staged *staged, size_t size, uint8_t byte) {
        uint8_t *der = malloc(size);

        ck_assert_ptr_nonnull(der);
        memset(der, byte, size);
        return staged_add_certificate(staged, der, size);
}

START_TEST(it_is_found_by_its_own_alone) {
        uint64_t number = staged_number(staged_of(1000, NOW));

        ck_assert_ptr_nonnull(imports_find(imports, 1000, 1000, number, NOW));
        ck_assert_msg(!imports_find(imports, 1001, 1000, number, NOW), "another uid");
        ck_assert_msg(!imports_find(imports, 1000, -1, number, NOW), "for another owner");
        ck_assert_msg(!imports_find(imports, 1000, 1000, number + 1, NOW), "another number");
        ck_assert_msg(!imports_find(imports, 1000, 1000, 0, NOW), "no number");
}
END_TEST

START_TEST(a_new_one_takes_the_place_of_the_old) {
        uint64_t old = staged_number(staged_of(1000, NOW));
        uint64_t new = staged_number(staged_of(1000, NOW));

        ck_assert_uint_ne(old, new);
        ck_assert_ptr_null(imports_find(imports, 1000, 1000, old, NOW));
        ck_assert_ptr_nonnull(imports_find(imports, 1000, 1000, new, NOW));
}
END_TEST

START_TEST(there_are_so_many_and_no_more) {
        Staged *staged = NULL;
        uint64_t first = 0;

        for (uid_t uid = 1; uid <= IMPORTS_MAX; uid++) {
                uint64_t number = staged_number(staged_of(uid, NOW));

                first = first ? first : number;
        }
        ck_assert_int_eq(imports_begin(imports, 100, 100, NOW + IMPORT_IDLE_SEC, &staged), -EBUSY);
        ck_assert_ptr_nonnull(imports_find(imports, 1, 1, first, NOW + IMPORT_IDLE_SEC));
        ck_assert_msg(imports_begin(imports, 100, 100, NOW + IMPORT_IDLE_SEC + 1, &staged) == 0,
                      "those that nobody goes on with make room");
        ck_assert_msg(imports_find(imports, 1, 1, first, NOW + IMPORT_IDLE_SEC + 1),
                      "one that somebody goes on with does not");
}
END_TEST

START_TEST(it_holds_so_many_decisions_and_no_more) {
        Staged *staged = staged_of(1000, NOW);
        Decision d = { .owner = 1000 };

        for (unsigned i = 0; i < IMPORT_ENTRIES_MAX; i++)
                ck_assert_int_eq(staged_add(staged, &d), 0);
        ck_assert_int_eq(staged_add(staged, &d), -E2BIG);
}
END_TEST

START_TEST(it_holds_so_many_bytes_and_no_more) {
        Staged *staged = staged_of(1000, NOW);
        unsigned n = STORED_BYTES_PER_OWNER_MAX / CERTIFICATE_BYTES_MAX;

        for (unsigned i = 0; i + 1 < n; i++)
                ck_assert_int_eq(add_certificate(staged, CERTIFICATE_BYTES_MAX, (uint8_t) i), 0);
        ck_assert_int_eq(add_certificate(staged, CERTIFICATE_BYTES_MAX - 1, 200), 0);
        ck_assert_int_eq(add_certificate(staged, 2, 201), -E2BIG);
        ck_assert_int_eq(add_certificate(staged, 1, 202), 0);
        ck_assert_int_eq(add_certificate(staged, 1, 203), -E2BIG);
}
END_TEST

START_TEST(it_holds_so_many_authorities_and_no_more) {
        Staged *staged = staged_of(1000, NOW);
        Entry e = { .owner = 1000 };

        for (unsigned i = 0; i < IMPORT_AUTHORITIES_MAX; i++)
                ck_assert_int_eq(staged_add_entry(staged, &e), 0);
        ck_assert_int_eq(staged_add_entry(staged, &e), -E2BIG);
}
END_TEST

START_TEST(of_each_uid_one_is_at_work_and_of_all_so_many) {
        for (uid_t uid = 1; uid < IMPORTS_MAX; uid++)
                ck_assert_int_eq(imports_begin_work(imports, uid), 0);
        ck_assert_int_eq(imports_begin_work(imports, 1), -EBUSY);
        ck_assert_int_eq(imports_begin_work(imports, 100), 0);
        ck_assert_int_eq(imports_begin_work(imports, 101), -EBUSY);
        imports_end_work(imports, 1);
        ck_assert_int_eq(imports_begin_work(imports, 101), 0);
        ck_assert_int_eq(imports_begin_work(imports, 1), -EBUSY);
}
END_TEST

START_TEST(each_decision_gets_its_certificate) {
        _cleanup_(import_freep) Import *import = NULL;
        Staged *staged = staged_of(1000, NOW);
        Decision d = { .owner = 1000 };
        Entry e = { .owner = 1000 };
        uint8_t bytes[3] = { 7, 7, 7 };

        ck_assert_int_eq(add_certificate(staged, 4, 9), 0);
        ck_assert_int_eq(add_certificate(staged, 3, 7), 0);
        ck_assert_int_eq(staged_add(staged, &d), 0);
        ck_assert_int_eq(sha256(bytes, sizeof(bytes), d.certificate_sha256), 0);
        ck_assert_int_eq(staged_add(staged, &d), 0);
        memcpy(e.certificate_sha256, d.certificate_sha256, SHA256_SIZE);
        ck_assert_int_eq(staged_add_entry(staged, &e), 0);
        ck_assert_int_eq(staged_take(staged, &import), 0);
        imports_end(imports, staged);
        ck_assert_uint_eq(import->n_items, 2);
        ck_assert_ptr_null(import->items[0].der);
        ck_assert_uint_eq(import->items[1].der_size, 3);
        ck_assert_mem_eq(import->items[1].der, bytes, 3);
        ck_assert_uint_eq(import->n_authorities, 1);
        ck_assert_uint_eq(import->authorities[0].der_size, 3);
        ck_assert_mem_eq(import->authorities[0].der, bytes, 3);
        ck_assert_msg(import->authorities[0].der == import->items[1].der, "it is held once");
}
END_TEST

int main(void) {
        TCase *c = tcase_create("imports");
        Suite *s = suite_create("imports");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_add_checked_fixture(c, begin, end);
        tcase_add_test(c, it_is_found_by_its_own_alone);
        tcase_add_test(c, a_new_one_takes_the_place_of_the_old);
        tcase_add_test(c, there_are_so_many_and_no_more);
        tcase_add_test(c, it_holds_so_many_decisions_and_no_more);
        tcase_add_test(c, it_holds_so_many_bytes_and_no_more);
        tcase_add_test(c, it_holds_so_many_authorities_and_no_more);
        tcase_add_test(c, of_each_uid_one_is_at_work_and_of_all_so_many);
        tcase_add_test(c, each_decision_gets_its_certificate);
        suite_add_tcase(s, c);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
