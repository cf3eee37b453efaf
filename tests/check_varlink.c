/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Varlink codec: what is a message, and what is not. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/varlink.h"

/* A literal with its true length, NULs included. */
#define TEXT(literal) literal, sizeof(literal) - 1

static const struct {
        const char *text;
        size_t size;
} taken[] = {
        { TEXT("{}") },
        { TEXT(" \t\r\n{ } \n") },
        { TEXT("{\"a\":1}") },
        { TEXT("{ \"a\" : [ ] , \"b\" : [ 1 , { } , [ [ ] ] ] }") },
        { TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\u00e9\\ud83d\\ude00\"}") },
        { TEXT("{\"a\":\"\xc3\xa9 \xe2\x82\xac \xed\x9f\xbf \xf0\x9f\x98\x80 \xf4\x8f\xbf\xbf\"}") },
        { TEXT("{\"a\":[0,-0,10,-7,1.5,1e3,1E-3,0.5e+10,true,false,null]}") },
        { TEXT("{\"a\":9223372036854775807,\"b\":-9223372036854775808}") },
        { TEXT("{\"a\":1e999}") },
        { TEXT("{\"a\":{\"a\":{\"a\":1}},\"b\":[{\"a\":1},{\"a\":1}]}") },
        { TEXT("{\"\":1}") },
        { TEXT("{\"A\":1,\"a\":2}") },
        { TEXT("{\"a\x7f\":1}") },
};

START_TEST(json_is_taken) {
        Blob text = { (const uint8_t *) taken[_i].text, taken[_i].size };
        struct json_object *object = NULL;
        VarlinkFault fault = { 0 };

        ck_assert_msg(varlink_parse(text, &object, &fault) == 0, "%s: %s at %zu", taken[_i].text,
                      fault.reason, fault.offset);
        ck_assert(json_object_is_type(object, json_type_object));
        (void) json_object_put(object);
}
END_TEST

