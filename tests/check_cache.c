/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the cache remembers, for whom, how long and how much. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/cache.h"
#include "daemon/limits.h"

#define NOW INT64_C(1767225600)

static Cache *cache;
static Endpoint endpoint = { .host = "mail.example.org", .port = 993 };
/* What a judgement rests on. */
static const uint8_t five[SHA256_SIZE] = { 5 }, six[SHA256_SIZE] = { 5, 6 };

static void setup(void) {
        ck_assert_int_eq(cache_new(&cache), 0);
}

static void teardown(void) {
        cache = cache_free(cache);
}

/* A chain of one certificate of @size bytes that are all about @n. */
static Chain *chain_new(unsigned n, size_t size) {
        _cleanup_free_ uint8_t *bytes = calloc(1, size);
        Chain *chain = NULL;

        ck_assert_ptr_nonnull(bytes);
        memcpy(bytes, &n, sizeof(n));
        ck_assert_int_eq(chain_bytes_new(&(Blob){ bytes, size }, 1, &chain), 0);
        return chain;
}

/* Shows a chain on @owner's behalf; its digest to @ret. */
static void show(int64_t owner, unsigned n, size_t size, uint8_t ret[static SHA256_SIZE]) {
        _cleanup_(chain_bytes_unrefp) Chain *chain = chain_new(n, size);

        memcpy(ret, chain->sha256, SHA256_SIZE);
        cache_put_chain(cache, owner, chain);
}

static bool has_chain(int64_t owner, const uint8_t digest[static SHA256_SIZE]) {
        _cleanup_(chain_bytes_unrefp) Chain *chain = cache_chain(cache, owner, digest);

        return chain != NULL;
}

static bool has_facts(const CacheKey *key, int64_t now) {
        _cleanup_(facts_unrefp) Facts *facts = cache_facts(cache, key, now);

        return facts != NULL;
}

static void put_facts(const CacheKey *key, int64_t now, int64_t from, int64_t until) {
        _cleanup_(facts_unrefp) Facts *facts = NULL;

        ck_assert_int_eq(facts_new(&facts), 0);
        facts->holds_from = from;
        facts->holds_until = until;
        cache_put_facts(cache, key, now, facts);
}

START_TEST(test_chain_bytes) {
        _cleanup_(chain_bytes_unrefp) Chain *chain = NULL;
        uint8_t digest[SHA256_SIZE];

        ck_assert_int_eq(chain_bytes_new((Blob[]){ { (const uint8_t *) "ab", 2 },
                                                   { NULL, 0 },
                                                   { (const uint8_t *) "cde", 3 } },
                                         3, &chain),
                         0);
        ck_assert_uint_eq(chain->size, 5);
        ck_assert_uint_eq(chain->n_certificates, 3);
        ck_assert_mem_eq(chain->certificates[0].data, "ab", 2);
        ck_assert_uint_eq(chain->certificates[1].size, 0);
        ck_assert_mem_eq(chain->certificates[2].data, "cde", 3);
        ck_assert_int_eq(sha256("abcde", 5, digest), 0);
        ck_assert_mem_eq(chain->sha256, digest, SHA256_SIZE);
}
END_TEST

START_TEST(test_own_chains) {
        uint8_t digest[SHA256_SIZE], other[SHA256_SIZE] = {};

        show(1000, 1, 100, digest);
        ck_assert_msg(has_chain(1000, digest), "who showed a chain may name it");
        ck_assert_msg(!has_chain(1001, digest), "another owner's digest is unknown");
        ck_assert_msg(!has_chain(1000, other), "so is one that nobody showed");
}
END_TEST

