/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Interface: the text of schema/org.certexc1.varlink as a tree, which the D-Bus door and those who
 * go through it take every method, field, type and error from. The text is ours and was tested, not
 * a peer's.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/cleanup.h"

typedef enum InterfaceKind {
        INTERFACE_BOOL,
        INTERFACE_INT,
        INTERFACE_STRING, /* and words of an enumeration */
        INTERFACE_BYTES,  /* base64 of DER in JSON */
        INTERFACE_ARRAY,
        INTERFACE_STRUCT,
} InterfaceKind;

typedef struct InterfaceType InterfaceType;

typedef struct InterfaceField {
        char *name;
        bool optional;
        const InterfaceType *type;
} InterfaceField;

struct InterfaceType {
        InterfaceKind kind;
        const InterfaceType *element; /* of an array; NULL: any */
        InterfaceField *fields;       /* of a structure */
        size_t n_fields;
        InterfaceType *next; /* in the list of all */
};

typedef struct InterfaceMember {
        char *name;
        char *comment;           /* what stands before it, "" if nothing; without the # */
        const InterfaceType *in;  /* a method's parameters, an error's fields, or the type itself */
        const InterfaceType *out; /* a method's results */
        char kind;                /* 'm', 'e' or 't' */
} InterfaceMember;

typedef struct Interface {
        InterfaceMember *members; /* in the order of the text */
        size_t n_members;
        InterfaceType *types;
} Interface;

/* Returns 0, -EBADMSG for a text that is none or that needs what is not here, -ENOMEM. */
int interface_new(const char *text, Interface **ret);
Interface *interface_free(Interface *interface);
DEFINE_CLEANUP(Interface *, interface_free)

/* The text that this was built with. */
const char *interface_own_text(void);

/* The method, error or type of that name; NULL if there is none. */
const InterfaceMember *interface_find(const Interface *interface, char kind, const char *name);

/* NULL if @type (which may be NULL) has no such field. */
const InterfaceField *interface_field(const InterfaceType *type, const char *name);
