/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decision's digest, end and match; and what changed between two certificates. */
#include "config.h"

#include <string.h>

#include "daemon/difference.h"
#include "tests/decisions.h"

static Decision ordinary(void) {
        Decision d = {
                .owner = 1000,
                .id = 7,
                .action = DECISION_ALLOW,
                .pin = PIN_CERTIFICATE,
                .state = STATE_LIVE,
                .host = "mail.example.org",
                .port = 993,
                .certificate_sha256 = "certificate",
                .key_sha256 = "key",
                .problems = PROBLEM_EXPIRED,
                .end = END_SESSION,
                .session = { .known = true, .boot_id = "boot", .login_usec = 9 },
                .created = 11,
                .changed = 12,
                .change_number = 13,
        };

        return d;
}

typedef struct Variation {
        const char *says;
        void (*vary)(Decision *d);
} Variation;

static void vary_owner(Decision *d) { d->owner = 1001; }
static void vary_owner_system(Decision *d) { d->owner = OWNER_SYSTEM; }
static void vary_id(Decision *d) { d->id = 8; }
static void vary_action(Decision *d) { d->action = DECISION_DENY; }
static void vary_pin(Decision *d) { d->pin = PIN_KEY; }
static void vary_state(Decision *d) { d->state = STATE_REVOKED; }
static void vary_host(Decision *d) { d->host[0] = 'n'; }
static void vary_host_shorter(Decision *d) { d->host[4] = '\0'; }
static void vary_port(Decision *d) { d->port = 143; }
static void vary_certificate(Decision *d) { d->certificate_sha256[31] ^= 1; }
static void vary_key(Decision *d) { d->key_sha256[31] ^= 1; }
static void vary_problems(Decision *d) { d->problems |= PROBLEM_REVOKED; }
static void vary_end(Decision *d) { d->end = END_NEVER; }
static void vary_end_date(Decision *d) { d->end = END_DATE; }
static void vary_boot(Decision *d) { d->session.boot_id[15] ^= 1; }
static void vary_login(Decision *d) { d->session.login_usec = 10; }
static void vary_known(Decision *d) { d->session.known = false; }
static void vary_created(Decision *d) { d->created = -11; }
static void vary_changed(Decision *d) { d->changed = 13; }
static void vary_number(Decision *d) { d->change_number = 14; }

static const Variation variations[] = {
        { "owner", vary_owner },           { "the system as owner", vary_owner_system },
        { "id", vary_id },                 { "action", vary_action },
        { "pin", vary_pin },               { "state", vary_state },
        { "host", vary_host },             { "a shorter host", vary_host_shorter },
        { "port", vary_port },             { "certificate", vary_certificate },
        { "key", vary_key },               { "problems", vary_problems },
        { "no end", vary_end },            { "another kind of end", vary_end_date },
        { "boot", vary_boot },             { "log-in", vary_login },
        { "unknown session", vary_known }, { "time of creation", vary_created },
        { "time of change", vary_changed }, { "number of the change", vary_number },
};

START_TEST(every_field_is_in_the_digest) {
        uint8_t digests[N_ELEMENTS(variations) + 1][SHA256_SIZE];
        Decision d = ordinary();

        ck_assert_int_eq(decision_digest(&d, digests[N_ELEMENTS(variations)]), 0);
        for (size_t i = 0; i < N_ELEMENTS(variations); i++) {
                d = ordinary();
                variations[i].vary(&d);
                ck_assert_int_eq(decision_digest(&d, digests[i]), 0);
        }
        for (size_t i = 0; i < N_ELEMENTS(digests); i++)
                for (size_t j = 0; j < i; j++)
                        ck_assert_msg(memcmp(digests[i], digests[j], SHA256_SIZE) != 0,
                                      "%s does not count", variations[j].says);
}
END_TEST

