/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading certificates by the byte: DER, dates, names, extensions, keys, each at its bound. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/algorithms.h"
#include "daemon/limits.h"
#include "daemon/policies.h"

#define BYTES(text) ((Blob){(const uint8_t *) (text), sizeof(text) - 1})

/* -- DER -------------------------------------------------------------------------------------- */

static const struct {
        const char *sentence;
        Blob der;
        size_t size; /* of the content; SIZE_MAX: bad */
} elements[] = {
        {"an empty element", BYTES("\x04\x00"), 0},
        {"one byte", BYTES("\x04\x01x"), 1},
        {"nothing at all", BYTES(""), SIZE_MAX},
        {"a tag alone", BYTES("\x04"), SIZE_MAX},
        {"less than it says", BYTES("\x04\x02x"), SIZE_MAX},
        {"a length without end", BYTES("\x04\x80x\x00\x00"), SIZE_MAX},
        {"a length longer than need be", BYTES("\x04\x81\x01x"), SIZE_MAX},
        {"a length with a zero before it", BYTES("\x04\x82\x00\x81x"), SIZE_MAX},
        {"a length of five bytes", BYTES("\x04\x85\x01\x00\x00\x00\x00x"), SIZE_MAX},
        {"a length that is cut off", BYTES("\x04\x82\x01"), SIZE_MAX},
        {"the greatest length there is", BYTES("\x04\x84\xff\xff\xff\xffx"), SIZE_MAX},
        {"a tag of two bytes", BYTES("\x1f\x81\x01\x00"), SIZE_MAX},
};

START_TEST(test_element) {
        Der der = der_of(elements[_i].der);
        Blob content = der_any(&der, NULL, NULL);

        ck_assert_msg(der.bad == (elements[_i].size == SIZE_MAX), "%s", elements[_i].sentence);
        if (!der.bad)
                ck_assert_uint_eq(content.size, elements[_i].size);
        else
                ck_assert_int_eq(der_end(&der), -EBADMSG);
}
END_TEST

static const struct {
        const char *text; /* of a UTCTime or GeneralizedTime */
        int64_t time;     /* -1: none */
} times[] = {
        {"700101000000Z", 0},
        {"260101000000Z", 1767225600},
        {"491231235959Z", 2524607999},
        {"500101000000Z", -631152000},
        {"20260101000000Z", 1767225600},
        {"99991231235959Z", 253402300799},
        {"00000101000000Z", -62167219200},
        {"240229000000Z", 1709164800},
        {"230229000000Z", -1},
        {"260100000000Z", -1},
        {"261301000000Z", -1},
        {"260101240000Z", -1},
        {"260101006000Z", -1},
        {"260101000060Z", -1},
        {"2601010000Z", -1},
        {"260101000000", -1},
        {"260101000000+0000", -1},
        {"20260101000000.5Z", -1},
        {"2601010000 0Z", -1},
        {"26010100000-Z", -1},
        {"", -1},
};

START_TEST(test_time) {
        uint8_t bytes[64] = {strlen(times[_i].text) >= 15 ? DER_GENERALIZED_TIME : DER_UTC_TIME,
                             (uint8_t) strlen(times[_i].text)};
        Der der = der_of((Blob){bytes, 2 + strlen(times[_i].text)});
        int64_t t;

        memcpy(bytes + 2, times[_i].text, strlen(times[_i].text));
        t = der_time(&der);
        ck_assert_msg(der.bad == (times[_i].time == -1), "%s", times[_i].text);
        if (!der.bad)
                ck_assert_msg(t == times[_i].time, "%s", times[_i].text);
}
END_TEST

