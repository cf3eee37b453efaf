/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon on a bus: what it shows there, whom it tells of what, who may take its name, and
 * what it does when callers leave, flood it, or the bus goes away. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "client/bus-value.h"
#include "client/encoding.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/methods.h"
#include "tests/private-bus.h"

static Methods *m;
static PrivateBus *b;
static sd_bus *bus;

static void setup(void) {
        m = methods_new();
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        m->fixture->bus = true;
        b = private_bus_new(m->fixture->directory);
        methods_start(m, PKI_NOW);
        bus = private_bus_open();
        private_bus_wait_for(bus, BUS_NAME);
}

static void teardown(void) {
        bus = sd_bus_flush_close_unref(bus);
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        b = private_bus_free(b);
        m = methods_free(m);
}

/* Parameters as methods_text() takes them. */
static struct json_object *parameters_new(const char *text) {
        _cleanup_free_ char *call = methods_text(m, "Verify", text, false);
        struct json_object *message = json_tokener_parse(call), *in = NULL;

        ck_assert(json_object_object_get_ex(message, "parameters", &in));
        (void) json_object_get(in);
        (void) json_object_put(message);
        return in;
}

static struct json_object *call(const char *method, const char *text) {
        _cleanup_(json_freep) struct json_object *in = parameters_new(text);

        return private_bus_call(b, bus, method, in);
}

static struct json_object *call_as(uid_t uid, const char *method, const char *text) {
        _cleanup_(json_freep) struct json_object *in = parameters_new(text);

        return private_bus_call_as(b, uid, method, in, false);
}

/* -- what is shown ----------------------------------------------------------------------------- */

/* The tags of our interface, one after another, without comments and what is between them. */
static char *tags_new(const char *xml) {
        char *tags = strdup(""), *longer;
        bool inside = false;

        for (const char *p = strchr(xml, '<'); p; p = strchr(p, '<')) {
                const char *end = strncmp(p, "<!--", 4) == 0 ? strstr(p, "-->") + 2 : strchr(p, '>');

                if (strncmp(p, "<interface name=\"" BUS_INTERFACE "\"", 17 + strlen(BUS_INTERFACE) + 1) == 0)
                        inside = true;
                if (inside && p[1] != '!') {
                        ck_assert_int_ge(asprintf(&longer, "%s%.*s\n", tags, (int) (end + 1 - p), p), 0);
                        free(tags);
                        tags = longer;
                }
                if (strncmp(p, "</interface>", 12) == 0)
                        inside = false;
                p = end;
        }
        return tags;
}

static char *read_file(const char *path) {
        FILE *f = fopen(path, "re");
        char *text = calloc(1, 1024 * 1024);

        ck_assert_msg(f && text, "%s", path);
        (void) fread(text, 1, 1024 * 1024 - 1, f);
        (void) fclose(f);
        return text;
}

START_TEST(test_introspection) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
        _cleanup_free_ char *written = NULL, *there = NULL, *file = NULL;
        const char *source = getenv("CERTEXC_SOURCE_DIR"), *live = NULL;
        char path[512];

        (void) snprintf(path, sizeof(path), "%s/schema/org.certexc1.xml", source ? source : ".");
        file = read_file(path);
        ck_assert_int_ge(sd_bus_call_method(bus, BUS_NAME, BUS_PATH,
                                            "org.freedesktop.DBus.Introspectable", "Introspect", NULL,
                                            &reply, ""), 0);
        ck_assert_int_ge(sd_bus_message_read(reply, "s", &live), 0);
        written = tags_new(file);
        there = tags_new(live);
        for (size_t i = 0; written[i] || there[i]; i++)
                ck_assert_msg(written[i] == there[i], "org.certexc1.xml has %.60s, the bus has %.60s",
                              written + i, there + i);
        ck_assert_ptr_nonnull(strstr(there, "<method name=\"Verify\">"));
        ck_assert_ptr_null(strstr(there, "<property"));
}
END_TEST