static const struct {
        const char *text;
        size_t size;
        const char *reason;
        size_t offset;
} refused[] = {
        { TEXT(""), "it is not a JSON object", 0 },
        { TEXT("  "), "it is not a JSON object", 2 },
        { TEXT("[]"), "it is not a JSON object", 0 },
        { TEXT("\"{}\""), "it is not a JSON object", 0 },
        { TEXT("null"), "it is not a JSON object", 0 },
        { TEXT("\xef\xbb\xbf{}"), "it is not a JSON object", 0 },
        { TEXT("{"), "it ends too early", 1 },
        { TEXT("{\"a\""), "it ends too early", 4 },
        { TEXT("{\"a\":"), "it ends too early", 5 },
        { TEXT("{\"a\":1"), "it ends too early", 6 },
        { TEXT("{\"a\":1,"), "it ends too early", 7 },
        { TEXT("{\"a\":[1"), "it ends too early", 7 },
        { TEXT("{\"a"), "it ends within a string", 3 },
        { TEXT("{\"a\":\"x\\\""), "it ends within a string", 9 },
        { TEXT("{\"a\":1,}"), "a key is missing", 7 },
        { TEXT("{,}"), "a key is missing", 1 },
        { TEXT("{a:1}"), "a key is missing", 1 },
        { TEXT("{'a':1}"), "a key is missing", 1 },
        { TEXT("{\"a\" 1}"), "a colon is missing", 5 },
        { TEXT("{\"a\":1 \"b\":2}"), "a comma is missing", 7 },
        { TEXT("{\"a\":[1 2]}"), "a comma is missing", 8 },
        { TEXT("{\"a\":[1}"), "a comma is missing", 7 },
        { TEXT("{\"a\":[1,]}"), "there is no such value", 8 },
        { TEXT("{\"a\":}"), "there is no such value", 5 },
        { TEXT("{\"a\":True}"), "there is no such value", 5 },
        { TEXT("{\"a\":nul}"), "there is no such value", 5 },
        { TEXT("{\"a\":NaN}"), "there is no such value", 5 },
        { TEXT("{\"a\":Infinity}"), "there is no such value", 5 },
        { TEXT("{\"a\":-Infinity}"), "a digit is missing", 6 },
        { TEXT("{\"a\":/**/1}"), "there is no such value", 5 },
        { TEXT("{\"a\":+1}"), "there is no such value", 5 },
        { TEXT("{\"a\":.5}"), "there is no such value", 5 },
        { TEXT("{\"a\":-}"), "a digit is missing", 6 },
        { TEXT("{\"a\":1.}"), "a digit is missing", 7 },
        { TEXT("{\"a\":1e}"), "a digit is missing", 7 },
        { TEXT("{\"a\":01}"), "a number starts with a zero", 7 },
        { TEXT("{\"a\":-01}"), "a number starts with a zero", 8 },
        { TEXT("{\"a\":0x10}"), "a comma is missing", 6 },
        { TEXT("{\"a\":9223372036854775808}"), "a whole number does not fit 64 bits", 5 },
        { TEXT("{\"a\":-9223372036854775809}"), "a whole number does not fit 64 bits", 6 },
        { TEXT("{}{}"), "something follows the object", 2 },
        { TEXT("{} x"), "something follows the object", 3 },
        { TEXT("{}\0"), "something follows the object", 2 },
        { TEXT("{\"a\":1,\"a\":2}"), "a key comes twice", 7 },
        { TEXT("{\"a\":1,\"b\":2,\"\\u0061\":3}"), "a key comes twice", 13 },
        { TEXT("{\"\\u00e9\":1,\"\xc3\xa9\":2}"), "a key comes twice", 12 },
        { TEXT("{\"\\ud83d\\ude00\":1,\"\xf0\x9f\x98\x80\":2}"), "a key comes twice", 18 },
        { TEXT("{\"\\u20ac\":1,\"\xe2\x82\xac\":2}"), "a key comes twice", 12 },
        { TEXT("{\"a\\/b\":1,\"a/b\":2}"), "a key comes twice", 10 },
        { TEXT("{\"x\":[{\"a\":1,\"a\":1}]}"), "a key comes twice", 13 },
        { TEXT("{\"a\\u0000\":1}"), "a key has a NUL character in it", 9 },
        { TEXT("{\"a\":\"\x1f\"}"), "a control character stands in a string without an escape", 6 },
        { TEXT("{\"a\":\"x\ny\"}"), "a control character stands in a string without an escape", 7 },
        { TEXT("{\"a\":\"12345678\x01\"}"),
          "a control character stands in a string without an escape", 14 },
        { TEXT("{\"a\":\"\\x41\"}"), "there is no such escape", 7 },
        { TEXT("{\"a\":\"\\u12g4\"}"), "an escape wants four hexadecimal digits", 10 },
        { TEXT("{\"a\":\"\\ud800\"}"), "half of a surrogate pair stands alone", 12 },
        { TEXT("{\"a\":\"\\udc00\"}"), "half of a surrogate pair stands alone", 12 },
        { TEXT("{\"a\":\"\\ud800\\u0041\"}"), "half of a surrogate pair stands alone", 18 },
        { TEXT("{\"a\":\"\x80\"}"), "it is not valid UTF-8", 6 },
        { TEXT("{\"a\":\"\xc0\x80\"}"), "it is not valid UTF-8", 6 },
        { TEXT("{\"a\":\"\xc3\"}"), "it is not valid UTF-8", 6 },
        { TEXT("{\"a\":\"\xe0\x9f\xbf\"}"), "it is not valid UTF-8", 6 },
        { TEXT("{\"a\":\"\xed\xa0\x80\"}"), "it is not valid UTF-8", 6 },
        { TEXT("{\"a\":\"\xf4\x90\x80\x80\"}"), "it is not valid UTF-8", 6 },
        { TEXT("{\"a\":\"\xf8\x88\x80\x80\x80\"}"), "it is not valid UTF-8", 6 },
        { TEXT("{\"a\":\"ok\xff\"}"), "it is not valid UTF-8", 8 },
        { TEXT("{\"\xff\":1}"), "it is not valid UTF-8", 2 },
        { TEXT("{\"a\":\"\xe2\x82"), "it is not valid UTF-8", 6 },
};