START_TEST(test_numbers) {
        static const struct {
                Blob der;
                uint32_t max;
                bool good;
        } numbers[] = {
                {BYTES("\x02\x01\x00"), 0, true},
                {BYTES("\x02\x01\x01"), 0, false},
                {BYTES("\x02\x01\x7f"), 127, true},
                {BYTES("\x02\x01\x80"), 255, false},
                {BYTES("\x02\x02\x00\x80"), 255, true},
                {BYTES("\x02\x02\x00\x7f"), 255, false},
                {BYTES("\x02\x00"), 255, false},
                {BYTES("\x02\x05\x00\xff\xff\xff\xff"), UINT32_MAX, true},
                {BYTES("\x02\x05\x01\x00\x00\x00\x00"), UINT32_MAX, false},
                {BYTES("\x02\x06\x00\xff\xff\xff\xff\xff"), UINT32_MAX, false},
        };

        for (size_t i = 0; i < N_ELEMENTS(numbers); i++) {
                Der der = der_of(numbers[i].der);

                (void) der_number(&der, DER_INTEGER, numbers[i].max);
                ck_assert_msg(der.bad != numbers[i].good, "number %zu", i);
        }
}
END_TEST

/* -- names ------------------------------------------------------------------------------------ */

/* A Name of @n parts in one set, each O=x. */
static Blob name_of_parts(uint8_t *room, size_t n) {
        static const uint8_t part[] = {0x30, 0x08, 0x06, 0x03, 0x55, 0x04, 0x0a, 0x0c, 0x01, 'x'};
        size_t set = n * sizeof(part);

        room[0] = DER_SEQUENCE;
        room[1] = 0x82;
        room[2] = (uint8_t) ((set + 4) >> 8);
        room[3] = (uint8_t) (set + 4);
        room[4] = DER_SET;
        room[5] = 0x82;
        room[6] = (uint8_t) (set >> 8);
        room[7] = (uint8_t) set;
        for (size_t i = 0; i < n; i++)
                memcpy(room + 8 + i * sizeof(part), part, sizeof(part));
        return (Blob){room, 8 + set};
}

START_TEST(test_name_parts) {
        uint8_t room[1024];
        Name name = {0};

        ck_assert_int_eq(name_read(name_of_parts(room, NAME_PARTS_MAX), &name), 0);
        name_done(&name);
        ck_assert_int_eq(name_read(name_of_parts(room, NAME_PARTS_MAX + 1), &name), -EBADMSG);
}
END_TEST

#define ATTRIBUTE(size, value) "\x30" size "\x06\x03\x55\x04\x0a" value

static const struct {
        const char *sentence;
        Blob a, b;
        bool same;
} names[] = {
        {"capital letters",
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x0c\x02"
                                                    "ab")),
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x0c\x02"
                                                    "AB")),
         true},
        {"another type of string",
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x0c\x02"
                                                    "ab")),
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x13\x02"
                                                    "ab")),
         true},
        {"two bytes for a character",
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x0c\x02"
                                                    "ab")),
         BYTES("\x30\x0f\x31\x0d" ATTRIBUTE("\x0b", "\x1e\x04\x00"
                                                    "a\x00"
                                                    "b")),
         true},
        {"spaces around and between",
         BYTES("\x30\x0e\x31\x0c" ATTRIBUTE("\x0a", "\x0c\x03"
                                                    "a b")),
         BYTES("\x30\x11\x31\x0f" ATTRIBUTE("\x0d", "\x0c\x06 a  b ")), true},
        {"a space is no nothing",
         BYTES("\x30\x0e\x31\x0c" ATTRIBUTE("\x0a", "\x0c\x03"
                                                    "a b")),
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x0c\x02"
                                                    "ab")),
         false},
        {"a byte that is no text is compared as it stands",
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x04\x02"
                                                    "ab")),
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x04\x02"
                                                    "AB")),
         false},
        {"an octet string is no text",
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x04\x02"
                                                    "ab")),
         BYTES("\x30\x0d\x31\x0b" ATTRIBUTE("\x09", "\x0c\x02"
                                                    "ab")),
         false},
};

START_TEST(test_names) {
        Name a = {0}, b = {0};

        ck_assert_int_eq(name_read(names[_i].a, &a), 0);
        ck_assert_int_eq(name_read(names[_i].b, &b), 0);
        ck_assert_msg(blob_equal(name_blob(&a), name_blob(&b)) == names[_i].same, "%s",
                      names[_i].sentence);
        ck_assert(name_is_within(&a, &(Name){0}));
        ck_assert(name_is_within(&a, &a));
        name_done(&a);
        name_done(&b);
}
END_TEST

