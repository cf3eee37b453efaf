/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompts, askers and agents. What is told to whom is not queued anywhere: an agent remembers which
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
#include "daemon/prompts.h"

typedef enum PromptState {
        PROMPT_QUEUED,    /* no agent shows it */
        PROMPT_SHOWN,     /* one does */
        PROMPT_ANSWERING, /* an answer is on its way to the store */
        PROMPT_DISMISSED, /* only remembered, as a "not now" */
        _PROMPT_STATE_MAX,
} PromptState;

struct Asker {
        Prompts *prompts;
        Prompt *prompt; /* NULL: that is over */
        char session[LOGIN_SESSION_MAX];
        uint64_t until_usec;
        void *userdata;
        Outcome outcome;
        bool handed_out;
        Asker *next; /* of the prompt, or of those whose outcome has come */
};

struct Agent {
        Prompts *prompts;
        uint32_t uid;
        char session[LOGIN_SESSION_MAX];
        void *userdata;
        Prompt *prompt;  /* that it is to show; NULL: none */
        uint64_t told;   /* the number of the one that it was given; 0: none */
        Outcome because; /* why that is over */
        Agent *next;     /* registered before */
};

struct Prompt {
        Prompts *prompts;
        uint64_t number;
        PromptKey key;
        PromptSubject subject;
        PromptState state;
        Agent *agent; /* that shows it */
        unsigned n_waiting;
        unsigned n_asking; /* waiting, or about to judge again and perhaps to wait again */
        uint64_t until_usec; /* dismissed: so long */
        Prompt *next;        /* with a larger number */
};

struct Prompts {
        void (*changed)(void *userdata);
        void *userdata;
        bool stopped;
        uint64_t n_ever;
        uint64_t due; /* the earliest end of an asker */
        Prompt *first;
        Agent *agents;  /* the last one registered first */
        Asker *waiting; /* in the order of their coming */
        Asker *ready;   /* their outcome has come, in that order; until they are freed */
};

