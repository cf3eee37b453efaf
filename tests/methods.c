/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Certificates and calls for the tests of the methods. */
#include "config.h"

#include <assert.h>
#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "client/encoding.h"
#include "daemon/json.h"
#include "tests/interface.h"
#include "tests/methods.h"

#define TEXT_MAX ((size_t) 1024 * 1024)

void methods_add_certificate(Methods *m, const char *name, const PkiSpec *spec) {
        assert(m->n_certificates < N_ELEMENTS(m->certificates));
        (void) snprintf(m->certificates[m->n_certificates].name,
                        sizeof(m->certificates[0].name), "%s", name);
        m->certificates[m->n_certificates++].pki = pki_new(spec);
}

const Pki *methods_certificate(const Methods *m, const char *name) {
        for (unsigned i = 0; i < m->n_certificates; i++)
                if (strcmp(m->certificates[i].name, name) == 0)
                        return m->certificates[i].pki;
        return NULL;
}

static void make_certificates(Methods *m) {
        PkiSpec own = { .name = "nobody.example.net" };

        m->authority = pki_new(&(PkiSpec){ .subject = "Authority", .ca = true });
        methods_add_certificate(m, "good",
                                &(PkiSpec){ .name = "mail.example.org", .issuer = m->authority });
        methods_add_certificate(m, "bad", &own);
        own.key_of = methods_certificate(m, "bad");
        methods_add_certificate(m, "renewed", &own);
        own.key_of = NULL;
        own.name = "else.example.net";
        methods_add_certificate(m, "other", &own);
        methods_add_certificate(m, "never",
                                &(PkiSpec){ .name = "mail.example.org",
                                            .issuer = m->authority,
                                            .false_signature = true });
        own.not_after = PKI_NOW + 10 * PKI_DAY;
        methods_add_certificate(m, "due", &own);
        methods_add_certificate(m, "crash", &(PkiSpec){ .subject = "certexc-test-crash" });
        methods_add_certificate(m, "spin", &(PkiSpec){ .subject = "certexc-test-spin" });
}

void methods_start(Methods *m, int64_t clock) {
        char option[64];
        const char *arguments[] = { option, NULL };

        m->clock = clock;
        (void) snprintf(option, sizeof(option), "--replace-clock=%lld", (long long) clock);
        fixture_start(m->fixture, arguments);
        m->peer = peer_new(m->fixture);
}

Methods *methods_new(void) {
        static char setting[512];
        static const char *settings[] = { setting, NULL };
        Methods *m = calloc(1, sizeof(*m));

        assert(m);
        make_certificates(m);
        m->fixture = fixture_new();
        pki_write(fixture_path(m->fixture, "authorities.pem"),
                  (const Pki *const *) &m->authority, 1, false);

        /* A logind of our own, in which nobody is logged in yet. */
        (void) snprintf(setting, sizeof(setting), "CERTEXC_LOGIND_DIRECTORY=%s",
                        fixture_path(m->fixture, "logind"));
        assert(mkdir(fixture_path(m->fixture, "logind"), 0755) == 0);
        assert(mkdir(fixture_path(m->fixture, "logind/users"), 0755) == 0);
        assert(mkdir(fixture_path(m->fixture, "logind/sessions"), 0755) == 0);
        m->fixture->how.settings = settings;
        m->fixture->how.quiet = true;
        methods_start(m, PKI_NOW);
        return m;
}

void methods_restart(Methods *m, int64_t clock) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        methods_start(m, clock);
}

Methods *methods_free(Methods *m) {
        if (!m)
                return NULL;
        (void) peer_free(m->peer);
        (void) fixture_free(m->fixture);
        (void) pki_free(m->authority);
        for (unsigned i = 0; i < m->n_certificates; i++)
                (void) pki_free(m->certificates[i].pki);
        free(m);
        return NULL;
}

/* -- calls ------------------------------------------------------------------------------------- */

/* Writes the certificate that @p begins with, and returns what follows its name. */
static const char *put_certificate(const Methods *m, const char *p, FILE *to) {
        _cleanup_free_ char *text = NULL;
        char name[16];
        size_t n = strspn(p, "abcdefghijklmnopqrstuvwxyz0123456789");
        const Pki *pki;
        Blob der;

        (void) snprintf(name, sizeof(name), "%.*s", (int) n, p);
        pki = methods_certificate(m, name);
        if (!pki) {
                (void) fputc('@', to);
                return p;
        }
        der = pki_der(pki);
        text = malloc(BASE64_SIZE(der.size));
        base64_encode(der.data, der.size, text);
        (void) fprintf(to, "\"%s\"", text);
        return p + n;
}

char *methods_text(Methods *m, const char *method, const char *parameters, bool more) {
        size_t size = 0;
        char *text = NULL;
        FILE *to = open_memstream(&text, &size);

        assert(to);
        (void) fprintf(to, "{\"method\":\"org.certexc1.%s\",%s\"parameters\":", method,
                       more ? "\"more\":true," : "");
        for (const char *p = parameters; *p;) {
                char c = *p++;

                if (c == '@')
                        p = put_certificate(m, p, to);
                else
                        (void) fputc(c == '\'' ? '"' : c, to);
        }
        (void) fputc('}', to);
        assert(fclose(to) == 0);
        return text;
}

