/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon on a bus: what it shows there, whom it tells of what, and who may take its name. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "client/bus-value.h"
#include "client/encoding.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/on-bus.h"

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
        on_bus_subscribe(bus);
        on_bus_subscribe(bus);

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

        on_bus_drain(other);
        ck_assert_msg(!*others.text, "told without asking: %s", others.text);
        ck_assert_int_ge(sd_bus_call_method(bus, BUS_NAME, BUS_PATH, BUS_INTERFACE, "Unsubscribe",
                                            NULL, NULL, ""), 0);
        mine.text[0] = '\0';
        WALK({ "one more", 0, "AddDenial", "{" AT "'chain':[@other]}", "exception.id", "3" });
        on_bus_drain(bus);
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
                on_bus_subscribe(many[i]);
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

                reply = on_bus_call_as(people[i].uid, people[i].method, people[i].parameters);
                ck_assert_msg(strcmp(methods_seen(reply, people[i].path), people[i].value) == 0,
                              "%s: %s", people[i].sentence, json_object_to_json_string(reply));
        }
}
END_TEST

START_TEST(test_signals_of_others) {
        _cleanup_(json_freep) struct json_object *hers = NULL, *all = NULL;
        Heard mine = { "" };

        listen_to_all(bus, &mine);
        on_bus_subscribe(bus);
        hers = on_bus_call_as(GAMES, "AddException", "{" AT SHOWN "'chain':[@bad]}");
        ck_assert_str_eq(methods_at(hers, "exception.id"), "1");
        on_bus_drain(bus);
        ck_assert_msg(!*mine.text, "told of another's: %s", mine.text);

        all = on_bus_call("AddDenial", "{" AT "'chain':[@bad],'owner':-1}");
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
        tcase_add_checked_fixture(tcase, on_bus_setup, on_bus_teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_introspection);
        tcase_add_test(tcase, test_types);
        tcase_add_test(tcase, test_other_arguments);
        tcase_add_test(tcase, test_options);
        tcase_add_test(tcase, test_signals);
        tcase_add_test(tcase, test_subscribers);
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
