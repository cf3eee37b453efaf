/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The agents of prompts.h: who can ask a person, and which prompt each of them is given. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/prompts-private.h"

bool agents_have(const Prompts *prompts, int64_t owner) {
        for (const Agent *a = prompts->agents; a && !prompts->stopped; a = a->next)
                if ((int64_t) a->uid == owner)
                        return true;
        return false;
}

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
        prompts_copy_session(agent->session, session);
        agent->next = prompts->agents;
        prompts->agents = agent;
        *ret = agent;
        prompts_tell(prompts);
        return 0;
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
                        prompt_set_state(agent->prompt, PROMPT_QUEUED);
        }
        if (!agents_have(prompts, agent->uid))
                prompts_give_up(prompts, agent->uid);
        free(agent);
        prompts_tell(prompts);
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

void agents_distribute(Prompts *prompts) {
        for (Prompt *p = prompts->first; p; p = p->next) {
                Agent *agent;

                if (p->state != PROMPT_QUEUED)
                        continue;
                agent = choose_agent(p);
                if (!agent)
                        continue;
                agent->prompt = p;
                p->agent = agent;
                prompt_set_state(p, PROMPT_SHOWN);
        }
}

bool agents_next(Prompts *prompts, Effect *ret) {
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
