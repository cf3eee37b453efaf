/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The connection to the bus, for as long as there is one. */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/bus-private.h"
#include "daemon/limits.h"
#include "daemon/log.h"

#define TRY_USEC     UINT64_C(100000)
#define TRY_USEC_MAX UINT64_C(60000000)

static const char *which(const Bus *b) {
        return b->manager->options.user_mode ? "the user's bus" : "the system's bus";
}

/* -- away -------------------------------------------------------------------------------------- */

static void disconnect(Bus *b) {
        bus_peers_drop(b);
        b->bus = sd_bus_close_unref(b->bus);
        b->named = false;
}

/* Once for each time that it is away. */
static void tell_lost(const Bus *b, int error, const char *what) {
        if (b->n_tries == 0)
                (void) log_warning_errno(error, "%s %s: %m; the socket is served all the same", what,
                                         which(b));
}

/* Closing is left to the timer, since we may stand in a call-back of the connection. */
static void lost(Bus *b, int error, const char *what) {
        uint64_t usec = TRY_USEC << (b->n_tries < 16 ? b->n_tries : 16);

        bus_peers_drop(b);
        b->named = false;
        if (b->stopping)
                return;
        tell_lost(b, error, what);
        if (++b->n_tries > BUS_TRIES_MAX) {
                log_warning("Giving %s up; reload the daemon to try it again", which(b));
                return;
        }
        (void) sd_event_source_set_time_relative(b->retry,
                                                 usec < TRY_USEC_MAX ? usec : TRY_USEC_MAX);
        (void) sd_event_source_set_enabled(b->retry, SD_EVENT_ONESHOT);
}

static int on_disconnected(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        lost(userdata, -ECONNRESET, "Cannot keep the connection to");
        return 0;
}

/* -- there ------------------------------------------------------------------------------------- */

static int on_method(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;

        return bus_peer_take(b, m);
}

static int on_name(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;
        uint32_t result = 0;

        if (sd_bus_message_is_method_error(m, NULL)) {
                lost(b, sd_bus_message_get_errno(m), "Cannot take the name " BUS_NAME " on");
        } else if (sd_bus_message_read(m, "u", &result) < 0 || result != 1) {
                lost(b, -EEXIST, "Cannot take the name " BUS_NAME " on");
        } else {
                b->named = true;
                b->n_tries = 0;
                log_info("Serving " BUS_NAME " on %s", which(b));
        }
        return 0;
}

/* A path with what D-Bus's addresses keep for themselves as %XX. */
static int escape_path(const char *path, char *ret, size_t size) {
        size_t n = 0;

        for (; *path; path++) {
                bool plain = isalnum((unsigned char) *path) || strchr("-_/.\\*", *path);

                if (n + 4 > size)
                        return -ENAMETOOLONG;
                n += (size_t) snprintf(ret + n, size - n, plain ? "%c" : "%%%02x", (unsigned char) *path);
        }
        ret[n] = '\0';
        return 0;
}

/* Where the bus is, in the words of the D-Bus specification. */
static int find_bus(bool user, char *ret, size_t size) {
        const char *given = secure_getenv(user ? "DBUS_SESSION_BUS_ADDRESS" : "DBUS_SYSTEM_BUS_ADDRESS");
        const char *runtime = user ? secure_getenv("XDG_RUNTIME_DIR") : NULL;
        char path[512] = "";
        int n;

        if (user && !given && (!runtime || escape_path(runtime, path, sizeof(path)) < 0))
                return -ENOMEDIUM;
        if (given)
                n = snprintf(ret, size, "%s", given);
        else
                n = snprintf(ret, size, "unix:path=%s", user ? path : "/run/dbus/system_bus_socket");
        if (user && !given && (size_t) n < size)
                n += snprintf(ret + n, size - (size_t) n, "/bus");
        return (size_t) n < size ? 0 : -ENAMETOOLONG;
}

/* As sd_bus_open_system() does it, but that nobody can hand us descriptors, which calls would hold while
 * they wait: sixteen each, of which the daemon has a thousand for everybody. */