START_TEST(what_is_no_object_is_refused) {
        Blob text = { (const uint8_t *) refused[_i].text, refused[_i].size };
        struct json_object *object = NULL;
        VarlinkFault fault = { 0 };

        ck_assert_msg(varlink_parse(text, &object, &fault) == -EBADMSG, "taken: %s",
                      refused[_i].text);
        ck_assert_str_eq(fault.reason, refused[_i].reason);
        ck_assert_uint_eq(fault.offset, refused[_i].offset);
        ck_assert_ptr_null(object);
}
END_TEST

static int parse_nested(unsigned depth, VarlinkFault *fault) {
        struct json_object *object = NULL;
        char text[512];
        size_t n = 0;
        int r;

        n += (size_t) sprintf(text + n, "{\"a\":");
        for (unsigned i = 1; i < depth; i++)
                text[n++] = '[';
        for (unsigned i = 1; i < depth; i++)
                text[n++] = ']';
        if (depth == 1)
                text[n++] = '1';
        text[n++] = '}';
        r = varlink_parse((Blob){ (uint8_t *) text, n }, &object, fault);
        (void) json_object_put(object);
        return r;
}

START_TEST(depth_has_a_bound) {
        VarlinkFault fault = { 0 };

        ck_assert_int_eq(parse_nested(1, &fault), 0);
        ck_assert_int_eq(parse_nested(VARLINK_DEPTH_MAX, &fault), 0);
        ck_assert_int_eq(parse_nested(VARLINK_DEPTH_MAX + 1, &fault), -EBADMSG);
        ck_assert_str_eq(fault.reason, "it is nested too deep");
        ck_assert_uint_eq(fault.offset, 5 + VARLINK_DEPTH_MAX - 1);
}
END_TEST

static int parse_keys(unsigned n_keys, VarlinkFault *fault) {
        struct json_object *object = NULL;
        char text[4096];
        size_t n = 0;
        int r;

        text[n++] = '{';
        for (unsigned i = 0; i < n_keys; i++)
                n += (size_t) sprintf(text + n, "%s\"key%u\":%u", i > 0 ? "," : "", i, i);
        text[n++] = '}';
        r = varlink_parse((Blob){ (uint8_t *) text, n }, &object, fault);
        (void) json_object_put(object);
        return r;
}

START_TEST(keys_have_a_bound) {
        VarlinkFault fault = { 0 };

        ck_assert_int_eq(parse_keys(VARLINK_KEYS_MAX, &fault), 0);
        ck_assert_int_eq(parse_keys(VARLINK_KEYS_MAX + 1, &fault), -EBADMSG);
        ck_assert_str_eq(fault.reason, "an object has too many keys");
}
END_TEST

/* {"v":[ITEM,ITEM,...]} */
static int parse_items(const char *item, unsigned n_items, VarlinkFault *fault) {
        _cleanup_free_ char *text = malloc(n_items * (strlen(item) + 1) + 16);
        struct json_object *object = NULL;
        size_t n;
        int r;

        ck_assert_ptr_nonnull(text);
        n = (size_t) sprintf(text, "{\"v\":[");
        for (unsigned i = 0; i < n_items; i++)
                n += (size_t) sprintf(text + n, "%s%s", i > 0 ? "," : "", item);
        n += (size_t) sprintf(text + n, "]}");
        r = varlink_parse((Blob){ (uint8_t *) text, n }, &object, fault);
        (void) json_object_put(object);
        return r;
}

