/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The Varlink codec. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/fields.h"
#include "client/json-parse.h"
#include "client/varlink.h"

typedef struct json_object JsonObject;

static JsonObject *json_free(JsonObject *object) {
        (void) json_object_put(object);
        return NULL;
}
DEFINE_CLEANUP(JsonObject *, json_free)

/* The first allocation: most messages fit. */
#define BUFFER_BYTES_MIN 4096U

/* What an empty buffer may keep: the usual message with a chain. */
#define KEPT_BYTES_MAX 65536U

/* Makes room for @size more bytes, moving what is held to the front. */
static int buffer_reserve(VarlinkBuffer *buffer, size_t size) {
        size_t need, allocated = buffer->allocated > 0 ? buffer->allocated : BUFFER_BYTES_MIN;
        char *data;

        if (buffer->begin > 0) {
                memmove(buffer->data, buffer->data + buffer->begin, buffer->size - buffer->begin);
                buffer->size -= buffer->begin;
                buffer->scanned -= buffer->begin;
                buffer->begin = 0;
        }
        if (__builtin_add_overflow(buffer->size, size, &need) || need > SIZE_MAX / 2)
                return -ENOMEM;
        if (need <= buffer->allocated)
                return 0;

        while (allocated < need)
                allocated *= 2;
        data = realloc(buffer->data, allocated);
        if (!data)
                return -ENOMEM;

        buffer->data = data;
        buffer->allocated = allocated;
        return 0;
}

/* Moves @scanned to the next NUL, or to the end if there is none. */
static bool buffer_scan(VarlinkBuffer *buffer) {
        char *nul;

        if (buffer->scanned == buffer->size)
                return false;
        nul = memchr(buffer->data + buffer->scanned, '\0', buffer->size - buffer->scanned);
        buffer->scanned = nul ? (size_t) (nul - buffer->data) : buffer->size;
        return nul != NULL;
}

int varlink_buffer_append(VarlinkBuffer *buffer, const void *data, size_t size, size_t max) {
        int r;

        if (size == 0)
                return 0;

        r = buffer_reserve(buffer, size);
        if (r < 0)
                return r;

        memcpy(buffer->data + buffer->size, data, size);
        buffer->size += size;
        (void) buffer_scan(buffer);
        return buffer->scanned - buffer->begin > max ? -EMSGSIZE : 0;
}

int varlink_buffer_take(VarlinkBuffer *buffer, Blob *ret) {
        if (!buffer_scan(buffer)) {
                /* A connection that sent something long once does not keep its room. */
                if (buffer->begin == buffer->size && buffer->allocated > KEPT_BYTES_MAX)
                        varlink_buffer_done(buffer);
                return 0;
        }

        ret->data = (const uint8_t *) buffer->data + buffer->begin;
        ret->size = buffer->scanned - buffer->begin;
        buffer->scanned++;
        buffer->begin = buffer->scanned;
        return 1;
}

size_t varlink_buffer_held(const VarlinkBuffer *buffer) {
        return buffer->size - buffer->begin;
}

void varlink_buffer_done(VarlinkBuffer *buffer) {
        free(buffer->data);
        *buffer = (VarlinkBuffer){ 0 };
}

int varlink_parse(Blob text, struct json_object **ret, VarlinkFault *ret_fault) {
        return json_parse_object(text, ret, ret_fault);
}

static size_t weight_of_members(JsonObject *object) {
        size_t weight = 0;

        json_object_object_foreach(object, name, value) {
                (void) name;
                weight += varlink_weight(value);
        }
        return weight;
}

size_t varlink_weight(struct json_object *value) {
        size_t weight = VARLINK_VALUE_BYTES;
        bool array = json_object_is_type(value, json_type_array);

        if (!array && !json_object_is_type(value, json_type_object))
                return weight;

        weight *= VARLINK_VALUES_CONTAINER;
        if (!array)
                return weight + weight_of_members(value);
        for (size_t i = 0; i < json_object_array_length(value); i++)
                weight += varlink_weight(json_object_array_get_idx(value, i));
        return weight;
}

static int not_a_call(VarlinkFault *ret_fault, const char *reason) {
        *ret_fault = (VarlinkFault){ .reason = reason };
        return -EBADMSG;
}

