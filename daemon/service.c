/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The interface org.varlink.service. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/fields.h"
#include "daemon/json.h"
#include "daemon/service.h"
#include "schema/interface-text.h"
#include "schema/service-text.h"

typedef struct json_object JsonObject;

static const struct {
        const char *name;
        const char *description;
} interfaces[] = {
        { SERVICE_INTERFACE, service_text },
        { CERTEXC_INTERFACE, interface_text },
};

struct json_object *service_field(const char *name, const char *value) {
        _cleanup_(json_freep) JsonObject *object = json_object_new_object();

        if (json_put_string(object, name, value) < 0)
                return NULL;
        return TAKE_PTR(object);
}

static int get_info(const char **ret_error, JsonObject **ret) {
        _cleanup_(json_freep) JsonObject *info = json_object_new_object();
        JsonObject *names = json_object_new_array();

        if (json_put(info, "interfaces", names) < 0)
                return -ENOMEM;
        for (size_t i = 0; i < N_ELEMENTS(interfaces); i++)
                if (json_append(names, json_object_new_string(interfaces[i].name)) < 0)
                        return -ENOMEM;
        if (json_put_string(info, "vendor", "certexc") < 0 ||
            json_put_string(info, "product", "certexcd") < 0 ||
            json_put_string(info, "version", PACKAGE_VERSION) < 0 ||
            json_put_string(info, "url", PACKAGE_BUGREPORT) < 0)
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
