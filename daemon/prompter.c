/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who waits, who is told, and when the loop has to look. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/json.h"
#include "daemon/judged.h"
#include "daemon/limits.h"
#include "daemon/login.h"
#include "daemon/method.h"
#include "daemon/prompter.h"

#define USEC_PER_SEC UINT64_C(1000000)

/* Effects in one turn of the loop. Each may judge a chain anew, and others want to be served too. */
#define EFFECTS_AT_ONCE 16U

struct Prompter {
        Manager *manager;
        Prompts *prompts;
        sd_event_source *work;  /* on while there may be effects */
        sd_event_source *timer; /* on while somebody waits */
};

static uint64_t now_usec(const Prompter *p) {
        uint64_t now = 0;

        (void) sd_event_now(p->manager->event, CLOCK_MONOTONIC, &now);
        return now;
}

static void set_timer(Prompter *p) {
        const uint64_t due = prompts_due(p->prompts);

        if (due != UINT64_MAX)
                (void) sd_event_source_set_time(p->timer, due);
        (void) sd_event_source_set_enabled(p->timer,
                                           due == UINT64_MAX ? SD_EVENT_OFF : SD_EVENT_ONESHOT);
}

static void on_changed(void *userdata) {
        Prompter *p = userdata;

        set_timer(p);
        (void) sd_event_source_set_enabled(p->work, SD_EVENT_ONESHOT);
}

static int on_timer(sd_event_source *source, uint64_t usec, void *userdata) {
        Prompter *p = userdata;

        prompts_expire(p->prompts, now_usec(p));
        return 0;
}

/* -- words ----------------------------------------------------------------------------------- */

static const char *outcome_word(Outcome outcome) {
        switch (outcome) {
        case OUTCOME_ANSWERED:
                return "answered";
        case OUTCOME_DISMISSED:
                return "dismissed";
        case OUTCOME_NO_AGENT:
                return "no-agent";
        case OUTCOME_TIMED_OUT:
                return "timed-out";
        case OUTCOME_TOO_MANY:
                return "too-many";
        case OUTCOME_CHANGED:
                return "changed";
        case OUTCOME_WAITS:
        case OUTCOME_GONE:
                return "gone";
        }
        return "gone";
}

const char *prompter_word(const Request *r) {
        if (r->asking.outcome)
                return r->asking.outcome;
        return r->asking.waited ? outcome_word(OUTCOME_ANSWERED) : "not-needed";
}

/* -- effects --------------------------------------------------------------------------------- */

/* Judged anew, whatever the outcome: nobody inherits an answer. Only then does it leave the prompt, which
 * it may have come back to. */
static void go_on(Asker *asker, Outcome outcome) {
        Request *r = asker_userdata(asker);

        r->asking.asker = NULL;
        r->waited = false;
        if (outcome != OUTCOME_CHANGED)
                r->asking.outcome = outcome_word(outcome);
        request_begin_again(r);
        (void) asker_free(asker);
        request_settle(r);
}

