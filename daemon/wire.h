/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Bytes between the daemon and its workers: a writer and a reader that stay bad. Numbers are
 * little-endian, strings and blobs have their length in front.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"

/* Zeroed memory is an empty one. After the first failed allocation nothing more is written. */
typedef struct Writer {
        uint8_t *data;
        size_t size;
        size_t allocated;
        bool bad;
} Writer;

void writer_u8(Writer *w, uint8_t value);
void writer_u32(Writer *w, uint32_t value);
void writer_i64(Writer *w, int64_t value);
void writer_fixed(Writer *w, const void *data, size_t size); /* no length in front */
void writer_blob(Writer *w, const void *data, size_t size);  /* at most UINT32_MAX bytes */
void writer_text(Writer *w, const char *text);               /* without its NUL */

/* 0 and what was written (free()) in *@ret, or -ENOMEM. The writer is empty afterwards. */
int writer_finish(Writer *w, uint8_t **ret, size_t *ret_size);

void writer_done(Writer *w);

/*
 * The first short or unlawful field makes the reader bad; every later one yields zero or nothing
 * and reads nothing. Read all fields, then ask reader_finish() once.
 */
typedef struct Reader {
        const uint8_t *data;
        size_t size; /* not read yet */
        bool bad;
} Reader;

#define READER_INIT(blob) { .data = (blob).data, .size = (blob).size }

uint8_t reader_u8(Reader *r);
uint32_t reader_u32(Reader *r);
int64_t reader_i64(Reader *r);
void reader_fixed(Reader *r, void *ret, size_t size); /* zeroes @ret when bad */
Blob reader_blob(Reader *r, size_t max);              /* borrowed */

/* A new string (free()) of at most @max bytes without a NUL among them; NULL when bad, which it is
 * without memory too. */
char *reader_text(Reader *r, size_t max);

/* For a field that was read and means nothing. */
void reader_set_bad(Reader *r);

/* 0 if all fields were good and nothing is left over, else -EBADMSG. */
int reader_finish(const Reader *r);