/* -- extensions -------------------------------------------------------------------------------- */

/* @n extensions that nobody knows, each with another OID. */
static Blob extensions_of(uint8_t *room, size_t n) {
        size_t size = 9 * n;

        room[0] = DER_SEQUENCE;
        room[1] = 0x82;
        room[2] = (uint8_t) (size >> 8);
        room[3] = (uint8_t) size;
        for (size_t i = 0; i < n; i++) {
                const uint8_t one[] = {0x30,
                                       0x07,
                                       0x06,
                                       0x03,
                                       0x2a,
                                       (uint8_t) (0x80 | i / 128),
                                       (uint8_t) (i % 128),
                                       0x04,
                                       0x00};

                memcpy(room + 4 + sizeof(one) * i, one, sizeof(one));
        }
        return (Blob){room, 4 + size};
}

START_TEST(test_extensions) {
        uint8_t room[2048];
        Extensions e = {0};

        ck_assert_ptr_null(extensions_read(extensions_of(room, EXTENSIONS_MAX), &e));
        ck_assert_ptr_nonnull(extensions_read(extensions_of(room, EXTENSIONS_MAX + 1), &e));
        ck_assert_ptr_nonnull(extensions_read(extensions_of(room, 0), &e));

        /* The same one twice. */
        (void) extensions_of(room, 2);
        memcpy(room + 13, room + 4, 9);
        ck_assert_ptr_nonnull(extensions_read((Blob){room, 22}, &e));
}
END_TEST

START_TEST(test_oids) {
        static const struct {
                Blob oid;
                const char *text;
        } oids[] = {
                {BYTES("\x55\x1d\x25\x00"), "2.5.29.37.0"},
                {BYTES("\x2a\x86\x48\x86\xf7\x0d"), "1.2.840.113549"},
                {BYTES("\x00"), "0.0"},
                {BYTES("\x88\x37"), "2.999"},
                {BYTES(""), ""},
        };
        char text[16];

        for (size_t i = 0; i < N_ELEMENTS(oids); i++) {
                oid_text(oids[i].oid, text, sizeof(text));
                ck_assert_str_eq(text, oids[i].text);
        }
        oid_text(BYTES("\x2a\x86\x48\x86\xf7\x0d\x86\xf7\x0d"), text, sizeof(text));
        ck_assert_str_eq(text, "1.2.840.113549");
}
END_TEST

/* -- keys and policies --------------------------------------------------------------------------
 */

/* An RSA key of a modulus of @bytes bytes, its first one 0x80, and an exponent. */
static Blob rsa_key(uint8_t *room, size_t bytes, const uint8_t *exponent, size_t n) {
        static const uint8_t algorithm[] = {0x30, 0x0d, 0x06, 0x09, 0x2a, 0x86, 0x48, 0x86,
                                            0xf7, 0x0d, 0x01, 0x01, 0x01, 0x05, 0x00};
        const size_t modulus = bytes + 1, key = 4 + modulus + 2 + n, bits = 4 + key + 1;
        const size_t all = sizeof(algorithm) + 4 + bits;
        const uint8_t begin[] = {0x30, 0x82, (uint8_t) (all >> 8), (uint8_t) all};
        const uint8_t middle[] = {
                0x03,
                0x82,
                (uint8_t) (bits >> 8),
                (uint8_t) bits,
                0x00,
                0x30,
                0x82,
                (uint8_t) (key >> 8),
                (uint8_t) key,
                0x02,
                0x82,
                (uint8_t) (modulus >> 8),
                (uint8_t) modulus,
                0x00,
                0x80,
        };
        uint8_t *p = room;

        memcpy(p, begin, sizeof(begin));
        p += sizeof(begin);
        memcpy(p, algorithm, sizeof(algorithm));
        p += sizeof(algorithm);
        memcpy(p, middle, sizeof(middle));
        p += sizeof(middle);
        memset(p, 0x55, bytes - 1);
        p += bytes - 1;
        *p++ = DER_INTEGER;
        *p++ = (uint8_t) n;
        memcpy(p, exponent, n);
        return (Blob){room, (size_t) (p + n - room)};
}

