/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompts and askers. What is told to whom is not queued anywhere: an agent remembers which
 * prompt it was told of, so what it must be told is the difference to the one that it has; and an asker
 * whose outcome has come waits in a list until it is handed out.
 */
#include "config.h"

#include <assert.h>
#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/decision.h"
#include "daemon/judged.h"
#include "daemon/limits.h"
#include "daemon/prompts-private.h"

void prompts_tell(const Prompts *prompts) {
        if (prompts->changed)
                prompts->changed(prompts->userdata);
}

int prompts_new(void (*changed)(void *userdata), void *userdata, Prompts **ret) {
        Prompts *prompts = calloc(1, sizeof(*prompts));

        if (!prompts)
                return -ENOMEM;
        prompts->changed = changed;
        prompts->userdata = userdata;
        prompts->due = UINT64_MAX;
        *ret = prompts;
        return 0;
}

void prompts_copy_session(char to[static LOGIN_SESSION_MAX], const char *from) {
        if (strlen(from) < LOGIN_SESSION_MAX)
                strcpy(to, from);
}

/* -- prompts --------------------------------------------------------------------------------- */

void prompt_set_state(Prompt *p, PromptState to) {
        static const bool allowed[_PROMPT_STATE_MAX][_PROMPT_STATE_MAX] = {
                [PROMPT_QUEUED] = { [PROMPT_SHOWN] = true,
                                    [PROMPT_ANSWERING] = true,
                                    [PROMPT_DISMISSED] = true },
                [PROMPT_SHOWN] = { [PROMPT_QUEUED] = true,
                                   [PROMPT_ANSWERING] = true,
                                   [PROMPT_DISMISSED] = true },
                [PROMPT_ANSWERING] = { [PROMPT_QUEUED] = true, [PROMPT_SHOWN] = true },
        };

        assert(allowed[p->state][to]);
        p->state = to;
}

static void subject_done(PromptSubject *subject) {
        (void) json_object_put(subject->shown);
        (void) judged_free(subject->judged);
        *subject = (PromptSubject){};
}

/* Takes it from the agent that shows it. */
static void take_back(Prompt *p, Outcome because) {
        if (!p->agent)
                return;
        p->agent->prompt = NULL;
        p->agent->because = because;
        p->agent = NULL;
}

static void remove_prompt(Prompt *p, Outcome because) {
        Prompt **link = &p->prompts->first;

        while (*link != p)
                link = &(*link)->next;
        *link = p->next;
        take_back(p, because);
        /* Those who are about to judge again come back to another one, or to none. */
        for (Asker *a = p->prompts->ready; a; a = a->next)
                if (a->prompt == p)
                        a->prompt = NULL;
        subject_done(&p->subject);
        free(p);
}

Prompts *prompts_free(Prompts *prompts) {
        if (!prompts)
                return NULL;
        assert(!prompts->agents && !prompts->waiting && !prompts->ready);
        while (prompts->first)
                remove_prompt(prompts->first, OUTCOME_GONE);
        free(prompts);
        return NULL;
}

uint64_t prompt_number(const Prompt *p) {
        return p->number;
}

const PromptKey *prompt_key(const Prompt *p) {
        return &p->key;
}

const PromptSubject *prompt_subject(const Prompt *p) {
        return &p->subject;
}

static bool keys_equal(const PromptKey *a, const PromptKey *b) {
        return a->owner == b->owner && a->problems == b->problems &&
               a->endpoint.port == b->endpoint.port &&
               strcmp(a->endpoint.host, b->endpoint.host) == 0 &&
               memcmp(a->leaf_sha256, b->leaf_sha256, SHA256_SIZE) == 0;
}

/* How many of @owner's (of all) wait for an answer, and how many were dismissed. */
typedef struct Counts {
        unsigned pending, all_pending, dismissed, all_dismissed, waiting;
} Counts;

static Counts count(const Prompts *prompts, int64_t owner) {
        Counts n = {};

        for (const Prompt *p = prompts->first; p; p = p->next) {
                const bool own = p->key.owner == owner;

                if (p->state == PROMPT_DISMISSED) {
                        n.all_dismissed++;
                        n.dismissed += own;
                        continue;
                }
                n.all_pending++;
                n.pending += own;
                n.waiting += own ? p->n_waiting : 0;
        }
        return n;
}

PromptsCounts prompts_count(const Prompts *prompts, int64_t owner) {
        PromptsCounts n = { .askers = count(prompts, owner).waiting };

        for (const Agent *a = prompts->agents; a; a = a->next)
                n.agents += (int64_t) a->uid == owner;
        return n;
}

static void forget_old_dismissals(Prompts *prompts, uint64_t now_usec) {
        Prompt *next;

        for (Prompt *p = prompts->first; p; p = next) {
                next = p->next;
                if (p->state == PROMPT_DISMISSED && p->until_usec <= now_usec)
                        remove_prompt(p, OUTCOME_GONE);
        }
}

