/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the daemon tells, read once and checked: the records of libcertexc. */
#pragma once

#include "client/certexc.h"
#include "client/connection.h"

struct certexc_certificate {
        const char *sha256, *key_sha256, *subject, *issuer, *serial; /* all of the object's */
        JsonObject *names;
        int64_t not_before, not_after;
};

struct certexc_exception {
        JsonObject *object; /* owned if @standalone */
        const char *action, *host, *pin, *end, *state, *origin, *file;
        JsonObject *problems;
        certexc_certificate certificate;
        int64_t id, owner, until, created, changed;
        uint16_t port;
        bool standalone;
};

/* Each returns 0, or -EPROTO and the field that is wrong. Borrowed from @object. */
int certificate_read(JsonObject *object, certexc_certificate *ret, const char **ret_field);
int exception_read(JsonObject *object, certexc_exception *ret, const char **ret_field);

/* A standalone one from the field "exception" of @reply. */
int exception_new(JsonObject *reply, certexc_exception **ret, const char **ret_field);

/* true if @array holds strings only. */
bool is_string_array(JsonObject *array);
/* NULL beyond its end. */
const char *string_item(JsonObject *array, size_t i);
/* An array's length; 0 for NULL. */
size_t n_items(JsonObject *array);
/* As text; the object keeps it. */
const char *json_text(JsonObject *object);