/* By hand, without our own conversion. */
START_TEST(test_types) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL, *reply = NULL;
        Blob der = pki_der(methods_certificate(m, "bad"));
        const char *name = NULL, *verdict = NULL;

        ck_assert_int_ge(sd_bus_message_new_method_call(bus, &ask, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                                        "Verify"), 0);
        ck_assert_int_ge(sd_bus_message_append(ask, "sx", "mail.example.org", (int64_t) 993), 0);
        ck_assert_int_ge(sd_bus_message_open_container(ask, 'a', "{sv}"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(ask, 'e', "sv"), 0);
        ck_assert_int_ge(sd_bus_message_append(ask, "s", "chain"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(ask, 'v', "aay"), 0);
        ck_assert_int_ge(sd_bus_message_open_container(ask, 'a', "ay"), 0);
        ck_assert_int_ge(sd_bus_message_append_array(ask, 'y', der.data, der.size), 0);
        for (unsigned i = 0; i < 4; i++)
                ck_assert_int_ge(sd_bus_message_close_container(ask), 0);
        ck_assert_int_ge(sd_bus_call(bus, ask, 0, NULL, &reply), 0);
        ck_assert_str_eq(sd_bus_message_get_signature(reply, true), "a{sv}");
        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'a', "{sv}"), 0);
        while (sd_bus_message_enter_container(reply, 'e', "sv") > 0) {
                ck_assert_int_ge(sd_bus_message_read(reply, "s", &name), 0);
                if (strcmp(name, "verdict") == 0)
                        ck_assert_int_ge(sd_bus_message_read(reply, "v", "s", &verdict), 0);
                else if (strcmp(name, "problems") == 0)
                        ck_assert_int_gt(sd_bus_message_enter_container(reply, 'v', "aa{sv}"), 0);
                if (strcmp(name, "problems") == 0) {
                        ck_assert_int_ge(sd_bus_message_skip(reply, "aa{sv}"), 0);
                        ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
                } else if (strcmp(name, "verdict") != 0) {
                        ck_assert_int_ge(sd_bus_message_skip(reply, "v"), 0);
                }
                ck_assert_int_ge(sd_bus_message_exit_container(reply), 0);
        }
        ck_assert_str_eq(verdict, "prompt");
}
END_TEST

/* What is no call of ours: the arguments by sd-bus's letters, and the error. */
START_TEST(test_other_arguments) {
        static const struct {
                const char *sentence, *member, *signature;
                uint64_t value;
                const char *error;
        } rows[] = {
                { "a method that nobody knows", "Allow", "", 0,
                  "org.freedesktop.DBus.Error.UnknownMethod" },
                { "the socket's stream", "Monitor", "a{sv}", 0,
                  "org.freedesktop.DBus.Error.UnknownMethod" },
                { "no arguments", "Verify", "", 0, "org.freedesktop.DBus.Error.InvalidArgs" },
                { "an id of another type", "GetException", "ta{sv}", 1,
                  "org.freedesktop.DBus.Error.InvalidArgs" },
        };

        for (size_t i = 0; i < N_ELEMENTS(rows); i++) {
                _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;

                (void) sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE, rows[i].member,
                                          &error, NULL, rows[i].signature, rows[i].value, 0);
                ck_assert_msg(error.name && strcmp(error.name, rows[i].error) == 0, "%s: %s",
                              rows[i].sentence, error.name);
        }
}
END_TEST

/* Options of every integer type mean the same; what is twice there means nothing. */
START_TEST(test_options) {
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        static const char types[] = "ynqiuxt";

        for (const char *type = types; *type; type++) {
                char letter[2] = { *type, '\0' };
                _cleanup_(sd_bus_message_unrefp) sd_bus_message *reply = NULL;
                int r;

                if (strchr("xt", *type))
                        r = sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                               "ListExceptions", &error, &reply, "a{sv}", 1, "after",
                                               letter, (int64_t) 1);
                else
                        r = sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                               "ListExceptions", &error, &reply, "a{sv}", 1, "after",
                                               letter, 1);
                ck_assert_msg(r >= 0, "%s: %s", letter, error.message);
        }
        ck_assert_int_lt(sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE, "ListExceptions",
                                            &error, NULL, "a{sv}", 2, "all", "b", 1, "all", "b", 0),
                         0);
        ck_assert_str_eq(error.name, SD_BUS_ERROR_INVALID_ARGS);
}
END_TEST

/* -- signals ----------------------------------------------------------------------------------- */

typedef struct Heard {
        char text[1024]; /* names and events of signals, one a line */
} Heard;

