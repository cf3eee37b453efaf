/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Record: certificates and decisions as the daemon tells them. */
#include "config.h"

#include <errno.h>

#include "client/fields.h"
#include "client/library.h"

bool is_string_array(JsonObject *array) {
        if (!array)
                return false;
        for (size_t i = 0; i < n_items(array); i++)
                if (!json_object_is_type(json_object_array_get_idx(array, i), json_type_string))
                        return false;
        return true;
}

size_t n_items(JsonObject *array) {
        return array ? json_object_array_length(array) : 0;
}

const char *string_item(JsonObject *array, size_t i) {
        return i < n_items(array) ? json_object_get_string(json_object_array_get_idx(array, i))
                                  : NULL;
}

const char *json_text(JsonObject *object) {
        const int flags = JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE;

        return object ? json_object_to_json_string_ext(object, flags) : NULL;
}

int certificate_read(JsonObject *object, certexc_certificate *ret, const char **ret_field) {
        Fields f = FIELDS_INIT(object);
        certexc_certificate c = {
                .sha256 = fields_string(&f, "sha256"),
                .key_sha256 = fields_string(&f, "key_sha256"),
                .subject = fields_string(&f, "subject"),
                .issuer = fields_string(&f, "issuer"),
                .serial = fields_string(&f, "serial"),
                .names = fields_array(&f, "names", true),
                .not_before = fields_int(&f, "not_before", INT64_MIN, INT64_MAX),
                .not_after = fields_int(&f, "not_after", INT64_MIN, INT64_MAX),
        };

        if (!is_string_array(c.names))
                fields_bad(&f, "names", "it is no array of strings");
        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        *ret = c;
        return 0;
}

int exception_read(JsonObject *object, certexc_exception *ret, const char **ret_field) {
        Fields f = FIELDS_INIT(object);
        certexc_exception e = {
                .object = object,
                .id = fields_int(&f, "id", 1, INT64_MAX),
                .owner = fields_int(&f, "owner", INT64_MIN, INT64_MAX),
                .origin = fields_string_or(&f, "origin", NULL),
                .file = fields_string_or(&f, "file", NULL),
                .action = fields_string(&f, "action"),
                .host = fields_string(&f, "host"),
                .port = (uint16_t) fields_int(&f, "port", 0, UINT16_MAX),
                .pin = fields_string(&f, "pin"),
                .problems = fields_array(&f, "problems", true),
                .end = fields_string(&f, "end"),
                .until = fields_int_or(&f, "until", INT64_MIN, INT64_MAX, 0),
                .state = fields_string(&f, "state"),
                .created = fields_int(&f, "created", INT64_MIN, INT64_MAX),
                .changed = fields_int(&f, "changed", INT64_MIN, INT64_MAX),
        };
        JsonObject *certificate = fields_object(&f, "certificate", true);

        /* A daemon that does not say knows no files. */
        if (!e.origin)
                e.origin = e.owner == CERTEXC_OWNER_SYSTEM ? "admin" : "own";
        if (!is_string_array(e.problems))
                fields_bad(&f, "problems", "it is no array of strings");
        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        if (certificate_read(certificate, &e.certificate, ret_field) < 0)
                return -EPROTO;
        *ret = e;
        return 0;
}

int exception_new(JsonObject *reply, certexc_exception **ret, const char **ret_field) {
        _cleanup_free_ certexc_exception *e = NULL; /* holds nothing until it is whole */
        Fields f = FIELDS_INIT(reply);
        JsonObject *object = fields_object(&f, "exception", true);
        int r;

        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        e = calloc(1, sizeof(*e));
        if (!e)
                return -ENOMEM;
        r = exception_read(object, e, ret_field);
        if (r < 0)
                return r;

        (void) json_object_get(object);
        e->standalone = true;
        *ret = TAKE_PTR(e);
        return 0;
}

certexc_exception *certexc_exception_free(certexc_exception *exception) {
        if (!exception || !exception->standalone)
                return NULL;
        (void) json_object_put(exception->object);
        free(exception);
        return NULL;
}

/* Getters; @otherwise is what NULL is answered with. */
#define GETTER(type, name, record, expression, otherwise)                                          \
        type certexc_##record##_##name(const certexc_##record *record) {                           \
                return record ? expression : otherwise;                                            \
        }

GETTER(const char *, sha256, certificate, certificate->sha256, NULL)
GETTER(const char *, key_sha256, certificate, certificate->key_sha256, NULL)
GETTER(const char *, subject, certificate, certificate->subject, NULL)
GETTER(const char *, issuer, certificate, certificate->issuer, NULL)
GETTER(const char *, serial, certificate, certificate->serial, NULL)
GETTER(size_t, n_names, certificate, n_items(certificate->names), 0)
GETTER(int64_t, not_before, certificate, certificate->not_before, 0)
GETTER(int64_t, not_after, certificate, certificate->not_after, 0)

const char *certexc_certificate_name(const certexc_certificate *certificate, size_t i) {
        return certificate ? string_item(certificate->names, i) : NULL;
}

GETTER(uint64_t, id, exception, (uint64_t) exception->id, 0)
GETTER(int64_t, owner, exception, exception->owner, 0)
GETTER(const char *, origin, exception, exception->origin, NULL)
GETTER(const char *, file, exception, exception->file, NULL)
GETTER(const char *, action, exception, exception->action, NULL)
GETTER(const char *, host, exception, exception->host, NULL)
GETTER(uint16_t, port, exception, exception->port, 0)
GETTER(const char *, pin, exception, exception->pin, NULL)
GETTER(size_t, n_problems, exception, n_items(exception->problems), 0)
GETTER(const char *, end, exception, exception->end, NULL)
GETTER(int64_t, until, exception, exception->until, 0)
GETTER(const char *, state, exception, exception->state, NULL)
GETTER(int64_t, created, exception, exception->created, 0)
GETTER(int64_t, changed, exception, exception->changed, 0)
GETTER(const certexc_certificate *, certificate, exception, &exception->certificate, NULL)
GETTER(const char *, json, exception, json_text(exception->object), NULL)

const char *certexc_exception_problem(const certexc_exception *exception, size_t i) {
        return exception ? string_item(exception->problems, i) : NULL;
}
