/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Request: one question from parsing to its one answer. It does not know which door it came
 * through: the door hands in a method, an object of parameters and callbacks, and gets answers.
 *
 * request.c owns the object and the table of methods; verify.c, decide.c, inspect.c and monitor.c
 * are the methods; answer.c makes the objects that are answered.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "client/cleanup.h"
#include "daemon/caller.h"

struct json_object;
typedef struct Manager Manager;
typedef struct Request Request;

/*
 * An answer. @error NULL: success, @parameters are the results. Else @error is the full name of an
 * error ("org.certexc1.InvalidHost") and @parameters its fields. @parameters (may be NULL) is
 * borrowed. @continues: more answers follow; only if the request was made with @more.
 *
 * After an answer without @continues the request is done and frees itself. The callback may not
 * call request_free().
 */
typedef void (*RequestAnswer)(Request *request, const char *error, struct json_object *parameters,
                              bool continues, void *door);

/*
 * The caller lacks @grant (AccessGrant) and somebody else could grant it. true: he is being asked, and
 * request_authorized() follows, unless request_free() comes first; false: nobody can be asked.
 */
typedef bool (*RequestAuthorize)(Request *request, unsigned grant, void *door);

/* It waits for a person from now on, or for another to ask one. Called when an answer might come as well. */
typedef void (*RequestWaits)(Request *request, void *door);

typedef struct RequestArgs {
        Manager *manager;
        Caller caller;
        const char *method; /* "org.certexc1.Verify" */
        struct json_object *parameters; /* an object or NULL; referenced as long as needed */
        bool more;
        RequestAnswer answer;
        RequestAuthorize authorize; /* NULL: the door knows nobody to ask */
        RequestWaits waits; /* NULL: the door need not know */
        void *door;
} RequestArgs;

/*
 * Starts a request. The answer may come before this returns; then *@ret is NULL. Otherwise *@ret
 * is the handle to cancel it with. Returns 0; -ENOENT if there is no such method (the door says so in
 * its own words; nothing was answered); -ENOMEM.
 */
int request_start(const RequestArgs *args, Request **ret);

/* The asker is gone: no answer is wanted. A change that is on its way to the store still happens.
 * NULL ok; returns NULL. */
Request *request_free(Request *request);
DEFINE_CLEANUP(Request *, request_free)

/* true if it goes on only when somebody does something: a person who is asked, whose changes it tells. */
bool request_is_patient(const Request *request);

/* Bytes that are held for it beside its parameters. NULL ok. */
size_t request_held(const Request *request);

/*
 * The door has written everything out and has room again: a list that is streamed goes on with
 * its next page. After an answer with @continues the door calls this once its backlog is empty, from
 * the loop, not from the answer callback. The request may be done and freed afterwards; a request
 * that waits for something else ignores it.
 */
void request_resume(Request *request);

/* Whoever was asked has said: it is granted for this call, or not, and why not (a static sentence, or
 * NULL for the usual one). From the loop; the request may be done and freed afterwards. */
void request_authorized(Request *request, unsigned grant, bool granted, const char *reason);

/* true if @method ("Verify") of interface org.certexc1 streams and so must be called with more. */
bool request_method_needs_more(const char *method);