static int on_signal(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *event = NULL, *member = sd_bus_message_get_member(message);
        Heard *heard = userdata;
        int64_t time = 0;

        if (sd_bus_message_read(message, "sx", &event, &time) >= 0)
                (void) snprintf(heard->text + strlen(heard->text),
                                sizeof(heard->text) - strlen(heard->text), "%s %s\n", member, event);
        return 0;
}

static void listen_to_all(sd_bus *with, Heard *heard) {
        ck_assert_int_ge(sd_bus_match_signal(with, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE, NULL,
                                             on_signal, heard), 0);
}

static void subscribe(sd_bus *with) {
        ck_assert_int_ge(sd_bus_call_method(with, BUS_NAME, BUS_PATH, BUS_INTERFACE, "Subscribe",
                                            NULL, NULL, "a{sv}", 0), 0);
}

/* What the daemon sent before its answer to this is there when it answers. */
static void drain(sd_bus *with) {
        ck_assert_int_ge(sd_bus_call_method(with, BUS_NAME, BUS_PATH, "org.freedesktop.DBus.Peer",
                                            "Ping", NULL, NULL, ""), 0);
        while (sd_bus_process(with, NULL) > 0)
                ;
}

static void wait_for_signal(sd_bus *with, const Heard *heard, const char *line) {
        while (!strstr(heard->text, line)) {
                int r = sd_bus_process(with, NULL);

                if (r == 0)
                        r = sd_bus_wait(with, (uint64_t) FIXTURE_WAIT_MSEC * 1000);
                ck_assert_msg(r > 0, "%s did not come; %s", line, heard->text);
        }
}

START_TEST(test_signals) {
        _cleanup_(pki_freep) Pki *another = pki_new(&(PkiSpec){ .subject = "Another", .ca = true });
        sd_bus *other = private_bus_open();
        Heard mine = { "" }, others = { "" };

        listen_to_all(bus, &mine);
        listen_to_all(other, &others);
        subscribe(bus);
        subscribe(bus);

        /* Whoever did it, and through whichever door. */
        WALK({ "allowed over the socket", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}",
               "exception.id", "1" },
             { "taken back", 0, "RevokeException", "{'id':1}", "exception.state", "revoked" },
             { "denied", 0, "AddDenial", "{" AT "'chain':[@bad]}", "exception.id", "2" },
             { "rebuilt", 0, "Rebuild", "{}", "rebuild.missing", "0" });
        wait_for_signal(bus, &mine, "StoreRebuilt");
        ck_assert_str_eq(mine.text, "ExceptionAdded allowed\nExceptionRevoked revoked\n"
                                    "ExceptionAdded denied\nStoreRebuilt store-rebuilt\n");
        pki_write(fixture_path(m->fixture, "authorities.pem"), (const Pki *const[]){ another }, 1, false);
        wait_for_signal(bus, &mine, "AuthoritiesChanged authorities-changed\n");

        drain(other);
        ck_assert_msg(!*others.text, "told without asking: %s", others.text);
        ck_assert_int_ge(sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE, "Unsubscribe",
                                            NULL, NULL, ""), 0);
        mine.text[0] = '\0';
        WALK({ "one more", 0, "AddDenial", "{" AT "'chain':[@other]}", "exception.id", "3" });
        drain(bus);
        ck_assert_str_eq(mine.text, "");
        (void) sd_bus_flush_close_unref(other);
}
END_TEST

/* The bound of listeners is the socket's, and one who leaves the bus makes room. */
START_TEST(test_subscribers) {
        sd_bus *many[MONITORS_PER_UID_MAX + 1];
        _cleanup_(sd_bus_error_free) sd_bus_error error = SD_BUS_ERROR_NULL;
        int r;

        for (unsigned i = 0; i < N_ELEMENTS(many); i++)
                many[i] = private_bus_open();
        for (unsigned i = 0; i < MONITORS_PER_UID_MAX; i++)
                subscribe(many[i]);
        r = sd_bus_call_method(many[MONITORS_PER_UID_MAX], BUS_NAME, BUS_PATH, BUS_INTERFACE,
                               "Subscribe", &error, NULL, "a{sv}", 0);
        ck_assert_int_lt(r, 0);
        ck_assert_str_eq(error.name, BUS_ERRORS "LimitReached");

        many[0] = sd_bus_flush_close_unref(many[0]);
        do {
                sd_bus_error_free(&error);
                r = sd_bus_call_method(many[MONITORS_PER_UID_MAX], BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                       "Subscribe", &error, NULL, "a{sv}", 0);
        } while (r < 0 && strcmp(error.name, BUS_ERRORS "LimitReached") == 0);
        ck_assert_int_ge(r, 0);
        for (unsigned i = 1; i < N_ELEMENTS(many); i++)
                (void) sd_bus_flush_close_unref(many[i]);
}
END_TEST