void methods_hold(const char *method, struct json_object *reply) {
        const char *error = reply_error(reply), *departure;
        struct json_object *parameters = NULL;
        char what[128];

        ck_assert_msg(reply, "%s: no reply", method);
        if (strncmp(error, "org.varlink.service.", 20) == 0)
                return;
        (void) json_object_object_get_ex(reply, "parameters", &parameters);
        if (*error)
                (void) snprintf(what, sizeof(what), "error %s", error + strlen("org.certexc1."));
        else
                (void) snprintf(what, sizeof(what), "reply %s", method);
        departure = interface_departs(what, parameters);
        ck_assert_msg(!departure, "%s: %s", departure, json_object_to_json_string(reply));
}

struct json_object *methods_call(Methods *m, const char *method, const char *parameters) {
        _cleanup_free_ char *text = methods_text(m, method, parameters, false);
        struct json_object *reply = peer_call(m->peer, text);

        methods_hold(method, reply);
        return reply;
}

typedef struct OtherCall {
        Methods *methods;
        const char *text;
        char *reply; /* shared with the other process */
} OtherCall;

static int call_from_there(void *userdata) {
        _cleanup_(peer_freep) Peer *peer = NULL;
        _cleanup_free_ char *reply = NULL;
        OtherCall *call = userdata;

        peer = peer_new(call->methods->fixture);
        if (!peer_send(peer, call->text))
                return 1;
        reply = peer_read(peer, FIXTURE_WAIT_MSEC);
        if (!reply)
                return 2;
        (void) snprintf(call->reply, TEXT_MAX, "%s", reply);
        return 0;
}

struct json_object *methods_call_as(Methods *m, uid_t uid, const char *method,
                                    const char *parameters) {
        _cleanup_free_ char *text = methods_text(m, method, parameters, false);
        OtherCall call = { m, text, NULL };
        struct json_object *reply;

        call.reply = mmap(NULL, TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        ck_assert_ptr_ne(call.reply, MAP_FAILED);
        ck_assert_int_eq(fixture_as(uid, call_from_there, &call), 0);
        reply = json_tokener_parse(call.reply);
        (void) munmap(call.reply, TEXT_MAX);
        methods_hold(method, reply);
        return reply;
}

const char *methods_at(struct json_object *reply, const char *path) {
        struct json_object *o = NULL;
        char copy[256], *rest = NULL;

        (void) json_object_object_get_ex(reply, "parameters", &o);
        (void) snprintf(copy, sizeof(copy), "%s", path);
        for (char *word = strtok_r(copy, ".", &rest); word && o; word = strtok_r(NULL, ".", &rest)) {
                if (json_object_is_type(o, json_type_array))
                        o = json_object_array_get_idx(o, (size_t) atoi(word));
                else if (!json_object_object_get_ex(o, word, &o))
                        o = NULL;
        }
        if (!o)
                return "";
        if (json_object_is_type(o, json_type_string))
                return json_object_get_string(o);
        return json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
}

const char *methods_seen(struct json_object *reply, const char *path) {
        return strcmp(path, "error") == 0 ? reply_error(reply) : methods_at(reply, path);
}

void methods_walk(Methods *m, const Step *steps, size_t n) {
        for (size_t i = 0; i < n; i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                const Step *s = &steps[i];

                reply = s->uid == 0 ? methods_call(m, s->method, s->parameters)
                                    : methods_call_as(m, s->uid, s->method, s->parameters);
                ck_assert_msg(strcmp(methods_seen(reply, s->path), s->value) == 0,
                              "%s: %s is %s, not %s: %s", s->sentence, s->path,
                              methods_seen(reply, s->path), s->value,
                              json_object_to_json_string(reply));
        }
}

/* -- logind ------------------------------------------------------------------------------------- */

static void write_logind(Methods *m, const char *name, const char *text) {
        FILE *file = fopen(fixture_path(m->fixture, name), "we");

        ck_assert_ptr_nonnull(file);
        (void) fputs(text, file);
        ck_assert_int_eq(fclose(file), 0);
        ck_assert_int_eq(chmod(fixture_path(m->fixture, name), 0644), 0);
}

void methods_log_in(Methods *m, uid_t uid, unsigned usec) {
        char name[64], text[128];

        (void) snprintf(name, sizeof(name), "logind/sessions/of-%u", (unsigned) uid);
        (void) snprintf(text, sizeof(text), "UID=%u\nSTATE=active\nCLASS=user\nMONOTONIC=%u\n",
                        (unsigned) uid, usec);
        write_logind(m, name, text);
        (void) snprintf(name, sizeof(name), "logind/users/%u", (unsigned) uid);
        (void) snprintf(text, sizeof(text), "STATE=active\nSESSIONS=of-%u\n", (unsigned) uid);
        write_logind(m, name, text);
}

void methods_log_out(Methods *m, uid_t uid) {
        char name[64];

        (void) snprintf(name, sizeof(name), "logind/users/%u", (unsigned) uid);
        ck_assert_int_eq(unlink(fixture_path(m->fixture, name)), 0);
}
