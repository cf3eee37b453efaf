/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates as they come in messages: what is taken, and what is refused by which sentence. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/presented.h"

/* One DER SEQUENCE of @size bytes in all (four or more), as base64 (free()). */
static char *sequence(size_t size) {
        _cleanup_free_ uint8_t *der = calloc(1, size);
        char *text = malloc(BASE64_SIZE(size));

        der[0] = 0x30;
        if (size < 0x82) {
                der[1] = (uint8_t) (size - 2);
        } else if (size < 0x104) {
                der[1] = 0x81;
                der[2] = (uint8_t) (size - 3);
        } else if (size < 0x10004) {
                der[1] = 0x82;
                der[2] = (uint8_t) ((size - 4) >> 8);
                der[3] = (uint8_t) (size - 4);
        } else {
                der[1] = 0x83;
                der[2] = (uint8_t) ((size - 5) >> 16);
                der[3] = (uint8_t) ((size - 5) >> 8);
                der[4] = (uint8_t) (size - 5);
        }
        base64_encode(der, size, text);
        return text;
}

static const struct {
        const char *sentence;
        const char *text;
        const char *reason; /* a part of it; NULL: taken */
} texts[] = {
        { "the smallest sequence is taken", "MAA=", NULL },
        { "a short sequence is taken", "MAMCAQA=", NULL },
        { "no text is refused", "", "empty" },
        { "what is not base64 is refused", "not base64!", "not base64" },
        { "white space is refused", "MAA=\n", "not base64" },
        { "missing padding is refused", "MAA", "not base64" },
        { "the other alphabet is refused", "MIID-_==", "not base64" },
        { "PEM itself is recognised", "-----BEGIN CERTIFICATE-----\nMAA=", "PEM" },
        { "PEM in base64 is recognised", "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCg==", "PEM" },
        { "another tag is refused", "MQA=", "not DER" },
        { "one byte is refused", "MA==", "not DER" },
        { "a cut sequence is refused", "MAMCAQ==", "cut off" },
        { "a cut length is refused", "MII=", "cut off" },
        { "something behind it is refused", "MAAA", "follows" },
        { "an indefinite length is refused", "MIAAAA==", "not DER" },
        { "a length longer than needed is refused", "MIEA", "not DER" },
        { "a length that overflows is refused", "MIj//////////w==", "not DER" },
};

START_TEST(test_text) {
        _cleanup_(json_freep) struct json_object *array = json_object_new_array();
        _cleanup_(chain_bytes_unrefp) Chain *chain = NULL;
        PresentedFault fault = { 99, "" };
        int r;

        json_object_array_add(array, json_object_new_string("MAA="));
        json_object_array_add(array, json_object_new_string(texts[_i].text));
        r = presented_chain(array, &chain, &fault);
        if (!texts[_i].reason) {
                ck_assert_msg(r == 0, "%s: %d %s", texts[_i].sentence, r, fault.reason);
                return;
        }
        ck_assert_msg(r == -EBADMSG, "%s: %d", texts[_i].sentence, r);
        ck_assert_msg(fault.certificate == 1, "%s: index %d", texts[_i].sentence, fault.certificate);
        ck_assert_msg(strstr(fault.reason, texts[_i].reason), "%s: %s", texts[_i].sentence,
                      fault.reason);
}
END_TEST

START_TEST(test_staple_text) {
        _cleanup_free_ uint8_t *staple = NULL;
        const char *reason = "";
        size_t size;
        int r;

        r = presented_staple(texts[_i].text, &staple, &size, &reason);
        ck_assert_msg(r == (texts[_i].reason ? -EBADMSG : 0), "%s: %d", texts[_i].sentence, r);
        ck_assert_msg(!texts[_i].reason || strstr(reason, texts[_i].reason), "%s: %s",
                      texts[_i].sentence, reason);
}
END_TEST

