/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answer: what the daemon said about a question, checked against what was asked. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/encoding.h"
#include "client/fields.h"
#include "client/library.h"

struct certexc_answer {
        certexc_question *question; /* NULL: what an agent shows */
        JsonObject *object;
        const char *host, *chain_sha256, *asked, *doubt, *cause;
        uint16_t port;
        enum certexc_verdict verdict;
        const char *because;
        JsonObject *problems, *new_problems, *advice;
        bool obsolete, has_leaf, has_exception;
        certexc_certificate leaf;
        certexc_exception exception;
        const char *change; /* NULL: none */
        const char *known_from;
        int64_t since;
        bool was_due;
        certexc_certificate old;
        JsonObject *changed_fields;
        const char *responder; /* NULL: none */
        uint8_t *request;
        size_t request_size;
};

certexc_answer *certexc_answer_free(certexc_answer *answer) {
        if (!answer)
                return NULL;
        answer->question = certexc_question_free(answer->question);
        (void) json_object_put(answer->object);
        free(answer->request);
        free(answer);
        return NULL;
}

certexc_question *answer_question(const certexc_answer *answer) {
        return answer->question;
}

JsonObject *answer_advice(const certexc_answer *answer) {
        return answer ? answer->advice : NULL;
}

/* Nothing but the three words, and "accept" only in full. */
static int read_verdict(const char *word, enum certexc_verdict *ret) {
        if (strcmp(word, "accept") == 0)
                *ret = CERTEXC_ACCEPT;
        else if (strcmp(word, "prompt") == 0)
                *ret = CERTEXC_PROMPT;
        else if (strcmp(word, "reject") == 0)
                *ret = CERTEXC_REJECT;
        else
                return -EPROTO;
        return 0;
}

static int read_problems(JsonObject *array, const char **ret_field) {
        for (size_t i = 0; i < n_items(array); i++) {
                Fields f = FIELDS_INIT(json_object_array_get_idx(array, i));

                *ret_field = "problems";
                if (!json_object_is_type(f.object, json_type_object))
                        return -EPROTO;
                (void) fields_string(&f, "name");
                (void) fields_bool_or(&f, "exceptable", false);
                (void) fields_int(&f, "certificate", -1, INT32_MAX);
                (void) fields_string(&f, "value");
                if (fields_finish(&f, false) < 0)
                        return -EPROTO;
        }
        return 0;
}

static int read_change(certexc_answer *a, JsonObject *change, const char **ret_field) {
        Fields f = FIELDS_INIT(change);
        JsonObject *old;

        a->change = fields_string(&f, "kind");
        a->known_from = fields_string(&f, "known_from");
        a->since = fields_int(&f, "since", INT64_MIN, INT64_MAX);
        a->was_due = fields_bool_or(&f, "old_was_due", false);
        a->changed_fields = fields_array(&f, "fields", false);
        old = fields_object(&f, "old", true);
        if (a->changed_fields && !is_string_array(a->changed_fields))
                fields_bad(&f, "fields", "it is no array of strings");
        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        return certificate_read(old, &a->old, ret_field);
}

static int read_responder(certexc_answer *a, JsonObject *responder, const char **ret_field) {
        Fields f = FIELDS_INIT(responder);
        const char *request;

        a->responder = fields_string(&f, "url");
        request = fields_string(&f, "request");
        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }
        /* Whoever follows it must not be led anywhere else. */
        *ret_field = "responder";
        if (strncasecmp(a->responder, "http://", strlen("http://")) != 0)
                return -EPROTO;
        return base64_decode(request, strlen(request), &a->request, &a->request_size);
}

/* The objects that may be absent. */
static int read_details(certexc_answer *a, Fields *f, const char **ret_field) {
        JsonObject *leaf = fields_object(f, "leaf", false);
        JsonObject *exception = fields_object(f, "exception", false);
        JsonObject *change = fields_object(f, "change", false);
        JsonObject *responder = fields_object(f, "responder", false);
        int r;

        if (leaf) {
                r = certificate_read(leaf, &a->leaf, ret_field);
                if (r < 0)
                        return r;
                a->has_leaf = true;
        }
        if (exception) {
                r = exception_read(exception, &a->exception, ret_field);
                if (r < 0)
                        return r;
                a->has_exception = true;
        }
        if (responder) {
                r = read_responder(a, responder, ret_field);
                if (r < 0)
                        return r;
        }
        return change ? read_change(a, change, ret_field) : 0;
}

