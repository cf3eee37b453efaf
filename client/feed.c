/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Feed: a call that is answered again and again, on a connection of its own. */
#include "config.h"

#include <errno.h>
#include <string.h>

#include "client/library.h"

static int send_call(Connection *connection, const char *method, Parameters *p, int64_t deadline) {
        _cleanup_free_ char *message = NULL;
        size_t size;
        int r;

        if (p->bad)
                return -ENOMEM;
        r = varlink_write_call(method, p->object, true, false, &message, &size);
        return r < 0 ? r : connection_send(connection, message, size, deadline);
}

int feed_open(Feed *feed, certexc_client *client, const char *method, Parameters *p) {
        const int64_t deadline = connection_deadline(client_timeout(client));
        int r;

        trouble_clear(client_trouble(client));
        r = connection_new(certexc_client_socket(client), deadline, client_trouble(client),
                           &feed->connection);
        if (r < 0)
                return r;
        r = send_call(feed->connection, method, p, deadline);
        if (r == -ENOMEM)
                return client_no_memory(client);
        if (r < 0)
                return trouble_set(client_trouble(client), r,
                                   "The certexc daemon did not take the call of %s. Try again; its "
                                   "log tells why.",
                                   strrchr(method, '.') + 1);
        return 0;
}

void feed_close(Feed *feed) {
        feed->connection = connection_free(feed->connection);
        trouble_clear(&feed->trouble);
}

int feed_bad(Feed *feed) {
        return trouble_set(&feed->trouble, -EPROTO,
                           "The daemon sent an event that makes no sense. Its version may not fit "
                           "that of this program.");
}

/* Takes @message over. */
static int take_reply(Feed *feed, JsonObject *message, JsonObject **ret) {
        _cleanup_(json_unrefp) JsonObject *owned = message;
        VarlinkFault fault;
        VarlinkReply reply;

        if (varlink_reply_read(message, &reply, &fault) < 0)
                return feed_bad(feed);
        if (reply.error)
                return trouble_set_reply(&feed->trouble, TAKE_PTR(owned), &reply);
        *ret = json_object_get(reply.parameters);
        return 1;
}

int feed_next(Feed *feed, bool wait, int64_t deadline, JsonObject **ret) {
        JsonObject *message = NULL;
        int r;

        /* What ended once stays ended. */
        if (feed->trouble.error < 0)
                return feed->trouble.error;

        r = connection_receive(feed->connection, wait, deadline, &message);
        if (r > 0)
                return take_reply(feed, message, ret);
        if (r == -ECONNRESET)
                return trouble_set(&feed->trouble, r,
                                   "The certexc daemon ended the stream: it was stopped, or this "
                                   "program read too slowly. Begin again, and look anew.");
        if (r == -EPROTO)
                return feed_bad(feed);
        if (r < 0)
                return trouble_set(&feed->trouble, r, "The stream of the certexc daemon: %s.",
                                   strerrordesc_np(-r));
        return 0;
}