START_TEST(the_date_counts_where_the_end_is_a_date) {
        uint8_t one[SHA256_SIZE], two[SHA256_SIZE];
        Decision d = ordinary();

        d.end = END_DATE;
        d.until = 1;
        ck_assert_int_eq(decision_digest(&d, one), 0);
        d.until = 2;
        ck_assert_int_eq(decision_digest(&d, two), 0);
        ck_assert_mem_ne(one, two, SHA256_SIZE);
}
END_TEST

START_TEST(what_is_not_stored_is_not_in_the_digest) {
        uint8_t one[SHA256_SIZE], two[SHA256_SIZE];
        Decision d = ordinary();

        d.end = END_NEVER;
        ck_assert_int_eq(decision_digest(&d, one), 0);
        d.until = 99;
        d.session = (Session) { 0 };
        memset(d.host + strlen(d.host) + 1, 'x', 20);
        ck_assert_int_eq(decision_digest(&d, two), 0);
        ck_assert_mem_eq(one, two, SHA256_SIZE);
}
END_TEST

/* The stored form must not change unseen: every store's digests would break. */
START_TEST(the_digest_is_the_one_that_stores_have) {
        uint8_t digest[SHA256_SIZE];
        char text[SHA256_HEX_SIZE];
        Decision d = ordinary();

        ck_assert_int_eq(decision_digest(&d, digest), 0);
        hex_encode(digest, sizeof(digest), text);
        ck_assert_str_eq(text,
                         "2f96618df59cba3d19ad542e770adb8dbe51d53ed37d25c2fa0096da525fb407");
}
END_TEST

typedef struct Pair {
        const char *says;
        const char *old[3]; /* subject, issuer, key; the certificate is another unless .same */
        const char *new[3];
        bool same;
        DifferenceKind kind;
} Pair;

static const Pair pairs[] = {
        { "the same certificate", { "S", "I", "k" }, { "S", "I", "k" }, true, DIFFERENCE_NONE },
        { "the same key is renewed", { "S", "I", "k" }, { "S", "J", "k" }, false,
          DIFFERENCE_RENEWED },
        { "the same key, self-signed, is renewed", { "S", "S", "k" }, { "S", "S", "k" }, false,
          DIFFERENCE_RENEWED },
        { "another key and the same issuer is reissued", { "S", "I", "k" }, { "S", "I", "l" },
          false, DIFFERENCE_REISSUED },
        { "another key and another issuer is replaced", { "S", "I", "k" }, { "S", "J", "l" },
          false, DIFFERENCE_REPLACED },
        { "a self-signed one gives itself any name: replaced", { "S", "S", "k" },
          { "S", "S", "l" }, false, DIFFERENCE_REPLACED },
        { "a self-signed one that calls itself like the old issuer is replaced",
          { "S", "I", "k" }, { "I", "I", "l" }, false, DIFFERENCE_REPLACED },
        { "no issuer at all is none in common", { "S", "", "k" }, { "T", "", "l" }, false,
          DIFFERENCE_REPLACED },
        { "the same subject alone is replaced", { "S", "I", "k" }, { "S", "J", "l" }, false,
          DIFFERENCE_REPLACED },
};

static CertificateFacts *facts_of(const char *const text[3], const char *name) {
        CertificateFacts *c = test_certificate(name, text[2]);

        free(c->subject);
        free(c->issuer);
        c->subject = strdup(text[0]);
        c->issuer = strdup(text[1]);
        return c;
}

START_TEST(difference_row) {
        const Pair *row = pairs + _i;
        _cleanup_(certificate_facts_freep) CertificateFacts *old = facts_of(row->old, "old");
        _cleanup_(certificate_facts_freep) CertificateFacts *new =
                facts_of(row->new, row->same ? "old" : "new");

        ck_assert_msg(difference_kind(old, new) == row->kind, "%s", row->says);
}
END_TEST