START_TEST(values_have_a_weight) {
        static const struct {
                const char *text;
                unsigned values;
        } rows[] = {
                { "{}", 16 },
                { "{\"a\":1,\"b\":\"text\",\"c\":null}", 16 + 3 },
                { "{\"a\":[]}", 16 + 16 },
                { "{\"a\":[1,true,{\"b\":2}]}", 16 + 16 + 2 + 16 + 1 },
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                struct json_object *object = NULL;
                Blob text = { (const uint8_t *) rows[i].text, strlen(rows[i].text) };
                VarlinkFault fault;

                ck_assert_int_eq(varlink_parse(text, &object, &fault), 0);
                ck_assert_uint_eq(varlink_weight(object), rows[i].values * VARLINK_VALUE_BYTES);
                (void) json_object_put(object);
        }
}
END_TEST

START_TEST(values_have_a_bound) {
        /* The object and its array are there as well. */
        const unsigned room = VARLINK_VALUES_MAX - 2 * VARLINK_VALUES_CONTAINER - 1;
        const unsigned containers = room / (VARLINK_VALUES_CONTAINER + 1);
        VarlinkFault fault = { 0 };

        ck_assert_int_eq(parse_items("0", room, &fault), 0);
        ck_assert_int_eq(parse_items("0", room + 1, &fault), -EBADMSG);
        ck_assert_str_eq(fault.reason, "it has too many values");
        ck_assert_int_eq(parse_items("\"\"", room + 1, &fault), -EBADMSG);
        ck_assert_int_eq(parse_items("{}", containers, &fault), 0);
        ck_assert_int_eq(parse_items("{}", containers + 1, &fault), -EBADMSG);
        ck_assert_int_eq(parse_items("[]", containers + 1, &fault), -EBADMSG);
        ck_assert_str_eq(fault.reason, "it has too many values");
}
END_TEST

/* What is taken means the same to json-c's own parser: so for every single-byte change of a
 * message. (Not for surrogate pairs: json-c 0.16 makes U+FFFD of U+1D800 to U+1DBFF.) */
START_TEST(what_is_taken_means_what_it_says) {
        static const char original[] =
                "{\"m\":\"a\\u00e9\\n\",\"p\":{\"n\":[-1.5e3,0,true,null,17],"
                "\"s\\u20ac\":\"\xc3\xa9\",\"\":[],\"o\":{}}}";
        char text[sizeof(original)];
        unsigned n_taken = 0;

        for (size_t at = 0; at < sizeof(original) - 1; at++) {
                for (unsigned byte = 0; byte < 256; byte++) {
                        Blob blob = { (uint8_t *) text, sizeof(original) - 1 };
                        struct json_object *object = NULL, *other;
                        VarlinkFault fault = { 0 };

                        memcpy(text, original, sizeof(original));
                        text[at] = (char) byte;
                        if (varlink_parse(blob, &object, &fault) < 0)
                                continue;
                        other = json_tokener_parse(text);
                        ck_assert_msg(json_object_equal(object, other), "%s", text);
                        (void) json_object_put(object);
                        (void) json_object_put(other);
                        n_taken++;
                }
        }
        ck_assert_uint_gt(n_taken, sizeof(original));
}
END_TEST

START_TEST(strings_and_numbers_keep_their_value) {
        static const char text[] =
                "{\"a\\u0062\":\"\\u0000x\\\\\\/\\\"\\b\\f\\n\\r\\t\\u00fc\\ud836\\ude00\","
                "\"least\":-9223372036854775808,\"half\":0.5}";
        static const char want[] = "\0x\\/\"\b\f\n\r\t\xc3\xbc\xf0\x9d\xa8\x80";
        struct json_object *object = NULL, *value;
        VarlinkFault fault;

        ck_assert_int_eq(varlink_parse((Blob){ (const uint8_t *) text, sizeof(text) - 1 }, &object,
                                       &fault),
                         0);
        ck_assert(json_object_object_get_ex(object, "ab", &value));
        ck_assert_int_eq(json_object_get_string_len(value), sizeof(want) - 1);
        ck_assert_mem_eq(json_object_get_string(value), want, sizeof(want));
        ck_assert(json_object_object_get_ex(object, "least", &value));
        ck_assert_int_eq(json_object_get_int64(value), INT64_MIN);
        ck_assert(json_object_object_get_ex(object, "half", &value));
        ck_assert_double_eq(json_object_get_double(value), 0.5);
        (void) json_object_put(object);
}
END_TEST

