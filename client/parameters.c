/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Parameters: the objects that calls carry, put together with one check at the end. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>

#include "client/fields.h"
#include "client/library.h"

void parameters_init(Parameters *p) {
        p->object = json_object_new_object();
        p->bad = !p->object;
}

void parameters_done(Parameters *p) {
        p->object = json_unref(p->object);
}

void parameters_add(Parameters *p, const char *name, JsonObject *value) {
        if (p->bad || !value || json_object_object_add(p->object, name, value) < 0) {
                (void) json_object_put(value);
                p->bad = true;
        }
}

void parameters_add_string(Parameters *p, const char *name, const char *value) {
        parameters_add(p, name, json_object_new_string(value));
}

void parameters_add_int(Parameters *p, const char *name, int64_t value) {
        parameters_add(p, name, json_object_new_int64(value));
}

void parameters_add_owner(Parameters *p, const certexc_client *client) {
        if (client_owner(client) != CERTEXC_OWNER_SELF)
                parameters_add_int(p, "owner", client_owner(client));
}

void parameters_add_session(Parameters *p) {
        const char *session = secure_getenv("XDG_SESSION_ID");

        if (session && *session)
                parameters_add_string(p, "login_session", session);
}

bool terms_make_sense(int64_t until, unsigned flags) {
        return (flags & ~(CERTEXC_SESSION | CERTEXC_PIN_KEY)) == 0 &&
               (until == 0 || !(flags & CERTEXC_SESSION));
}

void parameters_add_terms(Parameters *p, int64_t until, unsigned flags, const char *fingerprint) {
        if (until != 0)
                parameters_add_int(p, "until", until);
        if (flags & CERTEXC_SESSION)
                parameters_add(p, "session", json_object_new_boolean(true));
        parameters_add_string(p, "pin", flags & CERTEXC_PIN_KEY ? "key" : "certificate");
        if (fingerprint)
                parameters_add_string(p, "fingerprint", fingerprint);
}

int parameters_call(Parameters *p, certexc_client *client, const char *method, JsonObject **ret) {
        if (p->bad)
                return client_no_memory(client);
        return client_call(client, method, p->object, ret);
}

/* Moves the items of @page to the end of @all. */
static int append_items(JsonObject *all, JsonObject *page) {
        for (size_t i = 0; i < n_items(page); i++) {
                JsonObject *item = json_object_get(json_object_array_get_idx(page, i));

                if (json_object_array_add(all, item) < 0) {
                        (void) json_object_put(item);
                        return -ENOMEM;
                }
        }
        return 0;
}

/* One page: 1 if there are more, after *@after. */
static int call_page(Parameters *p, certexc_client *client, const char *method, const char *field,
                     int64_t *after, JsonObject *all) {
        _cleanup_(json_unrefp) JsonObject *reply = NULL;
        int64_t next;
        JsonObject *page;
        int r;

        r = parameters_call(p, client, method, &reply);
        if (r < 0)
                return r;

        Fields f = FIELDS_INIT(reply);
        page = fields_array(&f, field, true);
        next = fields_int_or(&f, "next", 1, INT64_MAX, 0);
        /* One that does not move on would have us ask for ever. */
        if (next != 0 && next <= *after)
                fields_bad(&f, "next", "it does not move on");
        if (fields_finish(&f, false) < 0)
                return client_bad_reply(client, method, f.bad_field);
        if (append_items(all, page) < 0)
                return client_no_memory(client);

        *after = next;
        return next != 0;
}

static int call_pages(Parameters *p, certexc_client *client, const char *method,
                      const char *field, JsonObject **ret) {
        _cleanup_(parameters_done) Parameters joined = { 0 };
        JsonObject *all = json_object_new_array();
        int64_t after = 0;
        int r;

        parameters_init(&joined);
        parameters_add(&joined, field, all);
        if (joined.bad)
                return client_no_memory(client);

        for (;;) {
                r = call_page(p, client, method, field, &after, all);
                if (r < 0)
                        return r;
                if (r == 0)
                        break;
                parameters_add_int(p, "after", after);
        }
        *ret = TAKE_PTR(joined.object);
        return 0;
}

static int read_records(JsonObject *array, const char *field, RecordRead read, size_t size,
                        char *items, size_t *ret_count, const char **ret_field) {
        for (size_t i = 0; i < json_object_array_length(array); i++) {
                JsonObject *item = json_object_array_get_idx(array, i);
                int r;

                *ret_field = field;
                if (!json_object_is_type(item, json_type_object))
                        return -EPROTO;
                r = read(item, items + i * size, ret_field);
                if (r < 0)
                        return r;
                (*ret_count)++;
        }
        return 0;
}

int parameters_call_records(Parameters *p, certexc_client *client, const char *method,
                            const char *field, RecordRead read, size_t size,
                            JsonObject **ret_object, void **ret_items, size_t *ret_count) {
        const char *wrong = NULL;
        JsonObject *array;
        int r;

        r = call_pages(p, client, method, field, ret_object);
        if (r < 0)
                return r;
        array = json_object_object_get(*ret_object, field);
        *ret_items = calloc(json_object_array_length(array) + 1, size);
        if (!*ret_items)
                return client_no_memory(client);
        r = read_records(array, field, read, size, *ret_items, ret_count, &wrong);
        if (r < 0)
                return r == -ENOMEM ? client_no_memory(client)
                                    : client_bad_reply(client, method, wrong);
        return 0;
}
