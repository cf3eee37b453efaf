/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* RegisterAgent and AnswerPrompt: the programs that ask the person, and what they bring back. */
#include "config.h"

#include <json-c/json.h>
#include <string.h>

#include "daemon/decide.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "daemon/login.h"
#include "daemon/method.h"
#include "daemon/prompter.h"

void method_register_agent(Request *r) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        char session[LOGIN_SESSION_MAX];
        Fields f = request_fields(r);
        int n;

        request_read_session(r, &f);
        if (request_fields_finish(r, &f) < 0)
                return;

        request_session(r, session);
        n = prompter_register(r, session);
        if (n == -EBUSY) {
                request_limit(r, "agents of one user", AGENTS_PER_UID_MAX);
                return;
        }
        if (n < 0 || json_put_string(o, "event", "ready") < 0) {
                request_no_memory(r);
                return;
        }
        request_reply_more(r, TAKE_PTR(o));
}

static bool is_digest_of(const char *text, const Prompt *prompt) {
        uint8_t digest[SHA256_SIZE];

        return sha256_decode(text, digest) == 0 &&
               memcmp(digest, prompt_subject(prompt)->shown_sha256, SHA256_SIZE) == 0;
}

static void dismiss(Request *r, Fields *f, uint64_t number) {
        if (request_fields_finish(r, f) < 0)
                return;
        prompter_dismiss(r, number);
        request_reply(r, json_object_new_object());
}

static void decide(Request *r, Fields *f, const Prompt *prompt, DecisionAction action) {
        const Judged *about = prompt_subject(prompt)->judged;
        const ProblemSet shown = prompt_key(prompt)->problems;

        prompter_begin_answer(r, prompt_number(prompt));
        decide_about(r, f, action, shown, about);
}

void method_answer_prompt(Request *r) {
        Fields f = request_fields(r);
        const uint64_t number = (uint64_t) fields_int(&f, "number", 0, INT64_MAX);
        const char *shown = fields_string(&f, "shown_sha256");
        const char *choice = fields_string(&f, "choice");
        const Prompt *prompt;

        /* One that waited for the store, and so comes here again, gives back what it held. */
        prompter_leave(r, false);
        if (!choice) {
                (void) request_fields_finish(r, &f);
                return;
        }
        prompt = prompter_find(r, number);
        if (!prompt)
                request_error(r, "PromptUnknown", json_object_new_object());
        else if (!is_digest_of(shown, prompt))
                request_invalid(r, "shown_sha256", "it is not the digest that came with the prompt");
        else if (strcmp(choice, "not-now") == 0)
                dismiss(r, &f, number);
        else if (strcmp(choice, "allow") == 0)
                decide(r, &f, prompt, DECISION_ALLOW);
        else if (strcmp(choice, "deny") == 0)
                decide(r, &f, prompt, DECISION_DENY);
        else
                request_invalid(r, "choice", "it is none of allow, deny and not-now");
}
