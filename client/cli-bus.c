/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc over the bus: what needs more than one's own uid is asked there, where polkit can ask an
 * administrator to authenticate. */
#include "config.h"

#include <json-c/json.h>
#include <string.h>

#include "client/bus-value.h"
#include "client/cli.h"
#include "client/tty-agent.h"

#define SYSTEM_SOCKET "/run/certexc/org.certexc1"
#define PREFIX        "org.certexc1."

/* Somebody may have to authenticate, and a store to be examined. */
#define WAIT_USEC (UINT64_C(30) * 60 * 1000000)

struct CliBus {
        sd_bus *bus;
        Interface *interface;
        TtyAgent *agent; /* from the first call on, where there is a terminal */
};

static int call(void *userdata, const char *method, const char *parameters, char **ret_reply) {
        struct json_object *in = json_tokener_parse(parameters), *reply = NULL;
        CliBus *b = userdata;
        int r;

        if (!b->agent)
                b->agent = tty_agent_new(TTY_AGENT_PROGRAM);
        r = !in ? -ENOMEM : strncmp(method, PREFIX, strlen(PREFIX)) != 0 ? -EOPNOTSUPP : 0;
        if (r == 0)
                r = bus_call_wait(b->bus, b->interface, method + strlen(PREFIX), in, true, WAIT_USEC,
                                  &reply);
        if (r >= 0) {
                *ret_reply = strdup(json_object_to_json_string_ext(reply, JSON_C_TO_STRING_PLAIN));
                r = *ret_reply ? 0 : -ENOMEM;
        }
        (void) json_object_put(reply);
        (void) json_object_put(in);
        return r;
}

CliBus *cli_bus_free(CliBus *b) {
        if (!b)
                return NULL;
        (void) tty_agent_free(b->agent);
        (void) sd_bus_flush_close_unref(b->bus);
        (void) interface_free(b->interface);
        free(b);
        return NULL;
}
DEFINE_CLEANUP(CliBus *, cli_bus_free)

static bool is_wanted(const Cli *cli, int64_t owner) {
        const char *given = secure_getenv("CERTEXC_SOCKET");

        if (geteuid() == 0 || cli->options.socket || (given && *given))
                return false;
        if (owner != CERTEXC_OWNER_SELF && owner != (int64_t) geteuid())
                return true;
        return (cli->options.deep || cli->options.rebuild) &&
               strcmp(certexc_client_socket(cli->client), SYSTEM_SOCKET) == 0;
}

int cli_take_bus(Cli *cli, int64_t owner) {
        _cleanup_(cli_bus_freep) CliBus *b = NULL;

        if (!is_wanted(cli, owner))
                return EXIT_DONE;
        b = calloc(1, sizeof(*b));
        if (!b || interface_new(interface_own_text(), &b->interface) < 0)
                return cli_no_memory(cli);
        /* Without a bus the daemon says over the socket what is lacking. */
        if (sd_bus_open_system(&b->bus) < 0)
                return EXIT_DONE;
        cli->bus = TAKE_PTR(b);
        certexc_client_set_transport(cli->client, call, cli->bus);
        return EXIT_DONE;
}
