/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ways from a leaf to an authority: crossings, namesakes, thickets, lengths. */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#include "daemon/path.h"
#include "daemon/problems.h"
#include "tests/block.h"
#include "tests/pki.h"

#define HOST      "imap.example.org"
#define CHAIN_MAX 80

/* Certificates that are made for one test and freed together. */
typedef struct Made {
        Pki *items[3 * CHAIN_MAX];
        size_t n;
} Made;

static const Pki *make(Made *made, const PkiSpec *spec) {
        ck_assert_uint_lt(made->n, N_ELEMENTS(made->items));
        return made->items[made->n++] = pki_new(spec);
}

static void made_done(Made *made) {
        for (size_t i = 0; i < made->n; i++)
                (void) pki_free(made->items[i]);
}

typedef struct Sent {
        Blob items[CHAIN_MAX];
        size_t n;
} Sent;

static void push(Sent *sent, const Pki *pki) {
        ck_assert_uint_lt(sent->n, CHAIN_MAX);
        sent->items[sent->n++] = pki_der(pki);
}

static ProblemSet judge_blocking(const Sent *chain, const Sent *trust, const Sent *block) {
        _cleanup_(authorities_freep) Authorities *authorities = block_new(trust->items, trust->n);
        _cleanup_(authorities_freep) Authorities *blocked = block_list_new(block->items, block->n);
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        Endpoint endpoint;
        const char *reason;
        Question q = {
                .endpoint = &endpoint,
                .chain = chain->items,
                .n_chain = chain->n,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
                .blocked = blocked,
        };

        ck_assert_int_eq(endpoint_set(HOST, strlen(HOST), 993, &endpoint, &reason), 0);
        ck_assert_int_eq(problems_find(&q, authorities, &facts), 0);
        return facts->problems;
}

static ProblemSet judge(const Sent *chain, const Sent *trust) {
        return judge_blocking(chain, trust, &(Sent){0});
}

/* Two authorities; one intermediate key, certified by both. */
typedef struct Cross {
        Made made;
        const Pki *good_root, *other_root, *by_good, *by_other, *leaf;
} Cross;

static void cross_new(Cross *x, PkiSpec by_good, PkiSpec by_other) {
        *x = (Cross){0};
        x->good_root = make(&x->made, &(PkiSpec){.subject = "Good Root", .ca = true});
        x->other_root = make(&x->made, &(PkiSpec){.subject = "Other Root", .ca = true});
        by_good.subject = by_other.subject = "Intermediate";
        by_good.ca = by_other.ca = true;
        by_good.issuer = x->good_root;
        x->by_good = make(&x->made, &by_good);
        by_other.issuer = x->other_root;
        by_other.key_of = x->by_good;
        x->by_other = make(&x->made, &by_other);
        x->leaf = make(&x->made, &(PkiSpec){.name = HOST, .issuer = x->by_good});
}

static const char *const nowhere[] = {"nowhere.example", NULL};

/* What is wrong with the way over the other root; the way over the good one is there, too. */
static const struct {
        const char *sentence;
        PkiSpec by_other;
        bool trust_other;
} crossings[] = {
        {"one of two roots is an authority", {}, false},
        {"both roots are", {}, true},
        {"the other way has expired", {.not_before = 1, .not_after = 2}, true},
        {"the other way is constrained", {.permitted = nowhere}, true},
        {"the other way has a false signature", {.false_signature = true}, true},
        {"the other way is not for servers", {.purpose = "1.3.6.1.5.5.7.3.4"}, true},
        {"the other way is weak", {.digest = GNUTLS_DIG_SHA1}, true},
        {"the other way has something unknown", {.unknown_critical = "1.2.3.4"}, true},
};

START_TEST(test_crossing) {
        Sent chain = {0}, backwards = {0}, trust = {0};
        Cross x;

        cross_new(&x, (PkiSpec){0}, crossings[_i].by_other);
        push(&chain, x.leaf);
        push(&chain, x.by_other);
        push(&chain, x.by_good);
        push(&backwards, x.leaf);
        push(&backwards, x.by_good);
        push(&backwards, x.by_other);
        push(&trust, x.good_root);
        if (crossings[_i].trust_other)
                push(&trust, x.other_root);

        ck_assert_msg(judge(&chain, &trust) == 0, "%s", crossings[_i].sentence);
        ck_assert_msg(judge(&backwards, &trust) == 0, "%s, in the other order",
                      crossings[_i].sentence);
        made_done(&x.made);
}
END_TEST

