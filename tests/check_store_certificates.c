/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The store: certificates that were decided about, and those that were only seen. */
#include "config.h"

#include <string.h>

#include "tests/decisions.h"

#define ME INT64_C(1000)
#define OTHER INT64_C(1001)
#define HOST "mail.example.org"

START_TEST(a_certificate_is_kept_once_for_whoever_decided_about_it) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(certificate_facts_freep) CertificateFacts *expected = NULL, *facts = NULL;
        _cleanup_free_ uint8_t *der = NULL, *expected_der = test_der("one", 0);
        size_t size;

        expected = test_certificate("one", "key of one");
        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = OTHER }, CHANGED);

        ck_assert_int_eq(store_certificate(store, ME, expected->sha256, &facts, &der, &size), 1);
        ck_assert_uint_eq(size, 600);
        ck_assert_mem_eq(der, expected_der, size);
        ck_assert_str_eq(facts->subject, expected->subject);
        ck_assert_str_eq(facts->issuer, expected->issuer);
        ck_assert_str_eq(facts->serial, expected->serial);
        ck_assert_uint_eq(facts->n_names, 2);
        ck_assert_str_eq(facts->names[1], "*.example.org");
        ck_assert_ptr_null(facts->names[2]);
        ck_assert_int_eq(facts->not_before, expected->not_before);
        ck_assert_int_eq(facts->not_after, expected->not_after);
        ck_assert_mem_eq(facts->key_sha256, expected->key_sha256, SHA256_SIZE);

        /* A third owner decided nothing about it, and learns nothing. */
        ck_assert_int_eq(store_certificate(store, 1002, expected->sha256, NULL, NULL, NULL), 0);
        (void) store_free(TAKE_PTR(store));
        ck_assert_int_eq(test_sql_number("SELECT count(*) FROM certificate"), 1);
}
END_TEST

START_TEST(what_was_seen_is_remembered_without_its_bytes) {
        _cleanup_(store_freep) Store *store = test_store();
        static const char *const names[] = { "one", "one", "two" };
        uint8_t first[SHA256_SIZE];
        int64_t time = 0;

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                _cleanup_(certificate_facts_freep) CertificateFacts *seen = NULL;
                _cleanup_(change_freep) Change *change = NULL;
                _cleanup_free_ uint8_t *der = NULL;
                size_t size;

                ck_assert_int_eq(change_new(CHANGE_SEEN, ME, ME, DECIDED_AT + (int) i, &change), 0);
                strcpy(change->decision.host, HOST);
                change->decision.port = 993;
                change->certificate = test_certificate(names[i], "k");
                ck_assert_int_eq(test_apply(store, change), CHANGED);
                ck_assert_int_eq(store_seen(store, ME, HOST, 993, &seen, &time), 1);
                ck_assert_mem_eq(seen->sha256, change->certificate->sha256, SHA256_SIZE);
                ck_assert_int_eq(store_certificate(store, ME, seen->sha256, NULL, &der, &size), 0);
                if (i == 0)
                        memcpy(first, seen->sha256, SHA256_SIZE);
                ck_assert_int_eq(time, DECIDED_AT + (i == 2 ? 2 : 0));
        }
        /* It is no decision, and what nobody refers to any more is gone. */
        ck_assert_uint_eq(store_generation(store), 0);
        ck_assert_int_eq(store_certificate(store, ME, first, NULL, NULL, NULL), 0);
}
END_TEST

START_TEST(a_certificate_that_was_only_seen_gets_its_bytes_with_a_decision) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(change_freep) Change *change = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        uint8_t one[SHA256_SIZE];
        OwnerCounts counts;
        size_t size;

        ck_assert_int_eq(change_new(CHANGE_SEEN, ME, ME, DECIDED_AT, &change), 0);
        strcpy(change->decision.host, HOST);
        change->decision.port = 993;
        change->certificate = test_certificate("one", "key of one");
        memcpy(one, change->certificate->sha256, SHA256_SIZE);
        (void) test_apply(store, change);
        ck_assert_int_eq(store_counts(store, ME, &counts), 0);
        ck_assert_uint_eq(counts.bytes, 0);

        (void) test_add(store, &(Addition){ .owner = ME }, CHANGED);
        ck_assert_int_eq(store_certificate(store, ME, one, NULL, &der, &size), 1);
        ck_assert_int_eq(store_counts(store, ME, &counts), 0);
        ck_assert_uint_eq(counts.bytes, 600);
        ck_assert_uint_eq(counts.exceptions, 1);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, certificates");
        TCase *tcase = tcase_create("certificates");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_test(tcase, a_certificate_is_kept_once_for_whoever_decided_about_it);
        tcase_add_test(tcase, what_was_seen_is_remembered_without_its_bytes);
        tcase_add_test(tcase, a_certificate_that_was_only_seen_gets_its_bytes_with_a_decision);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
