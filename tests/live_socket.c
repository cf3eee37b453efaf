/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The real daemon's socket, message by message: Varlink by the letter, and what is none. */
#include "config.h"

#include <check.h>
#include <errno.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "daemon/limits.h"
#include "tests/fixture.h"

#define MALFORMED "org.certexc1.MalformedMessage"
#define INFO "{\"method\":\"org.varlink.service.GetInfo\"}"

/* How long a test looks for what must not come. */
#define NOTHING_MSEC 200

/* MESSAGE_FINISH_SEC, in testing builds. */
#define FINISH_MSEC "1500"

static Fixture *f;
static Peer *peer;

static void start_daemon(void) {
        static const char *const settings[] = { "CERTEXC_TEST_FINISH_MSEC=" FINISH_MSEC, NULL };

        f = fixture_new();
        f->how.settings = settings;
        fixture_start(f, NULL);
}

static void stop_daemon(void) {
        ck_assert_int_eq(fixture_stop(f), 0);
        f = fixture_free(f);
}

static void connect_peer(void) {
        peer = peer_new(f);
}

/* Whatever a peer did, the daemon answers the next. */
static void answers_another(void) {
        _cleanup_(peer_freep) Peer *other = peer_new(f);
        struct json_object *reply = peer_call(other, INFO);

        ck_assert_str_eq(reply_error(reply), "");
        (void) json_object_put(reply);
        peer = peer_free(peer);
}

static void expect_error(struct json_object *reply, const char *error, const char *field,
                         const char *value) {
        ck_assert_str_eq(reply_error(reply), error);
        if (field) {
                ck_assert_ptr_nonnull(reply_field(reply, field));
                ck_assert_str_eq(json_object_get_string(reply_field(reply, field)), value);
        }
        (void) json_object_put(reply);
}

/* -- nonsense ---------------------------------------------------------------------------- */

#define TEXT(literal) literal, sizeof(literal)

/* Each with its NUL. */
static const struct {
        const char *bytes;
        size_t size;
        const char *reason;
} nonsense[] = {
        { TEXT(""), "it is not a JSON object" },
        { TEXT("GET / HTTP/1.1\r\n\r\n"), "it is not a JSON object" },
        { TEXT("[" INFO "]"), "it is not a JSON object" },
        { TEXT("\"org.varlink.service.GetInfo\""), "it is not a JSON object" },
        { TEXT("null"), "it is not a JSON object" },
        { TEXT(INFO INFO), "something follows the object" },
        { TEXT("{\"method\":\"org.varlink.service.GetInfo\",\"method\":\"a.B\"}"),
          "a key comes twice" },
        { TEXT("{\"method\":\"org.varlink.service.GetInfo\",\"\\u006dethod\":\"a.B\"}"),
          "a key comes twice" },
        { TEXT("{\"method\":\"a.B\",\"parameters\":{\"x\":1,\"x\":1}}"), "a key comes twice" },
        { TEXT("{\"method\":\"a.B\",\"parameters\":{\"x\":[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]}}"),
          "it is nested too deep" },
        { TEXT("{\"method\":\"a.\xff\"}"), "it is not valid UTF-8" },
        { TEXT("{\"method\":\"a.\xed\xa0\x80\"}"), "it is not valid UTF-8" },
        { TEXT("{}"), "\"method\" is missing or not a string" },
        { TEXT("{\"method\":1}"), "\"method\" is missing or not a string" },
        { TEXT("{\"method\":\"a.B\",\"parameters\":7}"), "\"parameters\" is not an object" },
        { TEXT("{\"method\":\"a.B\",\"more\":\"yes\"}"),
          "\"more\", \"oneway\" or \"upgrade\" is neither true nor false" },
        { TEXT("{\"method\":\"a.B\",\"more\":true,\"oneway\":true}"),
          "\"more\" and \"oneway\" exclude each other" },
};

START_TEST(nonsense_is_named_and_ends_the_connection) {
        struct json_object *reply;

        ck_assert(peer_send_bytes(peer, nonsense[_i].bytes, nonsense[_i].size));
        /* A second message must not be taken after the first was none. */
        (void) peer_send(peer, INFO);
        reply = peer_reply(peer, FIXTURE_WAIT_MSEC);
        ck_assert(json_object_is_type(reply_field(reply, "offset"), json_type_int));
        expect_error(reply, MALFORMED, "reason", nonsense[_i].reason);
        ck_assert_ptr_null(peer_reply(peer, FIXTURE_WAIT_MSEC));
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
}
END_TEST

