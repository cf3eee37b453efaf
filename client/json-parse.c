/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The strict parser of one JSON object (RFC 8259). */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "client/json-parse.h"
#include "client/json-string.h"

typedef struct json_object JsonObject;

static JsonObject *json_free(JsonObject *object) {
        (void) json_object_put(object);
        return NULL;
}
DEFINE_CLEANUP(JsonObject *, json_free)

static bool parse_value(JsonCursor *s, JsonObject **ret);

/* The next byte, or -1 at the end. */
static int peek(const JsonCursor *s) {
        return s->p < s->end ? *s->p : -1;
}

static void skip_space(JsonCursor *s) {
        while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
                s->p++;
}

/* A failure that is no fault of the text. */
static bool made(JsonCursor *s, const void *object) {
        if (!object)
                s->reason = NULL;
        return object;
}

/* Before each value: what it takes in memory. */
static bool count(JsonCursor *s, unsigned n) {
        s->n_values += n;
        return s->n_values <= s->max_values || json_fail(s, "it has too many values");
}

static bool parse_string(JsonCursor *s, JsonObject **ret) {
        _cleanup_free_ char *text = NULL;
        JsonRaw raw;

        if (!json_scan_string(s, NULL, &raw))
                return false;
        if (!raw.has_escapes) {
                *ret = json_object_new_string_len((const char *) raw.begin, (int) raw.length);
                return made(s, *ret);
        }
        text = malloc(raw.length + 1);
        if (!made(s, text))
                return false;
        *ret = json_object_new_string_len(text, (int) json_unescape(&raw, text));
        return made(s, *ret);
}

static bool scan_digits(JsonCursor *s) {
        if (peek(s) < '0' || peek(s) > '9')
                return json_fail(s, "a digit is missing");
        while (peek(s) >= '0' && peek(s) <= '9')
                s->p++;
        return true;
}

/* A whole number must fit 64 bits: beyond them json-c would change it in silence. */
static bool parse_whole(JsonCursor *s, bool negative, const uint8_t *digits, JsonObject **ret) {
        const uint8_t *end = s->p;
        int64_t v = 0;

        for (const uint8_t *p = digits; p < end; p++) {
                int64_t digit = *p - '0';

                if (__builtin_mul_overflow(v, 10, &v) ||
                    __builtin_add_overflow(v, negative ? -digit : digit, &v)) {
                        s->p = digits;
                        return json_fail(s, "a whole number does not fit 64 bits");
                }
        }
        *ret = json_object_new_int64(v);
        return made(s, *ret);
}

/* Nothing of ours is a fraction; json-c reads them, whatever the locale. */
static bool parse_fraction(JsonCursor *s, const uint8_t *begin, JsonObject **ret) {
        _cleanup_free_ char *text = strndup((const char *) begin, (size_t) (s->p - begin));

        if (!made(s, text))
                return false;
        *ret = json_tokener_parse(text);
        return made(s, *ret);
}

static bool parse_number(JsonCursor *s, JsonObject **ret) {
        const uint8_t *begin = s->p, *digits;
        bool negative = peek(s) == '-', whole = true;

        if (negative)
                s->p++;
        digits = s->p;
        if (!scan_digits(s))
                return false;
        if (*digits == '0' && s->p - digits > 1)
                return json_fail(s, "a number starts with a zero");
        if (peek(s) == '.') {
                s->p++;
                whole = false;
                if (!scan_digits(s))
                        return false;
        }
        if (peek(s) == 'e' || peek(s) == 'E') {
                s->p++;
                whole = false;
                if (peek(s) == '+' || peek(s) == '-')
                        s->p++;
                if (!scan_digits(s))
                        return false;
        }
        return whole ? parse_whole(s, negative, digits, ret) : parse_fraction(s, begin, ret);
}

static bool scan_word(JsonCursor *s, const char *word) {
        size_t length = strlen(word);

        if ((size_t) (s->end - s->p) < length || memcmp(s->p, word, length) != 0)
                return json_fail(s, "there is no such value");
        s->p += length;
        return true;
}

static bool enter(JsonCursor *s) {
        if (s->depth >= VARLINK_DEPTH_MAX)
                return json_fail(s, "it is nested too deep");
        if (!count(s, VARLINK_VALUES_CONTAINER))
                return false;
        s->depth++;
        s->p++;
        skip_space(s);
        return true;
}

/* Between two members: 1 if another follows, 0 at the end, -1 if it is neither. */
static int next_member(JsonCursor *s, char close) {
        skip_space(s);
        if (peek(s) == close) {
                s->depth--;
                s->p++;
                return 0;
        }
        if (peek(s) != ',') {
                (void) json_fail(s, s->p == s->end ? "it ends too early" : "a comma is missing");
                return -1;
        }
        s->p++;
        skip_space(s);
        return 1;
}