/* -- the buffer -------------------------------------------------------------------------- */

START_TEST(messages_come_out_as_they_went_in) {
        static const char stream[] = "one\0two\0\0three";
        static const char *const want[] = { "one", "two", "" };

        /* In pieces of every size. */
        for (size_t piece = 1; piece <= sizeof(stream); piece++) {
                VarlinkBuffer buffer = { 0 };
                size_t n = 0;
                Blob text;

                for (size_t at = 0; at < sizeof(stream) - 1; at += piece) {
                        size_t size = sizeof(stream) - 1 - at;

                        size = size < piece ? size : piece;
                        ck_assert_int_eq(varlink_buffer_append(&buffer, stream + at, size, 8), 0);
                        while (varlink_buffer_take(&buffer, &text) > 0) {
                                ck_assert_uint_lt(n, N_ELEMENTS(want));
                                ck_assert_uint_eq(text.size, strlen(want[n]));
                                ck_assert_mem_eq(text.data, want[n], text.size);
                                n++;
                        }
                }
                ck_assert_uint_eq(n, N_ELEMENTS(want));
                ck_assert_uint_eq(varlink_buffer_held(&buffer), strlen("three"));
                varlink_buffer_done(&buffer);
                ck_assert_uint_eq(varlink_buffer_held(&buffer), 0);
        }
}
END_TEST

START_TEST(a_message_has_a_bound) {
        VarlinkBuffer buffer = { 0 };
        Blob text;

        ck_assert_int_eq(varlink_buffer_append(&buffer, "12345678", 8, 8), 0);
        ck_assert_int_eq(varlink_buffer_take(&buffer, &text), 0);
        ck_assert_int_eq(varlink_buffer_append(&buffer, "\0" "1234567", 8, 8), 0);
        ck_assert_int_eq(varlink_buffer_take(&buffer, &text), 1);
        ck_assert_uint_eq(text.size, 8);
        ck_assert_int_eq(varlink_buffer_append(&buffer, "89", 2, 8), -EMSGSIZE);
        varlink_buffer_done(&buffer);

        ck_assert_int_eq(varlink_buffer_append(&buffer, "123456789", 10, 8), -EMSGSIZE);
        varlink_buffer_done(&buffer);
}
END_TEST

/* -- calls and replies ------------------------------------------------------------------- */

static struct json_object *parse(const char *text) {
        struct json_object *object = NULL;
        VarlinkFault fault;

        ck_assert_int_eq(varlink_parse((Blob){ (const uint8_t *) text, strlen(text) }, &object,
                                       &fault),
                         0);
        return object;
}

static const struct {
        const char *text;
        const char *reason; /* NULL: it is a call */
} calls[] = {
        { "{\"method\":\"a.B\"}", NULL },
        { "{\"method\":\"a.B\",\"parameters\":null,\"more\":null}", NULL },
        { "{\"method\":\"a.B\",\"parameters\":{},\"more\":true,\"oneway\":false}", NULL },
        { "{\"method\":\"a.B\",\"unheard\":[1]}", NULL },
        { "{}", "\"method\" is missing or not a string" },
        { "{\"method\":null}", "\"method\" is missing or not a string" },
        { "{\"method\":7}", "\"method\" is missing or not a string" },
        { "{\"method\":\"a\\u0000b\"}", "\"method\" is missing or not a string" },
        { "{\"method\":\"a.B\",\"parameters\":[]}", "\"parameters\" is not an object" },
        { "{\"method\":\"a.B\",\"parameters\":\"x\"}", "\"parameters\" is not an object" },
        { "{\"method\":\"a.B\",\"more\":1}",
          "\"more\", \"oneway\" or \"upgrade\" is neither true nor false" },
        { "{\"method\":\"a.B\",\"oneway\":\"true\"}",
          "\"more\", \"oneway\" or \"upgrade\" is neither true nor false" },
        { "{\"method\":\"a.B\",\"more\":true,\"oneway\":true}",
          "\"more\" and \"oneway\" exclude each other" },
};

