/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Decide: what a person agreed to or refused becomes a decision, if it still is what was shown. */
#pragma once

#include "client/fields.h"
#include "daemon/decision.h"

typedef struct Judged Judged;
typedef struct Request Request;

/*
 * Allows or denies what @about is about, as AddException and AddDenial do, for the end, pin and
 * fingerprint in @f, which is finished. @shown are the problems that the person saw. Answers.
 */
void decide_about(Request *r, Fields *f, DecisionAction action, ProblemSet shown,
                  const Judged *about);