START_TEST(test_rsa) {
        static const uint8_t usual[] = {1, 0, 1}, one[] = {1}, even[] = {4}, three[] = {3};
        static const uint8_t longest[RSA_EXPONENT_BYTES_MAX] = {1,
                                                                [RSA_EXPONENT_BYTES_MAX - 1] = 1};
        static const uint8_t longer[RSA_EXPONENT_BYTES_MAX + 1] = {1, [RSA_EXPONENT_BYTES_MAX] = 1};
        static const struct {
                size_t bits;
                const uint8_t *exponent;
                size_t n;
                bool weak;
        } keys[] = {
                {2048, usual, 3, false},
                {2040, usual, 3, true},
                {2048, one, 1, true},
                {2048, even, 1, true},
                {2048, three, 1, false},
                {RSA_BITS_MAX, usual, 3, false},
                {RSA_BITS_MAX + 8, usual, 3, true},
                {2048, longest, sizeof(longest), false},
                {2048, longer, sizeof(longer), true},
        };
        uint8_t room[4096];
        char text[ALGORITHM_TEXT_SIZE];

        for (size_t i = 0; i < N_ELEMENTS(keys); i++) {
                Certificate c = {
                        .key = rsa_key(room, keys[i].bits / 8, keys[i].exponent, keys[i].n)};

                ck_assert_msg(!key_fault(&c), "key %zu: %s", i, key_fault(&c));
                ck_assert_msg(key_is_weak(&c, text) == keys[i].weak, "key %zu: %s", i, text);
        }
}
END_TEST

/* A path of an authority, an issuer that demands a policy, and a leaf with many, of which the last
 * is the one that both have. */
static const char *policies_with(size_t n) {
        static const uint8_t any[] = {0x30, 0x06, 0x06, 0x04, 0x55, 0x1d, 0x20, 0x00};
        uint8_t list[8 * (POLICIES_MAX + 2)];
        Certificate root = {0}, above = {0}, leaf = {0};
        Path path = {.items = {&leaf, &above, &root}, .n = 3, .anchored = true};

        for (size_t i = 0; i < n; i++) {
                const uint8_t one[] = {0x30,
                                       0x06,
                                       0x06,
                                       0x04,
                                       0x2a,
                                       0x03,
                                       (uint8_t) (0x80 | i / 128),
                                       (uint8_t) (i % 128)};

                memcpy(list + i * sizeof(one), one, sizeof(one));
        }
        root.subject_key[0] = above.issuer_key[0] = 1;
        above.subject_key[0] = leaf.issuer_key[0] = 2;
        above.extensions.policies = (Blob){list, 8 * n};
        above.extensions.has_explicit_policy = true;
        leaf.extensions.policies = (Blob){list + 8 * (n - 1), 8};
        if (n == 0)
                leaf.extensions.policies = (Blob){any, sizeof(any)};
        return policies_fault(&path);
}

START_TEST(test_policies) {
        ck_assert_ptr_null(policies_with(1));
        ck_assert_ptr_null(policies_with(POLICIES_MAX));
        ck_assert_ptr_nonnull(policies_with(POLICIES_MAX + 1));
        ck_assert_ptr_nonnull(policies_with(0));
}
END_TEST

int main(void) {
        Suite *s = suite_create("certificate");
        TCase *t = tcase_create("certificate");
        SRunner *runner = srunner_create(s);
        int failed;

        tcase_add_loop_test(t, test_element, 0, (int) N_ELEMENTS(elements));
        tcase_add_loop_test(t, test_time, 0, (int) N_ELEMENTS(times));
        tcase_add_test(t, test_numbers);
        tcase_add_test(t, test_name_parts);
        tcase_add_loop_test(t, test_names, 0, (int) N_ELEMENTS(names));
        tcase_add_test(t, test_extensions);
        tcase_add_test(t, test_oids);
        tcase_add_test(t, test_rsa);
        tcase_add_test(t, test_policies);
        suite_add_tcase(s, t);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
