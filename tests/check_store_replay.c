/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A database made of the journal alone says what the lost one said, to the last row. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/limits.h"
#include "tests/decisions.h"
#include "tests/files.h"

#define ME   INT64_C(1000)
#define HOST "mail.example.org"

static void add(Store *store, uint16_t port) {
        (void) test_add(store, &(Addition){.owner = ME, .port = port}, CHANGED);
}

static const char all_there_is[] =
        "SELECT group_concat(line, char(10)) FROM ("
        "SELECT 'd' || quote(owner) || ',' || id || ',' || action || pin || state || ',' || host ||"
        "  ',' || port || quote(certificate_sha256) || quote(key_sha256) || problems || ',' || ends"
        "  || quote(until) || quote(boot_id) || quote(login_usec) || ',' || created || ',' ||"
        "  changed || ',' || change_number || quote(digest) AS line FROM decision"
        " UNION SELECT 'h' || owner || ',' || number || ',' || change_number || ',' || time || ','"
        "  || kind || ',' || id || ',' || by || ',' || host || ',' || port || quote(sha256)"
        "  FROM history"
        " UNION SELECT 'o' || owner || quote(name) || quote(name_digest) || last_id || ',' ||"
        "  last_history || ',' || n_allowed || ',' || n_denied || ',' || n_unconfirmed || ',' ||"
        "  n_dead || ',' || bytes FROM owner"
        " UNION SELECT 'c' || quote(sha256) || quote(key_sha256) || quote(subject) || quote(issuer)"
        "  || quote(serial) || quote(names) || not_before || ',' || not_after || quote(digest) ||"
        "  quote(der) FROM certificate"
        " UNION SELECT 't' || owner || ',' || id || ',' || kind || pin || state ||"
        "  quote(certificate_sha256) || quote(key_sha256) || quote(only_for) || by || ',' ||"
        "  created || ',' || changed || ',' || change_number || quote(digest) FROM trust"
        " UNION SELECT 'H' || owner || quote(sha256) || n_decisions || ',' || size FROM holding"
        " UNION SELECT 's' || change_number || ',' || n_refusals || quote(refusals) FROM store)";

static void name_owner(Store *store, int64_t owner, const char *name) {
        Change *change = NULL;

        ck_assert_int_eq(change_new(CHANGE_OWNER, owner, owner, DECIDED_AT, &change), 0);
        change->owner_name = strdup(name);
        (void) test_apply(store, change);
        (void) change_free(change);
}

/* Something of every kind. */
static void fill(Store *store) {
        Session session = {.known = true, .boot_id = {1, 2, 3}, .login_usec = 77};
        Addition large = {.owner = 7, .der_size = CERTIFICATE_BYTES_MAX};
        char name[16];

        add(store, 1);
        name_owner(store, ME, "anna");
        name_owner(store, ME, "bert");
        add(store, 2);
        (void) test_add(store, &(Addition){.owner = ME, .port = 1}, CHANGE_CONFIRMED);
        (void) test_add(store, &(Addition){.owner = ME, .port = 2, .action = DECISION_DENY},
                        CHANGED);
        (void) test_add(
                store,
                &(Addition){.owner = -1, .action = DECISION_DENY, .pin = PIN_KEY, .name = "two"},
                CHANGED);
        (void) test_add(
                store,
                &(Addition){.owner = 5, .end = END_DATE, .until = DECIDED_AT + 60, .name = "t\tab"},
                CHANGED);
        (void) test_end(
                store, 5,
                test_add(store,
                         &(Addition){.owner = 5, .port = 3, .end = END_SESSION, .session = session},
                         CHANGED));
        (void) test_add(store, &(Addition){.owner = 6, .end = END_SESSION, .session = session},
                        CHANGED);
        (void) test_put(store, &(Putting){.owner = ME, .name = "ca", .only = "example.org"},
                        CHANGED);
        (void) test_put(store, &(Putting){.owner = -1, .name = "ca"}, CHANGED);
        (void) test_put(store, &(Putting){.owner = -1, .kind = ENTRY_DISTRUST, .name = "bad"},
                        CHANGED);
        (void) test_remove(
                store, 8,
                test_put(store, &(Putting){.owner = 8, .name = "gone", .key = "gone"}, CHANGED));
        /* More removed ones than are remembered, so that some are dropped. */
        for (unsigned i = 0; i <= DEAD_ENTRIES_PER_OWNER_MAX; i++) {
                (void) snprintf(name, sizeof(name), "ca %u", i);
                (void) test_remove(
                        store, 9,
                        test_put(store, &(Putting){.owner = 9, .name = name, .key = name},
                                 CHANGED));
        }
        /* So many bytes that dead decisions make room for the last. */
        for (unsigned i = 0; i <= STORED_BYTES_PER_OWNER_MAX / CERTIFICATE_BYTES_MAX; i++) {
                uint64_t id;

                (void) snprintf(name, sizeof(name), "large %u", i);
                large.name = name;
                large.port = (uint16_t) (i + 1);
                id = test_add(store, &large, CHANGED);
                if (i < 5)
                        (void) test_revoke(store, 7, id);
        }
}

