/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A reader of the Varlink interface text that walks a JSON value along. */
#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <json-c/json.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "schema/interface-text.h"
#include "tests/interface.h"

#define WORD_MAX 64U

static char departure[512];

static bool depart(const char *where, const char *how) {
        if (!departure[0])
                (void) snprintf(departure, sizeof(departure), "%s: %s", where, how);
        return false;
}

/* Over white space and comments. */
static const char *skip(const char *p) {
        for (;;) {
                while (isspace((unsigned char) *p))
                        p++;
                if (*p != '#')
                        return p;
                p += strcspn(p, "\n");
        }
}

static const char *expect(const char *p, char c) {
        p = skip(p);
        assert(*p == c);
        return p + 1;
}

static const char *read_word(const char *p, char word[static WORD_MAX]) {
        size_t n = 0;

        for (p = skip(p); isalnum((unsigned char) *p) || *p == '_' || *p == '-'; p++) {
                assert(n + 1 < WORD_MAX);
                word[n++] = *p;
        }
        assert(n > 0);
        word[n] = '\0';
        return p;
}

/* The text behind "@kind @name", at the start of a line. */
static const char *find_member(const char *kind, const char *name) {
        char start[2 * WORD_MAX];
        size_t n;

        n = (size_t) snprintf(start, sizeof(start), "\n%s %s", kind, name);
        for (const char *p = strstr(interface_text, start); p; p = strstr(p + 1, start))
                if (!isalnum((unsigned char) p[n]))
                        return p + n;
        return NULL;
}

static const char *walk_type(const char *p, struct json_object *o, const char *where, bool *ok);

/* From behind '(' to behind ')'. With @o NULL it is only passed over. */
static const char *walk_struct(const char *p, struct json_object *o, const char *where, bool *ok) {
        int n_there = 0;

        if (*skip(p) == ')')
                p = expect(p, ')');
        else
                for (char c = ','; c == ',';) {
                        struct json_object *value = NULL;
                        char name[WORD_MAX], inner[256];
                        bool optional;

                        p = expect(read_word(p, name), ':');
                        (void) snprintf(inner, sizeof(inner), "%s.%s", where, name);
                        optional = *skip(p) == '?';
                        if (o && json_object_object_get_ex(o, name, &value)) {
                                n_there++;
                                if (!value)
                                        *ok = depart(inner, "is null");
                        } else if (o && !optional) {
                                *ok = depart(inner, "is missing");
                        }
                        p = skip(walk_type(p, value, inner, ok));
                        c = *p++;
                        assert(c == ',' || c == ')');
                }
        if (o && n_there != json_object_object_length(o))
                *ok = depart(where, "has a field that the interface has not");
        return p;
}

static const char *walk_enum(const char *p, struct json_object *o, const char *where, bool *ok) {
        bool found = false;

        for (char c = ','; c == ',';) {
                char word[WORD_MAX];

                p = skip(read_word(p, word));
                found = found || (o && strcmp(json_object_get_string(o), word) == 0);
                c = *p++;
        }
        if (o && (!found || !json_object_is_type(o, json_type_string)))
                *ok = depart(where, "is none of the words");
        return p;
}

/* What is between parentheses: words alone are an enumeration. */
static bool is_enum(const char *p) {
        char word[WORD_MAX];

        if (*skip(p) == ')')
                return false;
        return *skip(read_word(p, word)) != ':';
}

static const char *walk_named(const char *p, struct json_object *o, const char *where, bool *ok) {
        static const struct {
                const char *name;
                json_type type;
        } simple[] = {
                { "bool", json_type_boolean }, { "int", json_type_int },
                { "float", json_type_double }, { "string", json_type_string },
                { "object", json_type_object },
        };
        char name[WORD_MAX];
        const char *type;

        p = read_word(p, name);
        for (size_t i = 0; i < sizeof(simple) / sizeof(simple[0]); i++) {
                if (strcmp(simple[i].name, name) != 0)
                        continue;
                if (o && !json_object_is_type(o, simple[i].type))
                        *ok = depart(where, "is of another type");
                return p;
        }

        type = find_member("type", name);
        assert(type);
        if (o)
                (void) walk_type(type, o, where, ok);
        return p;
}

static const char *walk_type(const char *p, struct json_object *o, const char *where, bool *ok) {
        p = skip(p);
        if (*p == '?')
                p = skip(p + 1);

        if (strncmp(p, "[]", 2) == 0) {
                if (o && !json_object_is_type(o, json_type_array)) {
                        *ok = depart(where, "is no array");
                        o = NULL;
                }
                for (size_t i = 0; o && i < json_object_array_length(o); i++)
                        (void) walk_type(p + 2, json_object_array_get_idx(o, i), where, ok);
                return walk_type(p + 2, NULL, where, ok);
        }
        if (*p != '(')
                return walk_named(p, o, where, ok);
        if (is_enum(p + 1))
                return walk_enum(p + 1, o, where, ok);

        if (o && !json_object_is_type(o, json_type_object)) {
                *ok = depart(where, "is no object");
                o = NULL;
        }
        return walk_struct(p + 1, o, where, ok);
}

const char *interface_departs(const char *what, struct json_object *o) {
        const char *name = strchr(what, ' ') + 1, *p;
        bool reply = strncmp(what, "reply ", 6) == 0, call = strncmp(what, "call ", 5) == 0, ok = true;
        struct json_object *empty = json_object_new_object();

        departure[0] = '\0';
        p = reply || call ? find_member("method", name)
                          : find_member(strncmp(what, "error ", 6) == 0 ? "error" : "type", name);
        assert(p);
        if (reply) {
                p = walk_type(p, NULL, what, &ok);
                p = expect(expect(p, '-'), '>');
        }
        (void) walk_type(p, o ? o : empty, what, &ok);
        (void) json_object_put(empty);
        return ok ? NULL : departure;
}
