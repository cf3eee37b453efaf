/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* JSON to D-Bus and back, led by the interface's types. */
#include "config.h"

#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/bus-value.h"
#include "client/encoding.h"
#include "client/varlink.h"

#define DEPTH_MAX 8U
#define INVALID_PARAMETER "org.varlink.service.InvalidParameter"
#define INVALID_ARGS      "org.freedesktop.DBus.Error.InvalidArgs"
#define SOCKET_ERRORS     "org.certexc1."

typedef struct json_object JsonObject;

static JsonObject *json_unref(JsonObject *o) {
        (void) json_object_put(o);
        return NULL;
}
DEFINE_CLEANUP(JsonObject *, json_unref)

static const struct {
        const char *plain, *array;
        json_type json;
} kinds[] = {
        [INTERFACE_BOOL] = { "b", "ab", json_type_boolean },
        [INTERFACE_INT] = { "x", "ax", json_type_int },
        [INTERFACE_STRING] = { "s", "as", json_type_string },
        [INTERFACE_BYTES] = { "ay", "aay", json_type_string },
        [INTERFACE_ARRAY] = { NULL, NULL, json_type_array },
        [INTERFACE_STRUCT] = { "a{sv}", "aa{sv}", json_type_object },
};

const char *bus_value_signature(const InterfaceType *type) {
        return type->kind == INTERFACE_ARRAY ? kinds[type->element->kind].array
                                             : kinds[type->kind].plain;
}

char *bus_call_signature(const InterfaceMember *method) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < method->in->n_fields; i++)
                if (!method->in->fields[i].optional)
                        (void) fputs(bus_value_signature(method->in->fields[i].type), f);
        (void) fputs("a{sv}", f);
        if (fclose(f) != 0) {
                free(text);
                return NULL;
        }
        return text;
}

/* -- names of errors --------------------------------------------------------------------------- */

static char *exchange_prefix(const char *name, const char *from, const char *to) {
        size_t n = strlen(from);
        char *text;

        if (strncmp(name, from, n) != 0)
                return strdup(name);
        return asprintf(&text, "%s%s", to, name + n) < 0 ? NULL : text;
}

char *bus_error_from_socket(const char *error) {
        if (strcmp(error, INVALID_PARAMETER) == 0)
                return strdup(INVALID_ARGS);
        return exchange_prefix(error, SOCKET_ERRORS, BUS_ERRORS);
}

char *bus_error_to_socket(const char *error) {
        if (strcmp(error, INVALID_ARGS) == 0)
                return strdup(INVALID_PARAMETER);
        return exchange_prefix(error, BUS_ERRORS, SOCKET_ERRORS);
}

/* -- to the bus -------------------------------------------------------------------------------- */

static int append_value(sd_bus_message *m, const InterfaceType *type, JsonObject *o);

static int append_bytes(sd_bus_message *m, JsonObject *o) {
        _cleanup_free_ uint8_t *data = NULL;
        const char *text = json_object_get_string(o);
        size_t size;
        int r;

        r = base64_decode(text, (size_t) json_object_get_string_len(o), &data, &size);
        return r < 0 ? r : sd_bus_message_append_array(m, 'y', data, size);
}

static int append_array(sd_bus_message *m, const InterfaceType *element, JsonObject *o) {
        int r;

        r = sd_bus_message_open_container(m, 'a', bus_value_signature(element));
        for (size_t i = 0; r >= 0 && i < json_object_array_length(o); i++)
                r = append_value(m, element, json_object_array_get_idx(o, i));
        return r < 0 ? r : sd_bus_message_close_container(m);
}