/* Certificates that differ in one field each; the first is what they are compared with. */
static const struct {
        const char *wanted;
        CertificateFacts facts;
} one_field[] = {
        { "", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", (char *) "b", NULL },
                .n_names = 2, .not_before = 1, .not_after = 2 } },
        { "key_sha256", { .key_sha256 = { 2 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", (char *) "b", NULL },
                .n_names = 2, .not_before = 1, .not_after = 2 } },
        { "subject", { .key_sha256 = { 1 }, .subject = (char *) "T", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", (char *) "b", NULL },
                .n_names = 2, .not_before = 1, .not_after = 2 } },
        { "issuer", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "J",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", (char *) "b", NULL },
                .n_names = 2, .not_before = 1, .not_after = 2 } },
        { "serial", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "2", .names = (char *[]){ (char *) "a", (char *) "b", NULL },
                .n_names = 2, .not_before = 1, .not_after = 2 } },
        { "", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "b", (char *) "a", NULL },
                .n_names = 2, .not_before = 1, .not_after = 2 } },
        { "names", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", (char *) "c", NULL },
                .n_names = 2, .not_before = 1, .not_after = 2 } },
        { "names", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", NULL },
                .n_names = 1, .not_before = 1, .not_after = 2 } },
        { "not_before", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", (char *) "b", NULL },
                .n_names = 2, .not_before = 0, .not_after = 2 } },
        { "not_after", { .key_sha256 = { 1 }, .subject = (char *) "S", .issuer = (char *) "I",
                .serial = (char *) "1", .names = (char *[]){ (char *) "a", (char *) "b", NULL },
                .n_names = 2, .not_before = 1, .not_after = 3 } },
};

START_TEST(a_field_that_differs_is_named_and_no_other) {
        const char *fields[DIFFERENCE_FIELDS_MAX];
        const size_t n = difference_fields(&one_field[0].facts, &one_field[_i].facts, fields);

        if (!*one_field[_i].wanted) {
                ck_assert_uint_eq(n, 0);
                return;
        }
        ck_assert_uint_eq(n, 1);
        ck_assert_str_eq(fields[0], one_field[_i].wanted);
}
END_TEST

START_TEST(a_new_one_was_due_within_thirty_days) {
        CertificateFacts old = { .not_after = DECIDED_AT };

        ck_assert(difference_was_due(&old, DECIDED_AT));
        ck_assert(difference_was_due(&old, DECIDED_AT + 1));
        ck_assert(difference_was_due(&old, DECIDED_AT - 30 * 86400));
        ck_assert(!difference_was_due(&old, DECIDED_AT - 30 * 86400 - 1));
        ck_assert(difference_was_due(&old, INT64_MAX));
        old.not_after = INT64_MAX;
        ck_assert(difference_was_due(&old, INT64_MAX));
        ck_assert(!difference_was_due(&old, 0));
}
END_TEST

START_TEST(every_difference_has_its_word) {
        ck_assert_ptr_null(difference_name(DIFFERENCE_NONE));
        ck_assert_str_eq(difference_name(DIFFERENCE_RENEWED), "renewed");
        ck_assert_str_eq(difference_name(DIFFERENCE_REISSUED), "reissued");
        ck_assert_str_eq(difference_name(DIFFERENCE_REPLACED), "replaced");
        ck_assert_ptr_null(difference_name(_DIFFERENCE_MAX));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("decision");
        TCase *tcase = tcase_create("decision");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_add_test(tcase, every_field_is_in_the_digest);
        tcase_add_test(tcase, the_date_counts_where_the_end_is_a_date);
        tcase_add_test(tcase, what_is_not_stored_is_not_in_the_digest);
        tcase_add_test(tcase, the_digest_is_the_one_that_stores_have);
        tcase_add_loop_test(tcase, difference_row, 0, N_ELEMENTS(pairs));
        tcase_add_loop_test(tcase, a_field_that_differs_is_named_and_no_other, 0,
                            N_ELEMENTS(one_field));
        tcase_add_test(tcase, a_new_one_was_due_within_thirty_days);
        tcase_add_test(tcase, every_difference_has_its_word);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
