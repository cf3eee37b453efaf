/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reader of Varlink's interface language, as much of it as our own text uses. */
#include "config.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/interface.h"
#include "schema/interface-text.h"

#define WORD_MAX 64U
#define DEPTH_MAX 8U

/* Stays bad once it is. */
typedef struct Reader {
        Interface *interface;
        const char *at;
        int error;
        unsigned depth;
} Reader;

/* Varlink knows no bytes: these strings and arrays of strings are DER in base64 wherever they
 * stand. */
static const char *const bytes[] = { "chain", "staple", "der", "certificates" };

const char *interface_own_text(void) {
        return interface_text;
}

static void fail(Reader *r, int error) {
        if (r->error == 0)
                r->error = error;
        r->at = "";
}

/* -- words ------------------------------------------------------------------------------------- */

static char peek(Reader *r) {
        for (;;) {
                while (isspace((unsigned char) *r->at))
                        r->at++;
                if (*r->at != '#')
                        return *r->at;
                r->at += strcspn(r->at, "\n");
        }
}

static bool take(Reader *r, const char *what) {
        size_t n = strlen(what);

        (void) peek(r);
        if (strncmp(r->at, what, n) != 0)
                return false;
        r->at += n;
        return true;
}

static void need(Reader *r, const char *what) {
        if (!take(r, what))
                fail(r, -EBADMSG);
}

static char *take_word(Reader *r) {
        size_t n = 0;
        char *word;

        (void) peek(r);
        while (isalnum((unsigned char) r->at[n]) || r->at[n] == '_' || r->at[n] == '-')
                n++;
        if (n == 0 || n > WORD_MAX) {
                fail(r, -EBADMSG);
                return NULL;
        }
        word = strndup(r->at, n);
        if (!word)
                fail(r, -ENOMEM);
        else
                r->at += n;
        return word;
}

/* -- types ------------------------------------------------------------------------------------- */

static InterfaceType *type_new(Reader *r, InterfaceKind kind) {
        InterfaceType *type = calloc(1, sizeof(*type));

        if (!type) {
                fail(r, -ENOMEM);
                return NULL;
        }
        type->kind = kind;
        type->next = r->interface->types;
        r->interface->types = type;
        return type;
}

static const InterfaceType *read_type(Reader *r, const char *field);

static InterfaceField *field_add(Reader *r, InterfaceType *type) {
        InterfaceField *fields;

        fields = reallocarray(type->fields, type->n_fields + 1, sizeof(*fields));
        if (!fields) {
                fail(r, -ENOMEM);
                return NULL;
        }
        type->fields = fields;
        fields[type->n_fields] = (InterfaceField){ 0 };
        return &fields[type->n_fields++];
}

/* From behind '(' to behind ')'. */
static const InterfaceType *read_struct(Reader *r) {
        InterfaceType *type = type_new(r, INTERFACE_STRUCT);

        if (!type || take(r, ")"))
                return type;
        do {
                InterfaceField *field = field_add(r, type);

                if (!field)
                        return NULL;
                field->name = take_word(r);
                need(r, ":");
                field->optional = take(r, "?");
                field->type = read_type(r, field->name ? field->name : "");
        } while (r->error == 0 && take(r, ","));
        need(r, ")");
        return type;
}

/* What is between parentheses: words alone are an enumeration. */
static bool is_enum(const Reader *r) {
        Reader ahead = *r;
        _cleanup_free_ char *word = NULL;

        if (peek(&ahead) == ')')
                return false;
        word = take_word(&ahead);
        return peek(&ahead) != ':';
}

static const InterfaceType *read_enum(Reader *r) {
        do {
                free(take_word(r));
        } while (r->error == 0 && take(r, ","));
        need(r, ")");
        return type_new(r, INTERFACE_STRING);
}

static const InterfaceType *read_named(Reader *r, const char *field) {
        _cleanup_free_ char *name = take_word(r);
        const InterfaceMember *member;

        if (!name)
                return NULL;
        if (strcmp(name, "bool") == 0)
                return type_new(r, INTERFACE_BOOL);
        if (strcmp(name, "int") == 0)
                return type_new(r, INTERFACE_INT);
        if (strcmp(name, "string") == 0) {
                for (size_t i = 0; i < N_ELEMENTS(bytes); i++)
                        if (strcmp(field, bytes[i]) == 0)
                                return type_new(r, INTERFACE_BYTES);
                return type_new(r, INTERFACE_STRING);
        }

        /* A type stands before those who use it. */
        member = interface_find(r->interface, 't', name);
        if (!member)
                fail(r, -EBADMSG);
        return member ? member->in : NULL;
}