START_TEST(the_deepest_message_is_taken) {
        expect_error(peer_call(peer, "{\"method\":\"a.B\",\"parameters\":{\"x\":"
                                     "[[[[[[[[[[[[[[]]]]]]]]]]]]]]}}"),
                     "org.varlink.service.InterfaceNotFound", "interface", "a");
}
END_TEST

START_TEST(calls_before_nonsense_are_answered) {
        ck_assert(peer_send(peer, INFO));
        ck_assert(peer_send(peer, "{"));
        expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), "", "product", "certexcd");
        expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), MALFORMED, "reason",
                     "it ends too early");
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
}
END_TEST

/* A GetInfo of exactly @size bytes. */
static char *padded(size_t size) {
        char *text = malloc(size + 1);

        ck_assert_ptr_nonnull(text);
        memset(text, ' ', size);
        memcpy(text, INFO, strlen(INFO));
        text[size] = '\0';
        return text;
}

START_TEST(the_longest_message_is_taken) {
        _cleanup_free_ char *text = padded(MESSAGE_BYTES_MAX);

        expect_error(peer_call(peer, text), "", "product", "certexcd");
        expect_error(peer_call(peer, text), "", "product", "certexcd");
}
END_TEST

START_TEST(a_longer_message_is_not) {
        _cleanup_free_ char *text = padded(MESSAGE_BYTES_MAX + 1);

        (void) peer_send(peer, text);
        expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), MALFORMED, "reason",
                     "the message is too long");
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
}
END_TEST

START_TEST(a_message_without_end_is_not_either) {
        _cleanup_free_ char *text = padded(2 * MESSAGE_BYTES_MAX);

        (void) peer_send_bytes(peer, text, 2 * MESSAGE_BYTES_MAX);
        expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), MALFORMED, "reason",
                     "the message is too long");
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
}
END_TEST

START_TEST(a_byte_now_and_then_does_not_hold_a_connection) {
        struct json_object *reply = NULL;
        unsigned n_sent = 0;

        /* Each byte would start the time anew, if it were counted from the last. */
        while (!reply && n_sent < 150 && peer_send_bytes(peer, n_sent == 0 ? "{" : " ", 1)) {
                n_sent++;
                reply = peer_reply(peer, 100);
        }
        expect_error(reply ? reply : peer_reply(peer, FIXTURE_WAIT_MSEC), MALFORMED, "reason",
                     "the message was not finished in time");
        ck_assert_uint_gt(n_sent, 5);
        ck_assert_uint_lt(n_sent, 150);
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
}
END_TEST

START_TEST(an_idle_connection_is_held) {
        struct timespec longer = { .tv_sec = 2 };

        expect_error(peer_call(peer, INFO), "", "product", "certexcd");
        (void) nanosleep(&longer, NULL);
        expect_error(peer_call(peer, INFO), "", "product", "certexcd");
}
END_TEST

START_TEST(a_message_cut_off_is_told) {
        ck_assert(peer_send_bytes(peer, INFO, 10));
        ck_assert_int_eq(shutdown(peer->fd, SHUT_WR), 0);
        expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), MALFORMED, "reason",
                     "the connection ended before the message's NUL");
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
}
END_TEST

/* -- calls ------------------------------------------------------------------------------- */

