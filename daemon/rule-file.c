/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the text of a file in exceptions.d to decisions and their certificates. */
#include "config.h"

#include "daemon/rule-file.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "client/fields.h"
#include "client/json-parse.h"
#include "daemon/exported.h"
#include "daemon/json.h"
#include "daemon/limits.h"

RuleFile *rule_file_free(RuleFile *file) {
        if (!file)
                return NULL;

        for (size_t i = 0; i < file->n_certificates; i++) {
                free(file->certificates[i].der);
                (void) certificate_facts_free(file->certificates[i].facts);
        }
        free(file->certificates);
        free(file->decisions);
        free(file->path);
        free(file);
        return NULL;
}

/* A sentence is made of what is wrong. -EBADMSG, or -ENOMEM. */
_printf_(2, 3) static int refuse(char **ret_reason, const char *format, ...) {
        va_list arguments;
        int n;

        va_start(arguments, format);
        n = vasprintf(ret_reason, format, arguments);
        va_end(arguments);
        return n < 0 ? -ENOMEM : -EBADMSG;
}

/* -- certificates ------------------------------------------------------------------------------ */

static int by_digest(const void *a, const void *b) {
        const RuleCertificate *x = a, *y = b;

        return memcmp(x->sha256, y->sha256, SHA256_SIZE);
}

const RuleCertificate *rule_file_certificate(const RuleFile *file,
                                             const uint8_t sha256[static SHA256_SIZE]) {
        RuleCertificate wanted = { .der = NULL };

        memcpy(wanted.sha256, sha256, SHA256_SIZE);
        return file->n_certificates > 0 ? bsearch(&wanted, file->certificates, file->n_certificates,
                                                  sizeof(wanted), by_digest)
                                        : NULL;
}

/* NULL, or what is wrong with it and with which member. */
static const char *read_certificate(struct json_object *object, RuleCertificate *ret,
                                    const char **ret_member) {
        Fields f = FIELDS_INIT(object);
        const char *name = fields_string(&f, "sha256");
        size_t length = 0;
        const char *text = fields_bytes(&f, "der", &length);
        uint8_t is[SHA256_SIZE];

        if (fields_finish(&f, true) < 0) {
                *ret_member = f.bad_field;
                return f.bad_reason;
        }
        *ret_member = "sha256";
        if (sha256_decode(name, ret->sha256) < 0)
                return "it is not 64 hexadecimal digits";
        *ret_member = "der";
        if (base64_decode(text, length, &ret->der, &ret->der_size) < 0 || ret->der_size == 0 ||
            ret->der_size > CERTIFICATE_BYTES_MAX)
                return "it is no base64 of a certificate of lawful size";
        if (sha256(ret->der, ret->der_size, is) < 0 ||
            memcmp(ret->sha256, is, SHA256_SIZE) != 0)
                return "its bytes are not those of the certificate that the fingerprint names";
        return NULL;
}

static int read_certificates(RuleFile *file, struct json_object *array, char **ret_reason) {
        const size_t n = json_object_array_length(array);

        file->certificates = calloc(n + 1, sizeof(*file->certificates));
        if (!file->certificates)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                const char *member = NULL, *reason;

                reason = read_certificate(json_object_array_get_idx(array, i),
                                          &file->certificates[file->n_certificates++], &member);
                if (reason)
                        return refuse(ret_reason, "certificates[%zu].%s: %s", i, member, reason);
        }
        if (n == 0)
                return 0;

        qsort(file->certificates, n, sizeof(*file->certificates), by_digest);
        for (size_t i = 1; i < n; i++)
                if (by_digest(&file->certificates[i - 1], &file->certificates[i]) == 0)
                        return refuse(ret_reason, "certificates: one comes twice");
        return 0;
}

/* -- decisions --------------------------------------------------------------------------------- */

/* As an import would, but that one which makes no sense is the file's fault. */
static const char *weigh(Decision *d, bool has_certificate, const char **ret_member) {
        *ret_member = "pin";
        if (d->pin == PIN_KEY && !has_certificate)
                return "it pins a key, and the certificate is not in the file";
        *ret_member = "problems";
        if (d->problems & problem_set_never)
                return "one of them may be allowed by nobody";
        if (d->action == DECISION_DENY) {
                d->state = STATE_LIVE;
                d->problems = 0;
        } else if (d->problems == 0 || !has_certificate)
                d->state = STATE_UNCONFIRMED;
        return NULL;
}

