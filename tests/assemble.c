/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"

#include <string.h>
#include <time.h>

#include "daemon/der.h"
#include "tests/assemble.h"

/* What is allocated for @size bytes: doubled, since long lists grow by a few bytes at a time. */
static size_t capacity(size_t size) {
        size_t n = 64;

        while (n <= size)
                n *= 2;
        return n;
}

void assemble(Status *to, const void *data, size_t size) {
        if (!to->data || capacity(to->size + size) > capacity(to->size))
                to->data = realloc(to->data, capacity(to->size + size));
        if (!to->data)
                abort();
        if (size > 0)
                memcpy(to->data + to->size, data, size);
        to->size += size;
}

void assemble_element(Status *to, uint8_t tag, const void *data, size_t size) {
        uint8_t header[6] = {tag};
        size_t n = 1;

        if (size < 0x80)
                header[n++] = (uint8_t) size;
        else {
                const unsigned bytes = size < 0x100 ? 1 : size < 0x10000 ? 2 : size < 0x1000000 ? 3 : 4;

                header[n++] = (uint8_t) (0x80 | bytes);
                for (unsigned i = bytes; i > 0; i--)
                        header[n++] = (uint8_t) (size >> (8 * (i - 1)));
        }
        assemble(to, header, n);
        assemble(to, data, size);
}

void assemble_built(Status *to, uint8_t tag, Status *inner) {
        assemble_element(to, tag, inner->data, inner->size);
        status_done(inner);
}

void assemble_time(Status *to, int64_t when) {
        time_t t = (time_t) when;
        char text[32];
        struct tm tm;

        gmtime_r(&t, &tm);
        assemble_element(to, DER_GENERALIZED_TIME, text,
                         strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm));
}
