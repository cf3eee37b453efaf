/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the rooms of libcertexc share and certexc.h does not show. */
#pragma once

#include <stdio.h>

#include "client/certexc.h"
#include "client/cleanup.h"
#include "client/connection.h"
#include "client/encoding.h"
#include "client/endpoint.h"
#include "client/record.h"

DEFINE_CLEANUP(certexc_client *, certexc_client_free)
DEFINE_CLEANUP(certexc_question *, certexc_question_free)
DEFINE_CLEANUP(certexc_answer *, certexc_answer_free)
DEFINE_CLEANUP(certexc_exception *, certexc_exception_free)
DEFINE_CLEANUP(certexc_exceptions *, certexc_exceptions_free)
DEFINE_CLEANUP(certexc_authorities *, certexc_authorities_free)
DEFINE_CLEANUP(certexc_history *, certexc_history_free)
DEFINE_CLEANUP(certexc_status *, certexc_status_free)
DEFINE_CLEANUP(certexc_monitor *, certexc_monitor_free)
DEFINE_CLEANUP(certexc_check *, certexc_check_free)
DEFINE_CLEANUP(certexc_import *, certexc_import_free)
DEFINE_CLEANUP(certexc_event *, certexc_event_free)
DEFINE_CLEANUP(certexc_agent *, certexc_agent_free)
DEFINE_CLEANUP(certexc_prompt *, certexc_prompt_free)

/* -- client.c ---------------------------------------------------------------------------- */

/* Calls @method ("Verify") with @parameters (may be NULL); 0 and the reply's parameters, a new
 * reference; otherwise the client's trouble is set. Connects, and connects anew once. */
int client_call(certexc_client *client, const char *method, JsonObject *parameters,
                JsonObject **ret);

/* Each call may take @milliseconds longer than the client's bound from now on; 0: no longer. */
void client_set_patience(certexc_client *client, unsigned milliseconds);

Trouble *client_trouble(certexc_client *client);
unsigned client_timeout(const certexc_client *client);
int64_t client_owner(const certexc_client *client);
bool client_has_transport(const certexc_client *client);

/* Sets the trouble of @client (may be NULL): a caller's mistake. Returns -EINVAL. */
int client_misuse(certexc_client *client);

/* Sets the client's trouble: the reply to @method lacks @field or has nonsense in it. Returns
 * -EPROTO. */
int client_bad_reply(certexc_client *client, const char *method, const char *field);
int client_no_memory(certexc_client *client);

/* Whether a daemon has seen this chain from this client, and so may still know it. */
bool client_has_shown(const certexc_client *client, const uint8_t sha256[static SHA256_SIZE]);
void client_note_shown(certexc_client *client, const uint8_t sha256[static SHA256_SIZE]);

/* -- parameters.c: objects that are put together ----------------------------------------- */

/* Like Fields, but for writing: the first failure makes it bad, later ones change nothing. */
typedef struct Parameters {
        JsonObject *object;
        bool bad;
} Parameters;

void parameters_init(Parameters *p);
void parameters_done(Parameters *p);
void parameters_add(Parameters *p, const char *name, JsonObject *value); /* takes @value over */
void parameters_add_string(Parameters *p, const char *name, const char *value);
void parameters_add_int(Parameters *p, const char *name, int64_t value);
/* The owner, unless it is the caller itself. */
void parameters_add_owner(Parameters *p, const certexc_client *client);

/* The log-in session, if it is known. */
void parameters_add_session(Parameters *p);
/* How long a decision lasts, what it pins, and what was typed to confirm it. */
void parameters_add_terms(Parameters *p, int64_t until, unsigned flags, const char *fingerprint);
bool terms_make_sense(int64_t until, unsigned flags);

/* client_call(), or -ENOMEM if @p went bad. */
int parameters_call(Parameters *p, certexc_client *client, const char *method, JsonObject **ret);

/* One record of an array: 0, -ENOMEM, or -EPROTO with the field that is wrong. */
typedef int (*RecordRead)(JsonObject *item, void *ret, const char **ret_field);

/* Asks page after page, @p being the same for all, and reads the joined arrays @field as records of @size
 * bytes: @ret_object, {@field: [...]}, which the records point into, and the array of them; both are the
 * caller's, also on failure. */
int parameters_call_records(Parameters *p, certexc_client *client, const char *method,
                            const char *field, RecordRead read, size_t size,
                            JsonObject **ret_object, void **ret_items, size_t *ret_count);

/* -- feed.c: a call that is answered again and again -------------------------------------- */

typedef struct Feed {
        Connection *connection;
        Trouble trouble;
} Feed;

/* Calls @method, a full name, on a connection of its own; trouble is the client's. */
int feed_open(Feed *feed, certexc_client *client, const char *method, Parameters *p);
void feed_close(Feed *feed);

/* 1 and the next reply's parameters, a new reference; 0 if none is there yet; -errno: trouble is the
 * feed's, and it is over. */
int feed_next(Feed *feed, bool wait, int64_t deadline, JsonObject **ret);

/* The reply made no sense. Sets the trouble; returns -EPROTO. */
int feed_bad(Feed *feed);

/* -- question.c -------------------------------------------------------------------------- */

certexc_question *question_ref(certexc_question *question);
const Endpoint *question_endpoint(const certexc_question *question);
const char *question_chain_sha256(const certexc_question *question); /* once it was asked */

/* Calls a method about a chain: adds the question and the owner to @p, and sends the digest alone
 * where that may be enough. Returns as client_call(). */
int question_call(certexc_question *question, certexc_client *client, const char *method,
                  Parameters *p, JsonObject **ret);

/* What an agent is to show, as an answer without a question. 0, -ENOMEM, -EPROTO. */
int answer_new_shown(JsonObject *shown, certexc_answer **ret, const char **ret_field);

/* The question that an answer is about; borrowed. NULL: it is what an agent shows. */
certexc_question *answer_question(const certexc_answer *answer);

/* The advice of an answer; NULL if there is none. */
JsonObject *answer_advice(const certexc_answer *answer);

/* -- advice.c ---------------------------------------------------------------------------- */

/* 0, or -EPROTO if @array is no array of Advice. */
int advice_check(JsonObject *array);

/* A moment, as the language has it. */
void advice_write_time(FILE *stream, int64_t t);

/* An Authority of a reply, which stays with the one that is made of it: 0, -EPROTO and the field, -ENOMEM. */
int authority_of(JsonObject *object, certexc_authority **ret, const char **ret_field);