static int read_decisions(RuleFile *file, struct json_object *array, char **ret_reason) {
        const size_t n = json_object_array_length(array);

        file->decisions = calloc(n + 1, sizeof(*file->decisions));
        if (!file->decisions)
                return -ENOMEM;
        for (size_t i = 0; i < n; i++) {
                Decision *d = &file->decisions[i];
                const char *member = NULL, *reason;

                d->owner = OWNER_SYSTEM;
                reason = exported_read(json_object_array_get_idx(array, i), true, d, &member);
                if (!reason)
                        reason = weigh(d, rule_file_certificate(file, d->certificate_sha256) != NULL,
                                       &member);
                if (reason)
                        return refuse(ret_reason, "decisions[%zu].%s: %s", i, member, reason);
        }
        file->n_decisions = n;
        return 0;
}

int rule_file_learn(RuleFile *file, size_t i, const CertificateFacts *facts) {
        RuleCertificate *c = &file->certificates[i];
        int r;

        r = certificate_facts_copy(facts, &c->facts);
        if (r < 0)
                return r;
        for (size_t j = 0; j < file->n_decisions; j++) {
                Decision *d = &file->decisions[j];

                if (memcmp(d->certificate_sha256, c->sha256, SHA256_SIZE) == 0)
                        memcpy(d->key_sha256, facts->key_sha256, SHA256_SIZE);
        }
        return 0;
}

/* -- the whole --------------------------------------------------------------------------------- */

/* What ends too early does so on its last line, not on the one that would have followed. */
static size_t line_of(Blob text, size_t offset) {
        size_t line = 1, size = text.size;

        while (size > 0 && strchr(" \t\r\n", text.data[size - 1]))
                size--;
        for (size_t i = 0; i < offset && i < size; i++)
                line += text.data[i] == '\n';
        return line;
}

static int read_object(RuleFile *file, struct json_object *object, char **ret_reason) {
        Fields f = FIELDS_INIT(object);
        const char *format = fields_string(&f, "format");
        int64_t version = fields_int(&f, "version", 1, INT64_MAX);
        struct json_object *decisions = fields_array(&f, "decisions", true);
        struct json_object *authorities = fields_array(&f, "authorities", false);
        struct json_object *certificates = fields_array(&f, "certificates", true);
        int r;

        if (fields_finish(&f, true) < 0)
                return refuse(ret_reason, "%s: %s", f.bad_field, f.bad_reason);
        if (strcmp(format, "certexc-export") != 0)
                return refuse(ret_reason, "format: it is not certexc-export");
        if (version != 1)
                return refuse(ret_reason, "version: a newer certexc wrote it");
        /* What is distrusted there would not be here, and nobody would notice. */
        if (authorities && json_object_array_length(authorities) > 0)
                return refuse(ret_reason, "authorities: only decisions are taken from a file; import them, "
                                          "and take them out of it");
        /* An export has those that its decisions are about, and each is read by a judge. */
        if (json_object_array_length(certificates) > json_object_array_length(decisions))
                return refuse(ret_reason, "certificates: there are more than decisions");
        r = read_certificates(file, certificates, ret_reason);
        return r < 0 ? r : read_decisions(file, decisions, ret_reason);
}

int rule_file_parse(const char *path, Blob text, RuleFile **ret, char **ret_reason) {
        _cleanup_(json_freep) struct json_object *object = NULL;
        _cleanup_(rule_file_freep) RuleFile *file = NULL;
        VarlinkFault fault;
        int r;

        r = json_parse_large(text, RULE_VALUES_MAX, &object, &fault);
        if (r == -EBADMSG)
                return refuse(ret_reason, "line %zu: %s", line_of(text, fault.offset), fault.reason);
        if (r < 0)
                return r;

        file = calloc(1, sizeof(*file));
        if (!file)
                return -ENOMEM;
        file->path = strdup(path);
        if (!file->path)
                return -ENOMEM;
        r = read_object(file, object, ret_reason);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(file);
        return 0;
}
