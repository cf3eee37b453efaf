/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Somebody on the system's bus who wants to hear all that org.certexc1 says: calls Subscribe, and prints
 * "subscribed" and then the name of each signal that comes, until it is ended. */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-bus.h>

#include "client/cleanup.h"

#define NAME      "org.certexc1"
#define PATH      "/org/certexc1"
#define INTERFACE "org.certexc1.Manager"

static int on_signal(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        puts(sd_bus_message_get_member(m));
        return 0;
}

static int listen_on(sd_bus *bus) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        r = sd_bus_match_signal(bus, NULL, NAME, PATH, INTERFACE, NULL, on_signal, NULL);
        if (r >= 0)
                r = sd_bus_call_method(bus, NAME, PATH, INTERFACE, "Subscribe", &error, NULL, "a{sv}", 0);
        if (r >= 0)
                puts("subscribed");
        while (r >= 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0)
                        r = sd_bus_wait(bus, UINT64_MAX);
        }
        return r;
}

int main(void) {
        sd_bus *bus = NULL;
        int r;

        (void) setvbuf(stdout, NULL, _IOLBF, 0);
        r = sd_bus_open_system(&bus);
        if (r >= 0)
                r = listen_on(bus);
        (void) fprintf(stderr, "subscriber: %s\n", strerror(-r));
        (void) sd_bus_flush_close_unref(bus);
        return EXIT_FAILURE;
}