static int append_value(sd_bus_message *m, const InterfaceType *type, JsonObject *o) {
        int64_t number = json_object_get_int64(o);
        int truth = json_object_get_boolean(o);

        if (!json_object_is_type(o, kinds[type->kind].json))
                return -EINVAL;
        switch (type->kind) {
        case INTERFACE_BOOL:
                return sd_bus_message_append_basic(m, 'b', &truth);
        case INTERFACE_INT:
                return sd_bus_message_append_basic(m, 'x', &number);
        case INTERFACE_STRING:
                return sd_bus_message_append_basic(m, 's', json_object_get_string(o));
        case INTERFACE_BYTES:
                return append_bytes(m, o);
        case INTERFACE_ARRAY:
                return append_array(m, type->element, o);
        case INTERFACE_STRUCT:
        default:
                return bus_append_object(m, type, o);
        }
}

/* One that the interface does not know, or knows as something else, goes as what it is: it is the
 * other side's to refuse it. */
static const InterfaceType *type_of(const InterfaceField *field, JsonObject *o) {
        static const InterfaceType truth = { .kind = INTERFACE_BOOL },
                                   number = { .kind = INTERFACE_INT },
                                   text = { .kind = INTERFACE_STRING },
                                   object = { .kind = INTERFACE_STRUCT };

        if (field && json_object_is_type(o, kinds[field->type->kind].json))
                return field->type;
        if (json_object_is_type(o, json_type_boolean))
                return &truth;
        if (json_object_is_type(o, json_type_int))
                return &number;
        return json_object_is_type(o, json_type_string) ? &text : &object;
}

static int append_entry(sd_bus_message *m, const char *name, const InterfaceType *type,
                        JsonObject *o) {
        int r;

        r = sd_bus_message_open_container(m, 'e', "sv");
        if (r >= 0)
                r = sd_bus_message_append_basic(m, 's', name);
        if (r >= 0)
                r = sd_bus_message_open_container(m, 'v', bus_value_signature(type));
        if (r >= 0)
                r = append_value(m, type, o);
        if (r >= 0)
                r = sd_bus_message_close_container(m);
        return r < 0 ? r : sd_bus_message_close_container(m);
}

/* The fields of @o, without those that are arguments of their own if @options. */
static int append_fields(sd_bus_message *m, const InterfaceType *type, JsonObject *o,
                         bool options) {
        int r;

        r = sd_bus_message_open_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        if (o) {
                json_object_object_foreach(o, name, value) {
                        const InterfaceField *field = interface_field(type, name);

                        if (!value || (options && field && !field->optional))
                                continue;
                        r = append_entry(m, name, type_of(field, value), value);
                        if (r < 0)
                                return r;
                }
        }
        return sd_bus_message_close_container(m);
}

int bus_append_object(sd_bus_message *m, const InterfaceType *type, JsonObject *o) {
        return append_fields(m, type, o, false);
}

int bus_append_call(sd_bus_message *m, const InterfaceMember *method, JsonObject *o) {
        const InterfaceType *in = method->in;

        for (size_t i = 0; i < in->n_fields; i++) {
                JsonObject *value = NULL;
                int r;

                if (in->fields[i].optional)
                        continue;
                if (!o || !json_object_object_get_ex(o, in->fields[i].name, &value))
                        return -EINVAL;
                r = append_value(m, in->fields[i].type, value);
                if (r < 0)
                        return r;
        }
        return append_fields(m, in, o, true);
}

/* -- from the bus ------------------------------------------------------------------------------ */

/* What a message may still grow by. */
typedef struct Budget {
        size_t bytes;
        size_t values;
        unsigned depth;
} Budget;

static int spend(Budget *budget, size_t bytes) {
        if (budget->values == 0 || bytes > budget->bytes)
                return -EMSGSIZE;
        budget->values--;
        budget->bytes -= bytes;
        return 0;
}

static int read_value(sd_bus_message *m, const InterfaceType *type, Budget *budget,
                      JsonObject **ret);

/* In the place of what cannot be told in JSON, or is not what the interface wants. */
static int read_nothing(sd_bus_message *m, const char *signature, JsonObject **ret) {
        int r;

        r = sd_bus_message_skip(m, signature);
        if (r < 0)
                return r;
        *ret = json_object_new_object();
        return *ret ? 0 : -ENOMEM;
}

