/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The interface's objects as D-Bus values and back, by the types of the interface:
 *
 *   bool b    int x    string, words s    DER in base64 ay    []T aT    objects a{sv}
 *
 * A call carries the parameters that must be there as arguments, in the interface's order, and
 * behind them the others by name in one a{sv}; a reply is one a{sv}.
 */
#pragma once

#include <systemd/sd-bus.h>

#include "client/interface.h"

struct json_object;

#define BUS_NAME      "org.certexc1"
#define BUS_PATH      "/org/certexc1"
#define BUS_INTERFACE "org.certexc1.Manager"
#define BUS_ERRORS    "org.certexc1.Error."

/* Static; NULL for a type that has none here. */
const char *bus_value_signature(const InterfaceType *type);

/* The signature of a method's call (free()); NULL without memory. */
char *bus_call_signature(const InterfaceMember *method);

/* Appends the arguments of a call, or @o (may be NULL) as one a{sv}. 0 or -errno. */
int bus_append_call(sd_bus_message *m, const InterfaceMember *method, struct json_object *o);
int bus_append_object(sd_bus_message *m, const InterfaceType *type, struct json_object *o);

/*
 * Read the same. A value of the wrong type comes out as one that whoever reads the object refuses
 * by its name. Returns 0, -EBADMSG (a name is there twice), -EMSGSIZE for more than @max bytes or
 * VARLINK_VALUES_MAX values, -errno.
 */
int bus_read_call(sd_bus_message *m, const InterfaceMember *method, size_t max,
                  struct json_object **ret);
int bus_read_object(sd_bus_message *m, const InterfaceType *type, size_t max,
                    struct json_object **ret);

/*
 * Calls @method ("Verify") and waits, at most @usec. 0 and the reply as it comes over the socket:
 * {"parameters":...}, or with "error"; what only the bus says is an error by its own name, whose
 * parameter "reason" is the sentence. @interactive: polkit may ask somebody. -errno if nothing was
 * answered, -EOPNOTSUPP if there is no such method.
 */
int bus_call_wait(sd_bus *bus, const Interface *interface, const char *method,
                  struct json_object *parameters, bool interactive, uint64_t usec,
                  struct json_object **ret);

/* "org.certexc1.NotFound" as "org.certexc1.Error.NotFound" and back; org.varlink.service's
 * InvalidParameter is the bus's own InvalidArgs. NULL without memory. */
char *bus_error_from_socket(const char *error);
char *bus_error_to_socket(const char *error);
