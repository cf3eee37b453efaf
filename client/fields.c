/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The typed reader over a JSON object. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "client/fields.h"

void fields_bad(Fields *f, const char *name, const char *reason) {
        if (f->bad_field)
                return;
        f->bad_field = name;
        f->bad_reason = reason;
}

/* Whether there is anything to walk: json-c's loop takes nothing but an object. */
static bool has_fields(Fields *f, const char *name) {
        if (f->object && !json_object_is_type(f->object, json_type_object))
                fields_bad(f, name, "it is sought in what is no object");
        return f->object && !f->bad_field;
}

/*
 * Looks @name up and remembers, by its place in the object, that somebody knew it. Walking the few
 * fields costs less than a hash of the name. NULL if it is absent or null, or the reader is bad.
 */
static struct json_object *fields_get(Fields *f, const char *name) {
        unsigned place = 0;

        if (!has_fields(f, name))
                return NULL;

        json_object_object_foreach(f->object, key, value) {
                if (strcmp(key, name) == 0) {
                        if (place < 64)
                                f->known |= UINT64_C(1) << place;
                        return value;
                }
                place++;
        }
        return NULL;
}

/* The same for a field of one type; @required makes its absence bad. */
static struct json_object *fields_typed(Fields *f, const char *name, enum json_type type,
                                        bool required, const char *wrong) {
        struct json_object *value = fields_get(f, name);

        if (f->bad_field)
                return NULL;
        if (!value) {
                if (required)
                        fields_bad(f, name, "it is missing");
                return NULL;
        }
        if (!json_object_is_type(value, type)) {
                fields_bad(f, name, wrong);
                return NULL;
        }
        return value;
}

bool fields_has(Fields *f, const char *name) {
        return fields_get(f, name) != NULL;
}

static struct json_object *fields_text(Fields *f, const char *name, bool required) {
        return fields_typed(f, name, json_type_string, required, "it is not a string");
}

/* A text without NULs, or NULL. */
static const char *fields_string_of(Fields *f, const char *name, struct json_object *value) {
        const char *text;

        if (!value)
                return NULL;

        text = json_object_get_string(value);
        if (strlen(text) != (size_t) json_object_get_string_len(value)) {
                fields_bad(f, name, "it has a NUL character in it");
                return NULL;
        }
        return text;
}

const char *fields_string(Fields *f, const char *name) {
        return fields_string_of(f, name, fields_text(f, name, true));
}

const char *fields_string_or(Fields *f, const char *name, const char *otherwise) {
        struct json_object *value = fields_text(f, name, false);

        if (f->bad_field)
                return NULL;
        return value ? fields_string_of(f, name, value) : otherwise;
}

/* @value's number if it is within the range; else 0 and the reader is bad. */
static int64_t fields_int_of(Fields *f, const char *name, struct json_object *value, int64_t min,
                             int64_t max) {
        int64_t number;

        if (!value)
                return 0;

        /* json-c cuts what is beyond int64 to its ends. varlink_parse() refuses such numbers; an
         * object from elsewhere is asked for the larger type as well. */
        number = json_object_get_int64(value);
        if (number < min || number > max ||
            (number == INT64_MAX && json_object_get_uint64(value) > (uint64_t) INT64_MAX)) {
                fields_bad(f, name, "it is out of range");
                return 0;
        }
        return number;
}

int64_t fields_int(Fields *f, const char *name, int64_t min, int64_t max) {
        struct json_object *value =
                fields_typed(f, name, json_type_int, true, "it is not a whole number");

        return fields_int_of(f, name, value, min, max);
}

int64_t fields_int_or(Fields *f, const char *name, int64_t min, int64_t max, int64_t otherwise) {
        struct json_object *value =
                fields_typed(f, name, json_type_int, false, "it is not a whole number");

        if (f->bad_field)
                return 0;
        return value ? fields_int_of(f, name, value, min, max) : otherwise;
}

bool fields_bool_or(Fields *f, const char *name, bool otherwise) {
        struct json_object *value =
                fields_typed(f, name, json_type_boolean, false, "it is neither true nor false");

        if (f->bad_field)
                return false;
        return value ? json_object_get_boolean(value) : otherwise;
}

const char *fields_bytes(Fields *f, const char *name, size_t *ret_size) {
        struct json_object *value = fields_text(f, name, true);

        if (!value)
                return NULL;

        if (ret_size)
                *ret_size = (size_t) json_object_get_string_len(value);
        return json_object_get_string(value);
}

struct json_object *fields_array(Fields *f, const char *name, bool required) {
        return fields_typed(f, name, json_type_array, required, "it is not an array");
}

struct json_object *fields_object(Fields *f, const char *name, bool required) {
        return fields_typed(f, name, json_type_object, required, "it is not an object");
}

int fields_finish(Fields *f, bool strict) {
        unsigned place = 0;

        if (strict && has_fields(f, "")) {
                json_object_object_foreach(f->object, key, value) {
                        if (place >= 64 || !(f->known & UINT64_C(1) << place)) {
                                fields_bad(f, key, "there is no such field");
                                break;
                        }
                        place++;
                }
        }
        return f->bad_field ? -EBADMSG : 0;
}