START_TEST(a_database_made_of_the_journal_is_the_same_to_the_last_row) {
        char *before, *after;

        Store *store = test_store();

        fill(store);
        (void) store_free(store);
        before = test_sql_text(all_there_is);
        ck_assert_int_eq(unlink(test_database()), 0);
        (void) store_free(test_store());
        after = test_sql_text(all_there_is);
        ck_assert_str_eq(before, after);
        free(after);

        /* And once more by way of the compacted form. */
        ck_assert_int_eq(unlink(test_journal()), 0);
        (void) store_free(test_store());
        ck_assert_int_eq(unlink(test_database()), 0);
        (void) store_free(test_store());
        after = test_sql_text(all_there_is);
        ck_assert_str_eq(before, after);
        free(after);
        free(before);
}
END_TEST

START_TEST(a_seen_certificate_is_not_journaled_and_becomes_whole_when_decided_about) {
        _cleanup_(certificate_facts_freep) CertificateFacts *one = NULL;
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(change_freep) Change *seen = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        size_t size;

        one = test_certificate("one", "key of one");
        ck_assert_int_eq(change_new(CHANGE_SEEN, ME, ME, DECIDED_AT, &seen), 0);
        (void) snprintf(seen->decision.host, sizeof(seen->decision.host), HOST);
        seen->decision.port = 993;
        seen->certificate = test_certificate("one", "key of one");
        (void) test_apply(store, seen);
        ck_assert_uint_eq(store_generation(store), 0);
        add(store, 1);
        store = store_free(store);
        ck_assert_int_eq(unlink(test_database()), 0);
        store = test_store();
        ck_assert_int_eq(store_certificate(store, ME, one->sha256, NULL, &der, &size), 1);
}
END_TEST

#define N_PORTS 500U

/* Allows all ports, revokes all again: two transactions. */
static void churn(Store *store) {
        Change *first = NULL, **end = &first;

        for (uint16_t port = 1; port <= N_PORTS; port++) {
                *end = test_addition(&(Addition){.owner = 9, .port = port});
                end = &(*end)->next;
        }
        ck_assert_int_eq(store_apply(store, first), 0);
        for (Change *c = first; c; c = c->next) {
                ck_assert_int_eq(c->result, CHANGED);
                c->action = CHANGE_REVOKE;
        }
        ck_assert_int_eq(store_apply(store, first), 0);
        while (first) {
                Change *next = first->next;

                (void) change_free(first);
                first = next;
        }
}

START_TEST(a_journal_of_mostly_history_is_compacted_and_says_the_same) {
        _cleanup_free_ char *before = NULL, *after = NULL;
        Store *store = test_store();
        struct stat was = {0}, now;

        for (unsigned n = 0;; n++) {
                churn(store);
                ck_assert_int_eq(stat(test_journal(), &was), 0);
                ck_assert_int_eq(store_settle(store), 0);
                ck_assert_int_eq(stat(test_journal(), &now), 0);
                if (now.st_size < was.st_size)
                        break;
                ck_assert_uint_lt(n, 40);
        }
        ck_assert_int_ge(was.st_size, JOURNAL_COMPACT_BYTES_MIN);
        ck_assert_int_lt(now.st_size, was.st_size / 2 + was.st_size / 8);
        add(store, 5);
        (void) store_free(store);
        before = test_sql_text(all_there_is);
        ck_assert_int_eq(unlink(test_database()), 0);
        (void) store_free(test_store());
        after = test_sql_text(all_there_is);
        ck_assert_str_eq(before, after);
}
END_TEST

/* -- the first form ----------------------------------------------------------------------- */

static void run_file(const char *name) {
        const char *source = getenv("CERTEXC_SOURCE_DIR");
        _cleanup_free_ char *path = NULL;
        File file;

        ck_assert_int_gt(asprintf(&path, "%s/%s", source ? source : SOURCE_DIR, name), 0);
        file = file_load(path);
        ck_assert_ptr_nonnull(file.data);
        test_sql("%s", file.data);
        file_done(&file);
}

START_TEST(a_store_of_the_first_form_is_taken_over_and_gets_its_journal) {
        _cleanup_(store_freep) Store *store = NULL;
        StoreDamage damage;
        Decision d;

        file_store(test_database(), "", 0);
        run_file("schema/001-initial.sql");
        run_file("tests/store-001.sql");
        ck_assert_int_eq(test_sql_number("PRAGMA user_version"), 1);

        ck_assert_int_eq(store_open(test_directory(), &store, &damage), 0);
        ck_assert_int_eq(damage.journal, COPY_MISSING);
        ck_assert(!damage.disagrees);
        for (int i = 0; i < 2; i++) {
                ck_assert_uint_eq(store_generation(store), 6);
                ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE), 1);
                ck_assert_uint_eq(test_count_found(store, ME, HOST, 465, STATE_LIVE), 1);
                ck_assert_int_eq(store_get(store, 1001, 1, &d), 1);
                ck_assert_int_eq(d.state, STATE_REVOKED);
                store = store_free(store);
                ck_assert_int_eq(test_sql_number("PRAGMA user_version"), 4);
                ck_assert_int_eq(test_sql_number("SELECT n_refusals FROM store"), 3);
                /* The second time from the journal that was made. */
                ck_assert_int_eq(unlink(test_database()), 0);
                store = test_store();
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, made of its journal");
        TCase *tcase = tcase_create("replay");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_test(tcase, a_database_made_of_the_journal_is_the_same_to_the_last_row);
        tcase_add_test(tcase,
                       a_seen_certificate_is_not_journaled_and_becomes_whole_when_decided_about);
        tcase_add_test(tcase, a_journal_of_mostly_history_is_compacted_and_says_the_same);
        tcase_add_test(tcase, a_store_of_the_first_form_is_taken_over_and_gets_its_journal);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
