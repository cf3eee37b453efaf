/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Import: what `certexc export` wrote (schema/export.md), read strictly and handed to the daemon in
 * messages that it takes. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/fields.h"
#include "client/i18n.h"
#include "client/json-parse.h"
#include "client/library.h"

/* A message is at most 512 KiB; this leaves room for its frame. */
#define BATCH_BYTES (256U * 1024U)

/* Items of one message: it may have VARLINK_VALUES_MAX values, and a decision with all problems has 60. */
#define BATCH_ITEMS 200U

/* Values of a file: IMPORT_ENTRIES_MAX decisions of the daemon's, with all that the parser counts. */
#define FILE_VALUES_MAX (1024U * 1024U)

struct certexc_import {
        JsonObject *file;     /* what was read; the items are borrowed from it */
        JsonObject *items;
        JsonObject *authorities; /* NULL: there are none */
        JsonObject *reply;
        JsonObject *outcomes;
        JsonObject *taken; /* what became of the authorities */
        certexc_authority **shown; /* one for each of these; NULL where its certificate cannot be read */
        bool stored;
};

static int bad_file(certexc_client *client, const char *reason) {
        return trouble_set(client_trouble(client), -EBADMSG,
                           "This is no whole export of certexc, and nothing was taken from it: %s.",
                           reason);
}

/* -- reading ----------------------------------------------------------------------------------- */

/* A certificate whose bytes are not those of its digest would be another than was decided about. */
static const char *check_certificate(JsonObject *object) {
        Fields f = FIELDS_INIT(object);
        const char *name = fields_string(&f, "sha256");
        size_t length = 0, size = 0;
        const char *text = fields_bytes(&f, "der", &length);
        uint8_t said[SHA256_SIZE], is[SHA256_SIZE];
        _cleanup_free_ uint8_t *der = NULL;

        if (fields_finish(&f, false) < 0 || sha256_decode(name, said) < 0)
                return N_("a certificate lacks its digest or its bytes");
        if (base64_decode(text, length, &der, &size) < 0 || sha256(der, size, is) < 0)
                return N_("the bytes of a certificate are no base64");
        return memcmp(said, is, SHA256_SIZE) == 0
                       ? NULL
                       : N_("a certificate is not the one that its fingerprint says");
}

static const char *check_decision(JsonObject *object) {
        Fields f = FIELDS_INIT(object);

        (void) fields_string(&f, "host");
        (void) fields_int(&f, "port", 1, UINT16_MAX);
        (void) fields_string(&f, "action");
        (void) fields_string(&f, "certificate");
        if (fields_finish(&f, false) < 0)
                return N_("a decision lacks its host, port, action or certificate");
        return certexc_host_check(json_object_get_string(json_object_object_get(object, "host")),
                                  NULL, NULL) < 0
                       ? N_("the host of a decision is no host name or address")
                       : NULL;
}

static const char *check_authority(JsonObject *object) {
        Fields f = FIELDS_INIT(object);

        (void) fields_string(&f, "kind");
        (void) fields_string(&f, "certificate");
        return fields_finish(&f, false) < 0 ? N_("an authority lacks its kind or certificate") : NULL;
}

static const char *check_items(JsonObject *array, const char *(*check)(JsonObject *object)) {
        for (size_t i = 0; i < n_items(array); i++) {
                JsonObject *item = json_object_array_get_idx(array, i);
                const char *reason = N_("it has something else in the place of an object");

                if (json_object_is_type(item, json_type_object))
                        reason = check(item);
                if (reason)
                        return reason;
        }
        return NULL;
}

