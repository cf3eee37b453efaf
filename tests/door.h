/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Door: a whole manager in the test's own process, and requests that come through a door of the
 * test's. Everything is of one test, which Check runs in a process of its own.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/caller.h"
#include "daemon/decision.h"
#include "daemon/manager.h"
#include "daemon/request.h"

struct json_object;

/* Parameters, for with(). */
#define SHOWN "\"problems\":[\"self-signed\",\"name-mismatch\"],"
#define AT "\"host\":\"mail.example.org\",\"port\":993,"
#define VERIFY "{" AT "\"chain\":[%s]}"
#define VERIFY_AT_143 "{\"host\":\"mail.example.org\",\"port\":143,\"chain\":[%s]}"
#define ADD "{" AT SHOWN "\"chain\":[%s]}"

extern Manager *manager;
extern char *bad;     /* base64 of a certificate that signs itself */
extern char *good;    /* of one by the authority */
extern char *better;  /* and of another */
extern Caller caller; /* who asks next */

/* What came through the door. */
typedef struct Door {
        unsigned n;
        bool finished;
        char *error;
        struct json_object *last;
} Door;

void door_done(Door *door);

/* The fixture: at PKI_NOW, without a logind. */
void setup(void);
void teardown(void);

/* Starts a request; what request_start() says goes to *@ret_result, if that is not NULL. */
Request *start_with(const char *method, const char *text, bool more, Door *door, int *ret_result);
Request *start(const char *method, const char *text, Door *door);

/* Parameters with the certificate in the place of their %s; valid until the next call. */
const char *with(const char *format, const char *certificate);

/* Turns the loop until the last answer came, or the store took a change after @generation. */
void wait_for(Door *door);
void wait_for_store(uint64_t generation);

/* Until the store has taken all that was sent to it. */
void finish_commits(void);

/* A field of the last answer, "" if it is absent. */
const char *at(const Door *door, const char *name);

/* A file of the manager's own directory (free()). */
char *path_new(const char *name);

/* Puts an exception for bad at @port into the store, past all methods. @session NULL: no end. */
void store_exception(int64_t owner, uint16_t port, const Session *session);
