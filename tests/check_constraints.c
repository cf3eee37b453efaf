/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Name constraints: which names an authority may sign for, kind by kind. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/constraints.h"
#include "daemon/limits.h"
#include "tests/pki.h"

static Certificate *certificate_of(const Pki *pki) {
        Certificate *c = NULL;

        ck_assert_int_eq(certificate_new(pki_der(pki), CERTIFICATE_SENT, 0, &c), 0);
        return c;
}

static int check(const Pki *above, const Pki *below, uint64_t budget) {
        _cleanup_(certificate_freep) Certificate *a = certificate_of(above),
                                                 *b = certificate_of(below);
        Violation violation = {0};
        int r = constraints_check(a, b, &budget, &violation);

        ck_assert_int_ge(r, 0);
        ck_assert_int_eq(r > 0, violation.reason != NULL);
        return r;
}

/* A constraint, a name, and whether the name may be there when the constraint permits, or excludes.
 */
static const struct {
        const char *sentence;
        const char *constraint;
        const char *name;
        bool when_permitted;
        bool when_excluded;
} rows[] = {
        {"a host is itself", "example.org", "example.org", true, false},
        {"and what is below it", "example.org", "a.b.example.org", true, false},
        {"but nothing that only ends like it", "example.org", "badexample.org", false, true},
        {"nor what is above it", "a.example.org", "example.org", false, true},
        {"its case does not matter", "Example.ORG", "mail.EXAMPLE.org", true, false},
        {"a dot before it leaves out the host itself", ".example.org", "example.org", false, true},
        {"but not what is below", ".example.org", "a.example.org", true, false},
        {"a wildcard within is within", "example.org", "*.example.org", true, false},
        {"a wildcard below is within", "example.org", "*.a.example.org", true, false},
        {"a wildcard above is partly within", "a.example.org", "*.example.org", false, false},
        {"one that is two labels above is not", "a.b.example.org", "*.example.org", false, true},
        {"part of a label may reach anywhere", "a.b.example.org", "x*.example.org", false, false},
        {"a trailing dot changes nothing", "example.org", "a.example.org.", true, false},
        {"an address in a network", "192.0.2.0/24", "192.0.2.77", true, false},
        {"an address outside", "192.0.2.0/24", "192.0.3.77", false, true},
        {"one of the other version is outside", "192.0.2.0/24", "2001:db8::1", false, true},
        {"an address of version 6", "2001:db8::/32", "2001:db8:1::5", true, false},
        {"and one outside", "2001:db8::/32", "2001:db9::5", false, true},
        {"a mailbox", "kim@example.org", "kim@example.org", true, false},
        {"its local part has a case", "kim@example.org", "Kim@example.org", false, true},
        {"its host has none", "kim@example.org", "kim@EXAMPLE.org", true, false},
        {"names of other kinds are not meant", "example.org", "192.0.2.1", true, true},
        {"in either direction", "192.0.2.0/24", "host.example.net", true, true},
};

START_TEST(test_row) {
        const char *const list[] = {rows[_i].constraint, NULL};
        _cleanup_(pki_freep) Pki *permits =
                pki_new(&(PkiSpec){.subject = "CA", .ca = true, .permitted = list});
        _cleanup_(pki_freep) Pki *excludes =
                pki_new(&(PkiSpec){.subject = "CA", .ca = true, .excluded = list});
        _cleanup_(pki_freep) Pki *leaf =
                pki_new(&(PkiSpec){.subject = "leaf", .name = rows[_i].name});

        ck_assert_msg((check(permits, leaf, 100) == 0) == rows[_i].when_permitted, "%s: permitted",
                      rows[_i].sentence);
        ck_assert_msg((check(excludes, leaf, 100) == 0) == rows[_i].when_excluded, "%s: excluded",
                      rows[_i].sentence);
}
END_TEST

/* The content of a NameConstraints with one subtree of any kind. */
typedef struct Subtrees {
        uint8_t der[128];
        size_t size;
} Subtrees;

static Subtrees subtrees_of(uint8_t list, uint8_t kind, const void *base, size_t size) {
        Subtrees s = {.size = size + 8};
        const uint8_t headers[] = {
                0x30, (uint8_t) (size + 6), list, (uint8_t) (size + 4),
                0x30, (uint8_t) (size + 2), kind, (uint8_t) size,
        };

        ck_assert_uint_le(sizeof(headers) + size, sizeof(s.der));
        memcpy(s.der, headers, sizeof(headers));
        memcpy(s.der + sizeof(headers), base, size);
        return s;
}

static int check_raw(uint8_t list, uint8_t kind, const void *base, size_t size,
                     const PkiSpec *leaf) {
        Subtrees s = subtrees_of(list, kind, base, size);
        PkiExtension constraints = {"2.5.29.30", s.der, s.size, true};
        _cleanup_(pki_freep) Pki *above = pki_new(&(PkiSpec){
                .subject = "CA", .ca = true, .extensions = &constraints, .n_extensions = 1});
        _cleanup_(pki_freep) Pki *below = pki_new(leaf);

        return check(above, below, 100);
}

#define PERMITTED 0xa0
#define EXCLUDED  0xa1

