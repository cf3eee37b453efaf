/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One call of a connection: started by its method, and answered into the outbox. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>
#include <string.h>

#include "client/varlink.h"
#include "daemon/limits.h"
#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/service.h"
#include "daemon/session-private.h"

/* -- answers ----------------------------------------------------------------------------- */

/* Leaves an answer to the oldest call in the outbox. */
static void put_answer(PeerSession *s, const char *error, struct json_object *parameters,
                       bool continues) {
        _cleanup_free_ char *text = NULL;
        size_t size;
        int r;

        if (s->gone || s->inbox.first->read.oneway)
                return;

        r = error ? varlink_write_error(error, parameters, &text, &size)
                  : varlink_write_reply(parameters, continues, &text, &size);
        if (r == 0)
                r = outbox_append(&s->outbox, text, size);
        session_must(s, r);
}

void session_drop_call(PeerSession *s) {
        inbox_pop(&s->inbox);
        s->at_work = s->has_streamed = s->resume_due = false;
        s->request = NULL;
}

/* The same, for the last answer of a call. */
static void finish_call(PeerSession *s, const char *error, struct json_object *parameters) {
        put_answer(s, error, parameters, false);
        session_drop_call(s);
}

/* The same, with an error that has one field, and drops it. */
static void finish_with(PeerSession *s, const char *error, struct json_object *parameters) {
        if (!parameters)
                s->ended = true;
        finish_call(s, error, parameters);
        (void) json_object_put(parameters);
}

static void finish_fault(PeerSession *s) {
        const VarlinkFault *fault = &s->inbox.first->fault;
        struct json_object *parameters = service_field("reason", fault->reason);
        struct json_object *offset = json_object_new_int64((int64_t) fault->offset);

        if (!parameters || json_object_object_add(parameters, "offset", offset) < 0) {
                (void) json_object_put(offset);
                s->ended = true;
        }
        finish_with(s, CERTEXC_INTERFACE ".MalformedMessage", parameters);
}

static void on_answer(Request *request, const char *error, struct json_object *parameters,
                      bool continues, void *door) {
        PeerSession *s = door;

        if (error)
                log_failed_answer(s->caller.uid, error, parameters);
        if (!continues) {
                finish_call(s, error, parameters);
        } else {
                put_answer(s, error, parameters, true);
                s->has_streamed = s->resume_due = true;
                /* Who streams without looking at us, as a monitor does, is read or cut off. */
                if (outbox_size(&s->outbox) > REPLY_BACKLOG_BYTES_MAX &&
                    (outbox_flush(&s->outbox, s->fd) < 0 ||
                     outbox_size(&s->outbox) > REPLY_BACKLOG_BYTES_MAX))
                        s->ended = true;
        }
        if (!s->pumping)
                turn_want(&s->turn);
}

static void on_waits(Request *request, void *door) {
        PeerSession *s = door;

        if (!s->pumping)
                turn_want(&s->turn);
}

/* -- starting ---------------------------------------------------------------------------- */

static void start_service(PeerSession *s, const char *method) {
        struct json_object *parameters = NULL;
        const char *error = NULL;
        int r = service_call(method, s->inbox.first->read.parameters, &error, &parameters);

        if (r == -ENOENT)
                finish_with(s, SERVICE_INTERFACE ".MethodNotFound",
                            service_field("method", s->inbox.first->read.method));
        else
                finish_with(s, error, parameters);
}

static void start_request(PeerSession *s, const char *method) {
        const VarlinkCall *read = &s->inbox.first->read;
        RequestArgs args = {
                .manager = s->manager,
                .caller = s->caller,
                .method = read->method,
                .parameters = read->parameters,
                .more = read->more,
                .answer = on_answer,
                .waits = on_waits,
                .door = s,
        };
        Request *request = NULL;
        int r;

        if (request_method_needs_more(method) && !read->more) {
                finish_call(s, SERVICE_INTERFACE ".ExpectedMore", NULL);
                return;
        }

        s->at_work = true;
        r = request_start(&args, &request);
        if (r == -ENOENT)
                finish_with(s, SERVICE_INTERFACE ".MethodNotFound",
                            service_field("method", read->method));
        else if (r < 0)
                s->ended = true;
        else
                s->request = request;
}

void session_start_call(PeerSession *s) {
        const VarlinkCall *read = &s->inbox.first->read;
        const char *dot;
        size_t length;

        if (!s->inbox.first->message) {
                finish_fault(s);
                return;
        }
        if (s->gone && !read->oneway) {
                session_drop_call(s);
                return;
        }
        dot = strrchr(read->method, '.');
        if (!dot || read->upgrade) {
                finish_with(s, SERVICE_INTERFACE ".InvalidParameter",
                            service_field("parameter", dot ? "upgrade" : "method"));
                return;
        }

        length = (size_t) (dot - read->method);
        if (length == strlen(SERVICE_INTERFACE) &&
            strncmp(read->method, SERVICE_INTERFACE, length) == 0) {
                start_service(s, dot + 1);
        } else if (length == strlen(CERTEXC_INTERFACE) &&
                   strncmp(read->method, CERTEXC_INTERFACE, length) == 0) {
                start_request(s, dot + 1);
        } else {
                _cleanup_free_ char *interface = strndup(read->method, length);

                finish_with(s, SERVICE_INTERFACE ".InterfaceNotFound",
                            interface ? service_field("interface", interface) : NULL);
        }
}