/* NULL, or why not. */
static const char *check_file(certexc_import *import, JsonObject **ret_certificates) {
        Fields f = FIELDS_INIT(import->file);
        const char *format = fields_string(&f, "format");
        int64_t version = fields_int(&f, "version", 1, INT64_MAX);
        const char *reason;

        import->items = fields_array(&f, "decisions", true);
        import->authorities = fields_array(&f, "authorities", false);
        *ret_certificates = fields_array(&f, "certificates", true);
        if (fields_finish(&f, false) < 0 || strcmp(format, "certexc-export") != 0)
                return N_("its first line is another");
        if (version != 1)
                return N_("a newer version of certexc wrote it");
        reason = check_items(import->items, check_decision);
        if (!reason)
                reason = check_items(import->authorities, check_authority);
        return reason ? reason : check_items(*ret_certificates, check_certificate);
}

static int read_file(certexc_client *client, certexc_import *import, const char *text, size_t size,
                     JsonObject **ret_certificates) {
        VarlinkFault fault;
        const char *reason;
        int r;

        r = json_parse_large((Blob){ (const uint8_t *) text, size }, FILE_VALUES_MAX, &import->file,
                             &fault);
        if (r == -EBADMSG)
                return trouble_set(client_trouble(client), r,
                                   "This is no whole export of certexc, and nothing was taken from "
                                   "it: %s at byte %zu.",
                                   _(fault.reason), fault.offset);
        if (r < 0)
                return client_no_memory(client);
        reason = check_file(import, ret_certificates);
        return reason ? bad_file(client, _(reason)) : 0;
}

/* -- sending ----------------------------------------------------------------------------------- */

/* What is on its way. */
typedef struct Sending {
        certexc_client *client;
        int64_t number; /* 0: the daemon has given none yet */
        JsonObject *certificates;
        JsonObject *exceptions;
        JsonObject *authorities;
        size_t size; /* of all, about */
        unsigned n_items;
} Sending;

static void sending_done(Sending *s) {
        (void) json_object_put(s->certificates);
        (void) json_object_put(s->exceptions);
        (void) json_object_put(s->authorities);
}

static void add_flag(Parameters *p, unsigned flags, unsigned flag, const char *name) {
        if (flags & flag)
                parameters_add(p, name, json_object_new_boolean(true));
}

static int call(Sending *s, bool finish, unsigned flags, JsonObject **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        parameters_init(&p);
        if (s->number != 0)
                parameters_add_int(&p, "import", s->number);
        if (s->certificates)
                parameters_add(&p, "certificates", TAKE_PTR(s->certificates));
        if (s->exceptions)
                parameters_add(&p, "exceptions", TAKE_PTR(s->exceptions));
        if (s->authorities)
                parameters_add(&p, "authorities", TAKE_PTR(s->authorities));
        if (finish)
                parameters_add(&p, "finish", json_object_new_boolean(true));
        add_flag(&p, flags, CERTEXC_DRY_RUN, "dry_run");
        add_flag(&p, flags, CERTEXC_REPLACE, "replace");
        add_flag(&p, flags, CERTEXC_SKIP, "skip");
        parameters_add_owner(&p, s->client);
        s->size = 0;
        s->n_items = 0;
        r = parameters_call(&p, s->client, "ImportExceptions", ret);
        return r;
}

static int send_on(Sending *s) {
        _cleanup_(json_unrefp) JsonObject *reply = NULL;
        int r;

        r = call(s, false, 0, &reply);
        if (r < 0)
                return r;
        Fields f = FIELDS_INIT(reply);
        s->number = fields_int(&f, "import", 1, INT64_MAX);
        return fields_finish(&f, false) < 0
                       ? client_bad_reply(s->client, "ImportExceptions", "import")
                       : 0;
}

/* Takes @item over; sends what has gathered if it would become too much. */
static int add(Sending *s, JsonObject **array, JsonObject *item) {
        _cleanup_(json_unrefp) JsonObject *owned = item;
        size_t size = strlen(json_text(item) ?: "");
        int r;

        if (s->n_items > 0 && (s->size + size > BATCH_BYTES || s->n_items == BATCH_ITEMS)) {
                r = send_on(s);
                if (r < 0)
                        return r;
        }
        if (!*array)
                *array = json_object_new_array();
        if (!*array || json_object_array_add(*array, item) < 0)
                return client_no_memory(s->client);
        (void) TAKE_PTR(owned);
        s->size += size;
        s->n_items++;
        return 0;
}

