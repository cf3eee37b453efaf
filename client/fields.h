/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A typed reader over the fields of one JSON object. The first field that is missing, of the wrong
 * type or out of range makes the reader bad; every later read yields nothing and changes nothing.
 * Read all fields, then ask fields_finish() once.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

typedef struct Fields {
        struct json_object *object; /* NULL is an empty one; what is no object is bad */
        const char *bad_field;      /* the first bad one, NULL while all is well */
        const char *bad_reason;     /* static sentence */
        uint64_t known;             /* a bit for each place in the object that was asked for */
} Fields;

#define FIELDS_INIT(o) { .object = (o) }

/* true if the field is there and not null. */
bool fields_has(Fields *f, const char *name);

/* The required ones make the reader bad when the field is absent or null. Strings belong to the
 * object; an embedded NUL makes the reader bad; *ret_size may be NULL. */
const char *fields_string(Fields *f, const char *name);
const char *fields_string_or(Fields *f, const char *name, const char *otherwise);
int64_t fields_int(Fields *f, const char *name, int64_t min, int64_t max);
int64_t fields_int_or(Fields *f, const char *name, int64_t min, int64_t max, int64_t otherwise);
bool fields_bool_or(Fields *f, const char *name, bool otherwise);

/* A string that may hold any bytes (host names are given as they came): data and size. */
const char *fields_bytes(Fields *f, const char *name, size_t *ret_size);

/* An array; NULL if absent and not @required. Borrowed. */
struct json_object *fields_array(Fields *f, const char *name, bool required);

/* An object; NULL if absent and not @required. Borrowed. */
struct json_object *fields_object(Fields *f, const char *name, bool required);

/* Makes the reader bad from outside, unless it is already. */
void fields_bad(Fields *f, const char *name, const char *reason);

/*
 * Returns 0 if every read succeeded, else -EBADMSG (@bad_field and @bad_reason tell). With
 * @strict, a field of the object that was never read is bad as well, by its name.
 */
int fields_finish(Fields *f, bool strict);