/* Each row changes one thing that facts depend on. */
static const struct {
        const char *sentence;
        int64_t owner;
        const char *host;
        uint16_t port;
        uint8_t chain;
        int staple; /* -1: none */
        const uint8_t *basis;
        bool found;
} keys[] = {
        { "the same question is answered", 1000, "mail.example.org", 993, 1, -1, five, true },
        { "another owner's is not", 1001, "mail.example.org", 993, 1, -1, five, false },
        { "nor for another host", 1000, "imap.example.org", 993, 1, -1, five, false },
        { "nor for another port", 1000, "mail.example.org", 143, 1, -1, five, false },
        { "nor for another chain", 1000, "mail.example.org", 993, 2, -1, five, false },
        { "nor with a staple", 1000, "mail.example.org", 993, 1, 0, five, false },
        { "nor on another basis", 1000, "mail.example.org", 993, 1, -1, six, false },
};

START_TEST(test_key) {
        const uint8_t one[SHA256_SIZE] = { 1 };
        uint8_t chain[SHA256_SIZE] = { keys[_i].chain }, staple[SHA256_SIZE] = {};
        Endpoint there = { .port = keys[_i].port };
        CacheKey asked = {
                .owner = keys[_i].owner,
                .endpoint = &there,
                .chain_sha256 = chain,
                .staple_sha256 = keys[_i].staple >= 0 ? staple : NULL,
                .basis = keys[_i].basis,
        };

        strcpy(there.host, keys[_i].host);
        put_facts(&(CacheKey){ 1000, &endpoint, one, NULL, five }, NOW, 0, INT64_MAX);
        ck_assert_msg(has_facts(&asked, NOW) == keys[_i].found, "%s", keys[_i].sentence);
}
END_TEST

START_TEST(test_staples) {
        const uint8_t chain[SHA256_SIZE] = { 1 }, a[SHA256_SIZE] = { 2 }, b[SHA256_SIZE] = { 3 };

        put_facts(&(CacheKey){ 1000, &endpoint, chain, a, five }, NOW, 0, INT64_MAX);
        ck_assert(has_facts(&(CacheKey){ 1000, &endpoint, chain, a, five }, NOW));
        ck_assert(!has_facts(&(CacheKey){ 1000, &endpoint, chain, b, five }, NOW));
        ck_assert(!has_facts(&(CacheKey){ 1000, &endpoint, chain, NULL, five }, NOW));
}
END_TEST

static const struct {
        const char *sentence;
        int64_t at; /* after it was put */
        bool found;
} times[] = {
        { "at once", 0, true },
        { "in its last second", 99, true },
        { "not when a date is passed", 100, false },
        { "not before its first second: the clock went back", -11, false },
        { "not before it was found out", -1, false },
};

START_TEST(test_time) {
        const uint8_t chain[SHA256_SIZE] = { 1 };
        CacheKey key = { 1000, &endpoint, chain, NULL, five };

        put_facts(&key, NOW, NOW - 10, NOW + 100);
        ck_assert_msg(has_facts(&key, NOW + times[_i].at) == times[_i].found, "%s",
                      times[_i].sentence);
}
END_TEST

START_TEST(test_age) {
        const uint8_t chain[SHA256_SIZE] = { 1 };
        CacheKey key = { 1000, &endpoint, chain, NULL, five };

        put_facts(&key, NOW, 0, INT64_MAX);
        ck_assert_msg(has_facts(&key, NOW + CACHE_SECONDS_MAX), "at the bound");
        ck_assert_msg(!has_facts(&key, NOW + CACHE_SECONDS_MAX + 1), "one past it");
        ck_assert_msg(!has_facts(&key, NOW), "and then it is forgotten");
}
END_TEST

START_TEST(test_count_bound) {
        uint8_t first[SHA256_SIZE], second[SHA256_SIZE], digest[SHA256_SIZE];

        show(1000, 0, 100, first);
        show(1000, 1, 100, second);
        for (unsigned i = 2; i < CACHE_CHAINS_PER_OWNER_MAX; i++)
                show(1000, i, 100, digest);
        ck_assert_msg(has_chain(1000, first), "at the bound the first is there, and used now");

        show(1000, CACHE_CHAINS_PER_OWNER_MAX, 100, digest);
        ck_assert_msg(has_chain(1000, digest), "one past it the new one is there");
        ck_assert_msg(has_chain(1000, first), "the one in use as well");
        ck_assert_msg(!has_chain(1000, second), "the longest unused is not");
}
END_TEST