static int hand_out(JsonObject *o, JsonObject **ret) {
        if (!o)
                return -ENOMEM;
        *ret = o;
        return 0;
}

static int read_number(sd_bus_message *m, char type, JsonObject **ret) {
        union {
                uint8_t y;
                int16_t n;
                uint16_t q;
                int32_t i;
                uint32_t u;
                int64_t x;
                uint64_t t;
        } v = { .t = 0 };
        int r = sd_bus_message_read_basic(m, type, &v);

        if (r < 0)
                return r;
        switch (type) {
        case 'y':
                return hand_out(json_object_new_int64(v.y), ret);
        case 'n':
                return hand_out(json_object_new_int64(v.n), ret);
        case 'q':
                return hand_out(json_object_new_int64(v.q), ret);
        case 'i':
                return hand_out(json_object_new_int64(v.i), ret);
        case 'u':
                return hand_out(json_object_new_int64(v.u), ret);
        case 't':
                /* One that fits nowhere in the interface fits no better as the largest that there
                 * is. */
                return hand_out(json_object_new_int64(v.t > INT64_MAX ? INT64_MAX : (int64_t) v.t),
                                ret);
        default:
                return hand_out(json_object_new_int64(v.x), ret);
        }
}

static int read_string(sd_bus_message *m, char type, const InterfaceType *as, Budget *budget,
                       JsonObject **ret) {
        const char *text = NULL;
        int r;

        r = sd_bus_message_read_basic(m, type, &text);
        if (r >= 0)
                r = spend(budget, strlen(text));
        if (r < 0)
                return r;
        /* Bytes are given as bytes, in one way only. */
        return hand_out(as && as->kind == INTERFACE_BYTES ? json_object_new_object()
                                                          : json_object_new_string(text), ret);
}

static int read_bytes(sd_bus_message *m, Budget *budget, JsonObject **ret) {
        _cleanup_free_ char *text = NULL;
        const void *data = NULL;
        size_t size = 0;
        int r;

        r = sd_bus_message_read_array(m, 'y', &data, &size);
        if (r >= 0)
                r = spend(budget, size / 3 * 4);
        if (r < 0)
                return r;
        text = malloc(BASE64_SIZE(size));
        if (!text)
                return -ENOMEM;
        base64_encode(data, size, text);
        return hand_out(json_object_new_string(text), ret);
}