static bool parse_array(JsonCursor *s, JsonObject **ret) {
        _cleanup_(json_freep) JsonObject *array = json_object_new_array();
        int more = 1;

        if (!made(s, array) || !enter(s))
                return false;
        if (peek(s) == ']')
                more = next_member(s, ']');

        while (more == 1) {
                JsonObject *value = NULL;

                if (!parse_value(s, &value))
                        return false;
                if (json_object_array_add(array, value) < 0) {
                        (void) json_object_put(value);
                        return made(s, NULL);
                }
                more = next_member(s, ']');
        }
        if (more < 0)
                return false;
        *ret = TAKE_PTR(array);
        return true;
}

/* "key": and the key is none of those before. */
static bool scan_key(JsonCursor *s, uint64_t *keys, unsigned n_keys, JsonRaw *ret) {
        const uint8_t *begin = s->p;
        uint64_t folded = JSON_FOLD_INIT;

        if (peek(s) != '"')
                return json_fail(s, s->p == s->end ? "it ends too early" : "a key is missing");
        if (n_keys == VARLINK_KEYS_MAX)
                return json_fail(s, "an object has too many keys");
        if (!json_scan_string(s, &folded, ret))
                return false;
        for (unsigned i = 0; i < n_keys; i++) {
                if (keys[i] == folded) {
                        s->p = begin;
                        return json_fail(s, "a key comes twice");
                }
        }
        keys[n_keys] = folded;

        skip_space(s);
        if (peek(s) != ':')
                return json_fail(s, s->p == s->end ? "it ends too early" : "a colon is missing");
        s->p++;
        skip_space(s);
        return true;
}

/* The value of the key that was scanned, into @object. */
static bool parse_member(JsonCursor *s, const JsonRaw *raw, JsonObject *object) {
        _cleanup_free_ char *key = malloc(raw->length + 1);
        _cleanup_(json_freep) JsonObject *value = NULL;

        if (!made(s, key) || !parse_value(s, &value))
                return false;
        (void) json_unescape(raw, key);
        if (json_object_object_add_ex(object, key, value, JSON_C_OBJECT_ADD_KEY_IS_NEW) < 0)
                return made(s, NULL);
        (void) TAKE_PTR(value);
        return true;
}

static bool parse_members(JsonCursor *s, JsonObject **ret) {
        _cleanup_(json_freep) JsonObject *object = json_object_new_object();
        uint64_t keys[VARLINK_KEYS_MAX];
        unsigned n_keys = 0;
        int more = 1;

        if (!made(s, object) || !enter(s))
                return false;
        if (peek(s) == '}')
                more = next_member(s, '}');

        while (more == 1) {
                JsonRaw key;

                if (!scan_key(s, keys, n_keys++, &key) || !parse_member(s, &key, object))
                        return false;
                more = next_member(s, '}');
        }
        if (more < 0)
                return false;
        *ret = TAKE_PTR(object);
        return true;
}

static bool parse_boolean(JsonCursor *s, bool value, JsonObject **ret) {
        if (!scan_word(s, value ? "true" : "false"))
                return false;
        *ret = json_object_new_boolean(value);
        return made(s, *ret);
}

/* json-c's null is NULL. */
static bool parse_value(JsonCursor *s, JsonObject **ret) {
        if (!count(s, 1))
                return false;
        switch (peek(s)) {
        case -1:
                return json_fail(s, "it ends too early");
        case '{':
                return parse_members(s, ret);
        case '[':
                return parse_array(s, ret);
        case '"':
                return parse_string(s, ret);
        case 't':
                return parse_boolean(s, true, ret);
        case 'f':
                return parse_boolean(s, false, ret);
        case 'n':
                return scan_word(s, "null");
        default:
                if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
                        return parse_number(s, ret);
                return json_fail(s, "there is no such value");
        }
}

static bool parse_message(JsonCursor *s, JsonObject **ret) {
        if (s->end - s->p > INT_MAX)
                return json_fail(s, "it is too long");
        skip_space(s);
        if (peek(s) != '{')
                return json_fail(s, "it is not a JSON object");
        if (!parse_members(s, ret))
                return false;
        skip_space(s);
        return s->p == s->end || json_fail(s, "something follows the object");
}

int json_parse_object(Blob text, struct json_object **ret, VarlinkFault *ret_fault) {
        return json_parse_large(text, VARLINK_VALUES_MAX, ret, ret_fault);
}

int json_parse_large(Blob text, unsigned max_values, struct json_object **ret,
                     VarlinkFault *ret_fault) {
        _cleanup_(json_freep) JsonObject *object = NULL;
        JsonCursor s = { .p = text.data, .end = text.data + text.size, .max_values = max_values };

        if (parse_message(&s, &object)) {
                *ret = TAKE_PTR(object);
                return 0;
        }
        if (!s.reason)
                return -ENOMEM;

        ret_fault->reason = s.reason;
        ret_fault->offset = (size_t) (s.p - text.data);
        return -EBADMSG;
}
