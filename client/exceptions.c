/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Exceptions: to add, revoke, look up and list decisions. */
#include "config.h"

#include <errno.h>

#include "client/fields.h"
#include "client/library.h"

struct certexc_exceptions {
        JsonObject *object;
        certexc_exception *items; /* borrowed from @object */
        size_t count;
};

/* The field "exception" of @reply, unless the caller does not want it. */
static int hand_out(certexc_client *client, const char *method, JsonObject *reply,
                    certexc_exception **ret) {
        const char *field = NULL;
        int r;

        if (!ret)
                return 0;
        r = exception_new(reply, ret, &field);
        if (r == -ENOMEM)
                return client_no_memory(client);
        return r < 0 ? client_bad_reply(client, method, field) : 0;
}

static JsonObject *shown_problems(const certexc_answer *answer) {
        _cleanup_(json_unrefp) JsonObject *array = json_object_new_array();

        for (size_t i = 0; array && i < certexc_answer_n_problems(answer); i++) {
                JsonObject *name = json_object_new_string(certexc_answer_problem(answer, i));

                if (!name || json_object_array_add(array, name) < 0) {
                        (void) json_object_put(name);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

static int decide(certexc_client *client, const char *method, Parameters *p,
                  const certexc_answer *answer, int64_t until, unsigned flags,
                  const char *fingerprint, certexc_exception **ret) {
        _cleanup_(json_unrefp) JsonObject *reply = NULL;
        bool already;
        int r;

        parameters_add_terms(p, until, flags, fingerprint);
        r = question_call(answer_question(answer), client, method, p, &reply);
        if (r < 0)
                return r;

        Fields f = FIELDS_INIT(reply);
        already = fields_bool_or(&f, "already", false);
        if (fields_finish(&f, false) < 0)
                return client_bad_reply(client, method, f.bad_field);
        r = hand_out(client, method, reply, ret);
        return r < 0 ? r : already;
}

static bool is_misuse(const certexc_client *client, const certexc_answer *answer, int64_t until,
                      unsigned flags) {
        return !client || !answer || !answer_question(answer) || !terms_make_sense(until, flags);
}

int certexc_add_exception(certexc_client *client, const certexc_answer *answer, int64_t until,
                          unsigned flags, const char *fingerprint, certexc_exception **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };

        if (is_misuse(client, answer, until, flags))
                return client_misuse(client);
        parameters_init(&p);
        parameters_add(&p, "problems", shown_problems(answer));
        return decide(client, "AddException", &p, answer, until, flags, fingerprint, ret);
}

int certexc_add_denial(certexc_client *client, const certexc_answer *answer, int64_t until,
                       unsigned flags, const char *fingerprint, certexc_exception **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };

        if (is_misuse(client, answer, until, flags))
                return client_misuse(client);
        parameters_init(&p);
        return decide(client, "AddDenial", &p, answer, until, flags, fingerprint, ret);
}

static int call_by_id(certexc_client *client, const char *method, uint64_t id,
                      certexc_exception **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        _cleanup_(json_unrefp) JsonObject *reply = NULL;
        int r;

        if (!client || id > INT64_MAX)
                return client_misuse(client);

        parameters_init(&p);
        parameters_add_int(&p, "id", (int64_t) id);
        parameters_add_owner(&p, client);
        r = parameters_call(&p, client, method, &reply);
        return r < 0 ? r : hand_out(client, method, reply, ret);
}

int certexc_revoke(certexc_client *client, uint64_t id, certexc_exception **ret) {
        return call_by_id(client, "RevokeException", id, ret);
}

int certexc_get(certexc_client *client, uint64_t id, certexc_exception **ret) {
        return ret ? call_by_id(client, "GetException", id, ret) : client_misuse(client);
}

static int read_item(JsonObject *item, void *ret, const char **ret_field) {
        return exception_read(item, ret, ret_field);
}

static int list(certexc_client *client, const char *host, uint16_t port, bool all, bool system,
                certexc_exceptions **ret) {
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *l = NULL;
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        if (!client || !ret)
                return client_misuse(client);
        l = calloc(1, sizeof(*l));
        if (!l)
                return client_no_memory(client);

        parameters_init(&p);
        if (host)
                parameters_add_string(&p, "host", host);
        if (port != 0)
                parameters_add_int(&p, "port", port);
        if (all)
                parameters_add(&p, "all", json_object_new_boolean(true));
        if (system)
                parameters_add(&p, "system", json_object_new_boolean(true));
        parameters_add_owner(&p, client);

        r = parameters_call_records(&p, client, "ListExceptions", "exceptions", read_item, sizeof(*l->items),
                                    &l->object, (void **) &l->items, &l->count);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(l);
        return 0;
}

int certexc_list(certexc_client *client, const char *host, uint16_t port, bool all,
                 certexc_exceptions **ret) {
        return list(client, host, port, all, false, ret);
}

int certexc_list_effective(certexc_client *client, const char *host, uint16_t port, bool all,
                           certexc_exceptions **ret) {
        return list(client, host, port, all, true, ret);
}

certexc_exceptions *certexc_exceptions_free(certexc_exceptions *exceptions) {
        if (!exceptions)
                return NULL;
        free(exceptions->items);
        (void) json_object_put(exceptions->object);
        free(exceptions);
        return NULL;
}

size_t certexc_exceptions_count(const certexc_exceptions *exceptions) {
        return exceptions ? exceptions->count : 0;
}

const certexc_exception *certexc_exceptions_item(const certexc_exceptions *exceptions, size_t i) {
        return i < certexc_exceptions_count(exceptions) ? &exceptions->items[i] : NULL;
}

const char *certexc_exceptions_json(const certexc_exceptions *exceptions) {
        return exceptions ? json_text(exceptions->object) : NULL;
}

int certexc_get_certificate(certexc_client *client, const char *sha256, uint8_t **ret_der,
                            size_t *ret_size) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        _cleanup_(json_unrefp) JsonObject *reply = NULL;
        const char *text;
        size_t length;
        int r;

        if (!client || !sha256 || !ret_der || !ret_size)
                return client_misuse(client);

        parameters_init(&p);
        parameters_add_string(&p, "sha256", sha256);
        parameters_add_owner(&p, client);
        r = parameters_call(&p, client, "GetCertificate", &reply);
        if (r < 0)
                return r;

        Fields f = FIELDS_INIT(reply);
        text = fields_bytes(&f, "der", &length);
        if (fields_finish(&f, false) < 0)
                return client_bad_reply(client, "GetCertificate", f.bad_field);
        r = base64_decode(text, length, ret_der, ret_size);
        if (r == -ENOMEM)
                return client_no_memory(client);
        return r < 0 ? client_bad_reply(client, "GetCertificate", "der") : 0;
}
