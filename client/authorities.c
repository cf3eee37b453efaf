/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Authorities: to list, import, distrust and remove them. */
#include "config.h"

#include <errno.h>

#include "client/fields.h"
#include "client/library.h"

struct certexc_authority {
        JsonObject *object; /* owned if @standalone */
        const char *origin, *kind, *state, *pin;
        JsonObject *only;
        certexc_certificate certificate;
        int64_t id, owner, by, created, changed;
        bool standalone;
};

struct certexc_authorities {
        JsonObject *object;
        certexc_authority *items; /* borrowed from @object */
        size_t count;
};

static int authority_read(JsonObject *object, certexc_authority *ret, const char **ret_field) {
        Fields f = FIELDS_INIT(object);
        certexc_authority a = {
                .object = object,
                .id = fields_int_or(&f, "id", 1, INT64_MAX, 0),
                .owner = fields_int_or(&f, "owner", INT64_MIN, INT64_MAX, CERTEXC_OWNER_SYSTEM),
                .by = fields_int_or(&f, "by", INT64_MIN, INT64_MAX, 0),
                .origin = fields_string(&f, "origin"),
                .kind = fields_string(&f, "kind"),
                .state = fields_string(&f, "state"),
                .pin = fields_string(&f, "pin"),
                .only = fields_array(&f, "only", true),
                .created = fields_int_or(&f, "created", INT64_MIN, INT64_MAX, 0),
                .changed = fields_int_or(&f, "changed", INT64_MIN, INT64_MAX, 0),
        };
        JsonObject *certificate = fields_object(&f, "certificate", true);

        if (!is_string_array(a.only))
                fields_bad(&f, "only", "it is no array of strings");
        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        if (certificate_read(certificate, &a.certificate, ret_field) < 0)
                return -EPROTO;
        *ret = a;
        return 0;
}

/* -- one ------------------------------------------------------------------------------------ */

int authority_of(JsonObject *object, certexc_authority **ret, const char **ret_field) {
        _cleanup_free_ certexc_authority *a = NULL; /* holds nothing until it is whole */
        int r;

        a = calloc(1, sizeof(*a));
        if (!a)
                return -ENOMEM;
        r = authority_read(object, a, ret_field);
        if (r < 0)
                return r;
        (void) json_object_get(object);
        a->standalone = true;
        *ret = TAKE_PTR(a);
        return 0;
}

static int authority_new(JsonObject *reply, certexc_authority **ret, const char **ret_field) {
        Fields f = FIELDS_INIT(reply);
        JsonObject *object = fields_object(&f, "authority", true);

        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        return authority_of(object, ret, ret_field);
}

/* Calls @method; 1 if the reply says that it was so already. */
static int call(certexc_client *client, const char *method, Parameters *p,
                certexc_authority **ret) {
        _cleanup_(json_unrefp) JsonObject *reply = NULL;
        const char *field = NULL;
        bool already;
        int r;

        parameters_add_owner(p, client);
        r = parameters_call(p, client, method, &reply);
        if (r < 0)
                return r;

        Fields f = FIELDS_INIT(reply);
        already = fields_bool_or(&f, "already", false);
        if (fields_finish(&f, false) < 0)
                return client_bad_reply(client, method, f.bad_field);
        r = ret ? authority_new(reply, ret, &field) : 0;
        if (r == -ENOMEM)
                return client_no_memory(client);
        return r < 0 ? client_bad_reply(client, method, field) : already;
}

/* NULL without memory. */
static JsonObject *base64_of(const uint8_t *der, size_t size) {
        _cleanup_free_ char *text = malloc(BASE64_SIZE(size));

        if (!text)
                return NULL;
        base64_encode(der, size, text);
        return json_object_new_string(text);
}

