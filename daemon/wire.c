/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The writer and the reader of what daemon and workers tell each other. */
#include "config.h"

#include "daemon/wire.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Room for @size more bytes, or NULL and a bad writer. */
static uint8_t *writer_extend(Writer *w, size_t size) {
        uint8_t *p;

        if (w->bad)
                return NULL;

        if (!w->data || size > w->allocated - w->size) {
                size_t want = w->allocated ? w->allocated : 512;

                while (want - w->size < size && want <= SIZE_MAX / 2)
                        want *= 2;
                p = want - w->size < size ? NULL : realloc(w->data, want);
                if (!p) {
                        w->bad = true;
                        return NULL;
                }
                w->data = p;
                w->allocated = want;
        }

        p = w->data + w->size;
        w->size += size;
        return p;
}

/* The @n_bytes low bytes of @value, the lowest first. */
static void writer_number(Writer *w, uint64_t value, size_t n_bytes) {
        uint8_t *p;

        p = writer_extend(w, n_bytes);
        if (!p)
                return;

        for (size_t i = 0; i < n_bytes; i++)
                p[i] = (uint8_t) (value >> (8 * i));
}

void writer_u8(Writer *w, uint8_t value) {
        writer_number(w, value, 1);
}

void writer_u32(Writer *w, uint32_t value) {
        writer_number(w, value, 4);
}

void writer_i64(Writer *w, int64_t value) {
        writer_number(w, (uint64_t) value, 8);
}

void writer_fixed(Writer *w, const void *data, size_t size) {
        uint8_t *p;

        p = writer_extend(w, size);
        if (p && size > 0)
                memcpy(p, data, size);
}

void writer_blob(Writer *w, const void *data, size_t size) {
        assert(size <= UINT32_MAX);

        writer_u32(w, (uint32_t) size);
        writer_fixed(w, data, size);
}

void writer_text(Writer *w, const char *text) {
        writer_blob(w, text, strlen(text));
}

int writer_finish(Writer *w, uint8_t **ret, size_t *ret_size) {
        if (w->bad) {
                writer_done(w);
                return -ENOMEM;
        }

        *ret = w->data;
        *ret_size = w->size;
        *w = (Writer) {};
        return 0;
}

void writer_done(Writer *w) {
        free(w->data);
        *w = (Writer) {};
}

/* The next @size bytes, or NULL and a bad reader. */
static const uint8_t *reader_take(Reader *r, size_t size) {
        static const uint8_t nothing[1];
        const uint8_t *p = r->data;

        if (r->bad || size > r->size) {
                r->bad = true;
                return NULL;
        }
        if (size == 0)
                return nothing;

        r->data += size;
        r->size -= size;
        return p;
}

static uint64_t reader_number(Reader *r, size_t n_bytes) {
        uint64_t value = 0;
        const uint8_t *p;

        p = reader_take(r, n_bytes);
        if (!p)
                return 0;

        for (size_t i = 0; i < n_bytes; i++)
                value |= (uint64_t) p[i] << (8 * i);
        return value;
}

uint8_t reader_u8(Reader *r) {
        return (uint8_t) reader_number(r, 1);
}

uint32_t reader_u32(Reader *r) {
        return (uint32_t) reader_number(r, 4);
}

int64_t reader_i64(Reader *r) {
        return (int64_t) reader_number(r, 8);
}

void reader_fixed(Reader *r, void *ret, size_t size) {
        const uint8_t *p;

        p = reader_take(r, size);
        if (p)
                memcpy(ret, p, size);
        else
                memset(ret, 0, size);
}

Blob reader_blob(Reader *r, size_t max) {
        const uint8_t *p;
        size_t size;

        size = reader_u32(r);
        if (size > max)
                reader_set_bad(r);

        p = reader_take(r, size);
        return p ? (Blob) { .data = p, .size = size } : (Blob) {};
}

char *reader_text(Reader *r, size_t max) {
        Blob blob;
        char *text;

        blob = reader_blob(r, max);
        if (r->bad || (blob.size > 0 && memchr(blob.data, 0, blob.size))) {
                reader_set_bad(r);
                return NULL;
        }

        text = malloc(blob.size + 1);
        if (!text) {
                reader_set_bad(r);
                return NULL;
        }
        if (blob.size > 0)
                memcpy(text, blob.data, blob.size);
        text[blob.size] = '\0';
        return text;
}

void reader_set_bad(Reader *r) {
        r->bad = true;
}

int reader_finish(const Reader *r) {
        return r->bad || r->size > 0 ? -EBADMSG : 0;
}
