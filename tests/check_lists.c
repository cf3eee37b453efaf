/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lists of revoked certificates as a part of the block: what is put in is found by its issuer and
 * nothing else is, no damaged part is opened, and long ones are gone through in time. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "daemon/limits.h"
#include "daemon/path.h"
#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/status.h"

#define HOST "imap.example.org"

static Pki *root, *intermediate, *leaf, *other_root;

static void set_up(void) {
        root = pki_new(&(PkiSpec) { .subject = "Root", .ca = true });
        intermediate = pki_new(&(PkiSpec) { .subject = "CA", .ca = true, .issuer = root });
        leaf = pki_new(&(PkiSpec) { .name = HOST, .issuer = intermediate });
        other_root = pki_new(&(PkiSpec) { .subject = "Other", .ca = true });
}

static void tear_down(void) {
        root = pki_free(root);
        intermediate = pki_free(intermediate);
        leaf = pki_free(leaf);
        other_root = pki_free(other_root);
}

static unsigned lists_of(const Authorities *block, const Pki *issuer) {
        uint8_t key[SHA256_SIZE];
        size_t cursor = 0;
        unsigned n = 0;
        Blob der;

        ck_assert_int_eq(path_subject_key(pki_der(issuer), key), 0);
        while (lists_next_by_issuer(authorities_lists(block), key, &cursor, &der) > 0)
                n++;
        return n;
}

START_TEST(each_is_found_by_its_issuer) {
        _cleanup_(status_done) Status a = status_list(root, NULL, 0, 0);
        _cleanup_(status_done) Status b = status_list(other_root, NULL, 0, 0);
        _cleanup_(status_done) Status c = status_list(root, NULL, 1, 2);
        const Blob lists[] = { status_blob(&a), status_blob(&b), status_blob(&c) };
        const Blob trust = pki_der(root);
        _cleanup_(authorities_freep) Authorities *block = block_with_lists(&trust, 1, lists, 3);
        _cleanup_(authorities_freep) Authorities *none = block_new(&trust, 1);

        ck_assert_uint_eq(lists_count(authorities_lists(block)), 3);
        ck_assert_uint_eq(lists_of(block, root), 2);
        ck_assert_uint_eq(lists_of(block, other_root), 1);
        ck_assert_uint_eq(lists_of(block, intermediate), 0);
        ck_assert_uint_eq(lists_of(none, root), 0);
}
END_TEST

START_TEST(no_damaged_part_is_opened) {
        _cleanup_(status_done) Status a = status_list(root, NULL, 0, 0);
        _cleanup_(lists_builder_freep) ListsBuilder *b = NULL;
        _cleanup_free_ uint8_t *part = NULL, *copy = NULL;
        const char *fault;
        Lists *lists = NULL;
        size_t size;

        ck_assert_int_eq(lists_builder_new(&b), 0);
        ck_assert_int_eq(lists_builder_add(b, status_blob(&a), "a", false, &fault), 0);
        ck_assert_int_eq(lists_builder_add(b, status_blob(&a), "b", true, &fault), 0);
        ck_assert_ptr_null(fault);
        size = lists_builder_size(b);
        part = malloc(size);
        copy = malloc(size);
        lists_builder_compose(b, part);
        ck_assert_int_eq(lists_read(part, size, &lists), 0);
        lists = lists_free(lists);
        ck_assert_int_eq(lists_read(part, size - 1, &lists), -EBADMSG);
        ck_assert_int_eq(lists_read(part, 3, &lists), -EBADMSG);

        /* Every byte of the numbers; where it is still a part, nothing outside of it is read. */
        for (size_t i = 0; i < size - 2 * a.size; i++) {
                uint8_t key[SHA256_SIZE] = { 0 };
                size_t cursor = 0;
                Blob der;

                memcpy(copy, part, size);
                copy[i] ^= 0x80;
                if (lists_read(copy, size, &lists) < 0)
                        continue;
                for (size_t k = 0; k < lists_count(lists); k++) {
                        ListInfo info = lists_get(lists, k);

                        ck_assert(info.der.data >= copy &&
                                  info.der.data + info.der.size <= copy + size);
                        ck_assert_uint_lt(strlen(info.file), LISTS_FILE_SIZE);
                }
                while (lists_next_by_issuer(lists, key, &cursor, &der) > 0)
                        ck_assert(der.data + der.size <= copy + size);
                lists = lists_free(lists);
        }
}
END_TEST

