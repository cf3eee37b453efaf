/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The strict scan of one JSON object (RFC 8259). */
#include "config.h"

#include <stdint.h>
#include <string.h>

#include "client/scan.h"

typedef struct Scan {
        const uint8_t *p;
        const uint8_t *end;
        const char *reason;
        unsigned depth;
} Scan;

static bool scan_value(Scan *s);

static bool fail(Scan *s, const char *reason) {
        s->reason = reason;
        return false;
}

/* The next byte, or -1 at the end. */
static int peek(const Scan *s) {
        return s->p < s->end ? *s->p : -1;
}

static void skip_space(Scan *s) {
        while (s->p < s->end && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
                s->p++;
}

/* A key's bytes are folded into a number (FNV-1a), so that keys compare without being kept. Two
 * keys that are equal always fold alike; two that differ would be called equal once in 2^64. */
#define FOLD_INIT UINT64_C(0xcbf29ce484222325)

static void fold(uint64_t *folded, uint8_t byte) {
        if (folded)
                *folded = (*folded ^ byte) * UINT64_C(0x100000001b3);
}

static void fold_code_point(uint64_t *folded, uint32_t c) {
        if (c < 0x80) {
                fold(folded, (uint8_t) c);
                return;
        }
        if (c < 0x800) {
                fold(folded, (uint8_t) (0xc0 | c >> 6));
        } else {
                if (c < 0x10000) {
                        fold(folded, (uint8_t) (0xe0 | c >> 12));
                } else {
                        fold(folded, (uint8_t) (0xf0 | c >> 18));
                        fold(folded, (uint8_t) (0x80 | (c >> 12 & 63)));
                }
                fold(folded, (uint8_t) (0x80 | (c >> 6 & 63)));
        }
        fold(folded, (uint8_t) (0x80 | (c & 63)));
}

/* The length of the well-formed UTF-8 sequence at @p (Unicode, table 3-7), 0 if it is not one. */
static size_t utf8_length(const uint8_t *p, const uint8_t *end) {
        static const struct {
                uint8_t first_min, first_max, second_min, second_max, length;
        } forms[] = {
                { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
                { 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 },
                { 0xee, 0xef, 0x80, 0xbf, 3 }, { 0xf0, 0xf0, 0x90, 0xbf, 4 },
                { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
        };

        for (size_t i = 0; i < N_ELEMENTS(forms); i++) {
                if (*p < forms[i].first_min || *p > forms[i].first_max)
                        continue;
                if ((size_t) (end - p) < forms[i].length)
                        return 0;
                if (p[1] < forms[i].second_min || p[1] > forms[i].second_max)
                        return 0;
                for (size_t n = 2; n < forms[i].length; n++)
                        if ((p[n] & 0xc0) != 0x80)
                                return 0;
                return forms[i].length;
        }
        return 0;
}

static bool scan_hex4(Scan *s, uint32_t *ret) {
        uint32_t v = 0;

        for (unsigned i = 0; i < 4; i++, s->p++) {
                int c = peek(s);

                if (c >= '0' && c <= '9')
                        v = v << 4 | (uint32_t) (c - '0');
                else if (c >= 'a' && c <= 'f')
                        v = v << 4 | (uint32_t) (c - 'a' + 10);
                else if (c >= 'A' && c <= 'F')
                        v = v << 4 | (uint32_t) (c - 'A' + 10);
                else
                        return fail(s, "an escape wants four hexadecimal digits");
        }
        *ret = v;
        return true;
}

/* After "\u". */
static bool scan_unicode_escape(Scan *s, uint32_t *ret) {
        uint32_t high, low;

        if (!scan_hex4(s, &high))
                return false;
        if (high < 0xd800 || high > 0xdfff) {
                *ret = high;
                return true;
        }
        if (high > 0xdbff || s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
                return fail(s, "half of a surrogate pair stands alone");

        s->p += 2;
        if (!scan_hex4(s, &low))
                return false;
        if (low < 0xdc00 || low > 0xdfff)
                return fail(s, "half of a surrogate pair stands alone");

        *ret = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
        return true;
}

/* After the backslash. */
static bool scan_escape(Scan *s, uint32_t *ret) {
        static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
        int c = peek(s);
        const char *found;

        if (c == 'u') {
                s->p++;
                return scan_unicode_escape(s, ret);
        }
        found = c > 0 ? strchr(names, c) : NULL;
        if (!found)
                return fail(s, "there is no such escape");

        s->p++;
        *ret = (uint32_t) values[found - names];
        return true;
}

/* Steps over bytes that mean nothing but themselves, eight at a time: most of a message is
 * base64. */
static void skip_plain(Scan *s) {
        const uint64_t ones = UINT64_C(0x0101010101010101), highs = UINT64_C(0x8080808080808080);

        while (s->end - s->p >= 8) {
                uint64_t v, quotes, backslashes;

                memcpy(&v, s->p, 8);
                quotes = v ^ ones * '"';
                backslashes = v ^ ones * '\\';
                /* A byte below 0x20, or above 0x7f, or that became zero here. */
                if (((v - ones * 0x20) | v | (quotes - ones) | (backslashes - ones)) & highs)
                        break;
                s->p += 8;
        }
        while (s->p < s->end && *s->p >= 0x20 && *s->p < 0x80 && *s->p != '"' && *s->p != '\\')
                s->p++;
}

/* One character of a string that is not plain. */
static bool scan_special(Scan *s, uint64_t *folded) {
        uint32_t c;
        size_t n;

        if (*s->p == '\\') {
                s->p++;
                if (!scan_escape(s, &c))
                        return false;
                if (folded && c == 0)
                        return fail(s, "a key has a NUL character in it");
                fold_code_point(folded, c);
                return true;
        }
        if (*s->p < 0x20)
                return fail(s, "a control character stands in a string without an escape");

        n = utf8_length(s->p, s->end);
        if (n == 0)
                return fail(s, "it is not valid UTF-8");
        for (; n > 0; n--)
                fold(folded, *s->p++);
        return true;
}

/* From the opening quote; a key's is @folded, a value's NULL. */
static bool scan_string(Scan *s, uint64_t *folded) {
        for (s->p++;;) {
                const uint8_t *plain = s->p;

                skip_plain(s);
                if (folded)
                        while (plain < s->p)
                                fold(folded, *plain++);
                if (s->p == s->end)
                        return fail(s, "it ends within a string");
                if (*s->p == '"') {
                        s->p++;
                        return true;
                }
                if (!scan_special(s, folded))
                        return false;
        }
}

static bool scan_digits(Scan *s) {
        if (peek(s) < '0' || peek(s) > '9')
                return fail(s, "a digit is missing");
        while (peek(s) >= '0' && peek(s) <= '9')
                s->p++;
        return true;
}

/* A whole number must fit 64 bits: beyond them the parser would change it in silence. */
static bool scan_whole(Scan *s, bool negative, const uint8_t *digits) {
        const uint8_t *end = s->p;
        int64_t v = 0;

        for (const uint8_t *p = digits; p < end; p++) {
                int64_t digit = *p - '0';

                if (__builtin_mul_overflow(v, 10, &v) ||
                    __builtin_add_overflow(v, negative ? -digit : digit, &v)) {
                        s->p = digits;
                        return fail(s, "a whole number does not fit 64 bits");
                }
        }
        return true;
}

static bool scan_number(Scan *s) {
        bool negative = peek(s) == '-', whole = true;
        const uint8_t *digits;

        if (negative)
                s->p++;
        digits = s->p;
        if (!scan_digits(s))
                return false;
        if (*digits == '0' && s->p - digits > 1)
                return fail(s, "a number starts with a zero");
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
        return !whole || scan_whole(s, negative, digits);
}

static bool scan_word(Scan *s, const char *word) {
        size_t length = strlen(word);

        if ((size_t) (s->end - s->p) < length || memcmp(s->p, word, length) != 0)
                return fail(s, "there is no such value");
        s->p += length;
        return true;
}

static bool enter(Scan *s) {
        if (s->depth >= VARLINK_DEPTH_MAX)
                return fail(s, "it is nested too deep");
        s->depth++;
        s->p++;
        skip_space(s);
        return true;
}

/* Between two members: 1 if another follows, 0 at the end, -1 if it is neither. */
static int next_member(Scan *s, char close) {
        skip_space(s);
        if (peek(s) == close) {
                s->depth--;
                s->p++;
                return 0;
        }
        if (peek(s) != ',') {
                (void) fail(s, s->p == s->end ? "it ends too early" : "a comma is missing");
                return -1;
        }
        s->p++;
        skip_space(s);
        return 1;
}

static bool scan_array(Scan *s) {
        int more = 1;

        if (!enter(s))
                return false;
        if (peek(s) == ']')
                return next_member(s, ']') == 0;

        while (more == 1) {
                if (!scan_value(s))
                        return false;
                more = next_member(s, ']');
        }
        return more == 0;
}

/* "key": — and the key is none of those before. */
static bool scan_key(Scan *s, uint64_t *keys, unsigned n_keys) {
        const uint8_t *begin = s->p;
        uint64_t folded = FOLD_INIT;

        if (peek(s) != '"')
                return fail(s, s->p == s->end ? "it ends too early" : "a key is missing");
        if (n_keys == VARLINK_KEYS_MAX)
                return fail(s, "an object has too many keys");
        if (!scan_string(s, &folded))
                return false;
        for (unsigned i = 0; i < n_keys; i++) {
                if (keys[i] == folded) {
                        s->p = begin;
                        return fail(s, "a key comes twice");
                }
        }
        keys[n_keys] = folded;

        skip_space(s);
        if (peek(s) != ':')
                return fail(s, s->p == s->end ? "it ends too early" : "a colon is missing");
        s->p++;
        skip_space(s);
        return true;
}

static bool scan_members(Scan *s) {
        uint64_t keys[VARLINK_KEYS_MAX];
        unsigned n_keys = 0;
        int more = 1;

        if (!enter(s))
                return false;
        if (peek(s) == '}')
                return next_member(s, '}') == 0;

        while (more == 1) {
                if (!scan_key(s, keys, n_keys++) || !scan_value(s))
                        return false;
                more = next_member(s, '}');
        }
        return more == 0;
}

static bool scan_value(Scan *s) {
        switch (peek(s)) {
        case -1:
                return fail(s, "it ends too early");
        case '{':
                return scan_members(s);
        case '[':
                return scan_array(s);
        case '"':
                return scan_string(s, NULL);
        case 't':
                return scan_word(s, "true");
        case 'f':
                return scan_word(s, "false");
        case 'n':
                return scan_word(s, "null");
        default:
                if (*s->p == '-' || (*s->p >= '0' && *s->p <= '9'))
                        return scan_number(s);
                return fail(s, "there is no such value");
        }
}

static bool scan_message(Scan *s) {
        skip_space(s);
        if (peek(s) != '{')
                return fail(s, "it is not a JSON object");
        if (!scan_members(s))
                return false;
        skip_space(s);
        return s->p == s->end || fail(s, "something follows the object");
}

bool scan_object(Blob text, VarlinkFault *ret_fault) {
        Scan s = { .p = text.data, .end = text.data + text.size };

        if (scan_message(&s))
                return true;

        ret_fault->reason = s.reason;
        ret_fault->offset = (size_t) (s.p - text.data);
        return false;
}
