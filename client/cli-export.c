/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc export: decisions, authorities and their certificates as JSON (schema/export.md), a line for each. */
#include "config.h"

#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli-authority.h"
#include "client/encoding.h"
#include "client/i18n.h"

typedef struct Export {
        Cli *cli;
        const certexc_exception **items; /* borrowed, in the file's order */
        size_t n_items;
        const certexc_authority **authorities; /* the same */
        size_t n_authorities;
        const char **digests; /* of all certificates, sorted: borrowed */
        size_t n_digests;
        size_t n_of_session; /* left out */
} Export;

static void export_done(Export *x) {
        free(x->items);
        free(x->authorities);
        free(x->digests);
}

static void json_done(struct json_object **o) {
        (void) json_object_put(*o);
}

/* A decision until the end of a session means nothing elsewhere or later. */
static bool is_of_session(const certexc_exception *e) {
        return strcmp(certexc_exception_end(e), "session") == 0;
}

/* Those in files are nobody's own, and their files can be copied. */
static bool is_exported(const certexc_exception *e) {
        return !is_of_session(e) && !certexc_exception_file(e);
}

static const char *fingerprint(const certexc_exception *e) {
        return certexc_certificate_sha256(certexc_exception_certificate(e));
}

/* By what a person sees, and never by numbers that another store gives otherwise. */
static int compare(const void *a, const void *b) {
        const certexc_exception *x = *(certexc_exception *const *) a;
        const certexc_exception *y = *(certexc_exception *const *) b;
        int r = strcmp(certexc_exception_host(x), certexc_exception_host(y));

        if (r == 0)
                r = (int) certexc_exception_port(x) - (int) certexc_exception_port(y);
        if (r == 0)
                r = strcmp(certexc_exception_action(x), certexc_exception_action(y));
        if (r == 0)
                r = strcmp(certexc_exception_pin(x), certexc_exception_pin(y));
        if (r == 0)
                r = strcmp(fingerprint(x), fingerprint(y));
        return r == 0 ? certexc_exception_created(x) < certexc_exception_created(y) ? -1 : 1 : r;
}

static const char *authority_fingerprint(const certexc_authority *a) {
        return certexc_certificate_sha256(certexc_authority_certificate(a));
}

static int compare_authorities(const void *a, const void *b) {
        const certexc_authority *x = *(certexc_authority *const *) a;
        const certexc_authority *y = *(certexc_authority *const *) b;
        int r = strcmp(certexc_authority_kind(x), certexc_authority_kind(y));

        if (r == 0)
                r = strcmp(authority_fingerprint(x), authority_fingerprint(y));
        return r == 0 ? strcmp(certexc_authority_pin(x), certexc_authority_pin(y)) : r;
}

static int compare_digests(const void *a, const void *b) {
        return strcmp(*(const char *const *) a, *(const char *const *) b);
}

static int gather(Export *x, const certexc_exceptions *list) {
        const size_t n = certexc_exceptions_count(list);

        x->items = calloc(n + 1, sizeof(*x->items));
        if (!x->items)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const certexc_exception *e = certexc_exceptions_item(list, i);

                if (is_exported(e))
                        x->items[x->n_items++] = e;
                x->n_of_session += is_of_session(e);
        }
        qsort(x->items, x->n_items, sizeof(*x->items), compare);
        return 0;
}

/* Those of the owner whose decisions they are, not what others gave everybody. */
static bool is_own(const Cli *cli, const certexc_authority *a) {
        const char *origin = certexc_authority_origin(a), *state = certexc_authority_state(a);

        return strcmp(origin, cli_is_system(cli) ? "admin" : "own") == 0 &&
               strcmp(state, "removed") != 0;
}