START_TEST(there_are_so_many_and_no_more) {
        _cleanup_(status_done) Status a = status_list(root, NULL, 0, 0);
        _cleanup_(lists_builder_freep) ListsBuilder *b = NULL;
        const char *fault;

        ck_assert_int_eq(lists_builder_new(&b), 0);
        for (unsigned i = 0; i < LISTS_MAX; i++)
                ck_assert_int_eq(lists_builder_add(b, status_blob(&a), "a", false, &fault), 0);
        ck_assert_int_eq(lists_builder_add(b, status_blob(&a), "a", false, &fault), -E2BIG);
        lists_builder_cut(b, 5);
        ck_assert_uint_eq(lists_builder_count(b), 5);
        ck_assert_int_eq(lists_builder_add(b, status_blob(&a), "a", false, &fault), 0);
}
END_TEST

/* -- long ones -------------------------------------------------------------------------------- */

/* With @others behind the leaf and its issuer. */
static ProblemSet judge(const Authorities *block, Pki *const *others, size_t n_others) {
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        Blob chain[8] = { pki_der(leaf), pki_der(intermediate) };
        Endpoint endpoint;
        const char *reason;
        Question q = {
                .endpoint = &endpoint,
                .chain = chain,
                .n_chain = 2 + n_others,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .lists = authorities_lists(block),
        };

        for (size_t i = 0; i < n_others; i++)
                chain[2 + i] = pki_der(others[i]);
        ck_assert_int_eq(endpoint_set(HOST, strlen(HOST), 993, &endpoint, &reason), 0);
        ck_assert_int_eq(problems_find(&q, block, &facts), 0);
        return facts->problems;
}

static unsigned cpu_msec(void) {
        return (unsigned) (clock() * 1000 / CLOCKS_PER_SEC);
}

START_TEST(the_last_of_a_hundred_thousand_is_found) {
        static const struct {
                bool revoked;
                ProblemSet problems;
        } rows[] = { { true, PROBLEM_REVOKED }, { false, 0 } };

        for (unsigned i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(status_done) Status list = status_long_list(
                        intermediate, rows[i].revoked ? leaf : NULL, 100000, 1024 * 1024);
                const Blob lists[] = { status_blob(&list) };
                const Blob trust = pki_der(root);
                _cleanup_(authorities_freep) Authorities *block =
                        block_with_lists(&trust, 1, lists, 1);
                unsigned before = cpu_msec();

                ck_assert_uint_eq(judge(block, NULL, 0), rows[i].problems);
                /* A judge has JUDGE_CPU_SEC; sanitizers and valgrind are slow. */
                printf("a list of %zu bytes: %u ms of %u\n", list.size, cpu_msec() - before,
                       JUDGE_CPU_SEC * 1000U);
        }
}
END_TEST

/* Who signed a list is tried one after the other; past the bound on that work it is not known. */
START_TEST(work_has_its_bound) {
        _cleanup_(pki_freep) Pki *signer =
                pki_new(&(PkiSpec) { .subject = "CA", .ca = true, .issuer = root });
        _cleanup_(pki_freep) Pki *first =
                pki_new(&(PkiSpec) { .subject = "CA", .ca = true, .issuer = root });
        _cleanup_(pki_freep) Pki *second =
                pki_new(&(PkiSpec) { .subject = "CA", .ca = true, .issuer = root });
        _cleanup_(status_done) Status list =
                status_long_list(signer, NULL, 0, LISTS_BYTES_MAX - 4096);
        const Blob lists[] = { status_blob(&list) }, trust = pki_der(root);
        _cleanup_(authorities_freep) Authorities *block = block_with_lists(&trust, 1, lists, 1);

        ck_assert_uint_eq(LISTS_WORK_BYTES_MAX / LISTS_BYTES_MAX, 3);
        ck_assert_uint_eq(judge(block, (Pki *[]) { first, signer }, 2), 0);
        ck_assert_uint_eq(judge(block, (Pki *[]) { first, second, signer }, 3),
                          PROBLEM_REVOCATION_UNKNOWN);
}
END_TEST

int main(void) {
        Suite *s = suite_create("lists");
        TCase *t = tcase_create("lists");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_set_timeout(t, 120);
        tcase_add_checked_fixture(t, set_up, tear_down);
        tcase_add_test(t, each_is_found_by_its_issuer);
        tcase_add_test(t, no_damaged_part_is_opened);
        tcase_add_test(t, there_are_so_many_and_no_more);
        tcase_add_test(t, the_last_of_a_hundred_thousand_is_found);
        tcase_add_test(t, work_has_its_bound);
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
