/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A decision as an export has it, for those that are imported and those that stay in a file. */
#include "config.h"

#include <json-c/json.h>
#include <string.h>

#include "client/fields.h"
#include "daemon/exported.h"

/* The words of one decision, as they came. */
typedef struct Words {
        const char *host;
        size_t host_size;
        int64_t port;
        const char *action;
        const char *pin;
        const char *state;
        const char *certificate;
        struct json_object *problems;
} Words;

static const char *read_problems(struct json_object *names, ProblemSet *ret) {
        for (size_t i = 0; names && i < json_object_array_length(names); i++) {
                struct json_object *item = json_object_array_get_idx(names, i);
                const ProblemInfo *info = NULL;

                /* A NUL would end the name before the text does. */
                if (json_object_is_type(item, json_type_string) &&
                    strlen(json_object_get_string(item)) ==
                            (size_t) json_object_get_string_len(item))
                        info = problem_by_name(json_object_get_string(item));
                if (!info)
                        return "one of the problems is no problem's name";
                *ret |= (ProblemSet) info->problem;
        }
        return NULL;
}

static const char *read_endpoint(const Words *w, Decision *d, const char **ret_member) {
        const char *reason = "the host is none";
        Endpoint endpoint;

        if (w->port < 1 || w->port > UINT16_MAX) {
                *ret_member = "port";
                return "the port is not one of 1 to 65535";
        }
        if (endpoint_set(w->host, w->host_size, (uint16_t) w->port, &endpoint, &reason) < 0) {
                *ret_member = "host";
                return reason;
        }
        memcpy(d->host, endpoint.host, sizeof(d->host));
        d->port = endpoint.port;
        return NULL;
}

/* 0 if @word is @first, 1 if it is @second, else -1. */
static int which(const char *word, const char *first, const char *second) {
        return strcmp(word, first) == 0 ? 0 : strcmp(word, second) == 0 ? 1 : -1;
}

static const char *read_words(const Words *w, Decision *d, const char **ret_member) {
        int action = which(w->action, "allow", "deny");
        int pin = which(w->pin, "certificate", "key");
        int state = which(w->state, "live", "unconfirmed");

        *ret_member = "action";
        if (action < 0)
                return "the action is neither allow nor deny";
        *ret_member = "pin";
        if (pin < 0)
                return "the pin is neither certificate nor key";
        *ret_member = "state";
        if (state < 0)
                return "the state is neither live nor unconfirmed";
        d->action = action == 0 ? DECISION_ALLOW : DECISION_DENY;
        d->pin = pin == 0 ? PIN_CERTIFICATE : PIN_KEY;
        d->state = state == 0 ? STATE_LIVE : STATE_UNCONFIRMED;
        *ret_member = "problems";
        return read_problems(w->problems, &d->problems);
}

static const char *read_fields(struct json_object *object, bool strict, Words *w, Decision *d,
                               const char **ret_member) {
        Fields f = FIELDS_INIT(object);
        bool has_until;

        w->host = fields_bytes(&f, "host", &w->host_size);
        w->port = fields_int(&f, "port", INT64_MIN, INT64_MAX);
        w->action = fields_string(&f, "action");
        w->pin = fields_string_or(&f, "pin", "certificate");
        w->state = fields_string_or(&f, "state", "live");
        w->certificate = fields_string(&f, "certificate");
        w->problems = fields_array(&f, "problems", false);
        has_until = fields_has(&f, "until");
        d->until = fields_int_or(&f, "until", INT64_MIN, INT64_MAX, 0);
        d->end = has_until ? END_DATE : END_NEVER;
        if (strict)
                d->created = d->changed = fields_int_or(&f, "created", 0, INT64_MAX, 0);
        if (fields_finish(&f, strict) == 0)
                return NULL;
        *ret_member = f.bad_field;
        return f.bad_reason;
}

const char *exported_read(struct json_object *object, bool strict, Decision *ret,
                          const char **ret_member) {
        Decision d = { .owner = ret->owner };
        const char *reason;
        Words w = { 0 };

        reason = read_fields(object, strict, &w, &d, ret_member);
        if (reason)
                return reason;
        if (sha256_decode(w.certificate, d.certificate_sha256) < 0) {
                *ret_member = "certificate";
                return "the certificate is not 64 hexadecimal digits";
        }
        reason = read_endpoint(&w, &d, ret_member);
        if (!reason)
                reason = read_words(&w, &d, ret_member);
        if (!reason)
                *ret = d;
        return reason;
}