static int send_all(Sending *s, const certexc_import *import, JsonObject *certificates) {
        int r = 0;

        for (size_t i = 0; r == 0 && i < n_items(certificates); i++)
                r = add(s, &s->certificates,
                        json_object_get(json_object_object_get(
                                json_object_array_get_idx(certificates, i), "der")));
        for (size_t i = 0; r == 0 && i < n_items(import->items); i++)
                r = add(s, &s->exceptions,
                        json_object_get(json_object_array_get_idx(import->items, i)));
        for (size_t i = 0; r == 0 && i < n_items(import->authorities); i++)
                r = add(s, &s->authorities,
                        json_object_get(json_object_array_get_idx(import->authorities, i)));
        return r;
}

static int read_taken(JsonObject *object, certexc_authority **ret) {
        Fields f = FIELDS_INIT(object);
        JsonObject *authority;
        const char *field;

        if (!json_object_is_type(object, json_type_object))
                return -EPROTO;
        (void) fields_string(&f, "outcome");
        authority = fields_object(&f, "authority", false);
        if (fields_finish(&f, false) < 0)
                return -EPROTO;
        return authority ? authority_of(authority, ret, &field) : 0;
}

static int read_authorities(certexc_import *import) {
        const size_t n = n_items(import->taken);
        int r = n == n_items(import->authorities) ? 0 : -EPROTO;

        import->shown = calloc(n + 1, sizeof(*import->shown));
        if (!import->shown)
                return -ENOMEM;
        for (size_t i = 0; r == 0 && i < n; i++)
                r = read_taken(json_object_array_get_idx(import->taken, i), import->shown + i);
        return r;
}

static int read_reply(certexc_import *import) {
        Fields f = FIELDS_INIT(import->reply);

        import->stored = fields_bool_or(&f, "stored", false);
        import->outcomes = fields_array(&f, "outcomes", true);
        import->taken = fields_array(&f, "authorities", false);
        if (fields_finish(&f, false) < 0 || !is_string_array(import->outcomes) ||
            n_items(import->outcomes) != n_items(import->items))
                return -EPROTO;
        return read_authorities(import);
}

/* One of them would be believed about others, and the caller has not said that a person wants it. */
static bool lacks_consent(const certexc_import *import, unsigned flags) {
        for (size_t i = 0; i < n_items(import->authorities); i++) {
                JsonObject *item = json_object_array_get_idx(import->authorities, i);
                const char *kind = json_object_get_string(json_object_object_get(item, "kind"));

                if (strcmp(kind, "distrust") != 0)
                        return !(flags & (CERTEXC_TRUST | CERTEXC_DRY_RUN));
        }
        return false;
}

int certexc_import_decisions(certexc_client *client, const char *text, size_t size, unsigned flags,
                             certexc_import **ret) {
        _cleanup_(certexc_import_freep) certexc_import *import = NULL;
        _cleanup_(sending_done) Sending s = { .client = client };
        JsonObject *certificates = NULL;
        int r;

        if (!client || !text || !ret ||
            (flags & ~(CERTEXC_DRY_RUN | CERTEXC_REPLACE | CERTEXC_SKIP | CERTEXC_TRUST)) != 0)
                return client_misuse(client);
        trouble_clear(client_trouble(client));
        import = calloc(1, sizeof(*import));
        if (!import)
                return client_no_memory(client);
        r = read_file(client, import, text, size, &certificates);
        if (r == 0)
                r = lacks_consent(import, flags)
                            ? trouble_set(client_trouble(client), -ECANCELED,
                                          "There are authorities in it, which would be believed about "
                                          "others, and nobody has agreed to that.")
                            : send_all(&s, import, certificates);
        if (r == 0)
                r = call(&s, true, flags, &import->reply);
        if (r == 0)
                r = read_reply(import);
        if (r == -ENOMEM)
                return client_no_memory(client);
        if (r == -EPROTO && import->reply)
                return client_bad_reply(client, "ImportExceptions", "outcomes");
        if (r < 0)
                return r;
        *ret = TAKE_PTR(import);
        return 0;
}