START_TEST(test_best_explains) {
        Sent chain = {0}, trust = {0};
        Cross x;

        /* One way is forged, the other merely expired: that is what is told. */
        cross_new(&x, (PkiSpec){.not_before = 1, .not_after = 2},
                  (PkiSpec){.false_signature = true});
        push(&chain, x.leaf);
        push(&chain, x.by_other);
        push(&chain, x.by_good);
        push(&trust, x.good_root);
        push(&trust, x.other_root);
        ck_assert_uint_eq(judge(&chain, &trust), PROBLEM_ISSUER_EXPIRED);
        made_done(&x.made);
}
END_TEST

START_TEST(test_look_alikes) {
        Sent chain = {0}, trust = {0};
        Made made = {0};
        const Pki *root = make(&made, &(PkiSpec){.subject = "Root", .ca = true});
        const Pki *one = NULL, *leaf;

        /* Sixty intermediates of one name; the last is the one whose key signed the leaf. */
        for (size_t i = 0; i < 60; i++)
                one = make(&made, &(PkiSpec){.subject = "Same", .ca = true, .issuer = root});
        leaf = make(&made, &(PkiSpec){.name = HOST, .issuer = one});
        push(&chain, leaf);
        for (size_t i = 1; i + 1 < made.n; i++)
                push(&chain, made.items[i]);
        push(&trust, root);
        ck_assert_uint_eq(judge(&chain, &trust), 0);
        made_done(&made);
}
END_TEST

/* A thicket: every one of a name's keys certified by every other. It must end, and end badly. */
START_TEST(test_thicket) {
        Sent chain = {0}, trust = {0};
        Made made = {0};
        const Pki *keys[7], *leaf;

        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                keys[i] = make(&made, &(PkiSpec){.subject = "Same", .ca = true});
        leaf = make(&made, &(PkiSpec){.name = HOST, .issuer = keys[0]});
        push(&chain, leaf);
        for (size_t i = 0; i < N_ELEMENTS(keys); i++)
                for (size_t k = 0; k < N_ELEMENTS(keys); k++)
                        if (i != k)
                                push(&chain, make(&made, &(PkiSpec){.subject = "Same",
                                                                    .ca = true,
                                                                    .key_of = keys[i],
                                                                    .issuer = keys[k]}));
        ck_assert_uint_ne(judge(&chain, &trust), 0);
        made_done(&made);
}
END_TEST

/* RFC 5280, 6.1.4 (l): a name that certifies itself a new key adds nothing to the path's length. */
START_TEST(test_self_issued) {
        Sent chain = {0}, trust = {0};
        Made made = {0};
        const Pki *root = make(&made, &(PkiSpec){.subject = "Root", .ca = true, .path_length = 2});
        const Pki *old = make(&made, &(PkiSpec){.subject = "CA", .ca = true, .issuer = root});
        const Pki *new = make(&made, &(PkiSpec){.subject = "CA", .ca = true, .issuer = old});
        const Pki *leaf = make(&made, &(PkiSpec){.name = HOST, .issuer = new});

        push(&chain, leaf);
        push(&chain, new);
        push(&chain, old);
        push(&trust, root);
        ck_assert_uint_eq(judge(&chain, &trust), 0);

        /* Another name does. */
        const Pki *other = make(&made, &(PkiSpec){.subject = "CB", .ca = true, .issuer = old});
        const Pki *far = make(&made, &(PkiSpec){.name = HOST, .issuer = other});

        chain.n = 0;
        push(&chain, far);
        push(&chain, other);
        push(&chain, old);
        ck_assert_uint_eq(judge(&chain, &trust), PROBLEM_BAD_CONSTRAINTS);
        made_done(&made);
}
END_TEST