START_TEST(test_facts_count_bound) {
        uint8_t chain[SHA256_SIZE] = {}, digest[SHA256_SIZE];
        CacheKey key = { 1000, &endpoint, chain, NULL, five };

        show(1000, 1, 100, digest);
        for (unsigned i = 0; i <= CACHE_CHAINS_PER_OWNER_MAX; i++) {
                chain[0] = (uint8_t) i;
                put_facts(&key, NOW, 0, INT64_MAX);
        }
        ck_assert(has_facts(&key, NOW));
        chain[0] = 1;
        ck_assert(has_facts(&key, NOW));
        chain[0] = 0;
        ck_assert(!has_facts(&key, NOW));
        ck_assert_msg(has_chain(1000, digest), "facts do not crowd out chains");
}
END_TEST

START_TEST(test_owner_bytes_bound) {
        uint8_t mine[SHA256_SIZE], first[SHA256_SIZE], digest[SHA256_SIZE];

        show(1001, 1, 100, mine);
        show(1000, 0, CHAIN_BYTES_MAX - 1024, first);
        for (unsigned i = 1; i < 4; i++)
                show(1000, i, CHAIN_BYTES_MAX - 1024, digest);
        ck_assert_msg(has_chain(1000, first), "four that just fit");

        show(1000, 4, CHAIN_BYTES_MAX - 1024, digest);
        ck_assert(has_chain(1000, digest));
        show(1000, 5, CHAIN_BYTES_MAX - 1024, digest);
        show(1000, 6, CHAIN_BYTES_MAX - 1024, digest);
        show(1000, 7, CHAIN_BYTES_MAX - 1024, digest);
        ck_assert_msg(!has_chain(1000, first), "the oldest made room");
        ck_assert_msg(has_chain(1001, mine), "another owner's did not have to");

        show(1000, 8, CACHE_BYTES_PER_OWNER_MAX, digest);
        ck_assert_msg(!has_chain(1000, digest), "what is larger than a share is not kept");
}
END_TEST

START_TEST(test_total_bytes_bound) {
        const size_t size = CHAIN_BYTES_MAX - 2048;
        uint8_t little[SHA256_SIZE], digests[20][SHA256_SIZE];
        unsigned n = 0;

        show(1, 0, 100, little);
        for (unsigned i = 0; i < 20; i++)
                show(2 + i / 4, 1 + i, size, digests[i]);
        for (unsigned i = 0; i < 20; i++)
                n += has_chain(2 + i / 4, digests[i]);

        ck_assert_msg(n * size <= CACHE_BYTES_MAX, "all together keep to the bound");
        ck_assert_msg((n + 2) * size > CACHE_BYTES_MAX, "and use it");
        ck_assert_msg(has_chain(1, little), "who holds little loses nothing to who holds much");
        ck_assert_msg(has_chain(6, digests[19]), "the latest is there");
}
END_TEST

START_TEST(test_many_owners) {
        uint8_t digest[SHA256_SIZE];

        /* Each with one large chain: the newest still finds room. */
        for (int64_t owner = 1; owner <= 40; owner++) {
                show(owner, (unsigned) owner, CHAIN_BYTES_MAX - (size_t) owner * 100, digest);
                ck_assert(has_chain(owner, digest));
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("cache");
        TCase *tcase = tcase_create("cache");
        SRunner *runner;
        int failed;

        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_add_test(tcase, test_chain_bytes);
        tcase_add_test(tcase, test_own_chains);
        tcase_add_loop_test(tcase, test_key, 0, (int) N_ELEMENTS(keys));
        tcase_add_test(tcase, test_staples);
        tcase_add_loop_test(tcase, test_time, 0, (int) N_ELEMENTS(times));
        tcase_add_test(tcase, test_age);
        tcase_add_test(tcase, test_count_bound);
        tcase_add_test(tcase, test_facts_count_bound);
        tcase_add_test(tcase, test_owner_bytes_bound);
        tcase_add_test(tcase, test_total_bytes_bound);
        tcase_add_test(tcase, test_many_owners);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
