/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Putting JSON objects together so that running out of memory is seen once, at the end: each takes
 * its value over, takes NULL for "there was no memory", and returns 0 or -ENOMEM.
 */
#pragma once

#include <json-c/json.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"

static inline void json_freep(struct json_object **o) {
        (void) json_object_put(*o);
}

static inline int json_put(struct json_object *o, const char *name, struct json_object *value) {
        if (!o || !value || json_object_object_add(o, name, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static inline int json_append(struct json_object *list, struct json_object *value) {
        if (!list || !value || json_object_array_add(list, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

static inline int json_put_string(struct json_object *o, const char *name, const char *value) {
        return json_put(o, name, json_object_new_string(value));
}

static inline int json_put_int(struct json_object *o, const char *name, int64_t value) {
        return json_put(o, name, json_object_new_int64(value));
}

static inline int json_put_bool(struct json_object *o, const char *name, bool value) {
        return json_put(o, name, json_object_new_boolean(value));
}

static inline int json_put_sha256(struct json_object *o, const char *name,
                                  const uint8_t digest[static SHA256_SIZE]) {
        char text[SHA256_HEX_SIZE];

        hex_encode(digest, SHA256_SIZE, text);
        return json_put_string(o, name, text);
}
