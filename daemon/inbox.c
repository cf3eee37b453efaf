/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From a peer's bytes to its calls. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <stdlib.h>

#include "daemon/inbox.h"
#include "daemon/limits.h"

static Call *call_free(Call *call) {
        if (!call)
                return NULL;
        (void) json_object_put(call->message);
        free(call);
        return NULL;
}
DEFINE_CLEANUP(Call *, call_free)

static void push(Inbox *inbox, Call *call) {
        *inbox->last = call;
        inbox->last = &call->next;
        inbox->n_calls++;
        inbox->calls_size += call->size;
}

void inbox_pop(Inbox *inbox) {
        Call *call = inbox->first;

        inbox->first = call->next;
        if (!inbox->first)
                inbox->last = &inbox->first;
        inbox->n_calls--;
        inbox->calls_size -= call->size;
        (void) call_free(call);
}

void inbox_init(Inbox *inbox) {
        *inbox = (Inbox){ .last = &inbox->first };
}

void inbox_done(Inbox *inbox) {
        while (inbox->first)
                inbox_pop(inbox);
        varlink_buffer_done(&inbox->buffer);
}

bool inbox_has_room(const Inbox *inbox) {
        /* What they take counts as well: sixteen of the longest would be too much. */
        return !inbox->deaf && inbox->n_calls < CALLS_IN_FLIGHT_MAX &&
               (inbox->n_calls == 0 || inbox->calls_size < MESSAGE_BYTES_MAX);
}

int inbox_append(Inbox *inbox, const void *data, size_t size) {
        int r = varlink_buffer_append(&inbox->buffer, data, size, MESSAGE_BYTES_MAX);

        if (r == -EMSGSIZE)
                return inbox_fault(inbox, "the message is too long", MESSAGE_BYTES_MAX);
        return r;
}

int inbox_take(Inbox *inbox) {
        _cleanup_(call_freep) Call *call = NULL;
        VarlinkFault fault;
        Blob text;
        int r;

        if (!inbox_has_room(inbox) || varlink_buffer_take(&inbox->buffer, &text) == 0)
                return 0;
        call = calloc(1, sizeof(*call));
        if (!call)
                return -ENOMEM;

        r = varlink_parse(text, &call->message, &fault);
        if (r == 0)
                r = varlink_call_read(call->message, &call->read, &fault);
        if (r == -EBADMSG)
                return inbox_fault(inbox, fault.reason, fault.offset) < 0 ? -ENOMEM : 1;
        if (r < 0)
                return r;

        call->size = text.size + varlink_weight(call->message);
        push(inbox, TAKE_PTR(call));
        return 1;
}

size_t inbox_held(const Inbox *inbox) {
        return inbox->buffer.allocated + inbox->calls_size;
}

size_t inbox_begun(const Inbox *inbox) {
        return varlink_buffer_held(&inbox->buffer);
}

int inbox_fault(Inbox *inbox, const char *reason, size_t offset) {
        Call *call = calloc(1, sizeof(*call));

        inbox->deaf = true;
        if (!call)
                return -ENOMEM;

        call->fault = (VarlinkFault){ .reason = reason, .offset = offset };
        push(inbox, call);
        return 0;
}
