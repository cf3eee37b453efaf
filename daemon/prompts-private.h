/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the two sides of prompts.h share: those who wait for a person, and those who can ask one. */
#pragma once

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

/* Something changed that prompts_next() has to tell. */
void prompts_tell(const Prompts *prompts);
void prompts_copy_session(char to[static LOGIN_SESSION_MAX], const char *from);
/* @to must be a state that may follow. */
void prompt_set_state(Prompt *p, PromptState to);
/* Nobody can ask @owner any more: who waits is told so. */
void prompts_give_up(Prompts *prompts, int64_t owner);

/* Whether somebody can ask @owner. */
bool agents_have(const Prompts *prompts, int64_t owner);
/* Gives the prompts that wait for an agent to those that are free. */
void agents_distribute(Prompts *prompts);
/* What one of them is to be told; false: nothing. */
bool agents_next(Prompts *prompts, Effect *ret);
