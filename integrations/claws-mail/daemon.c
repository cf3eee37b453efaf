/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One client of the daemon for the main thread, and what its failures mean. */
#include "config.h"

#include <errno.h>

#include "daemon.h"

static certexc_client *client;

certexc_client *daemon_client(void) {
        if (!client && certexc_client_new(NULL, &client) < 0)
                g_error("certexc: no client of the daemon could be made");
        return client;
}

void daemon_forget(void) {
        client = certexc_client_free(client);
}

bool daemon_is_away(int error) {
        switch (-error) {
        case ENOTCONN:   /* nobody listens */
        case EPERM:      /* somebody else does */
        case ETIMEDOUT:  /* no answer in time */
        case ECONNRESET: /* it went away */
        case EPROTO:     /* it speaks something else */
                return true;
        default:
                return false;
        }
}
