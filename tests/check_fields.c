/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The typed reader over a JSON object. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/fields.h"

static const char object_text[] =
        "{\"text\": \"words\", \"empty\": \"\", \"nul\": \"a\\u0000b\", \"number\": 42, "
        "\"negative\": -7, \"most\": 9223372036854775807, \"beyond\": 9223372036854775808, "
        "\"fraction\": 1.5, \"round\": 2.0, \"yes\": true, \"no\": false, \"nothing\": null, "
        "\"list\": [1, 2], \"inner\": {\"a\": 1}}";

static struct json_object *object;

static void set_up(void) {
        object = json_tokener_parse(object_text);
        ck_assert_ptr_nonnull(object);
}

static void tear_down(void) {
        (void) json_object_put(object);
}

START_TEST(fields_of_their_types_are_read) {
        Fields f = FIELDS_INIT(object);
        size_t size = 0;

        ck_assert_str_eq(fields_string(&f, "text"), "words");
        ck_assert_str_eq(fields_string(&f, "empty"), "");
        ck_assert_str_eq(fields_string_or(&f, "absent", "else"), "else");
        ck_assert_str_eq(fields_string_or(&f, "nothing", "else"), "else");
        ck_assert_int_eq(fields_int(&f, "number", 42, 42), 42);
        ck_assert_int_eq(fields_int(&f, "negative", -7, 0), -7);
        ck_assert_int_eq(fields_int(&f, "most", 0, INT64_MAX), INT64_MAX);
        ck_assert_int_eq(fields_int_or(&f, "absent", 1, 2, 99), 99);
        ck_assert(fields_bool_or(&f, "yes", false));
        ck_assert(!fields_bool_or(&f, "no", true));
        ck_assert(fields_bool_or(&f, "nothing", true));
        ck_assert_str_eq(fields_bytes(&f, "nul", &size), "a");
        ck_assert_uint_eq(size, 3);
        ck_assert_uint_eq(json_object_array_length(fields_array(&f, "list", true)), 2);
        ck_assert_ptr_null(fields_array(&f, "absent", false));
        ck_assert_ptr_nonnull(fields_object(&f, "inner", true));
        ck_assert(fields_has(&f, "text"));
        ck_assert(!fields_has(&f, "nothing"));
        ck_assert(!fields_has(&f, "absent"));
        ck_assert_int_eq(fields_finish(&f, false), 0);
}
END_TEST

typedef enum Read { STRING, STRING_OR, INT, INT_OR, BOOL, BYTES, ARRAY, OBJECT } Read;

static void read_field(Fields *f, Read how, const char *name) {
        switch (how) {
        case STRING:
                ck_assert_ptr_null(fields_string(f, name));
                break;
        case STRING_OR:
                ck_assert_ptr_null(fields_string_or(f, name, "else"));
                break;
        case INT:
                ck_assert_int_eq(fields_int(f, name, 1, 50), 0);
                break;
        case INT_OR:
                ck_assert_int_eq(fields_int_or(f, name, 1, 50, 7), 0);
                break;
        case BOOL:
                ck_assert(!fields_bool_or(f, name, true));
                break;
        case BYTES:
                ck_assert_ptr_null(fields_bytes(f, name, NULL));
                break;
        case ARRAY:
                ck_assert_ptr_null(fields_array(f, name, true));
                break;
        case OBJECT:
                ck_assert_ptr_null(fields_object(f, name, true));
                break;
        }
}

static const struct {
        Read how;
        const char *name;
        const char *reason;
} bad_fields[] = {
        { STRING, "absent", "it is missing" },
        { STRING, "nothing", "it is missing" },
        { STRING, "number", "it is not a string" },
        { STRING, "nul", "it has a NUL character in it" },
        { STRING_OR, "list", "it is not a string" },
        { STRING_OR, "nul", "it has a NUL character in it" },
        { INT, "absent", "it is missing" },
        { INT, "text", "it is not a whole number" },
        { INT, "fraction", "it is not a whole number" },
        { INT, "round", "it is not a whole number" },
        { INT, "yes", "it is not a whole number" },
        { INT, "negative", "it is out of range" },
        { INT, "most", "it is out of range" },
        { INT_OR, "beyond", "it is out of range" },
        { INT_OR, "inner", "it is not a whole number" },
        { BOOL, "number", "it is neither true nor false" },
        { BOOL, "text", "it is neither true nor false" },
        { BYTES, "absent", "it is missing" },
        { BYTES, "inner", "it is not a string" },
        { ARRAY, "absent", "it is missing" },
        { ARRAY, "inner", "it is not an array" },
        { OBJECT, "list", "it is not an object" },
};