static const InterfaceType *read_type(Reader *r, const char *field) {
        const InterfaceType *type = NULL;

        if (r->depth >= DEPTH_MAX) {
                fail(r, -EBADMSG);
                return NULL;
        }
        r->depth++;
        if (take(r, "[]")) {
                InterfaceType *array = type_new(r, INTERFACE_ARRAY);
                const InterfaceType *element = read_type(r, field);

                if (array)
                        array->element = element;
                type = array;
        } else if (take(r, "(")) {
                type = is_enum(r) ? read_enum(r) : read_struct(r);
        } else {
                type = read_named(r, field);
        }
        r->depth--;
        return type;
}

/* -- members ----------------------------------------------------------------------------------- */

/* The lines of comment right before @r; an empty line ends them. */
static char *take_comment(Reader *r) {
        char *comment = NULL;
        size_t size;
        FILE *f = open_memstream(&comment, &size);

        if (!f)
                return NULL;
        while (*r->at == '\n' || *r->at == '#') {
                size_t n = strcspn(r->at, "\n");

                if (n == 0)
                        rewind(f);
                else
                        (void) fprintf(f, "%.*s\n", (int) n - (n > 1 ? 2 : 1),
                                       r->at + (n > 1 ? 2 : 1));
                r->at += n + (r->at[n] == '\n');
        }
        if (fclose(f) != 0) {
                free(comment);
                return NULL;
        }
        /* What was rewound over is still there behind the end. */
        comment[size] = '\0';
        return comment;
}

static InterfaceMember *member_add(Reader *r, char kind) {
        Interface *interface = r->interface;
        InterfaceMember *members;

        members = reallocarray(interface->members, interface->n_members + 1, sizeof(*members));
        if (!members) {
                fail(r, -ENOMEM);
                return NULL;
        }
        interface->members = members;
        members[interface->n_members] = (InterfaceMember){ .kind = kind };
        return &members[interface->n_members++];
}

static void read_member(Reader *r) {
        _cleanup_free_ char *comment = take_comment(r);
        InterfaceMember *member;
        char kind = peek(r);

        if (!comment) {
                fail(r, -ENOMEM);
                return;
        }
        if (take(r, "interface")) {
                r->at += strcspn(r->at, "\n");
                r->at += *r->at == '\n';
                return;
        }
        if (!take(r, "method ") && !take(r, "error ") && !take(r, "type ")) {
                fail(r, -EBADMSG);
                return;
        }
        member = member_add(r, kind);
        if (!member)
                return;
        member->comment = TAKE_PTR(comment);
        member->name = take_word(r);
        need(r, "(");
        /* Nobody finds it by name before it is whole. */
        member->in = read_struct(r);
        if (kind == 'm') {
                need(r, "->");
                need(r, "(");
                member->out = read_struct(r);
        }
        r->at += *r->at == '\n';
}

int interface_new(const char *text, Interface **ret) {
        _cleanup_(interface_freep) Interface *interface = calloc(1, sizeof(*interface));
        Reader r = { .interface = interface, .at = text };

        if (!interface)
                return -ENOMEM;
        while (r.error == 0 && *r.at)
                read_member(&r);
        if (r.error < 0)
                return r.error;

        *ret = TAKE_PTR(interface);
        return 0;
}

Interface *interface_free(Interface *interface) {
        if (!interface)
                return NULL;
        for (size_t i = 0; i < interface->n_members; i++) {
                free(interface->members[i].name);
                free(interface->members[i].comment);
        }
        free(interface->members);
        for (InterfaceType *type = interface->types; type;) {
                InterfaceType *next = type->next;

                for (size_t i = 0; i < type->n_fields; i++)
                        free(type->fields[i].name);
                free(type->fields);
                free(type);
                type = next;
        }
        free(interface);
        return NULL;
}

const InterfaceMember *interface_find(const Interface *interface, char kind, const char *name) {
        for (size_t i = 0; i < interface->n_members; i++) {
                const InterfaceMember *member = &interface->members[i];

                if (member->kind == kind && member->name && strcmp(member->name, name) == 0)
                        return member;
        }
        return NULL;
}

const InterfaceField *interface_field(const InterfaceType *type, const char *name) {
        for (size_t i = 0; type && i < type->n_fields; i++)
                if (strcmp(type->fields[i].name, name) == 0)
                        return &type->fields[i];
        return NULL;
}
