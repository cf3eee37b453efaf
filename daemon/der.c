/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <time.h>

#include "daemon/der.h"

bool blob_equal(Blob a, Blob b) {
        return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

bool der_next_is(const Der *der, uint8_t tag) {
        return der_more(der) && der->rest.data[0] == tag;
}

static Blob bad(Der *der) {
        der->bad = true;
        der->rest = (Blob){0};
        return (Blob){0};
}

/* The size of the header in *@ret_header and of the content in *@ret_size; false if it is not DER
 * or longer than what is there. */
static bool read_header(Blob b, size_t *ret_header, size_t *ret_size) {
        size_t header = 2, size;
        unsigned n;

        if (b.size < 2 || (b.data[0] & 0x1f) == 0x1f)
                return false;

        size = b.data[1];
        if (size >= 0x80) {
                n = b.data[1] & 0x7f;
                if (n == 0 || n > 4 || b.size < 2 + n || b.data[2] == 0)
                        return false;
                size = 0;
                for (unsigned i = 0; i < n; i++)
                        size = size << 8 | b.data[2 + i];
                if (size < 0x80)
                        return false;
                header += n;
        }
        if (size > b.size - header)
                return false;

        *ret_header = header;
        *ret_size = size;
        return true;
}

Blob der_any(Der *der, uint8_t *ret_tag, Blob *ret_whole) {
        size_t header, size;
        Blob content;

        if (ret_tag)
                *ret_tag = 0;
        if (ret_whole)
                *ret_whole = (Blob){0};
        if (der->bad || !read_header(der->rest, &header, &size))
                return bad(der);

        content = (Blob){der->rest.data + header, size};
        if (ret_tag)
                *ret_tag = der->rest.data[0];
        if (ret_whole)
                *ret_whole = (Blob){der->rest.data, header + size};
        der->rest.data += header + size;
        der->rest.size -= header + size;
        return content;
}

Blob der_take(Der *der, uint8_t tag) {
        return der_next_is(der, tag) ? der_any(der, NULL, NULL) : bad(der);
}

Blob der_take_whole(Der *der, uint8_t tag) {
        Blob whole;

        if (!der_next_is(der, tag))
                return bad(der);
        (void) der_any(der, NULL, &whole);
        return whole;
}

bool der_optional(Der *der, uint8_t tag, Blob *ret) {
        if (!der_next_is(der, tag))
                return false;
        *ret = der_any(der, NULL, NULL);
        return !der->bad;
}

Der der_enter(Der *der, uint8_t tag) {
        Blob content = der_take(der, tag);

        return (Der){content, der->bad};
}

bool der_boolean_or(Der *der, bool otherwise) {
        Blob b;

        if (!der_optional(der, DER_BOOLEAN, &b))
                return otherwise;
        if (b.size != 1 || (b.data[0] != 0 && b.data[0] != 0xff)) {
                (void) bad(der);
                return otherwise;
        }
        return b.data[0] != 0;
}

uint32_t der_number(Der *der, uint8_t tag, uint32_t max) {
        Blob b = der_take(der, tag);
        uint64_t number = 0;

        if (der->bad)
                return 0;
        /* Not empty, not negative, not longer than need be. */
        if (b.size == 0 || b.size > 5 || b.data[0] >= 0x80 ||
            (b.size > 1 && b.data[0] == 0 && b.data[1] < 0x80)) {
                (void) bad(der);
                return 0;
        }
        for (size_t i = 0; i < b.size; i++)
                number = number << 8 | b.data[i];
        if (number > max) {
                (void) bad(der);
                return 0;
        }
        return (uint32_t) number;
}

Blob der_bits(Der *der, uint8_t tag, unsigned *ret_unused) {
        Blob b = der_take(der, tag);

        *ret_unused = 0;
        if (der->bad)
                return b;
        if (b.size == 0 || b.data[0] > 7 || (b.size == 1 && b.data[0] != 0))
                return bad(der);
        *ret_unused = b.data[0];
        return (Blob){b.data + 1, b.size - 1};
}

/* @n digits (18 at most) at @text as a number, or -1. */
static int64_t digits(const uint8_t *text, size_t n) {
        int64_t number = 0;

        for (size_t i = 0; i < n; i++) {
                if (text[i] < '0' || text[i] > '9')
                        return -1;
                number = number * 10 + (text[i] - '0');
        }
        return number;
}

int64_t der_time(Der *der) {
        size_t year_digits = der_next_is(der, DER_UTC_TIME) ? 2 : 4;
        uint8_t tag = year_digits == 2 ? DER_UTC_TIME : DER_GENERALIZED_TIME;
        Blob b = der_take(der, tag);
        struct tm tm = {0}, again;
        const uint8_t *rest;
        int year;
        time_t t;

        if (der->bad)
                return 0;
        if (b.size != year_digits + 11 || b.data[b.size - 1] != 'Z' ||
            digits(b.data, b.size - 1) == -1) {
                (void) bad(der);
                return 0;
        }

        year = (int) digits(b.data, year_digits);
        if (year_digits == 2)
                year += year < 50 ? 2000 : 1900;
        rest = b.data + year_digits;
        tm.tm_year = year - 1900;
        tm.tm_mon = digits(rest, 2) - 1;
        tm.tm_mday = digits(rest + 2, 2);
        tm.tm_hour = digits(rest + 4, 2);
        tm.tm_min = digits(rest + 6, 2);
        tm.tm_sec = digits(rest + 8, 2);

        /* A date that the calendar does not have comes back as another one. */
        again = tm;
        t = timegm(&again);
        if (again.tm_year != tm.tm_year || again.tm_mon != tm.tm_mon ||
            again.tm_mday != tm.tm_mday || again.tm_hour != tm.tm_hour ||
            again.tm_min != tm.tm_min || again.tm_sec != tm.tm_sec) {
                (void) bad(der);
                return 0;
        }
        return t;
}

int der_end(const Der *der) {
        return der->bad || der->rest.size > 0 ? -EBADMSG : 0;
}