static int gather_authorities(Export *x, const certexc_authorities *list) {
        const size_t n = certexc_authorities_count(list);

        x->authorities = calloc(n + 1, sizeof(*x->authorities));
        if (!x->authorities)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const certexc_authority *a = certexc_authorities_item(list, i);

                if (is_own(x->cli, a) && !x->cli->options.decisions)
                        x->authorities[x->n_authorities++] = a;
        }
        qsort(x->authorities, x->n_authorities, sizeof(*x->authorities), compare_authorities);
        return 0;
}

static int gather_digests(Export *x) {
        x->digests = calloc(x->n_items + x->n_authorities + 1, sizeof(*x->digests));
        if (!x->digests)
                return -ENOMEM;
        for (size_t i = 0; i < x->n_items; i++)
                x->digests[x->n_digests++] = fingerprint(x->items[i]);
        for (size_t i = 0; i < x->n_authorities; i++)
                x->digests[x->n_digests++] = authority_fingerprint(x->authorities[i]);
        qsort(x->digests, x->n_digests, sizeof(*x->digests), compare_digests);
        return 0;
}

static int put(struct json_object *o, const char *name, struct json_object *value) {
        if (value && json_object_object_add(o, name, value) == 0)
                return 0;
        (void) json_object_put(value);
        return -ENOMEM;
}

static int put_text(struct json_object *o, const char *name, const char *text) {
        return put(o, name, json_object_new_string(text));
}

static int put_problems(struct json_object *o, const certexc_exception *e) {
        struct json_object *names = json_object_new_array();
        int r = put(o, "problems", names);

        for (size_t i = 0; r == 0 && i < certexc_exception_n_problems(e); i++) {
                struct json_object *name = json_object_new_string(certexc_exception_problem(e, i));

                if (!name || json_object_array_add(names, name) < 0)
                        r = -ENOMEM;
        }
        return r;
}

static int put_decision(struct json_object *o, const certexc_exception *e) {
        int r = put_text(o, "host", certexc_exception_host(e));

        if (r == 0)
                r = put(o, "port", json_object_new_int(certexc_exception_port(e)));
        if (r == 0)
                r = put_text(o, "action", certexc_exception_action(e));
        if (r == 0)
                r = put_text(o, "state", certexc_exception_state(e));
        if (r == 0)
                r = put_text(o, "pin", certexc_exception_pin(e));
        if (r == 0)
                r = put_problems(o, e);
        if (r == 0 && strcmp(certexc_exception_end(e), "date") == 0)
                r = put(o, "until", json_object_new_int64(certexc_exception_until(e)));
        if (r == 0)
                r = put(o, "created", json_object_new_int64(certexc_exception_created(e)));
        return r == 0 ? put_text(o, "certificate", fingerprint(e)) : r;
}

static int put_only(struct json_object *o, const certexc_authority *a) {
        struct json_object *names = json_object_new_array();
        int r = put(o, "only", names);

        for (size_t i = 0; r == 0 && i < certexc_authority_n_only(a); i++) {
                struct json_object *name = json_object_new_string(certexc_authority_only(a, i));

                if (!name || json_object_array_add(names, name) < 0)
                        r = -ENOMEM;
        }
        return r;
}

static int put_authority(struct json_object *o, const certexc_authority *a) {
        int r = put_text(o, "kind", certexc_authority_kind(a));

        if (r == 0)
                r = put_text(o, "state", certexc_authority_state(a));
        if (r == 0)
                r = put_text(o, "pin", certexc_authority_pin(a));
        if (r == 0 && strcmp(certexc_authority_kind(a), "authority") == 0)
                r = put_only(o, a);
        if (r == 0)
                r = put(o, "created", json_object_new_int64(certexc_authority_created(a)));
        return r == 0 ? put_text(o, "certificate", authority_fingerprint(a)) : r;
}

