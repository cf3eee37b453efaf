/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompts: what people are to be asked, who waits for it (askers), and who can ask (agents). A state
 * machine that knows neither sockets, clock nor loop: operations change it, prompts_next() hands out
 * what is to be done because of that, one effect after the other.
 *
 * There is one prompt for an owner, endpoint, leaf and set of problems, however many wait for it. An
 * agent shows one prompt at a time; the others queue. An agent in the session of who asked comes first,
 * even if it is busy; else the one that registered last, which is where the person sat down last. What
 * a lost agent showed goes to the next; without any agent nobody waits.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"
#include "client/endpoint.h"
#include "client/problem.h"
#include "daemon/login.h"

struct json_object;
typedef struct Judged Judged;
typedef struct Prompts Prompts;
typedef struct Prompt Prompt;
typedef struct Asker Asker;
typedef struct Agent Agent;

typedef struct PromptKey {
        int64_t owner;
        Endpoint endpoint;
        uint8_t leaf_sha256[SHA256_SIZE];
        ProblemSet problems;
} PromptKey;

/* What is shown, and what the answer will be about. */
typedef struct PromptSubject {
        struct json_object *shown;
        uint8_t shown_sha256[SHA256_SIZE];
        Judged *judged;
} PromptSubject;

/* What became of asking. */
typedef enum Outcome {
        OUTCOME_WAITS,
        OUTCOME_ANSWERED,
        OUTCOME_DISMISSED, /* "not now", a moment ago or within PROMPT_DISMISSED_SEC */
        OUTCOME_NO_AGENT,
        OUTCOME_TIMED_OUT,
        OUTCOME_TOO_MANY,
        OUTCOME_CHANGED, /* what the verdict depends on: judge again, and perhaps wait again */
        OUTCOME_GONE,    /* for agents: nobody waits any more */
} Outcome;

typedef enum EffectKind {
        EFFECT_ASKER, /* @asker's @outcome has come; who waited frees it */
        EFFECT_GIVE,  /* @agent is to show @prompt */
        EFFECT_OVER,  /* @agent's prompt @number needs no answer any more, because of @outcome */
} EffectKind;

typedef struct Effect {
        EffectKind kind;
        Asker *asker;
        Agent *agent;
        const Prompt *prompt;
        uint64_t number;
        Outcome outcome;
} Effect;

/* @changed is called whenever there may be an effect, or prompts_due() may be another. It may call
 * nothing here but prompts_due(). NULL: nobody is interested. */
int prompts_new(void (*changed)(void *userdata), void *userdata, Prompts **ret);
/* Agents and askers go first. NULL ok; returns NULL. */
Prompts *prompts_free(Prompts *prompts);
DEFINE_CLEANUP(Prompts *, prompts_free)

/* Fills in the next effect, which may be acted upon at leisure but for this: what it points to is there
 * until the next operation. false if there is none. */
bool prompts_next(Prompts *prompts, Effect *ret);

/* When prompts_expire() has something to do; UINT64_MAX: nobody waits. */
uint64_t prompts_due(const Prompts *prompts);
void prompts_expire(Prompts *prompts, uint64_t now_usec);

/*
 * Something that verdicts of @owner (OWNER_SYSTEM: everybody's) depend on is another now: who waits for
 * @endpoint (NULL: any) is to judge again, and a "not now" about it does not hold any more.
 */
void prompts_changed(Prompts *prompts, int64_t owner, const char *host, uint16_t port);

/* The daemon is about to end: nobody waits any more, and nobody begins to. */
void prompts_stop(Prompts *prompts);

/* How many agents @owner has, and how many askers wait for them. */
typedef struct PromptsCounts {
        unsigned agents, askers;
} PromptsCounts;

PromptsCounts prompts_count(const Prompts *prompts, int64_t owner);

/* -- askers ---------------------------------------------------------------------------------- */

/* Whether to wait for @key: OUTCOME_WAITS and its prompt in *@ret (NULL: it is a new one), or why not. */
Outcome prompts_look(Prompts *prompts, const PromptKey *key, uint64_t now_usec, Prompt **ret);

/* Makes the prompt that prompts_look() did not find. Takes what is in @subject over, on failure too.
 * 0 or -ENOMEM. Somebody has to wait for it at once. */
int prompt_new(Prompts *prompts, const PromptKey *key, PromptSubject *subject, Prompt **ret);

/* Waits for @prompt until @until_usec. @session may be "" (see login_session_name()). 0 or -ENOMEM; then the prompt is gone if
 * nobody else waits for it. */
int asker_new(Prompt *prompt, const char *session, uint64_t until_usec, void *userdata,
              Asker **ret);
Asker *asker_free(Asker *asker);
DEFINE_CLEANUP(Asker *, asker_free)
void *asker_userdata(const Asker *asker);

/* -- agents ---------------------------------------------------------------------------------- */

/* 0, -EBUSY past AGENTS_PER_UID_MAX, -ENOMEM. */
int agent_new(Prompts *prompts, uint32_t uid, const char *session, void *userdata, Agent **ret);
Agent *agent_free(Agent *agent);
DEFINE_CLEANUP(Agent *, agent_free)
void *agent_userdata(const Agent *agent);

/* -- answers --------------------------------------------------------------------------------- */

uint64_t prompt_number(const Prompt *prompt);
const PromptKey *prompt_key(const Prompt *prompt);
const PromptSubject *prompt_subject(const Prompt *prompt);

/* @owner's prompt of that number which waits for an answer, or NULL: also another owner's, one that is
 * over, and one that is just being answered. */
Prompt *prompts_find(Prompts *prompts, int64_t owner, uint64_t number);

/* An answer to @prompt is on its way: it stays until prompt_answered(). */
void prompt_begin_answer(Prompt *prompt);

/* OUTCOME_ANSWERED: the prompt is over. OUTCOME_CHANGED: the answer was not taken, and it goes on. */
void prompt_answered(Prompt *prompt, Outcome outcome);

/* "Not now": the prompt is over, and not asked again before @until_usec. */
void prompt_dismiss(Prompt *prompt, uint64_t until_usec);
