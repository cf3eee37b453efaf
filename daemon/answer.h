/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answer: facts, decisions and history as the objects of schema/org.certexc1.varlink. */
#pragma once

#include <stdbool.h>

#include "daemon/advice.h"
#include "daemon/difference.h"
#include "daemon/decision.h"
#include "daemon/facts.h"
#include "daemon/rebuild.h"
#include "daemon/rules.h"

struct json_object;

/* Each returns a new reference, or NULL when out of memory. */
struct json_object *answer_certificate(const CertificateFacts *c);
struct json_object *answer_problems(const Facts *facts, ProblemSet never);
struct json_object *answer_problem_names(ProblemSet problems);
struct json_object *answer_advice(const AdviceList *advice);
/* @facts has one. */
struct json_object *answer_responder(const Facts *facts);
/* @file: where it stands, or NULL for one of the store's. */
struct json_object *answer_exception(const Decision *d, const char *file,
                                     const CertificateFacts *certificate);
/* The same with the certificate as the store has it; if it has none, only the digests. */
struct json_object *answer_stored(Store *store, const Decision *d);
struct json_object *answer_rule(const Rule *rule);
/* An entry with its certificate, as the store has it; the same before it is stored; and an authority
 * of the system's store. */
struct json_object *answer_entry(Store *store, const Entry *e);
struct json_object *answer_authority(const Entry *e, const CertificateFacts *certificate);
struct json_object *answer_system_authority(const CertificateFacts *certificate);
struct json_object *answer_history_entry(const HistoryEntry *e);
struct json_object *answer_rebuild(const Mending *mending);
struct json_object *answer_kept(const AsideList *kept);