static int read_variant(sd_bus_message *m, const InterfaceType *type, Budget *budget,
                        JsonObject **ret) {
        const char *contents = NULL;
        char kind;
        int r;

        r = sd_bus_message_peek_type(m, &kind, &contents);
        if (r < 0)
                return r;
        r = sd_bus_message_enter_container(m, 'v', contents);
        if (r >= 0)
                r = read_value(m, type, budget, ret);
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_entry(sd_bus_message *m, const InterfaceType *type, Budget *budget,
                      JsonObject *into) {
        const InterfaceField *field;
        JsonObject *value = NULL;
        const char *name = NULL;
        int r;

        r = sd_bus_message_read_basic(m, 's', &name);
        if (r >= 0)
                r = spend(budget, strlen(name));
        if (r < 0)
                return r;
        if (json_object_object_get_ex(into, name, NULL))
                return -EBADMSG;
        if ((unsigned) json_object_object_length(into) >= VARLINK_KEYS_MAX)
                return -EMSGSIZE;

        field = interface_field(type, name);
        r = read_variant(m, field ? field->type : NULL, budget, &value);
        if (r < 0)
                return r;
        if (json_object_object_add(into, name, value) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

/* Adds what an a{sv} has to @into. */
static int read_dictionary(sd_bus_message *m, const InterfaceType *type, Budget *budget,
                           JsonObject *into) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', "{sv}");
        if (r < 0)
                return r;
        while ((r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
                r = read_entry(m, type, budget, into);
                if (r >= 0)
                        r = sd_bus_message_exit_container(m);
                if (r < 0)
                        return r;
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_elements(sd_bus_message *m, const char *contents, const InterfaceType *element,
                         Budget *budget, JsonObject *into) {
        int r;

        r = sd_bus_message_enter_container(m, 'a', contents);
        while (r >= 0 && (r = sd_bus_message_at_end(m, false)) == 0) {
                JsonObject *value = NULL;

                r = read_value(m, element, budget, &value);
                if (r >= 0 && json_object_array_add(into, value) < 0) {
                        (void) json_object_put(value);
                        r = -ENOMEM;
                }
        }
        return r < 0 ? r : sd_bus_message_exit_container(m);
}

static int read_container(sd_bus_message *m, const char *contents, const InterfaceType *type,
                          Budget *budget, JsonObject **ret) {
        bool object = strcmp(contents, "{sv}") == 0;
        _cleanup_(json_unrefp) JsonObject *o = NULL;
        int r;

        o = object ? json_object_new_object() : json_object_new_array();
        if (!o)
                return -ENOMEM;
        r = spend(budget, 0);
        if (r < 0)
                return r;
        budget->depth++;
        r = object ? read_dictionary(m, type, budget, o)
                   : read_elements(m, contents,
                                   type && type->kind == INTERFACE_ARRAY ? type->element : NULL,
                                   budget, o);
        budget->depth--;
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}

static int read_value(sd_bus_message *m, const InterfaceType *type, Budget *budget,
                      JsonObject **ret) {
        const char *contents = NULL;
        char kind;
        int r, truth;

        r = sd_bus_message_peek_type(m, &kind, &contents);
        if (r <= 0)
                return r < 0 ? r : -EBADMSG;
        if (strchr("ynqiuxt", kind)) {
                r = spend(budget, 0);
                return r < 0 ? r : read_number(m, kind, ret);
        }
        if (strchr("sog", kind))
                return read_string(m, kind, type, budget, ret);
        if (kind == 'b') {
                r = sd_bus_message_read_basic(m, 'b', &truth);
                return r < 0 ? r : hand_out(json_object_new_boolean(truth), ret);
        }
        if (kind == 'a' && strcmp(contents, "y") == 0 && type && type->kind == INTERFACE_BYTES)
                return read_bytes(m, budget, ret);
        if (kind == 'a' && budget->depth < DEPTH_MAX &&
            (contents[0] != '{' || strcmp(contents, "{sv}") == 0) && strcmp(contents, "y") != 0)
                return read_container(m, contents, type, budget, ret);
        r = spend(budget, 0);
        return r < 0 ? r : read_nothing(m, NULL, ret);
}

int bus_read_object(sd_bus_message *m, const InterfaceType *type, size_t max, JsonObject **ret) {
        Budget budget = { .bytes = max, .values = VARLINK_VALUES_MAX };

        return read_container(m, "{sv}", type, &budget, ret);
}

int bus_read_call(sd_bus_message *m, const InterfaceMember *method, size_t max,
                  JsonObject **ret) {
        _cleanup_(json_unrefp) JsonObject *o = json_object_new_object();
        Budget budget = { .bytes = max, .values = VARLINK_VALUES_MAX };
        int r;

        if (!o)
                return -ENOMEM;
        for (size_t i = 0; i < method->in->n_fields; i++) {
                const InterfaceField *field = &method->in->fields[i];
                JsonObject *value = NULL;

                if (field->optional)
                        continue;
                r = read_value(m, field->type, &budget, &value);
                if (r < 0)
                        return r;
                if (json_object_object_add(o, field->name, value) < 0) {
                        (void) json_object_put(value);
                        return -ENOMEM;
                }
        }
        r = read_dictionary(m, method->in, &budget, o);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(o);
        return 0;
}