static struct json_object *prompt_event(const Prompt *prompt) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();
        const PromptSubject *subject = prompt_subject(prompt);

        if (json_put_string(o, "event", "prompt") < 0 ||
            json_put_int(o, "number", (int64_t) prompt_number(prompt)) < 0 ||
            json_put_sha256(o, "shown_sha256", subject->shown_sha256) < 0 ||
            json_put(o, "shown", json_object_get(subject->shown)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static struct json_object *over_event(uint64_t number, Outcome because) {
        _cleanup_(json_freep) struct json_object *o = json_object_new_object();

        if (json_put_string(o, "event", "over") < 0 ||
            json_put_int(o, "number", (int64_t) number) < 0 ||
            json_put_string(o, "reason", outcome_word(because)) < 0)
                return NULL;
        return TAKE_PTR(o);
}

static void perform(const Effect *e) {
        Request *r;

        if (e->kind == EFFECT_ASKER) {
                go_on(e->asker, e->outcome);
                return;
        }
        r = agent_userdata(e->agent);
        request_reply_more(r, e->kind == EFFECT_GIVE ? prompt_event(e->prompt)
                                                     : over_event(e->number, e->outcome));
        request_settle(r);
}

static int on_work(sd_event_source *source, void *userdata) {
        Prompter *p = userdata;
        Effect effect;

        for (unsigned i = 0; i < EFFECTS_AT_ONCE; i++) {
                if (!prompts_next(p->prompts, &effect)) {
                        (void) sd_event_source_set_enabled(p->work, SD_EVENT_OFF);
                        return 0;
                }
                perform(&effect);
        }
        return sd_event_source_set_enabled(p->work, SD_EVENT_ONESHOT);
}

/* -- waiting --------------------------------------------------------------------------------- */

void prompter_begin(Request *r, uint64_t seconds) {
        if (!r->asking.wanted)
                r->asking.until_usec = now_usec(r->manager->prompter) + seconds * USEC_PER_SEC;
        r->asking.wanted = true;
}

static int make_subject(const Request *r, struct json_object *shown, PromptSubject *ret) {
        const char *text = json_object_to_json_string_ext(shown, JSON_C_TO_STRING_PLAIN);
        int n;

        if (!text)
                return -ENOMEM;
        n = sha256(text, strlen(text), ret->shown_sha256);
        if (n >= 0)
                n = judged_again(r->judged, &ret->judged);
        if (n < 0)
                return n;
        ret->shown = json_object_get(shown);
        return 0;
}

static int join(Request *r, Prompt *prompt) {
        char session[LOGIN_SESSION_MAX];
        int n;

        request_session(r, session);
        n = asker_new(prompt, session, r->asking.until_usec, r, &r->asking.asker);
        if (n < 0)
                return n;
        r->asking.waited = true;
        /* The prompt has the chain, and this one is judged anew anyway. */
        r->judged = judged_free(r->judged);
        if (r->waits)
                r->waits(r, r->door);
        return 1;
}

static PromptKey key_of(const Request *r) {
        const Judged *j = r->judged;
        PromptKey key = {
                .owner = r->owner,
                .endpoint = j->endpoint,
                .problems = j->facts->problems,
        };

        memcpy(key.leaf_sha256, j->facts->leaf->sha256, SHA256_SIZE);
        return key;
}

int prompter_wait(Request *r, struct json_object *shown) {
        Prompter *p = r->manager->prompter;
        PromptSubject subject = {};
        Prompt *prompt = NULL;
        PromptKey key;
        Outcome outcome;
        int n;

        if (r->asking.outcome || !r->judged->facts->leaf)
                return 0;
        if (r->asking.until_usec <= now_usec(p)) {
                r->asking.outcome = outcome_word(OUTCOME_TIMED_OUT);
                return 0;
        }
        key = key_of(r);
        outcome = prompts_look(p->prompts, &key, now_usec(p), &prompt);
        if (outcome != OUTCOME_WAITS) {
                r->asking.outcome = outcome_word(outcome);
                return 0;
        }
        if (!prompt) {
                n = make_subject(r, shown, &subject);
                if (n >= 0)
                        n = prompt_new(p->prompts, &key, &subject, &prompt);
                if (n < 0)
                        return n;
        }
        return join(r, prompt);
}

/* -- agents and answers ---------------------------------------------------------------------- */

int prompter_register(Request *r, const char *session) {
        return agent_new(r->manager->prompter->prompts, r->caller.uid, session, r,
                         &r->asking.agent);
}

const Prompt *prompter_find(Request *r, uint64_t number) {
        return prompts_find(r->manager->prompter->prompts, (int64_t) r->caller.uid, number);
}

void prompter_begin_answer(Request *r, uint64_t number) {
        Prompt *prompt =
                prompts_find(r->manager->prompter->prompts, (int64_t) r->caller.uid, number);

        prompt_begin_answer(prompt);
        r->asking.answering = prompt;
}

void prompter_dismiss(Request *r, uint64_t number) {
        Prompter *p = r->manager->prompter;
        Prompt *prompt = prompts_find(p->prompts, (int64_t) r->caller.uid, number);

        prompt_dismiss(prompt, now_usec(p) + PROMPT_DISMISSED_SEC * USEC_PER_SEC);
}

void prompter_leave(Request *r, bool success) {
        Prompt *answering = r->asking.answering;

        r->asking.answering = NULL;
        if (answering)
                prompt_answered(answering, success ? OUTCOME_ANSWERED : OUTCOME_CHANGED);
        r->asking.asker = asker_free(r->asking.asker);
        r->asking.agent = agent_free(r->asking.agent);
}

void prompter_stop(Prompter *p) {
        prompts_stop(p->prompts);
}

PromptsCounts prompter_count(const Prompter *p, int64_t owner) {
        return prompts_count(p->prompts, owner);
}

void prompter_changed(Prompter *p, int64_t owner, const char *host, uint16_t port) {
        prompts_changed(p->prompts, owner, host, port);
}

/* -- life ------------------------------------------------------------------------------------ */

int prompter_new(Manager *manager, Prompter **ret) {
        _cleanup_(prompter_freep) Prompter *p = calloc(1, sizeof(*p));
        int r;

        if (!p)
                return -ENOMEM;
        p->manager = manager;
        r = sd_event_add_defer(manager->event, &p->work, on_work, p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->work, SD_EVENT_OFF);
        if (r >= 0)
                r = sd_event_add_time(manager->event, &p->timer, CLOCK_MONOTONIC, 0, 0, on_timer,
                                      p);
        if (r >= 0)
                r = sd_event_source_set_enabled(p->timer, SD_EVENT_OFF);
        if (r >= 0)
                r = prompts_new(on_changed, p, &p->prompts);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(p);
        return 0;
}

Prompter *prompter_free(Prompter *p) {
        if (!p)
                return NULL;
        p->prompts = prompts_free(p->prompts);
        p->timer = sd_event_source_disable_unref(p->timer);
        p->work = sd_event_source_disable_unref(p->work);
        free(p);
        return NULL;
}
