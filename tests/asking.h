/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asking judges, for the tests: owners, a few certificates, questions and what becomes of them. */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "client/endpoint.h"
#include "daemon/facts.h"
#include "daemon/judges.h"
#include "daemon/turns.h"
#include "tests/pki.h"

#define ALICE 1000
#define BOB 1001
#define LONG_USEC UINT64_C(60000000)

typedef struct sd_event sd_event;

/* Made anew for each test; @judges know @root, which issued @leaf for @endpoint, and @other_leaf. */
extern sd_event *event;
extern Judges *judges;
extern Pki *root, *leaf, *other_leaf;
extern const Endpoint endpoint;

/* Whose clock stands still at @turns_usec. */
extern Turns *turns;
extern uint64_t turns_usec;

void asking_set_up(void);
void asking_tear_down(void);

/* A block with @authority, or with none. */
int block_of(const Pki *authority);

/* For workers and questions from now on. */
void limit(uint64_t wall_usec, uint64_t idle_usec);

/* What became of a question; to be given to on_done() as userdata. */
typedef struct Asked {
        JudgeCall *call;
        unsigned order; /* 0: no answer yet; else the how-manyth it was */
        int error;
        Facts *facts;
} Asked;

extern unsigned n_answers;

void asked_done(Asked *asked);
void on_done(JudgeCall *call, int error, Facts *facts, void *userdata);

/* Asks about @certificate alone, or about no certificate. */
int try_ask(uid_t owner, const Pki *certificate, Asked *asked);
void ask(uid_t owner, const Pki *certificate, Asked *asked);

/* The next event; fails the test if there is none for a minute. */
void turn(void);
void wait_for(const Asked *asked);
void ask_and_wait(uid_t owner, const Pki *certificate, Asked *asked);

void kill_worker(uid_t owner);