/* RFC 5280, 7.1: the same name in another spelling is the same name. */
START_TEST(test_spelling) {
        Sent chain = {0}, trust = {0};
        Made made = {0};
        const Pki *root = make(&made, &(PkiSpec){.subject = "The Root", .ca = true});
        const Pki *spelt =
                make(&made, &(PkiSpec){.subject = " the  ROOT ", .ca = true, .key_of = root});
        const Pki *leaf = make(&made, &(PkiSpec){.name = HOST, .issuer = spelt});
        uint8_t a[SHA256_SIZE], b[SHA256_SIZE], c[SHA256_SIZE];

        push(&chain, leaf);
        push(&trust, root);
        ck_assert_uint_eq(judge(&chain, &trust), 0);

        ck_assert_int_eq(path_subject_key(pki_der(root), a), 0);
        ck_assert_int_eq(path_subject_key(pki_der(spelt), b), 0);
        ck_assert_int_eq(path_subject_key(pki_der(leaf), c), 0);
        ck_assert_mem_eq(a, b, SHA256_SIZE);
        ck_assert_mem_ne(a, c, SHA256_SIZE);
        ck_assert_int_eq(path_subject_key((Blob){a, SHA256_SIZE}, c), -EBADMSG);
        made_done(&made);
}
END_TEST

START_TEST(test_long_path) {
        static const struct {
                unsigned n; /* certificates with leaf and root */
                ProblemSet problems;
        } lengths[] = {{PATH_LENGTH_MAX, 0}, {PATH_LENGTH_MAX + 1, PROBLEM_UNKNOWN_ISSUER}};

        for (size_t i = 0; i < N_ELEMENTS(lengths); i++) {
                Sent chain = {0}, trust = {0};
                Made made = {0};
                const Pki *above = make(&made, &(PkiSpec){.subject = "Root", .ca = true});

                for (unsigned k = 0; k < lengths[i].n - 2; k++) {
                        char name[16];

                        snprintf(name, sizeof(name), "CA %u", k);
                        above = make(&made,
                                     &(PkiSpec){.subject = name, .ca = true, .issuer = above});
                }
                push(&chain, make(&made, &(PkiSpec){.name = HOST, .issuer = above}));
                for (size_t k = made.n - 2; k > 0; k--)
                        push(&chain, made.items[k]);
                push(&trust, made.items[0]);
                ck_assert_uint_eq(judge(&chain, &trust), lengths[i].problems);
                made_done(&made);
        }
}
END_TEST

/* Another root of the same name in the store is not the issuer, and does not get in the way. */
START_TEST(test_namesakes) {
        Sent chain = {0}, both = {0}, wrong = {0};
        Made made = {0};
        const Pki *root = make(&made, &(PkiSpec){.subject = "Root", .ca = true});
        const Pki *namesake = make(&made, &(PkiSpec){.subject = "Root", .ca = true});
        const Pki *leaf = make(&made, &(PkiSpec){.name = HOST, .issuer = root});

        push(&chain, leaf);
        push(&both, namesake);
        push(&both, root);
        push(&wrong, namesake);
        ck_assert_uint_eq(judge(&chain, &both), 0);
        ck_assert_uint_eq(judge(&chain, &wrong), PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN);

        /* Nor is one that is sent along. */
        push(&chain, namesake);
        ck_assert_uint_eq(judge(&chain, &both), 0);
        made_done(&made);
}
END_TEST

/* An authority of the name of a self-signed leaf does not make its signature a false one. */
START_TEST(test_namesake_of_self_signed) {
        Sent chain = {0}, trust = {0};
        Made made = {0};

        push(&chain, make(&made, &(PkiSpec){.name = HOST}));
        push(&trust, make(&made, &(PkiSpec){.subject = HOST, .ca = true}));
        ck_assert_uint_eq(judge(&chain, &trust), PROBLEM_SELF_SIGNED);
        made_done(&made);
}
END_TEST

static int by_digest(const void *a, const void *b) {
        uint8_t x[SHA256_SIZE], y[SHA256_SIZE];
        Blob p = pki_der(*(Pki *const *) a), q = pki_der(*(Pki *const *) b);

        ck_assert_int_eq(sha256(p.data, p.size, x), 0);
        ck_assert_int_eq(sha256(q.data, q.size, y), 0);
        return memcmp(x, y, SHA256_SIZE);
}