Outcome prompts_look(Prompts *prompts, const PromptKey *key, uint64_t now_usec, Prompt **ret) {
        Prompt *found = NULL;
        Counts n;

        forget_old_dismissals(prompts, now_usec);
        for (Prompt *p = prompts->first; p && !found; p = p->next)
                if (keys_equal(&p->key, key))
                        found = p;
        if (found && found->state == PROMPT_DISMISSED)
                return OUTCOME_DISMISSED;
        if (!agents_have(prompts, key->owner))
                return OUTCOME_NO_AGENT;

        n = count(prompts, key->owner);
        if (n.waiting >= PROMPT_ASKERS_PER_OWNER_MAX)
                return OUTCOME_TOO_MANY;
        if (!found && (n.pending >= PROMPTS_PER_OWNER_MAX || n.all_pending >= PROMPTS_MAX))
                return OUTCOME_TOO_MANY;
        *ret = found;
        return OUTCOME_WAITS;
}

int prompt_new(Prompts *prompts, const PromptKey *key, PromptSubject *subject, Prompt **ret) {
        Prompt *p = calloc(1, sizeof(*p)), **link = &prompts->first;

        if (!p) {
                subject_done(subject);
                return -ENOMEM;
        }
        p->prompts = prompts;
        p->number = ++prompts->n_ever;
        p->key = *key;
        p->subject = *subject;
        *subject = (PromptSubject){};
        while (*link)
                link = &(*link)->next;
        *link = p;
        *ret = p;
        return 0;
}

/* -- askers ---------------------------------------------------------------------------------- */

static void find_due(Prompts *prompts) {
        prompts->due = UINT64_MAX;
        for (const Asker *a = prompts->waiting; a; a = a->next)
                if (a->until_usec < prompts->due)
                        prompts->due = a->until_usec;
}

static void append(Asker **list, Asker *asker) {
        while (*list)
                list = &(*list)->next;
        asker->next = NULL;
        *list = asker;
}

static void unlink_asker(Asker **list, const Asker *asker) {
        while (*list && *list != asker)
                list = &(*list)->next;
        if (*list)
                *list = asker->next;
}

/* One asker less; the last one takes the prompt along. */
static void leave_prompt(Asker *asker, Outcome because) {
        Prompt *p = asker->prompt;

        asker->prompt = NULL;
        if (p && --p->n_asking == 0 && p->state != PROMPT_ANSWERING &&
            p->state != PROMPT_DISMISSED)
                remove_prompt(p, because);
}

/* No longer among those that wait. */
static void stop_waiting(Asker *asker) {
        Prompts *prompts = asker->prompts;

        unlink_asker(&prompts->waiting, asker);
        asker->prompt->n_waiting--;
        if (asker->until_usec == prompts->due)
                find_due(prompts);
}

/* Its outcome has come. One that judges again stays with its prompt, which would otherwise be taken from
 * the person in the middle of an answer. */
static void release(Asker *asker, Outcome outcome) {
        stop_waiting(asker);
        asker->outcome = outcome;
        append(&asker->prompts->ready, asker);
        if (outcome != OUTCOME_CHANGED)
                leave_prompt(asker, outcome);
}

/* All who wait for @p. It may be gone afterwards, unless they judge again. */
static void release_all(Prompts *prompts, const Prompt *p, Outcome outcome) {
        Asker *next;

        for (Asker *a = prompts->waiting; a; a = next) {
                next = a->next;
                if (a->prompt == p)
                        release(a, outcome);
        }
}

int asker_new(Prompt *p, const char *session, uint64_t until_usec, void *userdata, Asker **ret) {
        Prompts *prompts = p->prompts;
        Asker *a = calloc(1, sizeof(*a));

        if (!a) {
                if (p->n_asking == 0)
                        remove_prompt(p, OUTCOME_GONE);
                return -ENOMEM;
        }
        a->prompts = prompts;
        a->prompt = p;
        a->until_usec = until_usec;
        a->userdata = userdata;
        prompts_copy_session(a->session, session);
        append(&prompts->waiting, a);
        p->n_waiting++;
        p->n_asking++;
        if (until_usec < prompts->due)
                prompts->due = until_usec;
        *ret = a;
        prompts_tell(prompts);
        return 0;
}

Asker *asker_free(Asker *asker) {
        Prompts *prompts;

        if (!asker)
                return NULL;
        prompts = asker->prompts;
        if (asker->outcome == OUTCOME_WAITS)
                stop_waiting(asker);
        else
                unlink_asker(&prompts->ready, asker);
        leave_prompt(asker, asker->outcome == OUTCOME_CHANGED ? OUTCOME_CHANGED : OUTCOME_GONE);
        free(asker);
        prompts_tell(prompts);
        return NULL;
}

void *asker_userdata(const Asker *asker) {
        return asker->userdata;
}

