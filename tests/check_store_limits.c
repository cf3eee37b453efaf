/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one owner may keep: each bound is reached, and one past it is refused or makes room. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/limits.h"
#include "tests/decisions.h"

#define ME    INT64_C(1000)
#define OTHER INT64_C(1001)
#define HOST  "mail.example.org"

/* Applies a list in one go, and frees it. All must be @expected. */
static void apply_all(Store *store, Change *first, ChangeResult expected) {
        ck_assert_int_eq(store_apply(store, first), 0);
        while (first) {
                Change *next = first->next;

                ck_assert_int_eq(first->error, 0);
                ck_assert_int_eq(first->result, expected);
                (void) change_free(first);
                first = next;
        }
}

/* @n exceptions of @a's kind, at ports from @port on, in one transaction. */
static void add_many(Store *store, Addition a, unsigned n, uint16_t port) {
        Change *first = NULL, **end = &first;

        for (unsigned i = 0; i < n; i++) {
                a.port = (uint16_t) (port + i);
                *end = test_addition(&a);
                end = &(*end)->next;
        }
        apply_all(store, first, CHANGED);
}

static void to_ids(Store *store, ChangeAction action, uint64_t from, uint64_t to) {
        Change *first = NULL, **end = &first;

        for (uint64_t id = from; id <= to; id++) {
                ck_assert_int_eq(change_new(action, ME, ME, DECIDED_AT, end), 0);
                (*end)->decision.id = id;
                end = &(*end)->next;
        }
        apply_all(store, first, CHANGED);
}

static OwnerCounts counts_of(Store *store, int64_t owner) {
        OwnerCounts counts = { 0 };

        ck_assert_int_eq(store_counts(store, owner, &counts), 0);
        return counts;
}

START_TEST(one_owner_keeps_so_many_decisions_and_no_more) {
        _cleanup_(store_freep) Store *store = test_store();
        Addition past = { .owner = ME, .host = "one.past.example.org" };

        add_many(store, (Addition){ .owner = ME }, DECISIONS_PER_OWNER_MAX - 1, 1);
        (void) test_add(
                store,
                &(Addition){ .owner = ME, .host = "last.example.org", .action = DECISION_DENY },
                CHANGED);
        ck_assert_uint_eq(counts_of(store, ME).exceptions, DECISIONS_PER_OWNER_MAX - 1);
        ck_assert_uint_eq(counts_of(store, ME).denials, 1);

        (void) test_add(store, &past, CHANGE_TOO_MANY);
        past.action = DECISION_DENY;
        (void) test_add(store, &past, CHANGE_TOO_MANY);
        ck_assert_uint_eq(test_count_found(store, ME, past.host, 993, STATE_LIVE), 0);
        /* What is held already needs no room; another owner has their own. */
        (void) test_add(store, &(Addition){ .owner = ME, .port = 1 }, CHANGE_HELD);
        past.owner = OTHER;
        (void) test_add(store, &past, CHANGED);

        ck_assert_int_eq(test_revoke(store, ME, 5), CHANGED);
        past.owner = ME;
        (void) test_add(store, &past, CHANGED);
        ck_assert_uint_eq(counts_of(store, ME).exceptions, DECISIONS_PER_OWNER_MAX - 2);
        ck_assert_uint_eq(counts_of(store, ME).denials, 2);
}
END_TEST

START_TEST(what_is_over_does_not_fill_the_quota) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(change_freep) Change *change = NULL;
        Session old = { .known = true, .boot_id = "old" }, new = { .known = true };

        add_many(store, (Addition){ .owner = ME, .end = END_DATE, .until = DECIDED_AT + 5 }, 1, 1);
        add_many(store, (Addition){ .owner = ME, .end = END_SESSION, .session = old }, 1, 2);
        add_many(store, (Addition){ .owner = ME }, DECISIONS_PER_OWNER_MAX - 2, 3);
        (void) test_add(store, &(Addition){ .owner = ME, .now = DECIDED_AT + 4, .port = 5000 },
                        CHANGE_TOO_MANY);

        /* Without a session now, only the date tells. */
        change = test_addition(&(Addition){ .owner = ME, .now = DECIDED_AT + 5, .port = 5000 });
        ck_assert_int_eq(test_apply(store, change), CHANGED);
        ck_assert_uint_eq(change->n_others, 1);
        ck_assert_uint_eq(change->others[0].id, 1);
        ck_assert_int_eq(change->others[0].state, STATE_ENDED);

        change = change_free(change);
        change = test_addition(&(Addition){ .owner = ME, .session = new, .port = 5001 });
        ck_assert_int_eq(test_apply(store, change), CHANGED);
        ck_assert_uint_eq(change->n_others, 1);
        ck_assert_uint_eq(change->others[0].id, 2);
}
END_TEST