static JsonObject *names_array(const char *const *names) {
        _cleanup_(json_unrefp) JsonObject *array = json_object_new_array();

        for (size_t i = 0; array && names[i]; i++) {
                JsonObject *name = json_object_new_string(names[i]);

                if (!name || json_object_array_add(array, name) < 0) {
                        (void) json_object_put(name);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

int certexc_import_authority(certexc_client *client, const uint8_t *der, size_t size,
                             const char *const *only, unsigned flags, const char *fingerprint,
                             certexc_authority **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };

        if (!client || !der || size == 0 || (flags & ~CERTEXC_CHECK_ONLY) != 0)
                return client_misuse(client);
        parameters_init(&p);
        parameters_add(&p, "der", base64_of(der, size));
        if (only)
                parameters_add(&p, "only", names_array(only));
        else
                parameters_add(&p, "all_names", json_object_new_boolean(true));
        if (flags & CERTEXC_CHECK_ONLY)
                parameters_add(&p, "check", json_object_new_boolean(true));
        if (fingerprint)
                parameters_add_string(&p, "fingerprint", fingerprint);
        return call(client, "ImportAuthority", &p, ret);
}

int certexc_distrust(certexc_client *client, const uint8_t *der, size_t size, const char *sha256,
                     unsigned flags, const char *fingerprint, certexc_authority **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };

        if (!client || !der == !sha256 || (der && size == 0) || (flags & ~CERTEXC_PIN_KEY) != 0)
                return client_misuse(client);
        parameters_init(&p);
        if (der)
                parameters_add(&p, "der", base64_of(der, size));
        else
                parameters_add_string(&p, "sha256", sha256);
        parameters_add_string(&p, "pin", flags & CERTEXC_PIN_KEY ? "key" : "certificate");
        if (fingerprint)
                parameters_add_string(&p, "fingerprint", fingerprint);
        return call(client, "Distrust", &p, ret);
}

int certexc_remove_authority(certexc_client *client, uint64_t id, certexc_authority **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };

        if (!client || id > INT64_MAX)
                return client_misuse(client);
        parameters_init(&p);
        parameters_add_int(&p, "id", (int64_t) id);
        return call(client, "RemoveAuthority", &p, ret);
}

certexc_authority *certexc_authority_free(certexc_authority *authority) {
        if (!authority || !authority->standalone)
                return NULL;
        (void) json_object_put(authority->object);
        free(authority);
        return NULL;
}

/* -- all ------------------------------------------------------------------------------------ */

static int read_item(JsonObject *item, void *ret, const char **ret_field) {
        return authority_read(item, ret, ret_field);
}

int certexc_list_authorities(certexc_client *client, const char *origin, const char *sha256,
                             bool all, certexc_authorities **ret) {
        _cleanup_(certexc_authorities_freep) certexc_authorities *list = NULL;
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        if (!client || !ret)
                return client_misuse(client);
        list = calloc(1, sizeof(*list));
        if (!list)
                return client_no_memory(client);

        parameters_init(&p);
        if (origin)
                parameters_add_string(&p, "origin", origin);
        if (sha256)
                parameters_add_string(&p, "sha256", sha256);
        if (all)
                parameters_add(&p, "all", json_object_new_boolean(true));
        parameters_add_owner(&p, client);

        r = parameters_call_records(&p, client, "ListAuthorities", "authorities", read_item, sizeof(*list->items),
                                    &list->object, (void **) &list->items, &list->count);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(list);
        return 0;
}

certexc_authorities *certexc_authorities_free(certexc_authorities *authorities) {
        if (!authorities)
                return NULL;
        free(authorities->items);
        (void) json_object_put(authorities->object);
        free(authorities);
        return NULL;
}

size_t certexc_authorities_count(const certexc_authorities *authorities) {
        return authorities ? authorities->count : 0;
}

const certexc_authority *certexc_authorities_item(const certexc_authorities *authorities,
                                                  size_t i) {
        return i < certexc_authorities_count(authorities) ? &authorities->items[i] : NULL;
}

const char *certexc_authorities_json(const certexc_authorities *authorities) {
        return authorities ? json_text(authorities->object) : NULL;
}

/* -- getters -------------------------------------------------------------------------------- */

/* @otherwise is what NULL is answered with. */
#define GETTER(type, name, expression, otherwise)                                                  \
        type certexc_authority_##name(const certexc_authority *authority) {                        \
                return authority ? expression : otherwise;                                         \
        }

GETTER(uint64_t, id, (uint64_t) authority->id, 0)
GETTER(int64_t, owner, authority->owner, 0)
GETTER(int64_t, by, authority->by, 0)
GETTER(const char *, origin, authority->origin, NULL)
GETTER(const char *, kind, authority->kind, NULL)
GETTER(const char *, state, authority->state, NULL)
GETTER(const char *, pin, authority->pin, NULL)
GETTER(size_t, n_only, n_items(authority->only), 0)
GETTER(int64_t, created, authority->created, 0)
GETTER(int64_t, changed, authority->changed, 0)
GETTER(const certexc_certificate *, certificate, &authority->certificate, NULL)
GETTER(const char *, json, json_text(authority->object), NULL)

const char *certexc_authority_only(const certexc_authority *authority, size_t i) {
        return authority ? string_item(authority->only, i) : NULL;
}
