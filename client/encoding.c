/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bytes as text and back; digests. */
#include "config.h"

#include <errno.h>
#include <gnutls/crypto.h>
#include <gnutls/gnutls.h>
#include <string.h>
#include <strings.h>

#include "client/cleanup.h"
#include "client/encoding.h"

static const char base64_digits[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

void base64_encode(const uint8_t *data, size_t size, char *ret) {
        while (size >= 3) {
                uint32_t v = (uint32_t) data[0] << 16 | (uint32_t) data[1] << 8 | data[2];

                *ret++ = base64_digits[v >> 18];
                *ret++ = base64_digits[v >> 12 & 63];
                *ret++ = base64_digits[v >> 6 & 63];
                *ret++ = base64_digits[v & 63];
                data += 3;
                size -= 3;
        }
        if (size > 0) {
                uint32_t v = (uint32_t) data[0] << 16 | (size == 2 ? (uint32_t) data[1] << 8 : 0);

                *ret++ = base64_digits[v >> 18];
                *ret++ = base64_digits[v >> 12 & 63];
                *ret++ = size == 2 ? base64_digits[v >> 6 & 63] : '=';
                *ret++ = '=';
        }
        *ret = '\0';
}

/*
 * The value of a base64 digit, or a number with bits above the lowest six. By a table, since no
 * processor foresees which digit comes next; its numbers are one more, so that none is zero.
 */
static uint32_t base64_value(char c) {
        static const uint8_t values[256] = {
                ['A'] = 1, ['B'] = 2, ['C'] = 3, ['D'] = 4, ['E'] = 5, ['F'] = 6, ['G'] = 7, ['H'] = 8,
                ['I'] = 9, ['J'] = 10, ['K'] = 11, ['L'] = 12, ['M'] = 13, ['N'] = 14, ['O'] = 15, ['P'] = 16,
                ['Q'] = 17, ['R'] = 18, ['S'] = 19, ['T'] = 20, ['U'] = 21, ['V'] = 22, ['W'] = 23, ['X'] = 24,
                ['Y'] = 25, ['Z'] = 26, ['a'] = 27, ['b'] = 28, ['c'] = 29, ['d'] = 30, ['e'] = 31, ['f'] = 32,
                ['g'] = 33, ['h'] = 34, ['i'] = 35, ['j'] = 36, ['k'] = 37, ['l'] = 38, ['m'] = 39, ['n'] = 40,
                ['o'] = 41, ['p'] = 42, ['q'] = 43, ['r'] = 44, ['s'] = 45, ['t'] = 46, ['u'] = 47, ['v'] = 48,
                ['w'] = 49, ['x'] = 50, ['y'] = 51, ['z'] = 52, ['0'] = 53, ['1'] = 54, ['2'] = 55, ['3'] = 56,
                ['4'] = 57, ['5'] = 58, ['6'] = 59, ['7'] = 60, ['8'] = 61, ['9'] = 62, ['+'] = 63, ['/'] = 64,
        };

        return values[(unsigned char) c] - 1U;
}

/* The last group of four, which alone may be padded. Returns the number of bytes, or -EBADMSG. */
static int base64_decode_last(const char *text, uint8_t *ret) {
        size_t n_padding = text[3] != '=' ? 0 : text[2] != '=' ? 1 : 2;
        uint32_t v = 0;

        for (size_t i = 0; i < 4; i++) {
                uint32_t digit = i < 4 - n_padding ? base64_value(text[i]) : 0;

                if (digit > 63)
                        return -EBADMSG;
                v = v << 6 | digit;
        }
        /* Bits that no byte takes must be zero, or one text would not stand for one value. */
        if ((n_padding == 1 && (v & 0xff)) || (n_padding == 2 && (v & 0xffff)))
                return -EBADMSG;

        for (size_t i = 0; i < 3 - n_padding; i++)
                ret[i] = (uint8_t) (v >> (16 - 8 * i));
        return (int) (3 - n_padding);
}

int base64_decode(const char *text, size_t length, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = NULL;
        uint8_t *p;
        int n = 0;

        if (length % 4 != 0)
                return -EBADMSG;

        p = data = malloc(length / 4 * 3 + 1);
        if (!data)
                return -ENOMEM;

        for (; length > 4; text += 4, length -= 4) {
                uint32_t a = base64_value(text[0]), b = base64_value(text[1]),
                         c = base64_value(text[2]), d = base64_value(text[3]);

                if ((a | b | c | d) > 63)
                        return -EBADMSG;
                *p++ = (uint8_t) (a << 2 | b >> 4);
                *p++ = (uint8_t) (b << 4 | c >> 2);
                *p++ = (uint8_t) (c << 6 | d);
        }
        if (length == 4) {
                n = base64_decode_last(text, p);
                if (n < 0)
                        return n;
        }

        *ret_size = (size_t) (p - data) + (size_t) n;
        *ret = TAKE_PTR(data);
        return 0;
}

void hex_encode(const uint8_t *data, size_t size, char *ret) {
        static const char digits[] = "0123456789abcdef";

        for (size_t i = 0; i < size; i++) {
                *ret++ = digits[data[i] >> 4];
                *ret++ = digits[data[i] & 15];
        }
        *ret = '\0';
}

static int hex_value(char c) {
        if (c >= '0' && c <= '9')
                return c - '0';
        if (c >= 'a' && c <= 'f')
                return c - 'a' + 10;
        if (c >= 'A' && c <= 'F')
                return c - 'A' + 10;
        return -1;
}

/* Two digits. Returns the byte, or -EBADMSG; never reads past a NUL. */
static int hex_byte(const char *text) {
        int high = hex_value(text[0]), low = high < 0 ? -1 : hex_value(text[1]);

        return low < 0 ? -EBADMSG : high << 4 | low;
}

int sha256_decode(const char *text, uint8_t ret[static SHA256_SIZE]) {
        uint8_t digest[SHA256_SIZE];

        for (size_t i = 0; i < SHA256_SIZE; i++, text += 2) {
                int byte = hex_byte(text);

                if (byte < 0)
                        return -EBADMSG;
                digest[i] = (uint8_t) byte;
        }
        if (*text)
                return -EBADMSG;

        memcpy(ret, digest, SHA256_SIZE);
        return 0;
}

static const char *skip_any(const char *text, const char *set) {
        return text + strspn(text, set);
}

/* Steps over @word, in either case, if it stands at @text. */
static const char *skip_word(const char *text, const char *word) {
        size_t length = strlen(word);

        return strncasecmp(text, word, length) == 0 ? text + length : text;
}

/* Steps over "SHA256:", "SHA-256 Fingerprint=" and the like. */
static const char *skip_fingerprint_label(const char *text) {
        const char *p = skip_any(text, " \t\r\n"), *name;

        name = skip_word(p, "sha");
        if (name == p)
                return p;

        name = skip_any(skip_word(skip_any(name, "-"), "256"), " \t");
        name = skip_any(skip_word(name, "fingerprint"), " \t");
        return skip_any(skip_any(name, ":="), " \t\r\n");
}

/* In base64, as ssh writes them: 43 characters, or 44 with the padding. */
static int fingerprint_parse_base64(const char *text, uint8_t ret[static SHA256_SIZE]) {
        const size_t length = strcspn(text, " \t\r\n");
        _cleanup_free_ uint8_t *data = NULL;
        char padded[BASE64_SIZE(SHA256_SIZE)];
        size_t size;

        if (*skip_any(text + length, " \t\r\n") ||
            (length != sizeof(padded) - 1 && length != sizeof(padded) - 2))
                return -EINVAL;
        memcpy(padded, text, length);
        padded[sizeof(padded) - 2] = length < sizeof(padded) - 1 ? '=' : text[length - 1];
        padded[sizeof(padded) - 1] = '\0';
        if (base64_decode(padded, sizeof(padded) - 1, &data, &size) < 0 || size != SHA256_SIZE)
                return -EINVAL;
        memcpy(ret, data, SHA256_SIZE);
        return 0;
}

static int fingerprint_parse_hex(const char *p, uint8_t ret[static SHA256_SIZE]) {
        uint8_t digest[SHA256_SIZE];

        for (size_t i = 0; i < SHA256_SIZE; i++, p += 2) {
                int byte;

                if (i > 0)
                        p = skip_any(p, ":- \t\r\n");
                byte = hex_byte(p);
                if (byte < 0)
                        return -EINVAL;
                digest[i] = (uint8_t) byte;
        }
        if (*skip_any(p, " \t\r\n"))
                return -EINVAL;

        memcpy(ret, digest, SHA256_SIZE);
        return 0;
}

int fingerprint_parse(const char *text, uint8_t ret[static SHA256_SIZE]) {
        const char *p = skip_fingerprint_label(text);

        return fingerprint_parse_hex(p, ret) == 0 ? 0 : fingerprint_parse_base64(p, ret);
}

int sha256(const void *data, size_t size, uint8_t ret[static SHA256_SIZE]) {
        return gnutls_hash_fast(GNUTLS_DIG_SHA256, data, size, ret) < 0 ? -EIO : 0;
}
