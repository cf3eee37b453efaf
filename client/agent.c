/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Agent: what people are to be asked, on a connection of its own, and what they said. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/fields.h"
#include "client/i18n.h"
#include "client/library.h"

struct certexc_agent {
        Feed feed;
};

struct certexc_prompt {
        JsonObject *object;
        uint64_t number;
        const char *shown_sha256;
        const char *over; /* NULL: it is to be shown */
        certexc_answer *answer;
};

/* -- what is asked --------------------------------------------------------------------------- */

certexc_prompt *certexc_prompt_free(certexc_prompt *prompt) {
        if (!prompt)
                return NULL;
        prompt->answer = certexc_answer_free(prompt->answer);
        (void) json_object_put(prompt->object);
        free(prompt);
        return NULL;
}

/* What is to be shown must be there as a whole. */
static int read_shown(certexc_prompt *p) {
        Fields f = FIELDS_INIT(p->object);
        JsonObject *shown = fields_object(&f, "shown", true);
        const char *field;

        p->shown_sha256 = fields_string(&f, "shown_sha256");
        if (fields_finish(&f, false) < 0)
                return -EPROTO;
        return answer_new_shown(shown, &p->answer, &field);
}

static int prompt_new(JsonObject *object, certexc_prompt **ret) {
        _cleanup_(certexc_prompt_freep) certexc_prompt *p = calloc(1, sizeof(*p));
        Fields f = FIELDS_INIT(object);
        const char *event;
        int r;

        if (!p)
                return -ENOMEM;
        p->object = json_object_get(object);
        event = fields_string(&f, "event");
        p->number = (uint64_t) fields_int(&f, "number", 1, INT64_MAX);
        p->over = fields_string_or(&f, "reason", NULL);
        if (fields_finish(&f, false) < 0)
                return -EPROTO;
        if (strcmp(event, "prompt") == 0 && !p->over) {
                r = read_shown(p);
                if (r < 0)
                        return r;
        } else if (strcmp(event, "over") != 0 || !p->over) {
                return -EPROTO;
        }
        *ret = TAKE_PTR(p);
        return 0;
}

uint64_t certexc_prompt_number(const certexc_prompt *prompt) {
        return prompt ? prompt->number : 0;
}

const char *certexc_prompt_over(const certexc_prompt *prompt) {
        return prompt ? prompt->over : NULL;
}

const certexc_answer *certexc_prompt_shown(const certexc_prompt *prompt) {
        return prompt ? prompt->answer : NULL;
}

const char *certexc_prompt_json(const certexc_prompt *prompt) {
        return prompt ? json_text(prompt->object) : NULL;
}

/* -- the agent ------------------------------------------------------------------------------- */

/* The daemon's first word, or why it does not want us. */
static int wait_until_ready(certexc_agent *agent, certexc_client *client) {
        _cleanup_(json_unrefp) JsonObject *object = NULL;
        const char *event;
        int r;

        r = feed_next(&agent->feed, true, connection_deadline(client_timeout(client)), &object);
        if (r < 0) {
                *client_trouble(client) = agent->feed.trouble;
                agent->feed.trouble = (Trouble){};
                return r;
        }
        Fields f = FIELDS_INIT(object);
        event = fields_string(&f, "event");
        if (fields_finish(&f, false) < 0 || strcmp(event, "ready") != 0)
                return client_bad_reply(client, "RegisterAgent", "event");
        return 0;
}

int certexc_agent_new(certexc_client *client, certexc_agent **ret) {
        _cleanup_(certexc_agent_freep) certexc_agent *a = NULL;
        _cleanup_(parameters_done) Parameters p = { 0 };
        int r;

        if (!client || !ret)
                return client_misuse(client);
        a = calloc(1, sizeof(*a));
        if (!a)
                return client_no_memory(client);

        parameters_init(&p);
        parameters_add_session(&p);
        parameters_add_owner(&p, client);
        r = feed_open(&a->feed, client, "org.certexc1.RegisterAgent", &p);
        if (r >= 0)
                r = wait_until_ready(a, client);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(a);
        return 0;
}

certexc_agent *certexc_agent_free(certexc_agent *agent) {
        if (!agent)
                return NULL;
        feed_close(&agent->feed);
        free(agent);
        return NULL;
}

int certexc_agent_fd(const certexc_agent *agent) {
        return agent ? connection_fd(agent->feed.connection) : -EINVAL;
}

const char *certexc_agent_error(const certexc_agent *agent) {
        return agent ? trouble_sentence(&agent->feed.trouble) : _("There is no agent.");
}

int certexc_agent_next(certexc_agent *agent, certexc_prompt **ret) {
        _cleanup_(json_unrefp) JsonObject *object = NULL;
        int r;

        if (!agent || !ret)
                return -EINVAL;
        r = feed_next(&agent->feed, false, 0, &object);
        if (r <= 0)
                return r;
        r = prompt_new(object, ret);
        if (r == -ENOMEM)
                return trouble_set(&agent->feed.trouble, r, "There is not enough memory.");
        return r < 0 ? feed_bad(&agent->feed) : 1;
}

/* -- what was said --------------------------------------------------------------------------- */

static void begin_answer(Parameters *p, const certexc_client *client, const certexc_prompt *prompt,
                         const char *choice) {
        parameters_init(p);
        parameters_add_owner(p, client);
        parameters_add_int(p, "number", (int64_t) prompt->number);
        parameters_add_string(p, "shown_sha256", prompt->shown_sha256);
        parameters_add_string(p, "choice", choice);
}

static int answer(certexc_client *client, const certexc_prompt *prompt, const char *choice,
                  int64_t until, unsigned flags, const char *fingerprint,
                  certexc_exception **ret) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        _cleanup_(json_unrefp) JsonObject *reply = NULL;
        const char *field = NULL;
        int r;

        if (!client || !prompt || prompt->over || !terms_make_sense(until, flags))
                return client_misuse(client);
        begin_answer(&p, client, prompt, choice);
        parameters_add_terms(&p, until, flags, fingerprint);
        r = parameters_call(&p, client, "AnswerPrompt", &reply);
        if (r < 0 || !ret)
                return r;
        r = exception_new(reply, ret, &field);
        if (r == -ENOMEM)
                return client_no_memory(client);
        return r < 0 ? client_bad_reply(client, "AnswerPrompt", field) : 0;
}

int certexc_prompt_allow(certexc_client *client, const certexc_prompt *prompt, int64_t until,
                         unsigned flags, const char *fingerprint, certexc_exception **ret) {
        return answer(client, prompt, "allow", until, flags, fingerprint, ret);
}

int certexc_prompt_deny(certexc_client *client, const certexc_prompt *prompt, int64_t until,
                        unsigned flags, const char *fingerprint, certexc_exception **ret) {
        return answer(client, prompt, "deny", until, flags, fingerprint, ret);
}

int certexc_prompt_dismiss(certexc_client *client, const certexc_prompt *prompt) {
        _cleanup_(parameters_done) Parameters p = { 0 };
        _cleanup_(json_unrefp) JsonObject *reply = NULL;

        if (!client || !prompt || prompt->over)
                return client_misuse(client);
        begin_answer(&p, client, prompt, "not-now");
        return parameters_call(&p, client, "AnswerPrompt", &reply);
}
