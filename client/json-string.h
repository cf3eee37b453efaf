/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON's strings in a text: where they end, what is wrong with them, what they stand for. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Where a parser stands, and why it cannot go on. */
typedef struct JsonCursor {
        const uint8_t *p;
        const uint8_t *end;
        const char *reason; /* NULL after a failure: no memory */
        unsigned depth;
        unsigned n_values;
        unsigned max_values;
} JsonCursor;

/* A string where it stands in the text, without its quotes. */
typedef struct JsonRaw {
        const uint8_t *begin;
        size_t length;
        bool has_escapes;
} JsonRaw;

/* Leaves @reason; false. */
bool json_fail(JsonCursor *c, const char *reason);

/*
 * Steps from the opening quote to after the closing one. A key's bytes, escapes resolved, are folded
 * into *@folded (from JSON_FOLD_INIT): two keys that are equal always fold alike, two that differ
 * are called equal once in 2^64. For a value @folded is NULL.
 */
#define JSON_FOLD_INIT UINT64_C(0xcbf29ce484222325)
bool json_scan_string(JsonCursor *c, uint64_t *folded, JsonRaw *ret);

/* Copies a string that was scanned, with a NUL after it, to @ret, which has @raw->length + 1 bytes: no
 * escape is shorter than what it stands for. The length without the NUL. */
size_t json_unescape(const JsonRaw *raw, char *ret);