static const struct {
        const char *text;
        const char *error; /* "" if it succeeds */
        const char *field;
        const char *value;
} calls[] = {
        { INFO, "", "product", "certexcd" },
        { "{\"method\":\"org.varlink.service.GetInfo\",\"more\":true}", "", "vendor", "certexc" },
        { "{\"method\":\"org.varlink.service.GetInfo\",\"parameters\":{\"x\":1}}",
          "org.varlink.service.InvalidParameter", "parameter", "x" },
        { "{\"method\":\"org.varlink.service.GetInterfaceDescription\"}",
          "org.varlink.service.InvalidParameter", "parameter", "interface" },
        { "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
          "\"parameters\":{\"interface\":7}}",
          "org.varlink.service.InvalidParameter", "parameter", "interface" },
        { "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
          "\"parameters\":{\"interface\":\"org.example.none\"}}",
          "org.varlink.service.InterfaceNotFound", "interface", "org.example.none" },
        { "{\"method\":\"org.varlink.service.Nothing\"}", "org.varlink.service.MethodNotFound",
          "method", "org.varlink.service.Nothing" },
        { "{\"method\":\"org.certexc1.Nothing\"}", "org.varlink.service.MethodNotFound", "method",
          "org.certexc1.Nothing" },
        { "{\"method\":\"org.certexc1.verify\"}", "org.varlink.service.MethodNotFound", "method",
          "org.certexc1.verify" },
        { "{\"method\":\"org.certexc1.\"}", "org.varlink.service.MethodNotFound", "method",
          "org.certexc1." },
        { "{\"method\":\"org.certexc1\"}", "org.varlink.service.InterfaceNotFound", "interface",
          "org" },
        { "{\"method\":\"org.certexc2.Verify\"}", "org.varlink.service.InterfaceNotFound",
          "interface", "org.certexc2" },
        { "{\"method\":\"org.certexc1.Verify.Verify\"}", "org.varlink.service.InterfaceNotFound",
          "interface", "org.certexc1.Verify" },
        { "{\"method\":\"Verify\"}", "org.varlink.service.InvalidParameter", "parameter",
          "method" },
        { "{\"method\":\"\"}", "org.varlink.service.InvalidParameter", "parameter", "method" },
        { "{\"method\":\".GetInfo\"}", "org.varlink.service.InterfaceNotFound", "interface", "" },
        { "{\"method\":\"org.varlink.service.GetInfo\",\"upgrade\":true}",
          "org.varlink.service.InvalidParameter", "parameter", "upgrade" },
        { "{\"method\":\"org.certexc1.GetStatus\"}", "", "mode", "system" },
        { "{\"method\":\"org.certexc1.GetStatus\",\"more\":true}", "", "mode", "system" },
        { "{\"method\":\"org.certexc1.GetStatus\",\"parameters\":{\"owner\":\"me\"}}",
          "org.varlink.service.InvalidParameter", "parameter", "owner" },
        { "{\"method\":\"org.certexc1.Monitor\"}", "org.varlink.service.ExpectedMore", NULL,
          NULL },
};

START_TEST(calls_have_their_answers) {
        struct json_object *reply = peer_call(peer, calls[_i].text), *continues;

        ck_assert(!json_object_object_get_ex(reply, "continues", &continues));
        expect_error(reply, calls[_i].error, calls[_i].field, calls[_i].value);
        /* The connection has survived it. */
        expect_error(peer_call(peer, INFO), "", "product", "certexcd");
}
END_TEST

START_TEST(the_interfaces_are_listed) {
        struct json_object *reply = peer_call(peer, INFO);

        ck_assert_str_eq(json_object_get_string(reply_field(reply, "interfaces")),
                         "[ \"org.varlink.service\", \"org.certexc1\" ]");
        (void) json_object_put(reply);
}
END_TEST

static const char *const interface_names[] = { "org.certexc1", "org.varlink.service" };

START_TEST(a_description_is_the_file) {
        const char *source = getenv("CERTEXC_SOURCE_DIR");
        char path[512], call[256], text[65536];
        struct json_object *reply;
        FILE *file;
        size_t n;

        (void) snprintf(path, sizeof(path), "%s/schema/%s.varlink", source ? source : ".",
                        interface_names[_i]);
        file = fopen(path, "re");
        ck_assert_msg(file != NULL, "%s cannot be opened", path);
        n = fread(text, 1, sizeof(text) - 1, file);
        text[n] = '\0';
        (void) fclose(file);

        (void) snprintf(call, sizeof(call),
                        "{\"method\":\"org.varlink.service.GetInterfaceDescription\","
                        "\"parameters\":{\"interface\":\"%s\"}}",
                        interface_names[_i]);
        reply = peer_call(peer, call);
        ck_assert_ptr_nonnull(reply_field(reply, "description"));
        ck_assert_str_eq(json_object_get_string(reply_field(reply, "description")), text);
        (void) json_object_put(reply);
}
END_TEST

