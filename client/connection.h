/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One connected socket of libcertexc, and what went wrong with it. */
#pragma once

#include <json-c/json.h>

#include "client/cleanup.h"
#include "client/varlink.h"

typedef struct json_object JsonObject;

static inline JsonObject *json_unref(JsonObject *object) {
        (void) json_object_put(object);
        return NULL;
}
DEFINE_CLEANUP(JsonObject *, json_unref)

/* -- trouble.c: what went wrong last ----------------------------------------------------- */

typedef struct Trouble {
        char *sentence;      /* NULL: nothing, or no memory for it */
        JsonObject *message; /* the reply with the daemon's error, or NULL */
        VarlinkReply reply;  /* belongs to @message */
        int error;           /* 0 or -errno */
} Trouble;

void trouble_clear(Trouble *t);

/* Both keep @error, or what @reply is in errno, and return it. @message is taken over. */
int trouble_set(Trouble *t, int error, const char *format, ...) _printf_(3, 4);
int trouble_set_reply(Trouble *t, JsonObject *message, const VarlinkReply *reply);
/* "" if there is none. */
const char *trouble_sentence(const Trouble *t);

/* -- connection.c: one connected socket -------------------------------------------------- */

typedef struct Connection Connection;

/* A time for the functions below, @timeout milliseconds from now; 0: never. */
int64_t connection_deadline(unsigned timeout);

/* Connects to @path and makes sure who serves it. */
int connection_new(const char *path, int64_t deadline, Trouble *t, Connection **ret);
Connection *connection_free(Connection *c);
DEFINE_CLEANUP(Connection *, connection_free)

int connection_fd(const Connection *c);

/* Sends a whole message. Returns 0; -ECONNRESET if the peer is gone, -ETIMEDOUT, -errno. */
int connection_send(Connection *c, const char *message, size_t size, int64_t deadline);

/*
 * The next message, parsed: 1. 0 if @wait is false and none is there yet. -ECONNRESET if the peer
 * is gone, -ETIMEDOUT, -EPROTO if it makes no sense, -errno.
 */
int connection_receive(Connection *c, bool wait, int64_t deadline, JsonObject **ret);

/* false if the peer sent more than was asked for. */
bool connection_is_quiet(const Connection *c);