/* Bounds: @n certificates of @size bytes. */
static const struct {
        const char *sentence;
        unsigned n;
        size_t size;
        int certificate;
        const char *reason;
} bounds[] = {
        { "no certificate", 0, 0, -1, "no certificate" },
        { "a chain as long as the bound", CHAIN_CERTIFICATES_MAX, 100, 0, NULL },
        { "one longer", CHAIN_CERTIFICATES_MAX + 1, 100, -1, "more than 64" },
        { "two hundred", 200, 100, -1, "more than 64" },
        { "a certificate as large as the bound", 1, CERTIFICATE_BYTES_MAX, 0, NULL },
        { "one byte larger", 1, CERTIFICATE_BYTES_MAX + 1, 0, "larger than 64 KiB" },
        { "three bytes larger", 1, CERTIFICATE_BYTES_MAX + 3, 0, "larger than 64 KiB" },
        { "a megabyte", 1, 1024 * 1024, 0, "larger than 64 KiB" },
        { "all together as large as the bound", 8, CHAIN_BYTES_MAX / 8, 0, NULL },
        { "all together larger", 8, CHAIN_BYTES_MAX / 8 + 1, -1, "larger than 256 KiB together" },
};

START_TEST(test_bound) {
        _cleanup_(json_freep) struct json_object *array = json_object_new_array();
        _cleanup_(chain_bytes_unrefp) Chain *chain = NULL;
        PresentedFault fault = { 99, "" };
        int r;

        for (unsigned i = 0; i < bounds[_i].n; i++) {
                _cleanup_free_ char *text = sequence(bounds[_i].size);

                json_object_array_add(array, json_object_new_string(text));
        }
        r = presented_chain(array, &chain, &fault);
        if (!bounds[_i].reason) {
                ck_assert_msg(r == 0, "%s: %d %s", bounds[_i].sentence, r, fault.reason);
                ck_assert_uint_eq(chain->size, bounds[_i].n * bounds[_i].size);
                return;
        }
        ck_assert_msg(r == -EBADMSG, "%s: %d", bounds[_i].sentence, r);
        ck_assert_msg(fault.certificate == bounds[_i].certificate, "%s: index %d",
                      bounds[_i].sentence, fault.certificate);
        ck_assert_msg(strstr(fault.reason, bounds[_i].reason), "%s: %s", bounds[_i].sentence,
                      fault.reason);
}
END_TEST

START_TEST(test_staple_bound) {
        _cleanup_free_ char *fits = sequence(STAPLE_BYTES_MAX), *large = NULL;
        _cleanup_free_ uint8_t *staple = NULL;
        const char *reason = NULL;
        size_t size = 0;

        large = sequence(STAPLE_BYTES_MAX + 1);
        ck_assert_int_eq(presented_staple(fits, &staple, &size, &reason), 0);
        ck_assert_uint_eq(size, STAPLE_BYTES_MAX);
        ck_assert_int_eq(presented_staple(large, &staple, &size, &reason), -EBADMSG);
        ck_assert_ptr_nonnull(strstr(reason, "larger than 32 KiB"));
}
END_TEST

START_TEST(test_items) {
        _cleanup_(json_freep) struct json_object *array = json_object_new_array();
        Chain *chain = NULL;
        PresentedFault fault = { 99, "" };

        json_object_array_add(array, json_object_new_string("MAA="));
        json_object_array_add(array, json_object_new_int(1));
        ck_assert_int_eq(presented_chain(array, &chain, &fault), -EBADMSG);
        ck_assert_int_eq(fault.certificate, 1);
        ck_assert_ptr_nonnull(strstr(fault.reason, "not a string"));
        ck_assert_ptr_null(chain);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("presented");
        TCase *tcase = tcase_create("presented");
        SRunner *runner;
        int failed;

        tcase_add_loop_test(tcase, test_text, 0, (int) N_ELEMENTS(texts));
        tcase_add_loop_test(tcase, test_staple_text, 0, (int) N_ELEMENTS(texts));
        tcase_add_loop_test(tcase, test_bound, 0, (int) N_ELEMENTS(bounds));
        tcase_add_test(tcase, test_staple_bound);
        tcase_add_test(tcase, test_items);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
