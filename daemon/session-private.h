/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of the socket door's connections share: the connection itself. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "daemon/inbox.h"
#include "daemon/outbox.h"
#include "daemon/request.h"
#include "daemon/session.h"
#include "daemon/share.h"
#include "daemon/turns.h"

typedef struct sd_event_source sd_event_source;

struct PeerSession {
        Manager *manager;
        int fd;
        Caller caller;
        void (*closed)(PeerSession *session, void *userdata);
        void *userdata;

        sd_event_source *io;
        Turn turn;               /* pump() soon: the socket or a request has something new */
        sd_event_source *finish; /* a message has begun and must end */

        Inbox inbox;
        Outbox outbox;
        Holding holding;
        uint64_t turn_usec; /* when its turn began */
        bool readable;      /* the loop has said so, and it waits for its turn */

        bool at_work;       /* the oldest call is started */
        Request *request;   /* of the one at work; NULL for those that are done at once */
        bool has_streamed;  /* the one at work has answered and goes on */
        bool resume_due;    /* it waits for the outbox to be empty */
        bool message_begun; /* @finish runs for the message that @inbox has begun */

        bool pumping;
        bool resting;  /* its turn ended before its work did */
        bool at_end;   /* nothing more comes */
        bool gone;     /* nobody reads answers any more */
        bool stopping; /* no further call is started */
        bool ended;
};

/* What fails only for want of memory ends the session: a call that got no answer would be given
 * that of the next. */
void session_must(PeerSession *s, int r);

/* -- session-call.c ---------------------------------------------------------------------------- */

/* Starts the oldest call. It may be done when this returns. */
void session_start_call(PeerSession *s);

/* The oldest call has had its last answer, or will get none. */
void session_drop_call(PeerSession *s);