int varlink_call_read(struct json_object *message, VarlinkCall *ret, VarlinkFault *ret_fault) {
        Fields f = FIELDS_INIT(message);
        VarlinkCall call = {
                .method = fields_string(&f, "method"),
                .parameters = fields_object(&f, "parameters", false),
                .more = fields_bool_or(&f, "more", false),
                .oneway = fields_bool_or(&f, "oneway", false),
                .upgrade = fields_bool_or(&f, "upgrade", false),
        };

        if (fields_finish(&f, false) < 0) {
                if (strcmp(f.bad_field, "method") == 0)
                        return not_a_call(ret_fault, "\"method\" is missing or not a string");
                if (strcmp(f.bad_field, "parameters") == 0)
                        return not_a_call(ret_fault, "\"parameters\" is not an object");
                return not_a_call(ret_fault,
                                  "\"more\", \"oneway\" or \"upgrade\" is neither true nor false");
        }
        if (call.more && call.oneway)
                return not_a_call(ret_fault, "\"more\" and \"oneway\" exclude each other");

        *ret = call;
        return 0;
}

int varlink_reply_read(struct json_object *message, VarlinkReply *ret, VarlinkFault *ret_fault) {
        Fields f = FIELDS_INIT(message);
        VarlinkReply reply = {
                .error = fields_string_or(&f, "error", NULL),
                .parameters = fields_object(&f, "parameters", false),
                .continues = fields_bool_or(&f, "continues", false),
        };

        if (fields_finish(&f, false) < 0)
                return not_a_call(ret_fault,
                                  "\"error\", \"parameters\" or \"continues\" has the wrong type");

        *ret = reply;
        return 0;
}

/* Adds @value, which is taken over even on failure. */
static int add(JsonObject *object, const char *name, JsonObject *value) {
        if (!value)
                return -ENOMEM;
        if (json_object_object_add_ex(object, name, value,
                                      JSON_C_OBJECT_ADD_KEY_IS_NEW |
                                              JSON_C_OBJECT_ADD_CONSTANT_KEY) < 0) {
                (void) json_object_put(value);
                return -ENOMEM;
        }
        return 0;
}

/* Parameters are always written: some clients do not expect them to be absent. */
static int add_parameters(JsonObject *object, JsonObject *parameters) {
        return add(object, "parameters",
                   parameters ? json_object_get(parameters) : json_object_new_object());
}

static int write_message(JsonObject *message, char **ret, size_t *ret_size) {
        const char *text;
        size_t length;
        char *copy;

        text = json_object_to_json_string_length(
                message, JSON_C_TO_STRING_PLAIN | JSON_C_TO_STRING_NOSLASHESCAPE, &length);
        if (!text)
                return -ENOMEM;
        copy = malloc(length + 1);
        if (!copy)
                return -ENOMEM;

        memcpy(copy, text, length + 1);
        *ret = copy;
        *ret_size = length + 1;
        return 0;
}

int varlink_write_call(const char *method, struct json_object *parameters, bool more, bool oneway,
                       char **ret, size_t *ret_size) {
        _cleanup_(json_freep) JsonObject *message = json_object_new_object();
        int r;

        if (!message)
                return -ENOMEM;
        r = add(message, "method", json_object_new_string(method));
        if (r < 0)
                return r;
        r = add_parameters(message, parameters);
        if (r < 0)
                return r;
        if (more) {
                r = add(message, "more", json_object_new_boolean(true));
                if (r < 0)
                        return r;
        }
        if (oneway) {
                r = add(message, "oneway", json_object_new_boolean(true));
                if (r < 0)
                        return r;
        }
        return write_message(message, ret, ret_size);
}

int varlink_write_reply(struct json_object *parameters, bool continues, char **ret,
                        size_t *ret_size) {
        _cleanup_(json_freep) JsonObject *message = json_object_new_object();
        int r;

        if (!message)
                return -ENOMEM;
        r = add_parameters(message, parameters);
        if (r < 0)
                return r;
        if (continues) {
                r = add(message, "continues", json_object_new_boolean(true));
                if (r < 0)
                        return r;
        }
        return write_message(message, ret, ret_size);
}

int varlink_write_error(const char *error, struct json_object *parameters, char **ret,
                        size_t *ret_size) {
        _cleanup_(json_freep) JsonObject *message = json_object_new_object();
        int r;

        if (!message)
                return -ENOMEM;
        r = add(message, "error", json_object_new_string(error));
        if (r < 0)
                return r;
        r = add_parameters(message, parameters);
        if (r < 0)
                return r;
        return write_message(message, ret, ret_size);
}
