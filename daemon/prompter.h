/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompter: the loop's side of prompts.h. It lets requests wait for a person's answer, hands prompts to
 * agents, and has every request judged anew when its prompt is over.
 *
 * An agent is a request of RegisterAgent that has been answered and goes on: what it is told are its
 * further answers (RequestAnswer with @continues). So a door that serves agents in another way than by a
 * stream, as the bus does by signals to the one who registered, starts that request with @more, turns each
 * of its answers into what fits, and frees it when the agent is gone. Nothing here knows of doors.
 */
#pragma once

#include <stdbool.h>

#include "client/cleanup.h"
#include "daemon/prompts.h"

typedef struct Manager Manager;
typedef struct Prompter Prompter;
typedef struct Request Request;

/* What a request of Ask or AnswerPrompt has to do with prompts. */
typedef struct Asking {
        bool wanted;         /* a person is to be asked if there is no verdict */
        uint64_t until_usec; /* and so long is waited */
        bool waited;
        const char *outcome; /* why it does not wait any more; NULL: it may */
        Asker *asker;        /* while it waits */
        Prompt *answering;   /* whose answer it is */
        Agent *agent;        /* it is one */
} Asking;

int prompter_new(Manager *manager, Prompter **ret);
Prompter *prompter_free(Prompter *prompter);
DEFINE_CLEANUP(Prompter *, prompter_free)

/* @r wants a person to be asked if need be, and waits @seconds from now on; when it begins again, from
 * its first beginning on. */
void prompter_begin(Request *r, uint64_t seconds);

/*
 * @r, which is judged, came to no verdict but "ask the person", and @shown is what to show. 1: it waits, and
 * begins again. 0: it does not, and the reason is its outcome. -ENOMEM.
 */
int prompter_wait(Request *r, struct json_object *shown);

/* Why an answer is what it is: the word of the interface's "asked". */
const char *prompter_word(const Request *r);

/* @r becomes an agent, in @session. 0, -EBUSY, -ENOMEM. */
int prompter_register(Request *r, const char *session);

/* The prompt @number of @r's caller, which @r is going to answer; NULL if there is none. */
const Prompt *prompter_find(Request *r, uint64_t number);
void prompter_begin_answer(Request *r, uint64_t number);

/* "Not now" to the prompt. */
void prompter_dismiss(Request *r, uint64_t number);

/* @r has its answer, which was an error or not, or is gone. */
void prompter_leave(Request *r, bool success);

/* The daemon is about to end: whoever waits is answered. */
void prompter_stop(Prompter *prompter);

PromptsCounts prompter_count(const Prompter *prompter, int64_t owner);

/* What verdicts depend on has changed: see prompts_changed(). */
void prompter_changed(Prompter *prompter, int64_t owner, const char *host, uint16_t port);