START_TEST(one_endpoint_has_so_many_decisions_and_no_more) {
        _cleanup_(store_freep) Store *store = test_store();
        char name[32], key[32];

        for (unsigned i = 0; i <= DECISIONS_PER_ENDPOINT_MAX; i++) {
                Addition a = { .owner = ME, .name = name, .key = key };

                (void) snprintf(name, sizeof(name), "name %u", i);
                (void) snprintf(key, sizeof(key), "key %u", i);
                (void) test_add(store, &a,
                                i < DECISIONS_PER_ENDPOINT_MAX ? CHANGED : CHANGE_TOO_MANY_HERE);
        }
        ck_assert_uint_eq(test_count_found(store, ME, HOST, 993, STATE_LIVE),
                          DECISIONS_PER_ENDPOINT_MAX);
        (void) test_add(store, &(Addition){ .owner = ME, .port = 143 }, CHANGED);
        (void) test_add(store, &(Addition){ .owner = OTHER }, CHANGED);

        /* A change of mind takes the place of what it takes back. */
        (void) snprintf(name, sizeof(name), "%s", "name 3");
        (void) test_add(store, &(Addition){ .owner = ME, .name = name, .action = DECISION_DENY },
                        CHANGED);
}
END_TEST

START_TEST(one_owner_keeps_so_many_bytes_and_no_more) {
        const size_t size = CERTIFICATE_BYTES_MAX;
        const unsigned n = STORED_BYTES_PER_OWNER_MAX / CERTIFICATE_BYTES_MAX;
        _cleanup_(store_freep) Store *store = test_store();
        char name[32];

        for (unsigned i = 0; i < n; i++) {
                (void) snprintf(name, sizeof(name), "name %u", i);
                (void) test_add(store,
                                &(Addition){ .owner = ME,
                                             .name = name,
                                             .der_size = size,
                                             .port = (uint16_t) (i + 1) },
                                CHANGED);
        }
        ck_assert_uint_eq(counts_of(store, ME).bytes, STORED_BYTES_PER_OWNER_MAX);

        /* A certificate that counts already costs nothing, one byte more is too much. */
        (void) test_add(store,
                        &(Addition){ .owner = ME, .name = name, .der_size = size, .port = 9000 },
                        CHANGED);
        (void) test_add(store, &(Addition){ .owner = ME, .name = "x", .der_size = 1, .port = 9001 },
                        CHANGE_TOO_LARGE);
        (void) test_add(store, &(Addition){ .owner = OTHER, .name = "x", .der_size = 1 }, CHANGED);

        /* Revoked decisions make room, the oldest first. */
        ck_assert_int_eq(test_revoke(store, ME, 7), CHANGED);
        ck_assert_uint_eq(counts_of(store, ME).bytes, STORED_BYTES_PER_OWNER_MAX);
        (void) test_add(store, &(Addition){ .owner = ME, .name = "x", .der_size = 1, .port = 9001 },
                        CHANGED);
        ck_assert_uint_eq(counts_of(store, ME).bytes, STORED_BYTES_PER_OWNER_MAX - size + 1);
}
END_TEST