/* An answer to another question is none: it would be a false accept. */
static void read_subject(certexc_answer *a, Fields *f) {
        const int64_t port = fields_int(f, "port", 0, UINT16_MAX);

        a->host = fields_string(f, "host");
        a->chain_sha256 = fields_string(f, "chain_sha256");
        a->port = (uint16_t) port;
        if (!a->chain_sha256 || !a->question)
                return;
        if (strcmp(a->host, question_endpoint(a->question)->host) != 0 ||
            a->port != question_endpoint(a->question)->port ||
            strcmp(a->chain_sha256, question_chain_sha256(a->question)) != 0)
                fields_bad(f, "host, port, chain_sha256", "they are another question's");
}

static int answer_read(certexc_answer *a, const char **ret_field) {
        Fields f = FIELDS_INIT(a->object);
        const char *verdict = fields_string(&f, "verdict");
        int r;

        a->because = fields_string(&f, "because");
        a->problems = fields_array(&f, "problems", true);
        a->new_problems = fields_array(&f, "new_problems", true);
        a->advice = fields_array(&f, "advice", false);
        a->obsolete = fields_bool_or(&f, "obsolete", false);
        a->asked = fields_string_or(&f, "asked", NULL);
        a->doubt = fields_string_or(&f, "doubt", NULL);
        a->cause = fields_string_or(&f, "unconfirmed_because", NULL);
        read_subject(a, &f);
        if (!is_string_array(a->new_problems))
                fields_bad(&f, "new_problems", "it is no array of strings");
        if (a->advice && advice_check(a->advice) < 0)
                fields_bad(&f, "advice", "it is no array of advice");
        if (fields_finish(&f, false) < 0) {
                *ret_field = f.bad_field;
                return -EPROTO;
        }

        *ret_field = "verdict";
        r = read_verdict(verdict, &a->verdict);
        if (r < 0)
                return r;
        r = read_problems(a->problems, ret_field);
        return r < 0 ? r : read_details(a, &f, ret_field);
}

static int ask(certexc_client *client, certexc_question *question, const char *method,
               Parameters *p, certexc_answer **ret) {
        _cleanup_(certexc_answer_freep) certexc_answer *a = calloc(1, sizeof(*a));
        const char *field = NULL;
        int r;

        if (!a)
                return client_no_memory(client);
        a->question = question_ref(question);
        a->verdict = CERTEXC_PROMPT;

        r = question_call(question, client, method, p, &a->object);
        if (r < 0)
                return r;
        if (answer_read(a, &field) < 0)
                return client_bad_reply(client, method, field);

        *ret = TAKE_PTR(a);
        return 0;
}

int certexc_verify(certexc_client *client, certexc_question *question, certexc_answer **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };

        if (!client || !question || !ret)
                return client_misuse(client);
        parameters_init(&p);
        return ask(client, question, "Verify", &p, ret);
}

int certexc_ask(certexc_client *client, certexc_question *question, unsigned seconds,
                certexc_answer **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        if (!client || !question || !ret || seconds == 0 || seconds > CERTEXC_ASK_MAX)
                return client_misuse(client);
        parameters_init(&p);
        parameters_add_int(&p, "timeout", seconds);
        parameters_add_session(&p);
        client_set_patience(client, seconds * 1000U);
        r = ask(client, question, "Ask", &p, ret);
        client_set_patience(client, 0);
        return r;
}

