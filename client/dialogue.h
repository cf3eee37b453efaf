/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Dialogue: a prompt put to a person at a terminal, in two steps: what is wrong, and "refuse" or "look
 * closer"; then what to allow and for how long. It is fed with lines and says what it has come to; it
 * neither reads nor waits. Nothing that is typed by habit allows anything: Enter is always no.
 */
#pragma once

#include <stdint.h>

#include "client/certexc.h"
#include "client/output.h"

typedef enum DialogueResult {
        DIALOGUE_GOES_ON, /* another question was put */
        DIALOGUE_NOT_NOW,
        DIALOGUE_DENY,
        DIALOGUE_ALLOW, /* on the terms */
} DialogueResult;

typedef enum DialogueStep {
        DIALOGUE_FIRST,   /* refuse, or look closer? */
        DIALOGUE_CONFIRM, /* the fingerprint, or that there is none */
        DIALOGUE_TERMS,   /* how long */
} DialogueStep;

typedef struct Dialogue {
        const Output *out;
        const certexc_answer *shown; /* borrowed */
        DialogueStep step;
        unsigned n_tries; /* of this step */
        int64_t until;
        unsigned flags;
        char fingerprint[65]; /* that was typed; "" if none was */
} Dialogue;

/* Explains @shown and puts the first question. */
void dialogue_begin(Dialogue *d, const Output *out, const certexc_answer *shown);

/* Puts the last question again, after something else was said. */
void dialogue_repeat(const Dialogue *d);

/* What the person typed to the last question. */
DialogueResult dialogue_answer(Dialogue *d, const char *typed, int64_t now);