START_TEST(a_refused_change_leaves_nothing_behind) {
        const unsigned n = STORED_BYTES_PER_OWNER_MAX / CERTIFICATE_BYTES_MAX;
        _cleanup_(store_freep) Store *store = test_store();
        uint64_t before, denial;
        char name[32];
        Decision d;

        for (unsigned i = 0; i < n; i++) {
                (void) snprintf(name, sizeof(name), "name %u", i);
                (void) test_add(store,
                                &(Addition){ .owner = ME,
                                             .name = name,
                                             .der_size = CERTIFICATE_BYTES_MAX - (i == 0),
                                             .port = (uint16_t) (i + 1) },
                                CHANGED);
        }
        denial = test_add(store,
                          &(Addition){ .owner = ME,
                                       .action = DECISION_DENY,
                                       .pin = PIN_KEY,
                                       .name = "old",
                                       .der_size = 1 },
                          CHANGED);
        before = store_generation(store);

        /* It would have revoked the denial of its key, if only there had been room for it. */
        (void) test_add(
                store, &(Addition){ .owner = ME, .name = "new", .der_size = CERTIFICATE_BYTES_MAX },
                CHANGE_TOO_LARGE);
        ck_assert_uint_eq(store_generation(store), before);
        ck_assert_int_eq(store_get(store, ME, denial, &d), 1);
        ck_assert_int_eq(d.state, STATE_LIVE);

        ck_assert_int_eq(test_revoke(store, ME, 1), CHANGED);
        ck_assert_int_eq(store_get(store, ME, 1, &d), 1);
        ck_assert_uint_eq(d.change_number, before + 1);
}
END_TEST

START_TEST(a_certificate_is_as_large_as_may_be_and_no_larger) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(change_freep) Change *change = NULL;

        (void) test_add(store, &(Addition){ .owner = ME, .der_size = CERTIFICATE_BYTES_MAX },
                        CHANGED);
        change = test_addition(
                &(Addition){ .owner = ME, .name = "two", .der_size = CERTIFICATE_BYTES_MAX + 1 });
        ck_assert_int_eq(store_apply(store, change), 0);
        ck_assert_int_eq(change->error, -EINVAL);
}
END_TEST

START_TEST(dead_decisions_and_history_are_bounded_the_oldest_go) {
        _cleanup_(store_freep) Store *store = test_store();
        _cleanup_(history_list_done) HistoryList history = { 0 };
        uint64_t id = 1;
        Decision d;

        /* Each round is two lines of history and one dead decision for each of 1000. */
        for (unsigned round = 0; round * 2000 <= HISTORY_PER_OWNER_MAX; round++, id += 1000) {
                add_many(store, (Addition){ .owner = ME }, 1000, 1);
                to_ids(store, round % 2 ? CHANGE_REVOKE : CHANGE_END, id, id + 999);
        }
        ck_assert_uint_gt(2 * (id - 1), HISTORY_PER_OWNER_MAX);
        ck_assert_int_eq(store_get(store, ME, id - DEAD_DECISIONS_PER_OWNER_MAX - 1, &d), 0);
        ck_assert_int_eq(store_get(store, ME, id - DEAD_DECISIONS_PER_OWNER_MAX, &d), 1);
        ck_assert_int_eq(store_history(store, ME, 0, 0, 1, &history), 0);
        ck_assert_uint_eq(history.items[0].number, 2 * (id - 1) - HISTORY_PER_OWNER_MAX + 1);
        ck_assert_uint_eq(counts_of(store, ME).exceptions, 0);
        ck_assert_uint_eq(counts_of(store, ME).bytes, 600);

        /* Ids are not given twice, whatever went. */
        ck_assert_uint_eq(test_add(store, &(Addition){ .owner = ME }, CHANGED), id);
}
END_TEST

static Change *seen(int64_t owner, uint16_t port, int64_t now) {
        Change *change = NULL;

        ck_assert_int_eq(change_new(CHANGE_SEEN, owner, owner, now, &change), 0);
        strcpy(change->decision.host, HOST);
        change->decision.port = port;
        change->certificate = test_certificate("one", "k");
        return change;
}

static int is_seen(Store *store, uint16_t port) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        int64_t time;

        return store_seen(store, ME, HOST, port, &facts, &time);
}

/* An exception at the @i-th host for a certificate of the @issuer's. */
static void add_of_issuer(Store *store, int64_t owner, unsigned i, const char *issuer,
                          const char *subject) {
        char host[32], name[32];
        Change *change;

        (void) snprintf(host, sizeof(host), "h%u.example", i);
        (void) snprintf(name, sizeof(name), "%s %u", subject, i);
        change = test_addition(&(Addition){ .owner = owner, .host = host, .name = name });
        free(change->certificate->issuer);
        change->certificate->issuer = strdup(issuer);
        apply_all(store, change, CHANGED);
}