int answer_new_shown(JsonObject *shown, certexc_answer **ret, const char **ret_field) {
        _cleanup_(certexc_answer_freep) certexc_answer *a = calloc(1, sizeof(*a));
        int r;

        if (!a)
                return -ENOMEM;
        a->object = json_object_get(shown);
        r = answer_read(a, ret_field);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

enum certexc_verdict certexc_answer_verdict(const certexc_answer *answer) {
        return answer ? answer->verdict : CERTEXC_PROMPT;
}

const char *certexc_answer_because(const certexc_answer *answer) {
        return answer ? answer->because : NULL;
}

const char *certexc_answer_host(const certexc_answer *answer) {
        return answer ? answer->host : NULL;
}

uint16_t certexc_answer_port(const certexc_answer *answer) {
        return answer ? answer->port : 0;
}

const char *certexc_answer_chain_sha256(const certexc_answer *answer) {
        return answer ? answer->chain_sha256 : NULL;
}

size_t certexc_answer_n_problems(const certexc_answer *answer) {
        return answer ? n_items(answer->problems) : 0;
}

/* A field of the @i-th problem, or NULL; read_problems() has checked them all. */
static JsonObject *problem_field(const certexc_answer *answer, size_t i, const char *name) {
        if (i >= certexc_answer_n_problems(answer))
                return NULL;
        return json_object_object_get(json_object_array_get_idx(answer->problems, i), name);
}

const char *certexc_answer_problem(const certexc_answer *answer, size_t i) {
        return json_object_get_string(problem_field(answer, i, "name"));
}

bool certexc_answer_problem_exceptable(const certexc_answer *answer, size_t i) {
        return json_object_get_boolean(problem_field(answer, i, "exceptable"));
}

int certexc_answer_problem_certificate(const certexc_answer *answer, size_t i) {
        JsonObject *index = problem_field(answer, i, "certificate");

        return index ? json_object_get_int(index) : -1;
}

const char *certexc_answer_problem_value(const certexc_answer *answer, size_t i) {
        return json_object_get_string(problem_field(answer, i, "value"));
}

size_t certexc_answer_n_new_problems(const certexc_answer *answer) {
        return answer ? n_items(answer->new_problems) : 0;
}

const char *certexc_answer_new_problem(const certexc_answer *answer, size_t i) {
        return answer ? string_item(answer->new_problems, i) : NULL;
}

const certexc_certificate *certexc_answer_leaf(const certexc_answer *answer) {
        return answer && answer->has_leaf ? &answer->leaf : NULL;
}

const certexc_exception *certexc_answer_exception(const certexc_answer *answer) {
        return answer && answer->has_exception ? &answer->exception : NULL;
}

bool certexc_answer_obsolete(const certexc_answer *answer) {
        return answer && answer->obsolete;
}

const char *certexc_answer_change(const certexc_answer *answer) {
        return answer ? answer->change : NULL;
}

const char *certexc_answer_change_known_from(const certexc_answer *answer) {
        return answer ? answer->known_from : NULL;
}

int64_t certexc_answer_change_since(const certexc_answer *answer) {
        return answer ? answer->since : 0;
}

bool certexc_answer_change_was_due(const certexc_answer *answer) {
        return answer && answer->was_due;
}

const certexc_certificate *certexc_answer_change_old(const certexc_answer *answer) {
        return answer && answer->change ? &answer->old : NULL;
}

bool certexc_answer_change_differs(const certexc_answer *answer, const char *field) {
        for (size_t i = 0; answer && field && i < n_items(answer->changed_fields); i++)
                if (strcmp(string_item(answer->changed_fields, i), field) == 0)
                        return true;
        return false;
}

const char *certexc_answer_unconfirmed_because(const certexc_answer *answer) {
        return answer ? answer->cause : NULL;
}

const char *certexc_answer_doubt(const certexc_answer *answer) {
        return answer ? answer->doubt : NULL;
}

const char *certexc_answer_asked(const certexc_answer *answer) {
        return answer ? answer->asked : NULL;
}

const char *certexc_answer_responder(const certexc_answer *answer) {
        return answer ? answer->responder : NULL;
}

int certexc_answer_responder_request(const certexc_answer *answer, const void **ret,
                                     size_t *ret_size) {
        if (!answer || !answer->responder)
                return -ENOENT;
        *ret = answer->request;
        *ret_size = answer->request_size;
        return 0;
}

const char *certexc_answer_json(const certexc_answer *answer) {
        return answer ? json_text(answer->object) : NULL;
}