uint64_t prompts_due(const Prompts *prompts) {
        return prompts->due;
}

void prompts_expire(Prompts *prompts, uint64_t now_usec) {
        Asker *next;

        for (Asker *a = prompts->waiting; a; a = next) {
                next = a->next;
                if (a->until_usec <= now_usec)
                        release(a, OUTCOME_TIMED_OUT);
        }
        prompts_tell(prompts);
}

void prompts_changed(Prompts *prompts, int64_t owner, const char *host, uint16_t port) {
        Prompt *next;

        for (Prompt *p = prompts->first; p; p = next) {
                next = p->next;
                if ((owner != OWNER_SYSTEM && owner != p->key.owner) ||
                    (host && (port != p->key.endpoint.port ||
                              strcmp(host, p->key.endpoint.host) != 0)))
                        continue;
                if (p->state == PROMPT_DISMISSED)
                        remove_prompt(p, OUTCOME_GONE);
                else if (p->state != PROMPT_ANSWERING)
                        release_all(prompts, p, OUTCOME_CHANGED);
        }
        prompts_tell(prompts);
}

void prompts_stop(Prompts *prompts) {
        Prompt *next;

        prompts->stopped = true;
        for (Prompt *p = prompts->first; p; p = next) {
                next = p->next;
                if (p->state == PROMPT_QUEUED || p->state == PROMPT_SHOWN)
                        release_all(prompts, p, OUTCOME_NO_AGENT);
        }
        prompts_tell(prompts);
}

void prompts_give_up(Prompts *prompts, int64_t owner) {
        Prompt *next;

        for (Prompt *p = prompts->first; p; p = next) {
                next = p->next;
                if (p->key.owner == owner && p->state == PROMPT_QUEUED)
                        release_all(prompts, p, OUTCOME_NO_AGENT);
        }
}

/* -- effects --------------------------------------------------------------------------------- */

bool prompts_next(Prompts *prompts, Effect *ret) {
        Asker *asker = prompts->ready;

        while (asker && asker->handed_out)
                asker = asker->next;
        if (asker) {
                asker->handed_out = true;
                *ret = (Effect){ .kind = EFFECT_ASKER, .asker = asker, .outcome = asker->outcome };
                return true;
        }
        agents_distribute(prompts);
        return agents_next(prompts, ret);
}

/* -- answers --------------------------------------------------------------------------------- */

Prompt *prompts_find(Prompts *prompts, int64_t owner, uint64_t number) {
        for (Prompt *p = prompts->first; p; p = p->next)
                if (p->number == number && p->key.owner == owner &&
                    (p->state == PROMPT_QUEUED || p->state == PROMPT_SHOWN))
                        return p;
        return NULL;
}

void prompt_begin_answer(Prompt *p) {
        prompt_set_state(p, PROMPT_ANSWERING);
}

/* It goes on where it was, or with another agent; or nobody is left on one of the sides. */
static void take_up_again(Prompt *p) {
        Prompts *prompts = p->prompts;
        const bool can_ask = agents_have(prompts, p->key.owner);

        if (p->n_asking == 0) {
                remove_prompt(p, OUTCOME_GONE);
                return;
        }
        prompt_set_state(p, p->agent ? PROMPT_SHOWN : PROMPT_QUEUED);
        release_all(prompts, p, can_ask ? OUTCOME_CHANGED : OUTCOME_NO_AGENT);
}

void prompt_answered(Prompt *p, Outcome outcome) {
        Prompts *prompts = p->prompts;

        if (outcome == OUTCOME_ANSWERED) {
                /* Its state keeps it until all have left. */
                release_all(prompts, p, outcome);
                remove_prompt(p, outcome);
        } else {
                take_up_again(p);
        }
        prompts_tell(prompts);
}

/* Makes room for one more dismissal of @owner: the oldest ones are the lowest numbers. */
static void drop_dismissal(Prompts *prompts, int64_t owner) {
        const Counts n = count(prompts, owner);

        if (n.dismissed < DISMISSALS_PER_OWNER_MAX && n.all_dismissed < DISMISSALS_MAX)
                return;
        for (Prompt *p = prompts->first; p; p = p->next)
                if (p->state == PROMPT_DISMISSED &&
                    (p->key.owner == owner || n.dismissed < DISMISSALS_PER_OWNER_MAX)) {
                        remove_prompt(p, OUTCOME_GONE);
                        return;
                }
}

void prompt_dismiss(Prompt *p, uint64_t until_usec) {
        Prompts *prompts = p->prompts;

        drop_dismissal(prompts, p->key.owner);
        prompt_set_state(p, PROMPT_DISMISSED);
        p->until_usec = until_usec;
        release_all(prompts, p, OUTCOME_DISMISSED);
        take_back(p, OUTCOME_DISMISSED);
        subject_done(&p->subject);
        prompts_tell(prompts);
}
