/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A server that says what it is told to say: for what a real daemon would never send. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

typedef enum StepKind {
        STEP_REPLY,  /* wait for a call, send @reply and a NUL */
        STEP_CLOSE,  /* wait for a call, hang up */
        STEP_SILENT, /* wait for a call, say nothing, take the next connection */
        STEP_HANG_UP, /* do not wait, hang up */
} StepKind;

typedef struct Step {
        StepKind kind;
        const char *reply;
} Step;

typedef struct Script Script;

/* Listens in a new directory and plays @steps in a thread, one connection after the other. */
Script *script_new(const Step *steps, size_t n);

/* Hangs up, waits for the thread, removes everything. */
void script_free(Script *script);

const char *script_path(const Script *script);

/* How many calls came, and the text of one. Wait until the library has returned. */
size_t script_n_calls(const Script *script);
const char *script_call(const Script *script, size_t i);