/* -- other people ------------------------------------------------------------------------------ */

static const struct {
        const char *sentence;
        uid_t uid;
        const char *method, *parameters, *path, *value;
} people[] = {
        { "her exception is hers", GAMES, "AddException", "{" AT SHOWN "'chain':[@bad]}",
          "exception.owner", "5" },
        { "and accepted", GAMES, "Verify", "{" AT "'chain':[@bad]}", "because", "exception" },
        { "he sees nothing of it", OTHER, "Verify", "{" AT "'chain':[@bad]}", "because",
          "no-exception" },
        { "nor in a list", OTHER, "ListExceptions", "{'all':true}", "exceptions", "[]" },
        { "nor by its number", OTHER, "GetException", "{'id':1}", "error",
          "org.certexc1.NotFound" },
        { "nor by naming her", OTHER, "ListExceptions", "{'owner':5}", "error",
          "org.certexc1.AccessDenied" },
        { "nor may he act for the system", OTHER, "AddDenial", "{" AT "'chain':[@bad],'owner':-1}",
          "error", "org.certexc1.AccessDenied" },
        { "nor rebuild its store", OTHER, "Rebuild", "{}", "error", "org.certexc1.AccessDenied" },
        { "the overflow uid may ask", NOBODY, "Verify", "{" AT "'chain':[@bad]}", "verdict",
          "prompt" },
        { "but nothing is stored for it", NOBODY, "AddException", "{" AT SHOWN "'chain':[@bad]}",
          "error", "org.certexc1.AccessDenied" },
        { "nor listed", NOBODY, "ListExceptions", "{}", "error", "org.certexc1.AccessDenied" },
        { "root may name her", 0, "ListExceptions", "{'owner':5}", "exceptions.0.id", "1" },
};

START_TEST(test_people) {
        for (size_t i = 0; i < N_ELEMENTS(people); i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                reply = call_as(people[i].uid, people[i].method, people[i].parameters);
                ck_assert_msg(strcmp(methods_seen(reply, people[i].path), people[i].value) == 0,
                              "%s: %s", people[i].sentence, json_object_to_json_string(reply));
        }
}
END_TEST

START_TEST(test_signals_of_others) {
        _cleanup_(json_freep) struct json_object *hers = NULL, *all = NULL;
        Heard mine = { "" };

        listen_to_all(bus, &mine);
        subscribe(bus);
        hers = call_as(GAMES, "AddException", "{" AT SHOWN "'chain':[@bad]}");
        ck_assert_str_eq(methods_at(hers, "exception.id"), "1");
        drain(bus);
        ck_assert_msg(!*mine.text, "told of another's: %s", mine.text);

        all = call("AddDenial", "{" AT "'chain':[@bad],'owner':-1}");
        ck_assert_str_eq(methods_at(all, "exception.owner"), "-1");
        wait_for_signal(bus, &mine, "ExceptionAdded denied\n");
}
END_TEST

static int take_name(void *userdata) {
        sd_bus *with = private_bus_open();

        return sd_bus_request_name(with, BUS_NAME, SD_BUS_NAME_ALLOW_REPLACEMENT |
                                                           SD_BUS_NAME_REPLACE_EXISTING) == -EACCES
                       ? 0
                       : 1;
}

START_TEST(test_name) {
        ck_assert_int_eq(fixture_as(GAMES, take_name, NULL), 0);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_as(GAMES, take_name, NULL), 0);
        methods_start(m, PKI_NOW);
}
END_TEST

/* -- too much ---------------------------------------------------------------------------------- */

typedef struct Tally {
        unsigned answered, refused, other;
} Tally;

