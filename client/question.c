/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Question: an endpoint and what it presented, kept as long as an answer may be acted upon. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/library.h"

struct certexc_question {
        unsigned n_references;
        bool asked; /* what an answer is about does not change any more */
        Endpoint endpoint;
        bool starttls;
        uint8_t *bytes; /* all certificates, joined */
        size_t size;
        size_t *ends; /* where each certificate ends */
        size_t n_certificates;
        char *staple; /* base64 */
        uint8_t sha256[SHA256_SIZE];
        char sha256_hex[SHA256_HEX_SIZE];
};

int certexc_question_new(const char *host, uint16_t port, certexc_question **ret) {
        _cleanup_(certexc_question_freep) certexc_question *q = NULL;
        const char *reason;
        int r;

        if (!host || !ret)
                return -EINVAL;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;
        q->n_references = 1;
        r = endpoint_set(host, strlen(host), port, &q->endpoint, &reason);
        if (r < 0)
                return r;

        *ret = TAKE_PTR(q);
        return 0;
}

certexc_question *question_ref(certexc_question *question) {
        question->n_references++;
        return question;
}

certexc_question *certexc_question_free(certexc_question *question) {
        if (!question || --question->n_references > 0)
                return NULL;
        free(question->bytes);
        free(question->ends);
        free(question->staple);
        free(question);
        return NULL;
}

int certexc_question_add_certificate(certexc_question *question, const void *der, size_t size) {
        size_t *ends, total;
        uint8_t *bytes;

        if (!question || !der || size == 0)
                return -EINVAL;
        if (question->asked)
                return -EBUSY;
        if (__builtin_add_overflow(question->size, size, &total))
                return -ENOMEM;

        ends = reallocarray(question->ends, question->n_certificates + 1, sizeof(*ends));
        if (!ends)
                return -ENOMEM;
        question->ends = ends;
        bytes = realloc(question->bytes, total);
        if (!bytes)
                return -ENOMEM;
        question->bytes = bytes;

        memcpy(bytes + question->size, der, size);
        question->size = total;
        ends[question->n_certificates++] = total;
        return 0;
}

static char *base64_new(const uint8_t *data, size_t size) {
        char *text = malloc(BASE64_SIZE(size));

        if (text)
                base64_encode(data, size, text);
        return text;
}

int certexc_question_set_staple(certexc_question *question, const void *der, size_t size) {
        char *staple;

        if (!question || !der || size == 0)
                return -EINVAL;
        if (question->asked)
                return -EBUSY;

        staple = base64_new(der, size);
        if (!staple)
                return -ENOMEM;
        free(question->staple);
        question->staple = staple;
        return 0;
}

int certexc_question_set_starttls(certexc_question *question, bool starttls) {
        if (!question)
                return -EINVAL;
        if (question->asked)
                return -EBUSY;
        question->starttls = starttls;
        return 0;
}

const Endpoint *question_endpoint(const certexc_question *question) {
        return &question->endpoint;
}

const char *question_chain_sha256(const certexc_question *question) {
        return question->sha256_hex;
}

static JsonObject *chain_array(const certexc_question *q) {
        _cleanup_(json_unrefp) JsonObject *array = json_object_new_array();
        size_t begin = 0;

        if (!array)
                return NULL;
        for (size_t i = 0; i < q->n_certificates; begin = q->ends[i++]) {
                _cleanup_free_ char *text = base64_new(q->bytes + begin, q->ends[i] - begin);
                JsonObject *item = text ? json_object_new_string(text) : NULL;

                if (!item || json_object_array_add(array, item) < 0) {
                        (void) json_object_put(item);
                        return NULL;
                }
        }
        return TAKE_PTR(array);
}

static void add_common(const certexc_question *q, Parameters *p) {
        parameters_add_string(p, "host", q->endpoint.host);
        parameters_add_int(p, "port", q->endpoint.port);
        if (q->staple)
                parameters_add_string(p, "staple", q->staple);
        if (q->starttls)
                parameters_add(p, "starttls", json_object_new_boolean(true));
}

static bool is_chain_unknown(const certexc_client *client) {
        const char *name = certexc_client_error_name(client);

        return name && strcmp(name, "org.certexc1.ChainUnknown") == 0;
}

int question_call(certexc_question *question, certexc_client *client, const char *method,
                  Parameters *p, JsonObject **ret) {
        int r;

        if (!question->asked) {
                r = sha256(question->bytes, question->size, question->sha256);
                if (r < 0)
                        return trouble_set(client_trouble(client), r,
                                           "The chain's SHA-256 cannot be computed.");
                hex_encode(question->sha256, SHA256_SIZE, question->sha256_hex);
                question->asked = true;
        }
        add_common(question, p);
        parameters_add_owner(p, client);

        if (client_has_shown(client, question->sha256)) {
                parameters_add_string(p, "chain_sha256", question->sha256_hex);
                r = parameters_call(p, client, method, ret);
                if (r >= 0 || !is_chain_unknown(client))
                        return r;
                json_object_object_del(p->object, "chain_sha256");
        }

        parameters_add(p, "chain", chain_array(question));
        r = parameters_call(p, client, method, ret);
        if (r >= 0)
                client_note_shown(client, question->sha256);
        return r;
}