/* O=Good as a Name, and the same spelt otherwise. */
#define NAME_GOOD  "\x30\x0f\x31\x0d\x30\x0b\x06\x03\x55\x04\x0a\x0c\x04Good"
#define NAME_SPELT "\x30\x11\x31\x0f\x30\x0d\x06\x03\x55\x04\x0a\x13\x06 gOOD "

START_TEST(test_directory) {
        const PkiSpec good = {.organization = "Good", .name = "a.example"};
        const PkiSpec evil = {.organization = "Evil", .name = "a.example"};

        ck_assert_int_eq(check_raw(PERMITTED, 0xa4, NAME_GOOD, 17, &good), 0);
        ck_assert_int_eq(check_raw(PERMITTED, 0xa4, NAME_GOOD, 17, &evil), 1);
        ck_assert_int_eq(check_raw(EXCLUDED, 0xa4, NAME_GOOD, 17, &good), 1);
        ck_assert_int_eq(check_raw(EXCLUDED, 0xa4, NAME_GOOD, 17, &evil), 0);
        ck_assert_int_eq(check_raw(PERMITTED, 0xa4, NAME_SPELT, 19, &good), 0);
        ck_assert_int_eq(check_raw(EXCLUDED, 0xa4, NAME_SPELT, 19, &good), 1);
}
END_TEST

START_TEST(test_kinds_that_are_not_there) {
        const PkiSpec leaf = {.name = "a.example.org"};

        ck_assert_int_eq(check_raw(PERMITTED, 0x86, "example.org", 11, &leaf), 0);
        ck_assert_int_eq(check_raw(EXCLUDED, 0x88, "\x2a\x03", 2, &leaf), 0);
}
END_TEST

START_TEST(test_uris) {
        static const struct {
                const char *uri;
                bool inside;
        } uris[] = {
                {"https://example.org/a", true},   {"https://kim@example.org:443/", true},
                {"https://a.example.org/", false}, {"https://example.org.evil.example/", false},
                {"https://192.0.2.1/", false},     {"urn:without:host", false},
        };

        for (size_t i = 0; i < N_ELEMENTS(uris); i++) {
                uint8_t san[64] = {0x30, (uint8_t) (strlen(uris[i].uri) + 2), 0x86,
                                   (uint8_t) strlen(uris[i].uri)};
                PkiExtension names = {"2.5.29.17", san, strlen(uris[i].uri) + 4, false};
                const PkiSpec leaf = {.subject = "leaf", .extensions = &names, .n_extensions = 1};

                memcpy(san + 4, uris[i].uri, strlen(uris[i].uri));
                ck_assert_msg((check_raw(PERMITTED, 0x86, "example.org", 11, &leaf) == 0) ==
                                      uris[i].inside,
                              "%s", uris[i].uri);
        }
}
END_TEST

START_TEST(test_malformed) {
        const PkiSpec leaf = {.name = "192.0.2.1"};

        /* A network of five bytes, a mask with a hole, a name that is none. */
        ck_assert_int_eq(check_raw(PERMITTED, 0x87, "\xc0\x00\x02\x00\xff", 5, &leaf), 1);
        ck_assert_int_eq(check_raw(PERMITTED, 0x87, "\xc0\x00\x02\x00\xff\x00\xff\x00", 8, &leaf),
                         1);
        ck_assert_int_eq(check_raw(EXCLUDED, 0xa4, "\x30\x03\x31\x01\x30", 5, &leaf), 1);
        ck_assert_int_eq(check_raw(PERMITTED, 0x87, "\xc0\x00\x02\x00\xff\xff\xff\x00", 8, &leaf),
                         0);
}
END_TEST

START_TEST(test_budget) {
        static const char *const list[] = {"a.example", "b.example", "c.example", NULL};
        _cleanup_(pki_freep) Pki *above =
                pki_new(&(PkiSpec){.subject = "CA", .ca = true, .excluded = list});
        _cleanup_(pki_freep) Pki *below =
                pki_new(&(PkiSpec){.name = "x.example.org", .empty_subject = true});

        ck_assert_int_eq(check(above, below, 3), 0);
        ck_assert_int_eq(check(above, below, 2), 1);
}
END_TEST

START_TEST(test_common_name) {
        static const char *const list[] = {"example.org", NULL};
        _cleanup_(pki_freep) Pki *above =
                pki_new(&(PkiSpec){.subject = "CA", .ca = true, .excluded = list});
        _cleanup_(pki_freep) Pki *host = pki_new(&(PkiSpec){.subject = "mail.example.org"});
        _cleanup_(pki_freep) Pki *person = pki_new(&(PkiSpec){.subject = "Kim of example.org"});

        ck_assert_int_eq(check(above, host, 100), 1);
        ck_assert_int_eq(check(above, person, 100), 0);
}
END_TEST

int main(void) {
        Suite *s = suite_create("constraints");
        TCase *t = tcase_create("constraints");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_add_loop_test(t, test_row, 0, (int) N_ELEMENTS(rows));
        tcase_add_test(t, test_directory);
        tcase_add_test(t, test_kinds_that_are_not_there);
        tcase_add_test(t, test_uris);
        tcase_add_test(t, test_malformed);
        tcase_add_test(t, test_budget);
        tcase_add_test(t, test_common_name);
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
