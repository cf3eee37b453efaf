/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What request.c and the methods share: the request as a method sees it, and the ways to answer.
 *
 * A method's start() reads its fields and answers, or leaves something behind that will: a judge's
 * call (judged.h), a change on its way (submit.h), a list that waits for room, a monitor. Whoever
 * comes back from outside ends with request_settle(), since an answered request is freed there.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/endpoint.h"
#include "client/fields.h"
#include "daemon/access.h"
#include "daemon/decision.h"
#include "daemon/facts.h"
#include "daemon/login.h"
#include "daemon/manager.h"
#include "daemon/prompter.h"
#include "daemon/request.h"

typedef struct Checkup Checkup;
typedef struct Importing Importing;
typedef struct Judged Judged;
typedef struct Monitor Monitor;
typedef struct NamerCall NamerCall;
typedef struct Submission Submission;
typedef struct Waiting Waiting;

typedef struct Method {
        const char *name;
        AccessKind access;
        bool needs_more;
        bool meanwhile; /* needs no store, and so is answered while it is rebuilt */
        void (*start)(Request *r);
} Method;

struct Request {
        Manager *manager;
        Caller caller;
        const Method *method;
        struct json_object *parameters;
        bool more;
        RequestAnswer answer;
        RequestAuthorize authorize;
        RequestWaits waits;
        void *door;

        int64_t owner; /* whose decisions are meant; access has been checked */
        AccessKind wanted; /* what somebody is asked to grant */
        bool done;     /* the last answer was given */

        Judged *judged;         /* the chain in question and what is known of it */
        Submission *submission; /* a change that the answer waits for */
        NamerCall *naming;      /* until the owner's user name is known */
        Waiting *waiting;       /* until the store is mended */
        bool waited;            /* it has been, and is not again */
        bool told;              /* a first answer was given, others follow */
        uint64_t wait_until_usec;
        Monitor *monitor;
        Importing *importing; /* what is being judged of an import */
        Checkup *checkup; /* of the store, that the answer waits for */
        const char *session; /* the log-in session that it says it comes from; NULL: it does not */
        Asking asking;
        void *state; /* the method's own */
        void (*state_free)(void *state); /* NULL: free() */
        void (*resume)(Request *r); /* the next page of a streamed list */
};

/* Frees @r if its last answer was given. */
void request_settle(Request *r);

/* Everything from the start, with the store that is there now. */
void request_begin_again(Request *r);

/* true if what @r has just read may be damaged and is being mended: it is to fail with -EUCLEAN, and
 * so waits. */
bool request_in_doubt(const Request *r);

/* -- answers: each takes @o over; NULL stands for "there was no memory for it" ----------------- */

void request_reply(Request *r, struct json_object *o);
void request_reply_more(Request *r, struct json_object *o); /* others follow */

/* @error without "org.certexc1.". */
void request_error(Request *r, const char *error, struct json_object *o);

void request_no_memory(Request *r);
void request_invalid(Request *r, const char *field, const char *reason);
void request_limit(Request *r, const char *what, int64_t limit);
void request_denied(Request *r, const char *reason);

/* For an error of store.h. One that can be mended lets @r wait and begin again; the others are answered:
 * StoreFailed, -ENOMEM and -EBUSY (a full queue) by their own names. */
void request_store_error(Request *r, int error);

/* Whether the caller may do what needs @kind. 0; or -EACCES after AccessDenied was answered, or while
 * somebody is asked to grant it: the method then begins anew, and may. */
int request_may(Request *r, AccessKind kind);

/* -- parameters -------------------------------------------------------------------------------- */

/* A reader of the parameters that has read "owner" already. */
Fields request_fields(Request *r);

/* 0, or -EBADMSG after InvalidParameter was answered. */
int request_fields_finish(Request *r, Fields *f);

/* Makes an endpoint of @host and @port, from @port_min up. 0, or -EINVAL after InvalidHost or
 * InvalidPort was answered. */
int request_endpoint(Request *r, const char *host, size_t host_size, int64_t port,
                     int64_t port_min, Endpoint *ret);

/* Reads "login_session", which says where somebody sits. It only puts one's own agents in order, so that one's
 * own word for it is good enough. */
void request_read_session(Request *r, Fields *f);

/* The session that @r comes from: what it said, else what can be seen of its process, else "". */
void request_session(const Request *r, char ret[static LOGIN_SESSION_MAX]);

/* The first thing that is kept of an owner is kept under its present user name: see request.c. 0 or
 * an error of submit(). */
int request_submit_owner_name(Request *r);

/* A fingerprint as a person types it, or NULL for none. 0 and *@ret_given; -EINVAL after
 * InvalidRequest was answered. And FingerprintMismatch, unless it is that of @leaf, or of its key if
 * that is @pin_key. */
int request_fingerprint(Request *r, const char *text, bool *ret_given,
                        uint8_t ret[static SHA256_SIZE]);
int request_match_fingerprint(Request *r, const uint8_t typed[static SHA256_SIZE],
                              const CertificateFacts *leaf, bool pin_key);

/* Now, for ends: not before the store's last change, so that a clock set back revives nothing. */
int64_t request_now_for_ends(const Request *r);

/* -- the methods, by file ------------------------------------------------------------------------ */

void method_verify(Request *r);
void method_ask(Request *r);
void method_register_agent(Request *r);
void method_answer_prompt(Request *r);
void method_add_exception(Request *r);
void method_add_denial(Request *r);
void method_revoke_exception(Request *r);
void method_list_exceptions(Request *r);
void method_get_history(Request *r);
void method_get_exception(Request *r);
void method_get_certificate(Request *r);
void method_get_status(Request *r);
void method_list_authorities(Request *r);
void method_import_authority(Request *r);
void method_remove_authority(Request *r);
void method_distrust(Request *r);
void method_monitor(Request *r);
void method_rebuild(Request *r);
void method_import_exceptions(Request *r);
void method_check_store(Request *r);