static size_t hosts_of(Store *store, int64_t owner, const char *issuer) {
        _cleanup_(host_list_done) HostList hosts = { 0 };

        ck_assert_int_eq(store_hosts_of_issuer(store, owner, issuer, &hosts), 0);
        return hosts.n_items;
}

START_TEST(so_many_hosts_of_an_issuer_are_looked_at_and_no_more) {
        _cleanup_(store_freep) Store *store = test_store();

        for (unsigned i = 0; i < ISSUER_HOSTS_MAX; i++)
                add_of_issuer(store, ME, i, "CN=I", "S");
        ck_assert_uint_eq(hosts_of(store, ME, "CN=I"), ISSUER_HOSTS_MAX);
        add_of_issuer(store, ME, ISSUER_HOSTS_MAX, "CN=I", "S");
        ck_assert_uint_eq(hosts_of(store, ME, "CN=I"), ISSUER_HOSTS_MAX);
}
END_TEST

START_TEST(only_hosts_of_that_issuer_and_that_owner_are_found) {
        _cleanup_(store_freep) Store *store = test_store();

        add_of_issuer(store, ME, 1, "CN=I", "S");
        add_of_issuer(store, ME, 2, "CN=J", "S");
        add_of_issuer(store, OTHER, 3, "CN=I", "S");
        add_of_issuer(store, ME, 4, "CN=own 4", "own"); /* whose subject that is */
        ck_assert_uint_eq(hosts_of(store, ME, "CN=I"), 1);
        ck_assert_uint_eq(hosts_of(store, OTHER, "CN=I"), 1);
        ck_assert_uint_eq(hosts_of(store, ME, "CN=own 4"), 0);
        ck_assert_uint_eq(hosts_of(store, ME, "CN=K"), 0);
        apply_all(store, seen(ME, 5, DECIDED_AT), CHANGED);
        ck_assert_uint_eq(hosts_of(store, ME, "CN=issuer of one"), 1);
}
END_TEST

START_TEST(what_was_seen_is_bounded_the_oldest_goes) {
        _cleanup_(store_freep) Store *store = test_store();

        for (uint16_t i = 0; i < SEEN_PER_OWNER_MAX; i++)
                apply_all(store, seen(ME, (uint16_t) (i + 1), DECIDED_AT + i), CHANGED);
        ck_assert_int_eq(is_seen(store, 1), 1);
        /* Seen again after a day, the first is not the oldest any more. */
        apply_all(store, seen(ME, 1, DECIDED_AT + 90000), CHANGED);
        apply_all(store, seen(ME, 9000, DECIDED_AT + 90001), CHANGED);
        ck_assert_int_eq(is_seen(store, 1), 1);
        ck_assert_int_eq(is_seen(store, 2), 0);
        ck_assert_int_eq(is_seen(store, 3), 1);
        ck_assert_int_eq(is_seen(store, 9000), 1);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("store, limits");
        TCase *tcase = tcase_create("limits");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, test_directory_make, test_directory_remove);
        tcase_add_test(tcase, one_owner_keeps_so_many_decisions_and_no_more);
        tcase_add_test(tcase, what_is_over_does_not_fill_the_quota);
        tcase_add_test(tcase, one_endpoint_has_so_many_decisions_and_no_more);
        tcase_add_test(tcase, one_owner_keeps_so_many_bytes_and_no_more);
        tcase_add_test(tcase, a_refused_change_leaves_nothing_behind);
        tcase_add_test(tcase, a_certificate_is_as_large_as_may_be_and_no_larger);
        tcase_add_test(tcase, dead_decisions_and_history_are_bounded_the_oldest_go);
        tcase_add_test(tcase, what_was_seen_is_bounded_the_oldest_goes);
        tcase_add_test(tcase, so_many_hosts_of_an_issuer_are_looked_at_and_no_more);
        tcase_add_test(tcase, only_hosts_of_that_issuer_and_that_owner_are_found);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