START_TEST(pipelined_calls_are_answered_in_order) {
        char call[128], want[32];

        for (unsigned i = 0; i < 200; i++) {
                (void) snprintf(call, sizeof(call), "{\"method\":\"interface%u.Method\"}", i);
                ck_assert(peer_send(peer, i % 3 == 0 ? "{\"method\":\"org.certexc1.GetStatus\"}"
                                                     : call));
        }
        for (unsigned i = 0; i < 200; i++) {
                struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

                (void) snprintf(want, sizeof(want), "interface%u", i);
                if (i % 3 == 0)
                        expect_error(reply, "", "mode", "system");
                else
                        expect_error(reply, "org.varlink.service.InterfaceNotFound", "interface",
                                     want);
        }
}
END_TEST

START_TEST(a_call_in_single_bytes_is_a_call) {
        for (size_t i = 0; i < sizeof(INFO); i++)
                ck_assert(peer_send_bytes(peer, &INFO[i], 1));
        expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), "", "product", "certexcd");
}
END_TEST

START_TEST(oneway_calls_have_no_answer_and_no_error) {
        ck_assert(peer_send(peer, "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}"));
        ck_assert(peer_send(peer, "{\"method\":\"a.B\",\"oneway\":true}"));
        ck_assert(peer_send(peer, "{\"method\":\"org.certexc1.No\",\"oneway\":true}"));
        ck_assert(peer_send(peer, "{\"method\":\"org.certexc1.GetStatus\",\"oneway\":true}"));
        ck_assert(peer_send(peer, "{\"method\":\"org.certexc1.Verify\",\"oneway\":true}"));
        ck_assert(peer_send(peer, "{\"method\":\"org.certexc1.Monitor\",\"oneway\":true}"));
        ck_assert(peer_send(peer, "{\"method\":\"last.Call\"}"));
        expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), "org.varlink.service.InterfaceNotFound",
                     "interface", "last");
        ck_assert_ptr_null(peer_reply(peer, NOTHING_MSEC));
}
END_TEST

START_TEST(a_stream_holds_those_behind_it) {
        struct json_object *reply, *continues;

        ck_assert(peer_send(peer, "{\"method\":\"org.certexc1.Monitor\",\"more\":true}"));
        ck_assert(peer_send(peer, INFO));
        reply = peer_reply(peer, FIXTURE_WAIT_MSEC);
        ck_assert(json_object_object_get_ex(reply, "continues", &continues));
        ck_assert(json_object_get_boolean(continues));
        expect_error(reply, "", "event", "ready");
        ck_assert_ptr_null(peer_reply(peer, NOTHING_MSEC));
}
END_TEST

START_TEST(half_a_connection_still_hears) {
        for (unsigned i = 0; i < 20; i++)
                ck_assert(peer_send(peer, "{\"method\":\"org.certexc1.GetStatus\"}"));
        ck_assert_int_eq(shutdown(peer->fd, SHUT_WR), 0);
        for (unsigned i = 0; i < 20; i++)
                expect_error(peer_reply(peer, FIXTURE_WAIT_MSEC), "", "mode", "system");
        ck_assert(peer_is_closed(peer, FIXTURE_WAIT_MSEC));
}
END_TEST

static int connections(void) {
        struct json_object *reply = peer_call(peer, "{\"method\":\"org.certexc1.GetStatus\"}");
        int n = json_object_get_int(reply_field(reply, "connections"));

        (void) json_object_put(reply);
        return n;
}

START_TEST(who_hangs_up_is_forgotten) {
        int before = connections(), tries = 1000;

        for (unsigned i = 0; i < 20; i++) {
                _cleanup_(peer_freep) Peer *other = peer_new(f);

                ck_assert(peer_send(other, i % 2 ? INFO
                                                 : "{\"method\":\"org.certexc1.Monitor\","
                                                   "\"more\":true}"));
                if (i % 4 < 2) {
                        _cleanup_free_ char *text = peer_read(other, FIXTURE_WAIT_MSEC);

                        ck_assert_ptr_nonnull(text);
                }
        }
        while (connections() > before && tries > 0)
                tries--;
        ck_assert_int_gt(tries, 0);
}
END_TEST

/* -- the queue at the door ----------------------------------------------------------------- */