static void tell(const Prompts *prompts) {
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

static void copy_session(char to[static LOGIN_SESSION_MAX], const char *from) {
        if (strlen(from) < LOGIN_SESSION_MAX)
                strcpy(to, from);
}

/* -- prompts --------------------------------------------------------------------------------- */

static void set_state(Prompt *p, PromptState to) {
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

static bool has_agent(const Prompts *prompts, int64_t owner) {
        for (const Agent *a = prompts->agents; a && !prompts->stopped; a = a->next)
                if ((int64_t) a->uid == owner)
                        return true;
        return false;
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
        if (!has_agent(prompts, key->owner))
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
        copy_session(a->session, session);
        append(&prompts->waiting, a);
        p->n_waiting++;
        p->n_asking++;
        if (until_usec < prompts->due)
                prompts->due = until_usec;
        *ret = a;
        tell(prompts);
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
        tell(prompts);
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
        tell(prompts);
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
        tell(prompts);
}

void prompts_stop(Prompts *prompts) {
        Prompt *next;

        prompts->stopped = true;
        for (Prompt *p = prompts->first; p; p = next) {
                next = p->next;
                if (p->state == PROMPT_QUEUED || p->state == PROMPT_SHOWN)
                        release_all(prompts, p, OUTCOME_NO_AGENT);
        }
        tell(prompts);
}

/* -- agents ---------------------------------------------------------------------------------- */

int agent_new(Prompts *prompts, uint32_t uid, const char *session, void *userdata, Agent **ret) {
        unsigned n = 0;
        Agent *agent;

        for (const Agent *a = prompts->agents; a; a = a->next)
                if (a->uid == uid)
                        n++;
        if (n >= AGENTS_PER_UID_MAX)
                return -EBUSY;
        agent = calloc(1, sizeof(*agent));
        if (!agent)
                return -ENOMEM;
        agent->prompts = prompts;
        agent->uid = uid;
        agent->userdata = userdata;
        copy_session(agent->session, session);
        agent->next = prompts->agents;
        prompts->agents = agent;
        *ret = agent;
        tell(prompts);
        return 0;
}

/* Nobody can ask @owner any more: who waits is told so. */
static void give_up(Prompts *prompts, int64_t owner) {
        Prompt *next;

        for (Prompt *p = prompts->first; p; p = next) {
                next = p->next;
                if (p->key.owner == owner && p->state == PROMPT_QUEUED)
                        release_all(prompts, p, OUTCOME_NO_AGENT);
        }
}

Agent *agent_free(Agent *agent) {
        Agent **link;
        Prompts *prompts;

        if (!agent)
                return NULL;
        prompts = agent->prompts;
        for (link = &prompts->agents; *link != agent;)
                link = &(*link)->next;
        *link = agent->next;

        if (agent->prompt) {
                agent->prompt->agent = NULL;
                if (agent->prompt->state == PROMPT_SHOWN)
                        set_state(agent->prompt, PROMPT_QUEUED);
        }
        if (!has_agent(prompts, agent->uid))
                give_up(prompts, agent->uid);
        free(agent);
        tell(prompts);
        return NULL;
}

void *agent_userdata(const Agent *agent) {
        return agent->userdata;
}

/* The session of who has waited longest for @p; "" if it is not known. */
static const char *session_of(const Prompt *p) {
        for (const Asker *a = p->prompts->waiting; a; a = a->next)
                if (a->prompt == p)
                        return a->session;
        return "";
}

/* A free agent for @p, NULL if it has to wait for one. */
static Agent *choose_agent(const Prompt *p) {
        const char *session = session_of(p);
        Agent *any = NULL, *here = NULL;
        bool has_one_here = false;

        for (Agent *a = p->prompts->agents; a; a = a->next) {
                const bool is_here = *session && strcmp(a->session, session) == 0;

                if ((int64_t) a->uid != p->key.owner)
                        continue;
                has_one_here |= is_here;
                if (a->prompt)
                        continue;
                if (is_here && !here)
                        here = a;
                if (!any)
                        any = a;
        }
        return has_one_here ? here : any;
}

static void distribute(Prompts *prompts) {
        for (Prompt *p = prompts->first; p; p = p->next) {
                Agent *agent;

                if (p->state != PROMPT_QUEUED)
                        continue;
                agent = choose_agent(p);
                if (!agent)
                        continue;
                agent->prompt = p;
                p->agent = agent;
                set_state(p, PROMPT_SHOWN);
        }
}

/* -- effects --------------------------------------------------------------------------------- */

static bool next_for_agents(Prompts *prompts, Effect *ret) {
        for (Agent *a = prompts->agents; a; a = a->next) {
                const uint64_t has = a->prompt ? a->prompt->number : 0;

                if (a->told == has)
                        continue;
                if (a->told != 0)
                        *ret = (Effect){ .kind = EFFECT_OVER, .agent = a, .number = a->told,
                                         .outcome = a->because };
                else
                        *ret = (Effect){ .kind = EFFECT_GIVE, .agent = a, .number = has,
                                         .prompt = a->prompt };
                a->told = a->told != 0 ? 0 : has;
                return true;
        }
        return false;
}

bool prompts_next(Prompts *prompts, Effect *ret) {
        Asker *asker = prompts->ready;

        while (asker && asker->handed_out)
                asker = asker->next;
        if (asker) {
                asker->handed_out = true;
                *ret = (Effect){ .kind = EFFECT_ASKER, .asker = asker, .outcome = asker->outcome };
                return true;
        }
        distribute(prompts);
        return next_for_agents(prompts, ret);
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
        set_state(p, PROMPT_ANSWERING);
}

/* It goes on where it was, or with another agent; or nobody is left on one of the sides. */
static void take_up_again(Prompt *p) {
        Prompts *prompts = p->prompts;
        const bool can_ask = has_agent(prompts, p->key.owner);

        if (p->n_asking == 0) {
                remove_prompt(p, OUTCOME_GONE);
                return;
        }
        set_state(p, p->agent ? PROMPT_SHOWN : PROMPT_QUEUED);
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
        tell(prompts);
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
        set_state(p, PROMPT_DISMISSED);
        p->until_usec = until_usec;
        release_all(prompts, p, OUTCOME_DISMISSED);
        take_back(p, OUTCOME_DISMISSED);
        subject_done(&p->subject);
        tell(prompts);
}
