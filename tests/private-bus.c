/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A dbus-daemon for tests. */
#include "config.h"

#include <errno.h>
#include <json-c/json.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "client/bus-value.h"
#include "tests/fixture.h"
#include "tests/private-bus.h"

#define TEXT_MAX  ((size_t) 1024 * 1024)
#define WAIT_USEC ((uint64_t) FIXTURE_WAIT_MSEC * 1000)

/* The rules are those of dbus-daemon's own system.conf. Whoever runs the test may take our names,
 * polkit's and the desktop's, as root and the user may. */
static const char configuration[] =
        "<!DOCTYPE busconfig PUBLIC \"-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN\"\n"
        " \"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd\">\n"
        "<busconfig><type>system</type><listen>unix:path=%s/bus</listen><auth>EXTERNAL</auth>\n"
        "<policy context=\"default\"><allow user=\"*\"/><deny own=\"*\"/>\n"
        "<deny send_type=\"method_call\"/><allow send_type=\"signal\"/>\n"
        "<allow send_requested_reply=\"true\" send_type=\"method_return\"/>\n"
        "<allow send_requested_reply=\"true\" send_type=\"error\"/>\n"
        "<allow receive_type=\"method_call\"/><allow receive_type=\"method_return\"/>\n"
        "<allow receive_type=\"error\"/><allow receive_type=\"signal\"/>\n"
        "<allow send_destination=\"org.freedesktop.DBus\"/>\n"
        "<allow send_destination=\"org.freedesktop.Notifications\"/>\n"
        "<allow send_destination=\"org.freedesktop.PolicyKit1\"/></policy>\n"
        "<policy user=\"%s\"><allow own=\"org.certexc1\"/>\n"
        "<allow own=\"org.freedesktop.Notifications\"/>\n"
        "<allow own=\"org.freedesktop.PolicyKit1\"/></policy>\n"
        "<include>%s/daemon/org.certexc1.conf</include></busconfig>\n";

static void __attribute__((noreturn)) give_up(const char *what, int error) {
        (void) fprintf(stderr, "%s: %s\n", what, strerror(-error));
        abort();
}

void private_bus_need(void) {
        if (system("command -v dbus-daemon >/dev/null") == 0)
                return;
        (void) fprintf(stderr, "There is no dbus-daemon\n");
        exit(77);
}

static void write_configuration(const PrivateBus *b) {
        const char *source = getenv("CERTEXC_SOURCE_DIR");
        const struct passwd *user = getpwuid(geteuid());
        char *root = realpath(source ? source : ".", NULL);
        char path[512];
        FILE *f;

        (void) snprintf(path, sizeof(path), "%s/bus.conf", b->directory);
        f = fopen(path, "we");
        if (!f || !root || !user)
                give_up("Cannot write the bus's configuration", -errno);
        (void) fprintf(f, configuration, b->directory, user->pw_name, root);
        free(root);
        if (fclose(f) != 0)
                give_up("Cannot write the bus's configuration", -errno);
}

/* It prints its address once it listens. */
static void wait_for_address(int fd) {
        struct pollfd p = { .fd = fd, .events = POLLIN };
        char text[256];

        if (poll(&p, 1, FIXTURE_WAIT_MSEC) <= 0 || read(fd, text, sizeof(text)) <= 0)
                give_up("The bus does not listen", -ETIMEDOUT);
}

void private_bus_start(PrivateBus *b) {
        char file[512], print[64];
        const char *argv[] = { "dbus-daemon", file, "--nofork", "--nopidfile", print, NULL };
        LaunchHow how = LAUNCH_HOW_INIT;
        int ends[2], r;

        how.quiet = true;
        if (pipe(ends) < 0)
                give_up("Cannot make a pipe", -errno);
        (void) snprintf(file, sizeof(file), "--config-file=%s/bus.conf", b->directory);
        (void) snprintf(print, sizeof(print), "--print-address=%d", ends[1]);
        r = launch_start(argv, &how, &b->launch);
        if (r < 0)
                give_up("Cannot start dbus-daemon", r);
        (void) close_fd(ends[1]);
        wait_for_address(ends[0]);
        (void) close_fd(ends[0]);
}

