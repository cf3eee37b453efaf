/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Lookback: what was decided, and how the daemon is. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/fields.h"
#include "client/library.h"

typedef struct Entry {
        int64_t number, time, id, by;
        const char *kind, *host, *sha256; /* the object's */
        uint16_t port;
} Entry;

struct certexc_history {
        JsonObject *object;
        Entry *entries;
        size_t count;
};

struct certexc_status {
        JsonObject *object;
        JsonObject *warnings;
        JsonObject *kept; /* NULL: an older daemon does not say */
};

static int read_entry(JsonObject *object, void *ret, const char **ret_field) {
        Fields f = FIELDS_INIT(object);
        Entry e = {
                .number = fields_int(&f, "number", 0, INT64_MAX),
                .time = fields_int(&f, "time", INT64_MIN, INT64_MAX),
                .kind = fields_string(&f, "kind"),
                .id = fields_int(&f, "id", 0, INT64_MAX),
                .by = fields_int(&f, "by", INT64_MIN, INT64_MAX),
                .host = fields_string(&f, "host"),
                .port = (uint16_t) fields_int(&f, "port", 0, UINT16_MAX),
                .sha256 = fields_string(&f, "sha256"),
        };

        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        *(Entry *) ret = e;
        return 0;
}

int certexc_get_history(certexc_client *client, uint64_t id, certexc_history **ret) {
        _cleanup_(certexc_history_freep) certexc_history *h = NULL;
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        if (!client || !ret || id > INT64_MAX)
                return client_misuse(client);
        h = calloc(1, sizeof(*h));
        if (!h)
                return client_no_memory(client);

        parameters_init(&p);
        if (id != 0)
                parameters_add_int(&p, "id", (int64_t) id);
        parameters_add_owner(&p, client);
        r = parameters_call_records(&p, client, "GetHistory", "entries", read_entry, sizeof(Entry),
                                    &h->object, (void **) &h->entries, &h->count);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(h);
        return 0;
}

certexc_history *certexc_history_free(certexc_history *history) {
        if (!history)
                return NULL;
        free(history->entries);
        (void) json_object_put(history->object);
        free(history);
        return NULL;
}

size_t certexc_history_count(const certexc_history *history) {
        return history ? history->count : 0;
}

static const Entry *entry(const certexc_history *history, size_t i) {
        static const Entry none;

        return i < certexc_history_count(history) ? &history->entries[i] : &none;
}

uint64_t certexc_history_number(const certexc_history *history, size_t i) {
        return (uint64_t) entry(history, i)->number;
}

int64_t certexc_history_time(const certexc_history *history, size_t i) {
        return entry(history, i)->time;
}

const char *certexc_history_kind(const certexc_history *history, size_t i) {
        return entry(history, i)->kind;
}

uint64_t certexc_history_id(const certexc_history *history, size_t i) {
        return (uint64_t) entry(history, i)->id;
}

int64_t certexc_history_by(const certexc_history *history, size_t i) {
        return entry(history, i)->by;
}

const char *certexc_history_host(const certexc_history *history, size_t i) {
        return entry(history, i)->host;
}

uint16_t certexc_history_port(const certexc_history *history, size_t i) {
        return entry(history, i)->port;
}

const char *certexc_history_sha256(const certexc_history *history, size_t i) {
        return entry(history, i)->sha256;
}

const char *certexc_history_json(const certexc_history *history) {
        return history ? json_text(history->object) : NULL;
}

int certexc_get_status(certexc_client *client, certexc_status **ret) {
        _cleanup_(certexc_status_freep) certexc_status *s = NULL;
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        if (!client || !ret)
                return client_misuse(client);
        s = calloc(1, sizeof(*s));
        if (!s)
                return client_no_memory(client);

        parameters_init(&p);
        parameters_add_owner(&p, client);
        r = parameters_call(&p, client, "GetStatus", &s->object);
        if (r < 0)
                return r;

        Fields f = FIELDS_INIT(s->object);
        s->warnings = fields_array(&f, "warnings", true);
        if (fields_finish(&f, false) < 0 || !is_string_array(s->warnings))
                return client_bad_reply(client, "GetStatus", "warnings");
        s->kept = fields_array(&f, "kept", false);
        if (fields_finish(&f, false) < 0 || (s->kept && !is_string_array(s->kept)))
                return client_bad_reply(client, "GetStatus", "kept");
        *ret = TAKE_PTR(s);
        return 0;
}

certexc_status *certexc_status_free(certexc_status *status) {
        if (!status)
                return NULL;
        (void) json_object_put(status->object);
        free(status);
        return NULL;
}

/* The member @name; of a list, the one of that number. */
static JsonObject *get_member(JsonObject *object, const char *name) {
        if (json_object_is_type(object, json_type_array) && *name && !name[strspn(name, "0123456789")] &&
            strlen(name) < 6)
                return json_object_array_get_idx(object, (size_t) atoi(name));
        return json_object_is_type(object, json_type_object) ? json_object_object_get(object, name) : NULL;
}

/* "a", "a.b" or "a.0.b"; NULL if it is not there or of another type. */
static JsonObject *find(JsonObject *object, const char *path, enum json_type type) {
        for (;;) {
                size_t length = strcspn(path, ".");
                _cleanup_free_ char *name = strndup(path, length);

                object = name ? get_member(object, name) : NULL;
                if (!object)
                        return NULL;
                if (!path[length])
                        return json_object_is_type(object, type) ? object : NULL;
                path += length + 1;
        }
}

const char *certexc_status_text(const certexc_status *status, const char *field) {
        JsonObject *value = status && field ? find(status->object, field, json_type_string) : NULL;

        return value ? json_object_get_string(value) : NULL;
}

int64_t certexc_status_number(const certexc_status *status, const char *field) {
        JsonObject *value = status && field ? find(status->object, field, json_type_int) : NULL;

        return value ? json_object_get_int64(value) : 0;
}

size_t certexc_status_n_warnings(const certexc_status *status) {
        return status ? n_items(status->warnings) : 0;
}

const char *certexc_status_warning(const certexc_status *status, size_t i) {
        return status ? string_item(status->warnings, i) : NULL;
}

size_t certexc_status_n_kept(const certexc_status *status) {
        return status ? n_items(status->kept) : 0;
}

const char *certexc_status_kept(const certexc_status *status, size_t i) {
        return i < certexc_status_n_kept(status) ? string_item(status->kept, i) : NULL;
}

const char *certexc_status_json(const certexc_status *status) {
        return status ? json_text(status->object) : NULL;
}
