/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon on a private bus, for each test anew. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <string.h>

#include "client/bus-value.h"
#include "daemon/json.h"
#include "tests/on-bus.h"

Methods *m;
PrivateBus *b;
sd_bus *bus;

void on_bus_setup(void) {
        m = methods_new();
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        m->fixture->bus = true;
        b = private_bus_new(m->fixture->directory);
        methods_start(m, PKI_NOW);
        bus = private_bus_open();
        private_bus_wait_for(bus, BUS_NAME);
}

void on_bus_teardown(void) {
        bus = sd_bus_flush_close_unref(bus);
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        b = private_bus_free(b);
        m = methods_free(m);
}

/* Parameters as methods_text() takes them. */
struct json_object *on_bus_parameters(const char *text) {
        _cleanup_free_ char *call = methods_text(m, "Verify", text, false);
        struct json_object *message = json_tokener_parse(call), *in = NULL;

        ck_assert(json_object_object_get_ex(message, "parameters", &in));
        (void) json_object_get(in);
        (void) json_object_put(message);
        return in;
}

struct json_object *on_bus_call(const char *method, const char *text) {
        _cleanup_(json_freep) struct json_object *in = on_bus_parameters(text);

        return private_bus_call(b, bus, method, in);
}

struct json_object *on_bus_call_as(uid_t uid, const char *method, const char *text) {
        _cleanup_(json_freep) struct json_object *in = on_bus_parameters(text);

        return private_bus_call_as(b, uid, method, in, false);
}

Peer *on_bus_asker(const char *parameters) {
        _cleanup_free_ char *text = methods_text(m, "Ask", parameters, false);
        Peer *peer = peer_new(m->fixture);

        ck_assert(peer_send(peer, text));
        return peer;
}

void on_bus_ck_asked(Peer *peer, const char *verdict, const char *asked) {
        _cleanup_(json_freep) struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

        methods_hold("Ask", reply);
        ck_assert_str_eq(methods_at(reply, "verdict"), verdict);
        ck_assert_str_eq(methods_at(reply, "asked"), asked);
}

void on_bus_subscribe(sd_bus *with) {
        ck_assert_int_ge(sd_bus_call_method(with, BUS_NAME, BUS_PATH, BUS_INTERFACE, "Subscribe",
                                            NULL, NULL, "a{sv}", 0), 0);
}

/* What the daemon sent before its answer to this is there when it answers. */
void on_bus_drain(sd_bus *with) {
        ck_assert_int_ge(sd_bus_call_method(with, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Peer",
                                            "Ping", NULL, NULL, ""), 0);
        while (sd_bus_process(with, NULL) > 0)
                ;
}

int on_bus_tally(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        BusTally *tally = userdata;

        if (!sd_bus_message_is_method_error(message, NULL))
                tally->answered++;
        else if (sd_bus_message_is_method_error(message, BUS_ERRORS "LimitReached"))
                tally->refused++;
        else
                tally->other++;
        return 0;
}

/* A Verify that takes as long as a judge may. */
void on_bus_send_slow(sd_bus *with, BusTally *tally) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL;
        _cleanup_(json_freep) struct json_object *in = on_bus_parameters("{" AT "'chain':[@spin]}");

        ck_assert_int_ge(sd_bus_message_new_method_call(with, &ask, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                                        "Verify"), 0);
        ck_assert_int_ge(bus_append_call(ask, interface_find(b->interface, 'm', "Verify"), in), 0);
        ck_assert_int_ge(sd_bus_call_async(with, NULL, ask, on_bus_tally, tally, 0), 0);
}

void on_bus_settle(sd_bus *with, const BusTally *tally, unsigned n) {
        while (tally->answered + tally->refused + tally->other < n) {
                int r = sd_bus_process(with, NULL);

                if (r == 0)
                        r = sd_bus_wait(with, (uint64_t) FIXTURE_WAIT_MSEC * 1000);
                ck_assert_int_gt(r, 0);
        }
}