static pid_t daemon_of(const Peer *p) {
        struct ucred daemon;
        socklen_t size = sizeof(daemon);

        ck_assert_int_eq(getsockopt(p->fd, SOL_SOCKET, SO_PEERCRED, &daemon, &size), 0);
        return daemon.pid;
}

static void wait_until_stopped(pid_t pid) {
        char path[64], line[512] = "";
        unsigned tries = 1000000;

        (void) snprintf(path, sizeof(path), "/proc/%d/stat", (int) pid);
        do {
                FILE *stat = fopen(path, "re");

                ck_assert_ptr_nonnull(stat);
                ck_assert_ptr_nonnull(fgets(line, sizeof(line), stat));
                (void) fclose(stat);
        } while (!strstr(line, ") T ") && --tries > 0);
        ck_assert_int_gt(tries, 0);
}

/* A connection that does not wait for room, or NULL. */
static Peer *try_to_enter(void) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        Peer *p = calloc(1, sizeof(*p));

        ck_assert_ptr_nonnull(p);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", f->socket_path);
        p->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
        ck_assert_int_ge(p->fd, 0);
        if (connect(p->fd, (struct sockaddr *) &address, sizeof(address)) == 0)
                return p;
        ck_assert_int_eq(errno, EAGAIN);
        return peer_free(p);
}

START_TEST(so_many_wait_to_be_let_in_and_no_more) {
        Peer *waiting[ACCEPT_QUEUE_MAX + 2];
        pid_t daemon = daemon_of(peer);
        unsigned n = 0;

        /* The one that is there already has been let in, and takes no place. */
        (void) json_object_put(peer_call(peer, INFO));
        ck_assert_int_eq(kill(daemon, SIGSTOP), 0);
        wait_until_stopped(daemon);
        while (n < N_ELEMENTS(waiting) && (waiting[n] = try_to_enter()))
                n++;
        ck_assert_int_eq(kill(daemon, SIGCONT), 0);

        /* The kernel lets in one more than it is told. */
        ck_assert_uint_eq(n, ACCEPT_QUEUE_MAX + 1);
        while (n > 0) {
                Peer *p = waiting[--n];
                struct json_object *reply = peer_call(p, INFO);

                ck_assert_str_eq(reply_error(reply), "");
                (void) json_object_put(reply);
                (void) peer_free(p);
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("socket");
        TCase *tcase = tcase_create("all");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        tcase_set_timeout(tcase, 120);
        tcase_add_unchecked_fixture(tcase, start_daemon, stop_daemon);
        tcase_add_checked_fixture(tcase, connect_peer, answers_another);
        tcase_add_loop_test(tcase, nonsense_is_named_and_ends_the_connection, 0,
                            (int) N_ELEMENTS(nonsense));
        tcase_add_test(tcase, the_deepest_message_is_taken);
        tcase_add_test(tcase, calls_before_nonsense_are_answered);
        tcase_add_test(tcase, the_longest_message_is_taken);
        tcase_add_test(tcase, a_longer_message_is_not);
        tcase_add_test(tcase, a_message_without_end_is_not_either);
        tcase_add_test(tcase, a_byte_now_and_then_does_not_hold_a_connection);
        tcase_add_test(tcase, an_idle_connection_is_held);
        tcase_add_test(tcase, a_message_cut_off_is_told);
        tcase_add_loop_test(tcase, calls_have_their_answers, 0, (int) N_ELEMENTS(calls));
        tcase_add_test(tcase, the_interfaces_are_listed);
        tcase_add_loop_test(tcase, a_description_is_the_file, 0,
                            (int) N_ELEMENTS(interface_names));
        tcase_add_test(tcase, pipelined_calls_are_answered_in_order);
        tcase_add_test(tcase, a_call_in_single_bytes_is_a_call);
        tcase_add_test(tcase, oneway_calls_have_no_answer_and_no_error);
        tcase_add_test(tcase, a_stream_holds_those_behind_it);
        tcase_add_test(tcase, half_a_connection_still_hears);
        tcase_add_test(tcase, who_hangs_up_is_forgotten);
        tcase_add_test(tcase, so_many_wait_to_be_let_in_and_no_more);
        suite_add_tcase(suite, tcase);
        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
