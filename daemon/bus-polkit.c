/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Asks polkit, which may ask an administrator, and never waits for it. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "daemon/bus-private.h"
#include "daemon/limits.h"

#define AUTHORITY "org.freedesktop.PolicyKit1", "/org/freedesktop/PolicyKit1/Authority", \
                  "org.freedesktop.PolicyKit1.Authority"

/* polkit may ask somebody at a screen. */
#define FLAG_INTERACTION 1U

struct PolkitQuery {
        Bus *bus;
        sd_bus_slot *slot; /* NULL: it has answered */
        bool interactive;  /* it may ask somebody */
        char id[32];
        PolkitAnswer answer;
        void *userdata;
};

static void cancel(const PolkitQuery *q) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;

        if (q->bus->bus &&
            sd_bus_message_new_method_call(q->bus->bus, &m, AUTHORITY,
                                           "CancelCheckAuthorization") >= 0 &&
            sd_bus_message_append(m, "s", q->id) >= 0)
                (void) sd_bus_send(q->bus->bus, m, NULL);
}

PolkitQuery *polkit_query_free(PolkitQuery *q) {
        if (!q)
                return NULL;
        if (q->slot) {
                (void) sd_bus_slot_unref(q->slot);
                cancel(q);
        }
        free(q);
        return NULL;
}

static bool is_late(sd_bus_message *m) {
        return sd_bus_message_is_method_error(m, SD_BUS_ERROR_NO_REPLY) ||
               sd_bus_message_is_method_error(m, SD_BUS_ERROR_TIMEOUT);
}

/* Behind its word stands what else it has to say: whether somebody was asked and did not want to. */
static bool was_dismissed(sd_bus_message *m) {
        const char *name, *value;
        bool dismissed = false;

        if (sd_bus_message_enter_container(m, 'a', "{ss}") < 0)
                return false;
        while (sd_bus_message_read(m, "{ss}", &name, &value) > 0)
                if (strcmp(name, "polkit.dismissed") == 0 && *value)
                        dismissed = true;
        return dismissed;
}

/* 1 if it is granted, else 0 and why not. */
static int read_answer(sd_bus_message *m, bool interactive, const char **ret_reason) {
        int granted = 0, challenge = 0;

        if (is_late(m)) {
                *ret_reason = "polkit did not answer in time";
                return 0;
        }
        /* Without polkit it is as on the socket. */
        if (sd_bus_message_is_method_error(m, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
            sd_bus_message_is_method_error(m, SD_BUS_ERROR_NAME_HAS_NO_OWNER))
                return 0;
        if (sd_bus_message_is_method_error(m, NULL) ||
            sd_bus_message_enter_container(m, 'r', "bba{ss}") < 0 ||
            sd_bus_message_read(m, "bb", &granted, &challenge) < 0) {
                *ret_reason = "polkit could not say whether you may";
                return 0;
        }
        if (granted)
                return 1;
        if (was_dismissed(m))
                *ret_reason = "the question for an administrator's password was dismissed";
        else if (!challenge)
                *ret_reason = "polkit does not authorize you to do this";
        else if (interactive)
                *ret_reason = "polkit wants an administrator to authenticate, and no program of this "
                              "log-in session can ask for that; run \"pkttyagent\" in it, or do this "
                              "as root (sudo)";
        else
                *ret_reason = "polkit wants an administrator to authenticate, and the call did not "
                              "allow for that";
        return 0;
}

static int on_answer(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        PolkitQuery *q = userdata;
        const char *reason = NULL;
        int granted;

        granted = read_answer(m, q->interactive, &reason);
        /* Who did not answer in time may still be asking somebody. */
        if (is_late(m))
                cancel(q);
        q->slot = sd_bus_slot_unref(q->slot);
        q->answer(granted, reason, q->userdata);
        return 1;
}

int polkit_ask(Bus *bus, sd_bus_message *call, const char *action, PolkitAnswer answer,
               void *userdata, PolkitQuery **ret) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *m = NULL;
        _cleanup_(polkit_query_freep) PolkitQuery *q = calloc(1, sizeof(*q));
        int r;

        if (!q)
                return -ENOMEM;
        *q = (PolkitQuery){ .bus = bus, .answer = answer, .userdata = userdata };
        (void) snprintf(q->id, sizeof(q->id), "certexc-%" PRIu64, ++bus->n_queries);
        q->interactive = sd_bus_message_get_allow_interactive_authorization(call) > 0;

        r = sd_bus_message_new_method_call(bus->bus, &m, AUTHORITY, "CheckAuthorization");
        if (r < 0)
                return r;
        r = sd_bus_message_append(m, "(sa{sv})sa{ss}us", "system-bus-name", 1, "name", "s",
                                  sd_bus_message_get_sender(call), action, 0,
                                  (uint32_t) (q->interactive ? FLAG_INTERACTION : 0), q->id);
        if (r < 0)
                return r;
        r = sd_bus_call_async(bus->bus, &q->slot, m, on_answer, q, POLKIT_WAIT_USEC);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(q);
        return 0;
}