/* -- what came of it --------------------------------------------------------------------------- */

certexc_import *certexc_import_free(certexc_import *import) {
        if (!import)
                return NULL;
        for (size_t i = 0; import->shown && i < n_items(import->taken); i++)
                (void) certexc_authority_free(import->shown[i]);
        free(import->shown);
        (void) json_object_put(import->file);
        (void) json_object_put(import->reply);
        free(import);
        return NULL;
}

bool certexc_import_stored(const certexc_import *import) {
        return import && import->stored;
}

size_t certexc_import_count(const certexc_import *import) {
        return import ? n_items(import->outcomes) : 0;
}

static JsonObject *field_of(const certexc_import *import, size_t i, const char *name) {
        if (i >= certexc_import_count(import))
                return NULL;
        return json_object_object_get(json_object_array_get_idx(import->items, i), name);
}

const char *certexc_import_host(const certexc_import *import, size_t i) {
        return json_object_get_string(field_of(import, i, "host"));
}

uint16_t certexc_import_port(const certexc_import *import, size_t i) {
        return (uint16_t) json_object_get_int(field_of(import, i, "port"));
}

const char *certexc_import_action(const certexc_import *import, size_t i) {
        return json_object_get_string(field_of(import, i, "action"));
}

const char *certexc_import_outcome(const certexc_import *import, size_t i) {
        return i < certexc_import_count(import) ? string_item(import->outcomes, i) : NULL;
}

size_t certexc_import_n_authorities(const certexc_import *import) {
        return import ? n_items(import->taken) : 0;
}

const certexc_authority *certexc_import_taken_authority(const certexc_import *import, size_t i) {
        return i < certexc_import_n_authorities(import) ? import->shown[i] : NULL;
}

const char *certexc_import_authority_outcome(const certexc_import *import, size_t i) {
        if (i >= certexc_import_n_authorities(import))
                return NULL;
        return json_object_get_string(
                json_object_object_get(json_object_array_get_idx(import->taken, i), "outcome"));
}

const char *certexc_import_json(const certexc_import *import) {
        return import ? json_text(import->reply) : NULL;
}

static const struct {
        const char *word;
        const char *sentence;
} outcomes[] = {
        { "added", N_("New here.") },
        { "held", N_("What is here says as much already.") },
        { "ended", N_("Its end has passed; it is left out.") },
        { "wider", N_("It allows more than you allowed here.") },
        { "later", N_("It ends later than what you decided here.") },
        { "denied-here", N_("You denied it here.") },
        { "allowed-here", N_("You allowed here what it denies.") },
        { "revoked-here", N_("You took it back here.") },
        { "distrusted-here", N_("You distrust this authority here.") },
        { "trusted-here", N_("You imported here the authority that it distrusts.") },
        { "unconfirmed-here", N_("It waits here to be confirmed, and would be.") },
        { "not-exceptable", N_("Something is wrong with it that nobody may allow.") },
        { "nothing-left", N_("Nothing that it allows is wrong with the certificate.") },
        { "unreadable", N_("Its certificate cannot be read.") },
        { "no-certificate", N_("Its certificate is not in the file, and it cannot be without.") },
        { "not-an-authority", N_("Its certificate can be no authority.") },
        { "forbidden", N_("Only the administrator may decide this here.") },
        { "held-by-file", N_("A file of decisions denies it.") },
        { "too-many", N_("There would be more decisions than one may have.") },
        { "too-many-here", N_("There would be more decisions at that host and port than may be.") },
        { "too-large", N_("Its certificate needs more space than is left to you.") },
};

const char *certexc_outcome_sentence(const char *outcome) {
        for (size_t i = 0; outcome && i < N_ELEMENTS(outcomes); i++)
                if (strcmp(outcomes[i].word, outcome) == 0)
                        return _(outcomes[i].sentence);
        return NULL;
}