/* Authorities of one name are tried up to a bound, in the order of their digests. */
START_TEST(test_many_namesakes) {
        Sent trust = {0};
        Made made = {0};
        const size_t n = AUTHORITIES_PER_NAME_MAX + 1;

        for (size_t i = 0; i < n; i++)
                (void) make(&made, &(PkiSpec){.subject = "Root", .ca = true});
        qsort(made.items, n, sizeof(made.items[0]), by_digest);
        for (size_t i = 0; i < n; i++)
                push(&trust, made.items[i]);

        for (size_t i = n - 2; i < n; i++) {
                Sent chain = {0};

                push(&chain, make(&made, &(PkiSpec){.name = HOST, .issuer = made.items[i]}));
                ck_assert_uint_eq(judge(&chain, &trust),
                                  i < AUTHORITIES_PER_NAME_MAX
                                          ? 0
                                          : PROBLEM_UNKNOWN_ISSUER | PROBLEM_INCOMPLETE_CHAIN);
        }
        made_done(&made);
}
END_TEST

/* A key that is on the block list is there under any name, as leaf and above it. */
START_TEST(test_blocked_keys) {
        Sent trust = {0}, block = {0};
        Made made = {0};
        const Pki *root = make(&made, &(PkiSpec){.subject = "Root", .ca = true});
        const Pki *bad = make(&made, &(PkiSpec){.subject = "Bad", .ca = true});
        const Pki *leaf = make(&made, &(PkiSpec){.name = HOST, .issuer = root, .key_of = bad});
        const Pki *above = make(
                &made, &(PkiSpec){.subject = "Fine", .ca = true, .issuer = root, .key_of = bad});
        const Pki *below = make(&made, &(PkiSpec){.name = HOST, .issuer = above});

        push(&trust, root);
        push(&block, bad);
        ck_assert_uint_eq(judge_blocking(&(Sent){.items = {pki_der(leaf)}, .n = 1}, &trust, &block),
                          PROBLEM_BLOCKED);
        ck_assert_uint_eq(judge_blocking(&(Sent){.items = {pki_der(below), pki_der(above)}, .n = 2},
                                         &trust, &block),
                          PROBLEM_BLOCKED);
        made_done(&made);
}
END_TEST

/* Another way that is not blocked is as good as ever. */
START_TEST(test_way_around_a_block) {
        Sent chain = {0}, trust = {0}, block = {0};
        Cross x;

        cross_new(&x, (PkiSpec){0}, (PkiSpec){0});
        push(&chain, x.leaf);
        push(&chain, x.by_other);
        push(&chain, x.by_good);
        push(&trust, x.good_root);
        push(&trust, x.other_root);
        push(&block, x.other_root);
        ck_assert_uint_eq(judge_blocking(&chain, &trust, &block), 0);
        made_done(&x.made);
}
END_TEST

START_TEST(test_leaf_is_authority) {
        Sent chain = {0};
        Made made = {0};
        const Pki *leaf = make(&made, &(PkiSpec){.name = HOST});

        push(&chain, leaf);
        ck_assert_uint_eq(judge(&chain, &chain), 0);
        made_done(&made);
}
END_TEST

int main(void) {
        Suite *s = suite_create("path");
        TCase *t = tcase_create("path");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_set_timeout(t, 120);
        tcase_add_loop_test(t, test_crossing, 0, (int) N_ELEMENTS(crossings));
        tcase_add_test(t, test_best_explains);
        tcase_add_test(t, test_look_alikes);
        tcase_add_test(t, test_thicket);
        tcase_add_test(t, test_self_issued);
        tcase_add_test(t, test_spelling);
        tcase_add_test(t, test_long_path);
        tcase_add_test(t, test_namesakes);
        tcase_add_test(t, test_namesake_of_self_signed);
        tcase_add_test(t, test_many_namesakes);
        tcase_add_test(t, test_blocked_keys);
        tcase_add_test(t, test_way_around_a_block);
        tcase_add_test(t, test_leaf_is_authority);
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
