/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON's strings. */
#include "config.h"

#include <string.h>

#include "client/cleanup.h"
#include "client/json-string.h"

bool json_fail(JsonCursor *c, const char *reason) {
        c->reason = reason;
        return false;
}

/* The next byte, or -1 at the end. */
static int peek(const JsonCursor *s) {
        return s->p < s->end ? *s->p : -1;
}

/* FNV-1a. */
static void fold(uint64_t *folded, uint8_t byte) {
        if (folded)
                *folded = (*folded ^ byte) * UINT64_C(0x100000001b3);
}

/* Writes the UTF-8 of @c; how many bytes. */
static size_t utf8_put(uint32_t c, uint8_t ret[static 4]) {
        if (c < 0x80) {
                ret[0] = (uint8_t) c;
                return 1;
        }
        if (c < 0x800) {
                ret[0] = (uint8_t) (0xc0 | c >> 6);
                ret[1] = (uint8_t) (0x80 | (c & 63));
                return 2;
        }
        if (c < 0x10000) {
                ret[0] = (uint8_t) (0xe0 | c >> 12);
                ret[1] = (uint8_t) (0x80 | (c >> 6 & 63));
                ret[2] = (uint8_t) (0x80 | (c & 63));
                return 3;
        }
        ret[0] = (uint8_t) (0xf0 | c >> 18);
        ret[1] = (uint8_t) (0x80 | (c >> 12 & 63));
        ret[2] = (uint8_t) (0x80 | (c >> 6 & 63));
        ret[3] = (uint8_t) (0x80 | (c & 63));
        return 4;
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

static bool scan_hex4(JsonCursor *s, uint32_t *ret) {
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
                        return json_fail(s, "an escape wants four hexadecimal digits");
        }
        *ret = v;
        return true;
}

/* After "\u". */
static bool scan_unicode_escape(JsonCursor *s, uint32_t *ret) {
        uint32_t high, low;

        if (!scan_hex4(s, &high))
                return false;
        if (high < 0xd800 || high > 0xdfff) {
                *ret = high;
                return true;
        }
        if (high > 0xdbff || s->end - s->p < 2 || s->p[0] != '\\' || s->p[1] != 'u')
                return json_fail(s, "half of a surrogate pair stands alone");

        s->p += 2;
        if (!scan_hex4(s, &low))
                return false;
        if (low < 0xdc00 || low > 0xdfff)
                return json_fail(s, "half of a surrogate pair stands alone");

        *ret = 0x10000 + ((high - 0xd800) << 10 | (low - 0xdc00));
        return true;
}

/* After the backslash. */
static bool scan_escape(JsonCursor *s, uint32_t *ret) {
        static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
        int c = peek(s);
        const char *found;

        if (c == 'u') {
                s->p++;
                return scan_unicode_escape(s, ret);
        }
        found = c > 0 ? strchr(names, c) : NULL;
        if (!found)
                return json_fail(s, "there is no such escape");

        s->p++;
        *ret = (uint32_t) values[found - names];
        return true;
}

/* Steps over bytes that mean nothing but themselves, eight at a time: most of a message is
 * base64. */
static void skip_plain(JsonCursor *s) {
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
static bool scan_special(JsonCursor *s, uint64_t *folded) {
        uint8_t utf8[4];
        uint32_t c;
        size_t n;

        if (*s->p == '\\') {
                s->p++;
                if (!scan_escape(s, &c))
                        return false;
                if (folded && c == 0)
                        return json_fail(s, "a key has a NUL character in it");
                n = utf8_put(c, utf8);
                for (size_t i = 0; i < n; i++)
                        fold(folded, utf8[i]);
                return true;
        }
        if (*s->p < 0x20)
                return json_fail(s, "a control character stands in a string without an escape");

        n = utf8_length(s->p, s->end);
        if (n == 0)
                return json_fail(s, "it is not valid UTF-8");
        for (; n > 0; n--)
                fold(folded, *s->p++);
        return true;
}

bool json_scan_string(JsonCursor *s, uint64_t *folded, JsonRaw *ret) {
        *ret = (JsonRaw){ .begin = ++s->p };
        while (true) {
                const uint8_t *plain = s->p;

                skip_plain(s);
                if (folded)
                        while (plain < s->p)
                                fold(folded, *plain++);
                if (s->p == s->end)
                        return json_fail(s, "it ends within a string");
                if (*s->p == '"') {
                        ret->length = (size_t) (s->p++ - ret->begin);
                        return true;
                }
                ret->has_escapes = ret->has_escapes || *s->p == '\\';
                if (!scan_special(s, folded))
                        return false;
        }
}

size_t json_unescape(const JsonRaw *raw, char *ret) {
        JsonCursor s = { .p = raw->begin, .end = raw->begin + raw->length };
        char *out = ret;

        while (s.p < s.end) {
                const uint8_t *backslash = memchr(s.p, '\\', (size_t) (s.end - s.p));
                size_t n = (size_t) ((backslash ? backslash : s.end) - s.p);
                uint32_t c;

                memcpy(out, s.p, n);
                out += n;
                s.p += n;
                if (!backslash)
                        break;
                s.p++;
                if (scan_escape(&s, &c))
                        out += utf8_put(c, (uint8_t *) out);
        }
        *out = '\0';
        return (size_t) (out - ret);
}
