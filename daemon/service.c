/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface org.varlink.service. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <string.h>

#include "client/fields.h"
#include "daemon/service.h"
#include "schema/interface-text.h"
#include "schema/service-text.h"

typedef struct json_object JsonObject;

static JsonObject *json_free(JsonObject *object) {
        (void) json_object_put(object);
        return NULL;
}
DEFINE_CLEANUP(JsonObject *, json_free)

static const struct {
        const char *name;
        const char *description;
} interfaces[] = {
        { SERVICE_INTERFACE, service_text },
        { CERTEXC_INTERFACE, interface_text },
};

static int add_string(JsonObject *object, const char *name, const char *value) {
        JsonObject *string = json_object_new_string(value);

        if (!string)
                return -ENOMEM;
        if (json_object_object_add(object, name, string) < 0) {
                (void) json_object_put(string);
                return -ENOMEM;
        }
        return 0;
}

struct json_object *service_field(const char *name, const char *value) {
        _cleanup_(json_freep) JsonObject *object = json_object_new_object();

        if (!object || add_string(object, name, value) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static int add_interfaces(JsonObject *info) {
        JsonObject *names = json_object_new_array();

        if (!names)
                return -ENOMEM;
        if (json_object_object_add(info, "interfaces", names) < 0) {
                (void) json_object_put(names);
                return -ENOMEM;
        }
        for (size_t i = 0; i < N_ELEMENTS(interfaces); i++) {
                JsonObject *name = json_object_new_string(interfaces[i].name);

                if (!name || json_object_array_add(names, name) < 0) {
                        (void) json_object_put(name);
                        return -ENOMEM;
                }
        }
        return 0;
}

static int get_info(const char **ret_error, JsonObject **ret) {
        static const char *const facts[][2] = {
                { "vendor", "certexc" },
                { "product", "certexcd" },
                { "version", PACKAGE_VERSION },
                { "url", PACKAGE_BUGREPORT },
        };
        _cleanup_(json_freep) JsonObject *info = json_object_new_object();

        if (!info)
                return -ENOMEM;
        for (size_t i = 0; i < N_ELEMENTS(facts); i++)
                if (add_string(info, facts[i][0], facts[i][1]) < 0)
                        return -ENOMEM;
        if (add_interfaces(info) < 0)
                return -ENOMEM;

        *ret_error = NULL;
        *ret = TAKE_PTR(info);
        return 0;
}

static int get_description(const char *interface, const char **ret_error, JsonObject **ret) {
        const char *error = SERVICE_INTERFACE ".InterfaceNotFound", *name = "interface",
                   *value = interface;
        JsonObject *object;

        for (size_t i = 0; i < N_ELEMENTS(interfaces); i++) {
                if (strcmp(interfaces[i].name, interface) == 0) {
                        error = NULL;
                        name = "description";
                        value = interfaces[i].description;
                }
        }
        object = service_field(name, value);
        if (!object)
                return -ENOMEM;

        *ret_error = error;
        *ret = object;
        return 0;
}

int service_call(const char *method, struct json_object *parameters, const char **ret_error,
                 struct json_object **ret_parameters) {
        bool describe = strcmp(method, "GetInterfaceDescription") == 0;
        Fields f = FIELDS_INIT(parameters);
        const char *interface = NULL;
        JsonObject *object;

        if (!describe && strcmp(method, "GetInfo") != 0)
                return -ENOENT;

        if (describe)
                interface = fields_string(&f, "interface");
        if (fields_finish(&f, true) == 0)
                return describe ? get_description(interface, ret_error, ret_parameters)
                                : get_info(ret_error, ret_parameters);

        object = service_field("parameter", f.bad_field);
        if (!object)
                return -ENOMEM;
        *ret_error = SERVICE_INTERFACE ".InvalidParameter";
        *ret_parameters = object;
        return 0;
}
