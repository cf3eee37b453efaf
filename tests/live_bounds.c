/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Bounds of the methods at the limit and one past it, and lists longer than a page, through the
 * real socket. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/methods.h"

static Methods *m;

static void setup(void) {
        m = methods_new();
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

START_TEST(test_endpoint_bound) {
        for (unsigned i = 0; i <= DECISIONS_PER_ENDPOINT_MAX; i++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                unsigned slot;

                methods_add_certificate(m, "one", &(PkiSpec){ .name = "nobody.example.net" });
                reply = methods_call(m, "AddException", "{" AT SHOWN "'chain':[@one]}");
                slot = --m->n_certificates;
                m->certificates[slot].pki = pki_free(m->certificates[slot].pki);
                if (i < DECISIONS_PER_ENDPOINT_MAX) {
                        ck_assert_msg(*methods_at(reply, "already"), "number %u: %s", i,
                                      json_object_to_json_string(reply));
                        continue;
                }
                ck_assert_str_eq(reply_error(reply), "org.certexc1.LimitReached");
                ck_assert_str_eq(methods_at(reply, "limit"), "32");
        }
        WALK({ "at another port there is room", 0, "AddException",
               "{'host':'mail.example.org','port':143," SHOWN "'chain':[@bad]}", "already",
               "false" },
             { "a revoked one makes room", 0, "RevokeException", "{'id':1}", "exception.state",
               "revoked" },
             { "for the next", 0, "AddException", "{" AT SHOWN "'chain':[@bad]}", "already",
               "false" });
}
END_TEST

/* Adds an exception at a port of its own, with as many calls under way as a connection may have. */
static void fill(unsigned n) {
        unsigned sent = 0;

        for (unsigned answered = 0; answered < n; answered++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                for (; sent < n && sent - answered < CALLS_IN_FLIGHT_MAX; sent++) {
                        _cleanup_free_ char *text = NULL;
                        char parameters[128];

                        (void) snprintf(parameters, sizeof(parameters),
                                        "{'host':'mail.example.org','port':%u," SHOWN
                                        "'chain':[@bad]}",
                                        sent + 1);
                        text = methods_text(m, "AddException", parameters, false);
                        ck_assert(peer_send(m->peer, text));
                }
                reply = peer_reply(m->peer, FIXTURE_WAIT_MSEC);
                methods_hold("AddException", reply);
                ck_assert_msg(!*reply_error(reply), "number %u: %s", answered,
                              json_object_to_json_string(reply));
        }
}

/* Reads the pages of a list one by one; how many items they have. */
static unsigned count_by_pages(const char *method, const char *items, unsigned *ret_pages) {
        char parameters[64] = "{}";
        unsigned n = 0;

        for (*ret_pages = 1;; (*ret_pages)++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;
                struct json_object *list;

                reply = methods_call(m, method, parameters);
                list = reply_field(reply, items);
                ck_assert_uint_le(json_object_array_length(list), LIST_PAGE_MAX);
                n += (unsigned) json_object_array_length(list);
                if (!*methods_at(reply, "next"))
                        return n;
                (void) snprintf(parameters, sizeof(parameters), "{'after':%s}",
                                methods_at(reply, "next"));
        }
}

/* The same as one streamed call. */
static unsigned count_streamed(const char *method, const char *items, unsigned *ret_pages) {
        _cleanup_free_ char *text = methods_text(m, method, "{}", true);
        struct json_object *continues;
        unsigned n = 0;

        ck_assert(peer_send(m->peer, text));
        for (*ret_pages = 1;; (*ret_pages)++) {
                _cleanup_(json_freep) struct json_object *reply = NULL;

                reply = peer_reply(m->peer, FIXTURE_WAIT_MSEC);
                methods_hold(method, reply);
                n += (unsigned) json_object_array_length(reply_field(reply, items));
                if (!json_object_object_get_ex(reply, "continues", &continues) ||
                    !json_object_get_boolean(continues))
                        return n;
        }
}

START_TEST(test_owner_bound_and_pages) {
        unsigned pages;

        fill(DECISIONS_PER_OWNER_MAX);
        WALK({ "one past the bound", 0, "AddException",
               "{'host':'one.example','port':1," SHOWN "'chain':[@bad]}", "error",
               "org.certexc1.LimitReached" },
             { "which is named", 0, "AddDenial", "{'host':'one.example','port':1,'chain':[@bad]}",
               "limit", "1000" },
             { "one that is held is held", 0, "AddException",
               "{'host':'mail.example.org','port':7," SHOWN "'chain':[@bad]}", "already", "true" },
             { "all are counted", 0, "GetStatus", "{}", "counts.exceptions", "1000" });
        if (getuid() == 0)
                WALK({ "another owner has room", ALICE, "AddException",
                       "{" AT SHOWN "'chain':[@bad]}", "already", "false" });

        ck_assert_uint_eq(count_by_pages("ListExceptions", "exceptions", &pages), 1000);
        ck_assert_uint_eq(pages, 10);
        ck_assert_uint_eq(count_streamed("ListExceptions", "exceptions", &pages), 1000);
        ck_assert_uint_eq(pages, 10);
        ck_assert_uint_eq(count_by_pages("GetHistory", "entries", &pages), 1000);
        ck_assert_uint_eq(pages, 10);
        ck_assert_uint_eq(count_streamed("GetHistory", "entries", &pages), 1000);

        WALK({ "revoking makes room", 0, "RevokeException", "{'id':500}", "exception.state",
               "revoked" },
             { "for one more", 0, "AddException",
               "{'host':'one.example','port':1," SHOWN "'chain':[@bad]}", "exception.id",
               "1001" });
}
END_TEST

/* A connection that monitors; its first reply has @value at @path. */
static Peer *monitor_start(const char *path, const char *value) {
        _cleanup_free_ char *text = methods_text(m, "Monitor", "{}", true);
        _cleanup_(json_freep) struct json_object *reply = NULL;
        Peer *peer = peer_new(m->fixture);

        ck_assert(peer_send(peer, text));
        reply = peer_reply(peer, FIXTURE_WAIT_MSEC);
        methods_hold("Monitor", reply);
        ck_assert_str_eq(methods_seen(reply, path), value);
        return peer;
}

START_TEST(test_monitor_bound) {
        _cleanup_(peer_freep) Peer *more = NULL;
        Peer *peers[MONITORS_PER_UID_MAX];

        for (unsigned i = 0; i < MONITORS_PER_UID_MAX; i++) {
                peers[i] = monitor_start("event", "ready");
        }
        more = monitor_start("error", "org.certexc1.LimitReached");

        for (unsigned i = 0; i < MONITORS_PER_UID_MAX; i++)
                peers[i] = peer_free(peers[i]);
        WALK({ "the daemon is still there", 0, "GetStatus", "{}", "store", "ok" });
}
END_TEST

int main(void) {
        Suite *suite = suite_create("bounds");
        TCase *tcase = tcase_create("bounds");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_endpoint_bound);
        tcase_add_test(tcase, test_owner_bound_and_pages);
        tcase_add_test(tcase, test_monitor_bound);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
