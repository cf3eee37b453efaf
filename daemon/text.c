/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Well-formed text out of bytes that somebody else chose. */
#include "config.h"

#include "daemon/text.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */
#define ELLIPSIS "\xe2\x80\xa6"    /* U+2026 */

/*
 * The length of the well-formed sequence at @p, 0 if there is none. RFC 3629, section 4: no
 * overlong forms, no surrogates, nothing above U+10FFFF; and no NUL, which would end a C string.
 */
static size_t utf8_sequence(const uint8_t *p, size_t size) {
        uint8_t low = 0x80, high = 0xbf;
        size_t length;

        if (p[0] == 0)
                return 0;
        if (p[0] < 0x80)
                return 1;
        if (p[0] < 0xc2 || p[0] > 0xf4)
                return 0;

        length = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
        if (length > size)
                return 0;

        if (p[0] == 0xe0)
                low = 0xa0;
        else if (p[0] == 0xed)
                high = 0x9f;
        else if (p[0] == 0xf0)
                low = 0x90;
        else if (p[0] == 0xf4)
                high = 0x8f;

        if (p[1] < low || p[1] > high)
                return 0;
        for (size_t i = 2; i < length; i++)
                if (p[i] < 0x80 || p[i] > 0xbf)
                        return 0;
        return length;
}

bool utf8_is_valid(const void *bytes, size_t size) {
        const uint8_t *p = bytes;

        while (size > 0) {
                size_t n = utf8_sequence(p, size);

                if (n == 0)
                        return false;
                p += n;
                size -= n;
        }
        return true;
}

int utf8_sanitize(const void *bytes, size_t size, size_t max, char **ret) {
        const uint8_t *p = bytes;
        size_t used = 0, fits = 0; /* @fits: where an ellipsis still has room behind */
        char *text;

        assert(max >= 6);

        text = malloc((size <= max / 3 ? size * 3 : max) + 1);
        if (!text)
                return -ENOMEM;

        while (size > 0) {
                size_t n = utf8_sequence(p, size);
                size_t n_written = n ? n : strlen(REPLACEMENT);

                if (used + n_written > max) {
                        memcpy(text + fits, ELLIPSIS, strlen(ELLIPSIS));
                        used = fits + strlen(ELLIPSIS);
                        break;
                }

                memcpy(text + used, n ? (const char *) p : REPLACEMENT, n_written);
                used += n_written;
                if (used + strlen(ELLIPSIS) <= max)
                        fits = used;
                p += n ? n : 1;
                size -= n ? n : 1;
        }

        text[used] = '\0';
        *ret = text;
        return 0;
}
