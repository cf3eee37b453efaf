/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Service: the interface org.varlink.service, by which any Varlink client finds its way. */
#pragma once

#include "client/cleanup.h"

struct json_object;

#define SERVICE_INTERFACE "org.varlink.service"
#define CERTEXC_INTERFACE "org.certexc1"

/*
 * Answers @method ("GetInfo"). Returns 0 with new references: *@ret_error NULL and the results in
 * *@ret_parameters, or an error's full name (static) and its fields. -ENOENT if there is no such
 * method, -ENOMEM.
 */
int service_call(const char *method, struct json_object *parameters, const char **ret_error,
                 struct json_object **ret_parameters);

/* {"@name": "@value"}, for an error with one field. A new reference, or NULL. */
struct json_object *service_field(const char *name, const char *value);