START_TEST(calls_are_read) {
        struct json_object *message = parse(calls[_i].text);
        VarlinkFault fault = { 0 };
        VarlinkCall call;
        int r = varlink_call_read(message, &call, &fault);

        if (calls[_i].reason) {
                ck_assert_int_eq(r, -EBADMSG);
                ck_assert_str_eq(fault.reason, calls[_i].reason);
        } else {
                ck_assert_int_eq(r, 0);
                ck_assert_str_eq(call.method, "a.B");
        }
        (void) json_object_put(message);
}
END_TEST

START_TEST(what_is_written_can_be_read) {
        struct json_object *parameters = parse("{\"path\":\"a/b \xc3\xa9\"}"), *message;
        _cleanup_free_ char *call = NULL, *reply = NULL, *error = NULL, *empty = NULL;
        VarlinkFault fault;
        VarlinkReply read;
        size_t size;

        ck_assert_int_eq(varlink_write_call("a.B", parameters, true, false, &call, &size), 0);
        ck_assert_str_eq(call, "{\"method\":\"a.B\",\"parameters\":{\"path\":\"a/b \xc3\xa9\"},"
                               "\"more\":true}");
        ck_assert_uint_eq(size, strlen(call) + 1);
        ck_assert_int_eq(varlink_write_reply(NULL, false, &empty, &size), 0);
        ck_assert_str_eq(empty, "{\"parameters\":{}}");

        ck_assert_int_eq(varlink_write_reply(parameters, true, &reply, &size), 0);
        message = parse(reply);
        ck_assert_int_eq(varlink_reply_read(message, &read, &fault), 0);
        ck_assert_ptr_null(read.error);
        ck_assert(read.continues);
        ck_assert(json_object_equal(read.parameters, parameters));
        (void) json_object_put(message);

        ck_assert_int_eq(varlink_write_error("a.Wrong", parameters, &error, &size), 0);
        message = parse(error);
        ck_assert_int_eq(varlink_reply_read(message, &read, &fault), 0);
        ck_assert_str_eq(read.error, "a.Wrong");
        ck_assert(!read.continues);
        (void) json_object_put(message);

        message = parse("{\"error\":7}");
        ck_assert_int_eq(varlink_reply_read(message, &read, &fault), -EBADMSG);
        (void) json_object_put(message);
        (void) json_object_put(parameters);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("varlink");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_add_loop_test(tcase, json_is_taken, 0, (int) N_ELEMENTS(taken));
        tcase_add_loop_test(tcase, what_is_no_object_is_refused, 0, (int) N_ELEMENTS(refused));
        tcase_add_test(tcase, depth_has_a_bound);
        tcase_add_test(tcase, keys_have_a_bound);
        tcase_add_test(tcase, values_have_a_bound);
        tcase_add_test(tcase, values_have_a_weight);
        tcase_add_test(tcase, what_is_taken_means_what_it_says);
        tcase_add_test(tcase, strings_and_numbers_keep_their_value);
        tcase_add_test(tcase, messages_come_out_as_they_went_in);
        tcase_add_test(tcase, a_message_has_a_bound);
        tcase_add_loop_test(tcase, calls_are_read, 0, (int) N_ELEMENTS(calls));
        tcase_add_test(tcase, what_is_written_can_be_read);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