static int on_tally(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        Tally *tally = userdata;

        if (!sd_bus_message_is_method_error(message, NULL))
                tally->answered++;
        else if (sd_bus_message_is_method_error(message, BUS_ERRORS "LimitReached"))
                tally->refused++;
        else
                tally->other++;
        return 0;
}

/* A Verify that takes as long as a judge may. */
static void send_slow(sd_bus *with, Tally *tally) {
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *ask = NULL;
        _cleanup_(json_freep) struct json_object *in = parameters_new("{" AT "'chain':[@spin]}");

        ck_assert_int_ge(sd_bus_message_new_method_call(with, &ask, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                                        "Verify"), 0);
        ck_assert_int_ge(bus_append_call(ask, interface_find(b->interface, 'm', "Verify"), in), 0);
        ck_assert_int_ge(sd_bus_call_async(with, NULL, ask, on_tally, tally, 0), 0);
}

static void settle(sd_bus *with, const Tally *tally, unsigned n) {
        while (tally->answered + tally->refused + tally->other < n) {
                int r = sd_bus_process(with, NULL);

                if (r == 0)
                        r = sd_bus_wait(with, (uint64_t) FIXTURE_WAIT_MSEC * 1000);
                ck_assert_int_gt(r, 0);
        }
}

START_TEST(test_calls_in_flight) {
        sd_bus *with = private_bus_open();
        Tally tally = { 0 };

        for (unsigned i = 0; i < CALLS_IN_FLIGHT_MAX + 1; i++)
                send_slow(with, &tally);
        settle(with, &tally, 1);
        ck_assert_uint_eq(tally.refused, 1);
        ck_assert_uint_eq(tally.answered + tally.other, 0);
        (void) sd_bus_flush_close_unref(with);
}
END_TEST

START_TEST(test_calls_of_one_uid) {
        sd_bus *many[BUS_CALLS_PER_UID_MAX / CALLS_IN_FLIGHT_MAX];
        _cleanup_(json_freep) struct json_object *after = NULL;
        Tally tally = { 0 }, last = { 0 };

        for (unsigned i = 0; i < N_ELEMENTS(many); i++) {
                many[i] = private_bus_open();
                for (unsigned k = 0; k < CALLS_IN_FLIGHT_MAX; k++)
                        send_slow(many[i], &tally);
                drain(many[i]);
        }
        ck_assert_uint_eq(tally.refused, 0);
        send_slow(bus, &last);
        settle(bus, &last, 1);
        ck_assert_uint_eq(last.refused, 1);

        /* The socket is another door, and who left is forgotten. */
        WALK({ "the socket answers", 0, "GetStatus", "{}", "store", "ok" });
        for (unsigned i = 0; i < N_ELEMENTS(many); i++)
                (void) sd_bus_flush_close_unref(many[i]);
        do {
                (void) json_object_put(after);
                after = call("GetStatus", "{}");
        } while (strcmp(reply_error(after), "org.certexc1.LimitReached") == 0);
        ck_assert_str_eq(methods_at(after, "store"), "ok");
}
END_TEST

/* None of those that are known can make room: one more is refused. */
START_TEST(test_busy_connections) {
        static sd_bus *many[CONNECTIONS_PER_UID_MAX];
        Tally tally = { 0 }, last = { 0 };

        for (unsigned i = 0; i < N_ELEMENTS(many); i++) {
                many[i] = private_bus_open();
                send_slow(many[i], &tally);
                drain(many[i]);
        }
        ck_assert_uint_eq(tally.refused, 0);
        send_slow(bus, &last);
        settle(bus, &last, 1);
        ck_assert_uint_eq(last.refused, 1);
        for (unsigned i = 0; i < N_ELEMENTS(many); i++)
                (void) sd_bus_flush_close_unref(many[i]);
}
END_TEST