START_TEST(the_first_bad_field_is_named) {
        Fields f = FIELDS_INIT(object);

        read_field(&f, bad_fields[_i].how, bad_fields[_i].name);
        fields_bad(&f, "later", "it came later");
        ck_assert_int_eq(fields_finish(&f, false), -EBADMSG);
        ck_assert_str_eq(f.bad_field, bad_fields[_i].name);
        ck_assert_str_eq(f.bad_reason, bad_fields[_i].reason);
}
END_TEST

START_TEST(a_number_beyond_64_bits_is_not_its_end) {
        Fields f = FIELDS_INIT(object);

        ck_assert_int_eq(fields_int(&f, "beyond", 0, INT64_MAX), 0);
        ck_assert_int_eq(fields_finish(&f, false), -EBADMSG);
}
END_TEST

START_TEST(a_bad_reader_reads_nothing) {
        Fields f = FIELDS_INIT(object);

        fields_bad(&f, "host", "it is no host");
        ck_assert_ptr_null(fields_string(&f, "text"));
        ck_assert_ptr_null(fields_string_or(&f, "text", "else"));
        ck_assert_int_eq(fields_int(&f, "number", 0, 100), 0);
        ck_assert_int_eq(fields_int_or(&f, "absent", 0, 100, 7), 0);
        ck_assert(!fields_bool_or(&f, "yes", true));
        ck_assert_ptr_null(fields_array(&f, "list", true));
        ck_assert(!fields_has(&f, "text"));
        ck_assert_str_eq(f.bad_field, "host");
        ck_assert_str_eq(f.bad_reason, "it is no host");
}
END_TEST

START_TEST(strict_readers_refuse_what_nobody_read) {
        struct json_object *small = json_tokener_parse("{\"a\": 1, \"b\": null, \"c\": 3}");
        Fields f = FIELDS_INIT(small);

        (void) fields_int(&f, "a", 0, 9);
        (void) fields_int_or(&f, "b", 0, 9, 0);
        ck_assert_int_eq(fields_finish(&f, false), 0);
        ck_assert_int_eq(fields_finish(&f, true), -EBADMSG);
        ck_assert_str_eq(f.bad_field, "c");

        f = (Fields) FIELDS_INIT(small);
        (void) fields_int(&f, "a", 0, 9);
        (void) fields_int_or(&f, "b", 0, 9, 0);
        (void) fields_int(&f, "c", 0, 9);
        (void) fields_int(&f, "c", 0, 9);
        ck_assert_int_eq(fields_finish(&f, true), 0);
        (void) json_object_put(small);
}
END_TEST

START_TEST(no_object_is_an_empty_one) {
        Fields f = FIELDS_INIT(NULL);

        ck_assert_str_eq(fields_string_or(&f, "a", "else"), "else");
        ck_assert_int_eq(fields_finish(&f, true), 0);
        ck_assert_ptr_null(fields_string(&f, "a"));
        ck_assert_int_eq(fields_finish(&f, true), -EBADMSG);
}
END_TEST

START_TEST(what_is_no_object_has_no_fields) {
        struct json_object *text = json_object_new_string("a");
        Fields f = FIELDS_INIT(text), unread = FIELDS_INIT(text);

        ck_assert_ptr_null(fields_string_or(&f, "a", "else"));
        ck_assert_int_eq(fields_finish(&f, false), -EBADMSG);
        ck_assert_str_eq(f.bad_field, "a");
        ck_assert_str_eq(f.bad_reason, "it is sought in what is no object");
        ck_assert_int_eq(fields_finish(&unread, true), -EBADMSG);
        (void) json_object_put(text);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("fields");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, fields_of_their_types_are_read);
        tcase_add_loop_test(tcase, the_first_bad_field_is_named, 0, (int) N_ELEMENTS(bad_fields));
        tcase_add_test(tcase, a_number_beyond_64_bits_is_not_its_end);
        tcase_add_test(tcase, a_bad_reader_reads_nothing);
        tcase_add_test(tcase, strict_readers_refuse_what_nobody_read);
        tcase_add_test(tcase, no_object_is_an_empty_one);
        tcase_add_test(tcase, what_is_no_object_has_no_fields);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
