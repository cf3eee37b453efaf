/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as text and back. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/encoding.h"

/* RFC 4648, section 10, and the two digits that other alphabets write differently. */
static const struct {
        const char *bytes;
        const char *text;
} base64_pairs[] = {
        { "", "" },
        { "f", "Zg==" },
        { "fo", "Zm8=" },
        { "foo", "Zm9v" },
        { "foob", "Zm9vYg==" },
        { "fooba", "Zm9vYmE=" },
        { "foobar", "Zm9vYmFy" },
        { "\xfb\xff\xbf", "+/+/" },
};

START_TEST(base64_goes_both_ways) {
        size_t length = strlen(base64_pairs[_i].bytes), size = 99;
        char text[BASE64_SIZE(16)];
        _cleanup_free_ uint8_t *bytes = NULL;

        base64_encode((const uint8_t *) base64_pairs[_i].bytes, length, text);
        ck_assert_str_eq(text, base64_pairs[_i].text);

        ck_assert_int_eq(base64_decode(text, strlen(text), &bytes, &size), 0);
        ck_assert_uint_eq(size, length);
        ck_assert_mem_eq(bytes, base64_pairs[_i].bytes, length);
}
END_TEST

static const struct {
        const char *why;
        const char *text;
} base64_refused[] = {
        { "three digits", "Zg=" },
        { "no padding", "Zg" },
        { "a space", "Zm9v Zg==" },
        { "a line end", "Zm9v\nZg=" },
        { "bits left over in one", "Zh==" },
        { "bits left over in two", "Zm9=" },
        { "three signs of padding", "Z===" },
        { "only padding", "====" },
        { "padding in the middle", "Zg==Zm9v" },
        { "a digit after padding", "Zg=v" },
        { "the alphabet for addresses", "-_-_" },
        { "a byte above 127", "Zm9\xc3" },
        { "a NUL", "Zm9\0" },
};

START_TEST(base64_is_strict) {
        uint8_t *bytes = NULL;
        size_t size = 0, length = strlen(base64_refused[_i].text);

        if (strcmp(base64_refused[_i].why, "a NUL") == 0)
                length = 4;
        ck_assert_msg(base64_decode(base64_refused[_i].text, length, &bytes, &size) == -EBADMSG,
                      "taken: %s", base64_refused[_i].why);
        ck_assert_ptr_null(bytes);
}
END_TEST

START_TEST(base64_of_every_length_comes_back) {
        uint8_t bytes[300];
        char text[BASE64_SIZE(sizeof(bytes))];

        for (size_t i = 0; i < sizeof(bytes); i++)
                bytes[i] = (uint8_t) (i * 37 + 11);
        for (size_t n = 0; n <= sizeof(bytes); n++) {
                _cleanup_free_ uint8_t *back = NULL;
                size_t size = 0;

                base64_encode(bytes, n, text);
                ck_assert_uint_eq(strlen(text) + 1, BASE64_SIZE(n));
                ck_assert_int_eq(base64_decode(text, strlen(text), &back, &size), 0);
                ck_assert_uint_eq(size, n);
                ck_assert_mem_eq(back, bytes, n);
        }
}
END_TEST

#define BASE64 "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU"
#define HEX "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

START_TEST(digests_are_64_digits) {
        uint8_t digest[SHA256_SIZE], decoded[SHA256_SIZE];
        char text[SHA256_HEX_SIZE];

        ck_assert_int_eq(sha256("", 0, digest), 0);
        hex_encode(digest, sizeof(digest), text);
        ck_assert_str_eq(text, HEX);

        ck_assert_int_eq(sha256_decode(HEX, decoded), 0);
        ck_assert_mem_eq(decoded, digest, SHA256_SIZE);
        for (char *p = text; *p; p++)
                if (*p >= 'a')
                        *p = (char) (*p - 'a' + 'A');
        ck_assert_int_eq(sha256_decode(text, decoded), 0);
        ck_assert_mem_eq(decoded, digest, SHA256_SIZE);
        ck_assert_int_eq(sha256_decode("", decoded), -EBADMSG);
        ck_assert_int_eq(sha256_decode(HEX "0", decoded), -EBADMSG);
        text[63] = '\0';
        ck_assert_int_eq(sha256_decode(text, decoded), -EBADMSG);
        text[63] = 'g';
        ck_assert_int_eq(sha256_decode(text, decoded), -EBADMSG);
        ck_assert_int_eq(sha256_decode(" " HEX, decoded), -EBADMSG);
}
END_TEST

#define PAIRS(s)                                                                                   \
        "E3" s "B0" s "C4" s "42" s "98" s "FC" s "1C" s "14" s "9A" s "FB" s "F4" s "C8" s "99"   \
        s "6F" s "B9" s "24" s "27" s "AE" s "41" s "E4" s "64" s "9B" s "93" s "4C" s "A4" s "95" \
        s "99" s "1B" s "78" s "52" s "B8" s "55"

static const struct {
        const char *text;
        int r;
} fingerprints[] = {
        { HEX, 0 },
        { PAIRS(""), 0 },
        { PAIRS(":"), 0 },
        { PAIRS(" "), 0 },
        { PAIRS("-"), 0 },
        { PAIRS(" :\n"), 0 },
        { "SHA256:" HEX, 0 },
        { "sha256 Fingerprint=" PAIRS(":"), 0 },
        { "SHA256 Fingerprint: " PAIRS(":"), 0 },
        { "SHA-256: " PAIRS(" "), 0 },
        { "  " HEX "\n", 0 },
        { "SHA256:" BASE64, 0 },
        { " " BASE64 "=\n", 0 },
        { BASE64 "==", -EINVAL },
        { BASE64 "A", -EINVAL },
        { BASE64 " A", -EINVAL },
        { "", -EINVAL },
        { "SHA256:", -EINVAL },
        { "SHA1:" HEX, -EINVAL },
        { "MD5:" HEX, -EINVAL },
        { HEX "00", -EINVAL },
        { HEX ":", -EINVAL },
        { ":" HEX, -EINVAL },
        { "E:3:B:0", -EINVAL },
        { "E3:B0:C4:42", -EINVAL },
        { "0x" HEX, -EINVAL },
};

START_TEST(fingerprints_are_read_as_people_write_them) {
        uint8_t want[SHA256_SIZE], digest[SHA256_SIZE] = { 0 };
        static const uint8_t untouched[SHA256_SIZE];

        ck_assert_int_eq(sha256("", 0, want), 0);
        ck_assert_msg(fingerprint_parse(fingerprints[_i].text, digest) == fingerprints[_i].r,
                      "\"%s\"", fingerprints[_i].text);
        ck_assert_mem_eq(digest, fingerprints[_i].r == 0 ? want : untouched, SHA256_SIZE);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("encoding");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_loop_test(tcase, base64_goes_both_ways, 0, (int) N_ELEMENTS(base64_pairs));
        tcase_add_loop_test(tcase, base64_is_strict, 0, (int) N_ELEMENTS(base64_refused));
        tcase_add_test(tcase, base64_of_every_length_comes_back);
        tcase_add_test(tcase, digests_are_64_digits);
        tcase_add_loop_test(tcase, fingerprints_are_read_as_people_write_them, 0,
                            (int) N_ELEMENTS(fingerprints));
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