START_TEST(test_message_size) {
        _cleanup_free_ char *bytes = calloc(1, MESSAGE_BYTES_MAX + 1);
        _cleanup_(json_freep) struct json_object *at = NULL, *past = NULL;
        _cleanup_(json_freep) struct json_object *in = NULL;
        size_t fits = MESSAGE_BYTES_MAX - strlen("a.example") - strlen("chain_sha256");

        in = parameters_new("{'host':'a.example','port':993}");
        memset(bytes, 'a', fits);
        (void) json_put_string(in, "chain_sha256", bytes);
        at = private_bus_call(b, bus, "Verify", in);
        ck_assert_str_eq(reply_error(at), "org.certexc1.InvalidRequest");
        bytes[fits] = 'a';
        (void) json_put_string(in, "chain_sha256", bytes);
        past = private_bus_call(b, bus, "Verify", in);
        ck_assert_str_eq(reply_error(past), "org.certexc1.LimitReached");
        ck_assert_str_eq(methods_at(past, "what"), "bytes of one message");
}
END_TEST

/* More connections than are known at once: each is answered, the quiet ones are forgotten. */
START_TEST(test_connections) {
        static sd_bus *many[CONNECTIONS_PER_UID_MAX + 8];

        for (unsigned round = 0; round < 2; round++)
                for (unsigned i = 0; i < N_ELEMENTS(many); i++) {
                        if (!many[i])
                                many[i] = private_bus_open();
                        ck_assert_int_ge(sd_bus_call_method(many[i], BUS_NAME, BUS_PATH,
                                                            BUS_INTERFACE, "GetStatus", NULL, NULL,
                                                            "a{sv}", 0), 0);
                }
        for (unsigned i = 0; i < N_ELEMENTS(many); i++)
                (void) sd_bus_flush_close_unref(many[i]);
}
END_TEST

/* -- coming and going -------------------------------------------------------------------------- */

START_TEST(test_bus_goes_away) {
        _cleanup_(json_freep) struct json_object *reply = NULL;

        private_bus_stop(b);
        WALK({ "the socket answers meanwhile", 0, "Verify", "{" AT "'chain':[@bad]}", "verdict",
               "prompt" });
        bus = sd_bus_close_unref(bus);
        private_bus_start(b);
        bus = private_bus_open();
        private_bus_wait_for(bus, BUS_NAME);
        reply = call("Verify", "{" AT "'chain':[@bad]}");
        ck_assert_str_eq(methods_at(reply, "verdict"), "prompt");
}
END_TEST

START_TEST(test_bus_comes_late) {
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        private_bus_stop(b);
        methods_start(m, PKI_NOW);
        WALK({ "the socket answers", 0, "Verify", "{" AT "'chain':[@bad]}", "verdict", "prompt" });
        bus = sd_bus_close_unref(bus);
        private_bus_start(b);
        bus = private_bus_open();
        private_bus_wait_for(bus, BUS_NAME);
}
END_TEST

START_TEST(test_no_bus) {
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        m->fixture->bus = false;
        methods_start(m, PKI_NOW);
        WALK({ "the socket answers", 0, "GetStatus", "{}", "store", "ok" });
        ck_assert_int_lt(sd_bus_get_name_creds(bus, BUS_NAME, 0, NULL), 0);
}
END_TEST

/* -- agents ------------------------------------------------------------------------------------ */

typedef struct AgentOnBus {
        int64_t number;
        char shown_sha256[65];
        char over[32];
        unsigned n; /* signals heard */
} AgentOnBus;

static int on_prompt(sd_bus_message *message, void *userdata, sd_bus_error *error) {
        const char *text = NULL, *member = sd_bus_message_get_member(message);
        AgentOnBus *agent = userdata;

        ck_assert_int_gt(sd_bus_message_read(message, "xs", &agent->number, &text), 0);
        if (strcmp(member, "Prompt") == 0) {
                ck_assert_str_eq(sd_bus_message_get_signature(message, true), "xsa{sv}");
                (void) snprintf(agent->shown_sha256, sizeof(agent->shown_sha256), "%s", text);
        } else {
                ck_assert_str_eq(member, "PromptOver");
                (void) snprintf(agent->over, sizeof(agent->over), "%s", text);
        }
        agent->n++;
        return 0;
}

static void register_agent(sd_bus *with, AgentOnBus *agent) {
        ck_assert_int_ge(sd_bus_match_signal(with, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE, NULL,
                                             on_prompt, agent), 0);
        ck_assert_int_ge(sd_bus_call_method(with, BUS_NAME, BUS_PATH, BUS_INTERFACE,
                                            "RegisterAgent", NULL, NULL, "a{sv}", 0), 0);
}