void private_bus_stop(PrivateBus *b) {
        char path[512];

        launch_done(&b->launch);
        (void) snprintf(path, sizeof(path), "%s/bus", b->directory);
        (void) unlink(path);
}

PrivateBus *private_bus_new(const char *directory) {
        PrivateBus *b = calloc(1, sizeof(*b));
        char address[512];

        if (!b || !(b->directory = strdup(directory)))
                give_up("Cannot make a bus", -ENOMEM);
        b->launch.pid_fd = b->launch.notify_fd = -1;
        if (interface_new(interface_own_text(), &b->interface) < 0)
                give_up("Cannot read the interface", -EBADMSG);
        write_configuration(b);
        (void) snprintf(address, sizeof(address), "unix:path=%s/bus", directory);
        (void) setenv("DBUS_SYSTEM_BUS_ADDRESS", address, 1);
        (void) setenv("DBUS_SESSION_BUS_ADDRESS", address, 1);
        private_bus_start(b);
        return b;
}

PrivateBus *private_bus_free(PrivateBus *b) {
        if (!b)
                return NULL;
        launch_done(&b->launch);
        (void) interface_free(b->interface);
        free(b->directory);
        free(b);
        return NULL;
}

sd_bus *private_bus_open(void) {
        sd_bus *bus = NULL;
        int r = sd_bus_open_system(&bus);

        if (r < 0)
                give_up("Cannot open the bus", r);
        return bus;
}

static int on_owner(sd_bus_message *m, void *userdata, sd_bus_error *error) {
        return 0;
}

void private_bus_wait_for(sd_bus *bus, const char *name) {
        char match[256];
        int r;

        (void) snprintf(match, sizeof(match),
                        "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged',"
                        "arg0='%s'", name);
        r = sd_bus_add_match(bus, NULL, match, on_owner, NULL);
        while (r >= 0 && sd_bus_get_name_creds(bus, name, 0, NULL) < 0) {
                r = sd_bus_process(bus, NULL);
                if (r == 0 && (r = sd_bus_wait(bus, WAIT_USEC)) == 0)
                        r = -ETIMEDOUT;
        }
        if (r < 0)
                give_up("The name is not taken", r);
}

struct json_object *private_bus_call(PrivateBus *b, sd_bus *bus, const char *method,
                                     struct json_object *parameters) {
        struct json_object *reply = NULL;
        int r;

        r = bus_call_wait(bus, b->interface, method, parameters, false, WAIT_USEC, &reply);
        if (r < 0)
                give_up(method, r);
        return reply;
}

typedef struct OtherCall {
        PrivateBus *b;
        const char *method;
        struct json_object *parameters;
        bool interactive;
        char *reply; /* shared with the other process */
} OtherCall;

static int call_from_there(void *userdata) {
        OtherCall *c = userdata;
        struct json_object *reply = NULL;
        sd_bus *bus = private_bus_open();

        if (bus_call_wait(bus, c->b->interface, c->method, c->parameters, c->interactive, WAIT_USEC,
                          &reply) < 0)
                return 1;
        (void) snprintf(c->reply, TEXT_MAX, "%s", json_object_to_json_string(reply));
        return 0;
}

struct json_object *private_bus_call_as(PrivateBus *b, uid_t uid, const char *method,
                                        struct json_object *parameters, bool interactive) {
        OtherCall call = { b, method, parameters, interactive, NULL };
        struct json_object *reply = NULL;

        call.reply = mmap(NULL, TEXT_MAX, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        if (call.reply == MAP_FAILED || fixture_as(uid, call_from_there, &call) != 0)
                give_up(method, -EIO);
        reply = json_tokener_parse(call.reply);
        (void) munmap(call.reply, TEXT_MAX);
        return reply;
}
