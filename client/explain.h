/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Verdicts, certificates and decisions in words for people. What a certificate says of itself
 * stands in quotes or behind a label, so that it cannot be taken for our own words.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/certexc.h"
#include "client/endpoint.h"
#include "client/output.h"

/* Room for "AA:BB:…" of a SHA-256 with its NUL. */
#define EXPLAIN_FINGERPRINT_MAX 96U

/* The whole answer: verdict, problems, certificate, what changed, the decision behind it. One line
 * and the allowed problems when the verdict is accept. */
void explain_answer(const Output *out, const certexc_answer *answer, int64_t now);

/* Why, in a sentence; free(). NULL: there was no memory. */
char *explain_reason(const certexc_answer *answer);

/* Why nobody decided, where somebody was to be asked; NULL otherwise. */
const char *explain_asked(const certexc_answer *answer);

/* Its parts, each under its heading. */
void explain_problems(const Output *out, const certexc_answer *answer);
void explain_advice(const Output *out, const certexc_answer *answer);
void explain_change(const Output *out, const certexc_answer *answer, int64_t now);
void explain_certificate(const Output *out, const char *heading,
                         const certexc_certificate *certificate, int64_t now);
void explain_exception(const Output *out, const char *heading,
                       const certexc_exception *exception, int64_t now);

/* Whose a file of decisions is: true if the caller's own, false if somebody else's, as the administrator's. */
bool explain_is_own_file(const char *file);

/* 64 hexadecimal digits as pairs with colons; "?" for anything else. */
const char *explain_fingerprint(const char *sha256, char ret[static EXPLAIN_FINGERPRINT_MAX]);

/* The names of a decision's problems with commas between, new memory; NULL when out of it. */
char *explain_problem_names(const certexc_exception *exception);

/* Behind the number of a decision: whether it is one of the system's, whose numbers are other ones; and the option
 * that such a number is to be typed with. Both "" for one's own and those in files. */
const char *explain_whose(const certexc_exception *exception);
const char *explain_owner_option(const certexc_exception *exception);

/* "for ever", "until 2027-03-01 12:00", "until you log out". */
#define EXPLAIN_END_MAX 80U
const char *explain_end(const certexc_exception *exception, char ret[static EXPLAIN_END_MAX]);

/* "imap.example.org:993", "[::1]:993", and the host alone for port 0. */
#define EXPLAIN_ENDPOINT_MAX (ENDPOINT_HOST_MAX + 10U)
const char *explain_endpoint(const char *host, uint16_t port,
                             char ret[static EXPLAIN_ENDPOINT_MAX]);

/* What the last rebuild of the store came to, in a sentence (free()): NULL if there was none since the daemon
 * started, or no memory. */
char *explain_rebuild(const certexc_status *status);

/* The rebuild with a loss of that number that is still told of: NULL if there is none, or no memory. */
char *explain_loss(const certexc_status *status, size_t i);