static int put_certificate(const Export *x, struct json_object *o, const char *sha256) {
        _cleanup_free_ uint8_t *der = NULL;
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        r = certexc_get_certificate(x->cli->client, sha256, &der, &size);
        if (r < 0)
                return r;
        text = malloc(BASE64_SIZE(size));
        if (!text)
                return -ENOMEM;
        base64_encode(der, size, text);
        r = put_text(o, "sha256", sha256);
        return r == 0 ? put_text(o, "der", text) : r;
}

/* One item on a line of its own, so that it diffs well. */
static int print(const Export *x, struct json_object *o, bool last) {
        _cleanup_free_ char *line = NULL;
        const char *text;

        text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
                                                         JSON_C_TO_STRING_NOSLASHESCAPE);
        if (!text || asprintf(&line, "%s%s", text, last ? "" : ",") < 0)
                return -ENOMEM;
        output_json(&x->cli->out, line);
        return 0;
}

static int print_decisions(const Export *x) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < x->n_items; i++) {
                _cleanup_(json_done) struct json_object *o = json_object_new_object();

                r = o ? put_decision(o, x->items[i]) : -ENOMEM;
                if (r == 0)
                        r = print(x, o, i + 1 == x->n_items);
        }
        return r;
}

static int print_authorities(const Export *x) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < x->n_authorities; i++) {
                _cleanup_(json_done) struct json_object *o = json_object_new_object();

                r = o ? put_authority(o, x->authorities[i]) : -ENOMEM;
                if (r == 0)
                        r = print(x, o, i + 1 == x->n_authorities);
        }
        return r;
}

/* Each certificate once; one line is held back until it is known whether it is the last. Of what was
 * imported without its certificate, there is none. */
static int print_certificates(const Export *x) {
        _cleanup_(json_done) struct json_object *held = NULL;
        int r = 0;

        for (size_t i = 0; r == 0 && i < x->n_digests; i++) {
                _cleanup_(json_done) struct json_object *o = NULL;

                if (i > 0 && strcmp(x->digests[i - 1], x->digests[i]) == 0)
                        continue;
                o = json_object_new_object();
                r = o ? put_certificate(x, o, x->digests[i]) : -ENOMEM;
                if (r == -ENOENT) {
                        r = 0;
                        continue;
                }
                if (r == 0 && held)
                        r = print(x, held, false);
                (void) json_object_put(held);
                held = TAKE_PTR(o);
        }
        return r == 0 && held ? print(x, held, true) : r;
}

static int print_all(const Export *x) {
        int r;

        output_json(&x->cli->out, "{\"format\":\"certexc-export\",\"version\":1,\"decisions\":[");
        r = print_decisions(x);
        if (r < 0)
                return r;
        output_json(&x->cli->out, "],\"authorities\":[");
        r = print_authorities(x);
        if (r < 0)
                return r;
        output_json(&x->cli->out, "],\"certificates\":[");
        r = print_certificates(x);
        if (r < 0)
                return r;
        output_json(&x->cli->out, "]}");
        return 0;
}

int cli_export(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_authorities_freep) certexc_authorities *authorities = NULL;
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        _cleanup_(export_done) Export x = {.cli = cli};
        int r;

        r = certexc_list(cli->client, NULL, 0, false, &list);
        if (r == 0)
                r = certexc_list_authorities(cli->client, cli_is_system(cli) ? "admin" : "own", NULL,
                                             false, &authorities);
        if (r < 0)
                return cli_fail_client(cli, r);
        r = gather(&x, list);
        if (r == 0)
                r = gather_authorities(&x, authorities);
        if (r == 0)
                r = gather_digests(&x);
        if (r == 0)
                r = print_all(&x);
        if (r == -ENOMEM)
                return cli_no_memory(cli);
        if (r < 0)
                return cli_fail_client(cli, r);
        if (x.n_of_session > 0)
                output_line(&cli->err, STYLE_PLAIN,
                            P_("certexc: %zu decision that ends with a session is left out.",
                               "certexc: %zu decisions that end with a session are left out.", x.n_of_session),
                            x.n_of_session);
        return EXIT_DONE;
}