static void wait_for_prompts(sd_bus *with, const AgentOnBus *agent, unsigned n) {
        while (agent->n < n) {
                int r = sd_bus_process(with, NULL);

                if (r == 0)
                        r = sd_bus_wait(with, (uint64_t) FIXTURE_WAIT_MSEC * 1000);
                ck_assert_msg(r > 0, "%u of %u", agent->n, n);
        }
}

/* One who asks over the socket. */
static Peer *asker(const char *parameters) {
        _cleanup_free_ char *text = methods_text(m, "Ask", parameters, false);
        Peer *peer = peer_new(m->fixture);

        ck_assert(peer_send(peer, text));
        return peer;
}

static void ck_asked(Peer *peer, const char *verdict, const char *asked) {
        _cleanup_(json_freep) struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

        methods_hold("Ask", reply);
        ck_assert_str_eq(methods_at(reply, "verdict"), verdict);
        ck_assert_str_eq(methods_at(reply, "asked"), asked);
}

START_TEST(test_agent) {
        _cleanup_(peer_freep) Peer *one = NULL, *two = NULL;
        _cleanup_(json_freep) struct json_object *reply = NULL, *again = NULL;
        AgentOnBus agent = { 0 }, stranger = { 0 };
        sd_bus *desk = private_bus_open();
        char parameters[256];

        ck_assert_int_ge(sd_bus_match_signal(bus, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE, NULL,
                                             on_prompt, &stranger), 0);
        register_agent(desk, &agent);
        one = asker("{" AT "'chain':[@bad]}");
        wait_for_prompts(desk, &agent, 1);
        (void) snprintf(parameters, sizeof(parameters), "{'number':%d,'shown_sha256':'%s','choice':"
                                                        "'allow'}",
                        (int) agent.number, agent.shown_sha256);
        reply = call("AnswerPrompt", parameters);
        ck_assert_str_eq(methods_at(reply, "already"), "false");
        ck_asked(one, "accept", "answered");
        wait_for_prompts(desk, &agent, 2);
        ck_assert_str_eq(agent.over, "answered");
        again = call("AnswerPrompt", parameters);
        ck_assert_str_eq(reply_error(again), "org.certexc1.PromptUnknown");

        /* Leaving the bus is hanging up. */
        two = asker("{" AT "'chain':[@other]}");
        wait_for_prompts(desk, &agent, 3);
        (void) sd_bus_flush_close_unref(desk);
        ck_asked(two, "prompt", "no-agent");
        drain(bus);
        ck_assert_msg(stranger.n == 0, "nobody else is told");
}
END_TEST

/* Who waits for a person holds up nobody else, and is answered when the daemon ends. */
START_TEST(test_ask) {
        _cleanup_(json_freep) struct json_object *in = parameters_new("{" AT "'chain':[@bad]}");
        _cleanup_(json_freep) struct json_object *status = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        AgentOnBus agent = { 0 };
        Tally tally = { 0 };

        register_agent(bus, &agent);
        ck_assert_int_ge(sd_bus_message_new_method_call(bus, &message, BUS_NAME, BUS_PATH,
                                                        BUS_INTERFACE, "Ask"), 0);
        ck_assert_int_ge(bus_append_call(message, interface_find(b->interface, 'm', "Ask"), in), 0);
        ck_assert_int_ge(sd_bus_call_async(bus, NULL, message, on_tally, &tally, 0), 0);
        wait_for_prompts(bus, &agent, 1);
        status = call("GetStatus", "{}");
        ck_assert_str_eq(methods_at(status, "asking"), "1");
        ck_assert_uint_eq(tally.answered, 0);
        m->peer = peer_free(m->peer);
        (void) kill(m->fixture->launch.pid, SIGTERM);
        settle(bus, &tally, 1);
        ck_assert_uint_eq(tally.answered, 1);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, FIXTURE_WAIT_MSEC), 0);
        launch_done(&m->fixture->launch);
        methods_start(m, PKI_NOW);
}
END_TEST

START_TEST(test_callers_leave) {
        _cleanup_(json_freep) struct json_object *reply = NULL;
        Tally tally = { 0 };

        for (unsigned i = 0; i < 4; i++) {
                sd_bus *with = private_bus_open();

                send_slow(with, &tally);
                drain(with);
                (void) sd_bus_flush_close_unref(with);
        }
        reply = call("Verify", "{" AT "'chain':[@bad]}");
        ck_assert_str_eq(methods_at(reply, "verdict"), "prompt");
}
END_TEST