static int open_bus(bool user, sd_bus **ret) {
        _cleanup_(sd_bus_unrefp) sd_bus *bus = NULL;
        char address[1024];
        int r;

        r = find_bus(user, address, sizeof(address));
        if (r < 0)
                return r;
        r = sd_bus_new(&bus);
        if (r < 0)
                return r;
        r = sd_bus_set_address(bus, address);
        if (r < 0)
                return r;
        r = sd_bus_set_bus_client(bus, true);
        if (r < 0)
                return r;
        r = sd_bus_negotiate_fds(bus, false);
        if (r < 0)
                return r;
        r = sd_bus_set_description(bus, "certexcd");
        if (r < 0)
                return r;
        r = sd_bus_start(bus);
        if (r < 0)
                return r;
        *ret = TAKE_PTR(bus);
        return 0;
}

/* All that is to be found behind the name is there before the name is. */
static int connect_bus(Bus *b) {
        int r;

        r = open_bus(b->manager->options.user_mode, &b->bus);
        if (r < 0)
                return r;
        r = sd_bus_match_signal_async(b->bus, NULL, "org.freedesktop.DBus.Local", NULL,
                                      "org.freedesktop.DBus.Local", "Disconnected", on_disconnected,
                                      NULL, b);
        if (r < 0)
                return r;
        r = sd_bus_add_object_vtable(b->bus, NULL, BUS_PATH, BUS_INTERFACE,
                                     bus_object_vtable(b->object), b);
        if (r < 0)
                return r;
        r = sd_bus_request_name_async(b->bus, NULL, BUS_NAME, 0, on_name, b);
        if (r < 0)
                return r;
        return sd_bus_attach_event(b->bus, b->manager->event, SD_EVENT_PRIORITY_NORMAL);
}

static void try_now(Bus *b) {
        int r;

        disconnect(b);
        r = connect_bus(b);
        if (r < 0) {
                b->bus = sd_bus_close_unref(b->bus);
                lost(b, r, "Cannot reach");
        }
}

static int on_retry(sd_event_source *source, uint64_t usec, void *userdata) {
        try_now(userdata);
        return 0;
}

static int on_later(sd_event_source *source, void *userdata) {
        bus_peers_pump(userdata);
        return 0;
}

void bus_try_again(Bus *b) {
        if (!b || b->stopping || b->n_tries <= BUS_TRIES_MAX)
                return;
        b->n_tries = 0;
        try_now(b);
}

/* -- leaving ----------------------------------------------------------------------------------- */

static int on_released(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        Bus *b = userdata;

        b->named = false;
        return 0;
}

void bus_stop(Bus *b) {
        if (!b || b->stopping)
                return;
        b->stopping = true;
        (void) sd_event_source_set_enabled(b->retry, SD_EVENT_OFF);
        if (b->named && sd_bus_release_name_async(b->bus, NULL, BUS_NAME, on_released, b) < 0)
                b->named = false;
}

bool bus_is_quiet(const Bus *b) {
        uint64_t n = 0;

        if (!b || !b->bus)
                return true;
        return !b->named && !bus_peers_wait(b, false) &&
               (sd_bus_get_n_queued_write(b->bus, &n) < 0 || n == 0);
}

bool bus_is_idle(const Bus *b) {
        return !b || !bus_peers_wait(b, true);
}

/* -- life -------------------------------------------------------------------------------------- */

static int add_sources(Bus *b) {
        sd_event *event = b->manager->event;
        int r;

        r = sd_event_add_time_relative(event, &b->retry, CLOCK_MONOTONIC, 0, 0, on_retry, b);
        if (r < 0)
                return r;
        r = sd_event_source_set_enabled(b->retry, SD_EVENT_OFF);
        if (r < 0)
                return r;
        r = sd_event_add_defer(event, &b->later, on_later, b);
        if (r < 0)
                return r;
        return sd_event_source_set_enabled(b->later, SD_EVENT_OFF);
}

int bus_new(Manager *manager, Bus **ret) {
        _cleanup_(bus_freep) Bus *b = calloc(1, sizeof(*b));
        int r;

        if (!b)
                return -ENOMEM;
        b->manager = manager;
        r = interface_new(interface_own_text(), &b->interface);
        if (r < 0)
                return r;
        r = bus_object_new(b->interface, on_method, &b->object);
        if (r < 0)
                return r;
        r = add_sources(b);
        if (r < 0)
                return r;

        try_now(b);
        *ret = TAKE_PTR(b);
        return 0;
}

Bus *bus_free(Bus *b) {
        if (!b)
                return NULL;
        disconnect(b);
        (void) sd_event_source_disable_unref(b->retry);
        (void) sd_event_source_disable_unref(b->later);
        b->object = bus_object_free(b->object);
        b->interface = interface_free(b->interface);
        free(b);
        return NULL;
}