/* A call at work gets its answer before the daemon ends. */
START_TEST(test_stop) {
        Tally tally = { 0 };

        send_slow(bus, &tally);
        drain(bus);
        m->peer = peer_free(m->peer);
        (void) kill(m->fixture->launch.pid, SIGTERM);
        settle(bus, &tally, 1);
        ck_assert_uint_eq(tally.other, 1);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, FIXTURE_WAIT_MSEC), 0);
        launch_done(&m->fixture->launch);
        methods_start(m, PKI_NOW);
}
END_TEST

/* A socket that is passed on, with nobody behind it yet. */
static int open_passed(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s",
                        fixture_path(m->fixture, "passed"));
        ck_assert_int_eq(bind(fd, (struct sockaddr *) &address, sizeof(address)), 0);
        ck_assert_int_eq(listen(fd, 8), 0);
        return fd;
}

START_TEST(test_idle) {
        _cleanup_fd_ int fd = open_passed();
        FILE *conf;

        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        (void) mkdir(fixture_path(m->fixture, "conf"), 0755);
        conf = fopen(fixture_path(m->fixture, "conf/certexcd.conf"), "we");
        ck_assert_ptr_nonnull(conf);
        (void) fputs("[Daemon]\nIdleExitSec=1\n", conf);
        ck_assert_int_eq(fclose(conf), 0);
        m->fixture->how.listen_fd = fd;
        fixture_start(m->fixture, NULL);
        private_bus_wait_for(bus, BUS_NAME);

        /* Not while somebody wants to be told. */
        subscribe(bus);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, 1500), -ETIMEDOUT);
        ck_assert_int_ge(sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE, "Unsubscribe",
                                            NULL, NULL, ""), 0);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, FIXTURE_WAIT_MSEC), 0);
        ck_assert_int_lt(sd_bus_get_name_creds(bus, BUS_NAME, 0, NULL), 0);
        launch_done(&m->fixture->launch);
        m->fixture->how.listen_fd = -1;
        ck_assert_int_eq(unlink(fixture_path(m->fixture, "conf/certexcd.conf")), 0);
        methods_start(m, PKI_NOW);
}
END_TEST

START_TEST(test_user_mode) {
        const char *arguments[] = { "--user", "--replace-clock=1767225600", NULL };
        _cleanup_(json_freep) struct json_object *reply = NULL;

        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m->peer = peer_free(m->peer);
        fixture_start(m->fixture, arguments);
        private_bus_wait_for(bus, BUS_NAME);
        reply = call("GetStatus", "{}");
        ck_assert_str_eq(methods_at(reply, "mode"), "user");
}
END_TEST

int main(void) {
        Suite *suite = suite_create("bus");
        TCase *tcase = tcase_create("bus");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        private_bus_need();
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_introspection);
        tcase_add_test(tcase, test_types);
        tcase_add_test(tcase, test_other_arguments);
        tcase_add_test(tcase, test_options);
        tcase_add_test(tcase, test_signals);
        tcase_add_test(tcase, test_subscribers);
        tcase_add_test(tcase, test_calls_in_flight);
        tcase_add_test(tcase, test_calls_of_one_uid);
        tcase_add_test(tcase, test_busy_connections);
        tcase_add_test(tcase, test_message_size);
        tcase_add_test(tcase, test_connections);
        tcase_add_test(tcase, test_bus_goes_away);
        tcase_add_test(tcase, test_bus_comes_late);
        tcase_add_test(tcase, test_no_bus);
        tcase_add_test(tcase, test_agent);
        tcase_add_test(tcase, test_ask);
        tcase_add_test(tcase, test_callers_leave);
        tcase_add_test(tcase, test_stop);
        tcase_add_test(tcase, test_idle);
        tcase_add_test(tcase, test_user_mode);
        if (geteuid() == 0) {
                tcase_add_test(tcase, test_people);
                tcase_add_test(tcase, test_signals_of_others);
                tcase_add_test(tcase, test_name);
        } else {
                (void) fputs("Other uids: skipped, needs root\n", stderr);
        }
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
