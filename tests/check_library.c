/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library against servers that hang up, fall silent and forget. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <string.h>

#include "tests/replies.h"

START_TEST(a_question_is_sent_whole) {
        static const Step step = { STEP_REPLY, ACCEPT };
        Script *script = script_new(&step, 1);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_question_freep) certexc_question *question = new_question();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;

        ck_assert_int_eq(certexc_question_add_certificate(question, "\0\xff", 2), 0);
        ck_assert_int_eq(certexc_question_set_staple(question, "old", 3), 0);
        ck_assert_int_eq(certexc_question_set_staple(question, "abc", 3), 0);
        ck_assert_int_eq(certexc_question_set_starttls(question, true), 0);
        /* The reply is about one certificate, and so is refused. */
        ck_assert_int_eq(certexc_verify(client, question, &answer), -EPROTO);
        ck_assert_str_eq(script_call(script, 0),
                         "{\"method\":\"org.certexc1.Verify\",\"parameters\":{\"host\":"
                         "\"imap.example.org\",\"port\":993,\"staple\":\"YWJj\",\"starttls\":true,"
                         "\"chain\":[\"YWJj\",\"AP8=\"]}}");
        script_free(script);
}
END_TEST

START_TEST(a_chain_that_was_shown_is_asked_by_its_digest) {
        static const Step steps[] = {
                { STEP_REPLY, ACCEPT },
                { STEP_REPLY, ACCEPT },
                { STEP_REPLY, OURS("ChainUnknown", "") },
                { STEP_REPLY, ACCEPT },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);

        for (unsigned i = 0; i < 3; i++) {
                _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;

                ck_assert_int_eq(ask(client, &answer), 0);
        }
        ck_assert_uint_eq(script_n_calls(script), 4);
        ck_assert_ptr_nonnull(strstr(script_call(script, 0), "\"chain\":[\"YWJj\"]"));
        ck_assert_ptr_null(strstr(script_call(script, 1), "YWJj"));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"chain_sha256\":\"" ABC));
        ck_assert_ptr_null(strstr(script_call(script, 2), "YWJj"));
        ck_assert_ptr_nonnull(strstr(script_call(script, 3), "\"chain\":[\"YWJj\"]"));
        ck_assert_ptr_null(strstr(script_call(script, 3), "chain_sha256"));
        script_free(script);
}
END_TEST

START_TEST(a_daemon_that_was_restarted_is_asked_again_in_full) {
        static const Step steps[] = {
                { STEP_REPLY, ACCEPT },
                { STEP_HANG_UP },
                { STEP_REPLY, OURS("ChainUnknown", "") },
                { STEP_REPLY, ACCEPT },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);

        for (unsigned i = 0; i < 2; i++) {
                _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;

                ck_assert_int_eq(ask(client, &answer), 0);
                ck_assert_int_eq(certexc_answer_verdict(answer), CERTEXC_ACCEPT);
        }
        ck_assert_ptr_nonnull(strstr(script_call(script, script_n_calls(script) - 1), "YWJj"));
        script_free(script);
}
END_TEST

/* As one does that is told to stop when it has let somebody in, and has not heard them yet. */
START_TEST(a_daemon_that_hangs_up_on_the_first_question_is_asked_once_more) {
        static const Step steps[] = { { STEP_HANG_UP }, { STEP_REPLY, ACCEPT } };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;

        ck_assert_int_eq(ask(client, &answer), 0);
        ck_assert_int_eq(certexc_answer_verdict(answer), CERTEXC_ACCEPT);
        script_free(script);
}
END_TEST

START_TEST(a_daemon_that_dies_of_the_first_question_is_not_asked_for_ever) {
        static const Step steps[] = { { STEP_CLOSE }, { STEP_CLOSE }, { STEP_REPLY, ACCEPT } };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;

        ck_assert_int_eq(ask(client, &answer), -ECONNRESET);
        ck_assert_ptr_null(answer);
        ck_assert_uint_eq(script_n_calls(script), 2);
        script_free(script);
}
END_TEST

START_TEST(a_daemon_that_dies_of_the_question_is_asked_no_third_time) {
        static const Step steps[] = {
                { STEP_REPLY, ACCEPT },
                { STEP_CLOSE },
                { STEP_CLOSE },
                { STEP_REPLY, ACCEPT },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_answer_freep) certexc_answer *first = NULL, *answer = NULL;

        ck_assert_int_eq(ask(client, &first), 0);
        ck_assert_int_eq(ask(client, &answer), -ECONNRESET);
        ck_assert_ptr_null(answer);
        ck_assert_ptr_nonnull(strstr(certexc_client_error(client), "went away"));
        ck_assert_uint_eq(script_n_calls(script), 3);
        script_free(script);
}
END_TEST

START_TEST(a_late_answer_is_never_taken_for_the_next_question) {
        static const Step steps[] = {
                { STEP_SILENT },
                { STEP_REPLY, REPLY(VERDICT("reject") ABOUT NOTHING_WRONG) },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;

        certexc_client_set_timeout(client, 50);
        ck_assert_int_eq(ask(client, &answer), -ETIMEDOUT);
        ck_assert_ptr_null(answer);
        ck_assert_ptr_nonnull(strstr(certexc_client_error(client), "50 ms"));
        certexc_client_set_timeout(client, 5000);
        ck_assert_int_eq(ask(client, &answer), 0);
        ck_assert_int_eq(certexc_answer_verdict(answer), CERTEXC_REJECT);
        script_free(script);
}
END_TEST

START_TEST(what_was_asked_does_not_change) {
        static const Step step = { STEP_REPLY, ACCEPT };
        Script *script = script_new(&step, 1);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_question_freep) certexc_question *question = new_question();
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;

        ck_assert_int_eq(certexc_verify(client, question, &answer), 0);
        ck_assert_int_eq(certexc_question_add_certificate(question, "d", 1), -EBUSY);
        ck_assert_int_eq(certexc_question_set_staple(question, "d", 1), -EBUSY);
        ck_assert_int_eq(certexc_question_set_starttls(question, true), -EBUSY);
        /* The answer holds what it is about, whoever else lets go of it. */
        question = certexc_question_free(question);
        ck_assert_str_eq(certexc_answer_host(answer), "imap.example.org");
        script_free(script);
}
END_TEST

START_TEST(a_decision_is_about_what_was_shown) {
        static const Step steps[] = {
                { STEP_REPLY, REPLY(VERDICT("prompt") ABOUT PROBLEMS) },
                { STEP_REPLY, REPLY("\"already\":true,\"exception\":" EXCEPTION("3")) },
                { STEP_REPLY, REPLY("\"already\":false,\"exception\":" EXCEPTION("4")) },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_answer_freep) certexc_answer *a = NULL;
        _cleanup_(certexc_exception_freep) certexc_exception *e = NULL;

        certexc_client_set_owner(client, CERTEXC_OWNER_SYSTEM);
        ck_assert_int_eq(ask(client, &a), 0);
        ck_assert_int_eq(certexc_add_exception(client, a, 0, CERTEXC_SESSION | CERTEXC_PIN_KEY,
                                               "AA:BB", &e),
                         1);
        ck_assert_uint_eq(certexc_exception_id(e), 3);
        ck_assert_int_eq(certexc_add_denial(client, a, 99, 0, NULL, NULL), 0);

        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "org.certexc1.AddException"));
        ck_assert_ptr_nonnull(
                strstr(script_call(script, 1), "\"problems\":[\"expired\",\"revoked\"]"));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"session\":true"));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"pin\":\"key\""));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"fingerprint\":\"AA:BB\""));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"owner\":-1"));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"chain_sha256\":\"" ABC));
        ck_assert_ptr_nonnull(strstr(script_call(script, 2), "org.certexc1.AddDenial"));
        ck_assert_ptr_nonnull(strstr(script_call(script, 2), "\"until\":99"));
        ck_assert_ptr_null(strstr(script_call(script, 2), "\"problems\""));
        script_free(script);
}
END_TEST

START_TEST(pages_are_joined) {
        static const Step steps[] = {
                { STEP_REPLY, REPLY("\"exceptions\":[" EXCEPTION("1") "," EXCEPTION("2")
                                    "],\"next\":2") },
                { STEP_REPLY, REPLY("\"exceptions\":[" EXCEPTION("3") "]") },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;

        ck_assert_int_eq(certexc_list(client, "h", 993, true, &list), 0);
        ck_assert_uint_eq(certexc_exceptions_count(list), 3);
        ck_assert_uint_eq(certexc_exception_id(certexc_exceptions_item(list, 2)), 3);
        ck_assert_ptr_null(certexc_exceptions_item(list, 3));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"after\":2"));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"all\":true"));
        ck_assert_int_eq(strncmp(certexc_exceptions_json(list), "{\"exceptions\":[{", 16), 0);
        script_free(script);
}
END_TEST

START_TEST(pages_that_do_not_move_on_are_refused) {
        static const Step steps[] = {
                { STEP_REPLY, REPLY("\"entries\":[],\"next\":2") },
                { STEP_REPLY, REPLY("\"entries\":[],\"next\":2") },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_history_freep) certexc_history *history = NULL;

        ck_assert_int_eq(certexc_get_history(client, 0, &history), -EPROTO);
        ck_assert_ptr_null(history);
        script_free(script);
}
END_TEST

START_TEST(a_history_and_a_status_are_read) {
        static const Step steps[] = {
                { STEP_REPLY,
                  REPLY("\"entries\":[{\"number\":4,\"time\":5,\"kind\":\"allowed\",\"id\":6,"
                        "\"by\":7,\"host\":\"h\",\"port\":8,\"sha256\":\"" ABC "\"}]") },
                { STEP_REPLY, REPLY("\"version\":\"1\",\"warnings\":[\"w\"],\"counts\":"
                                    "{\"exceptions\":3}") },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_history_freep) certexc_history *history = NULL;
        _cleanup_(certexc_status_freep) certexc_status *status = NULL;

        ck_assert_int_eq(certexc_get_history(client, 0, &history), 0);
        ck_assert_uint_eq(certexc_history_count(history), 1);
        ck_assert_uint_eq(certexc_history_number(history, 0), 4);
        ck_assert_str_eq(certexc_history_kind(history, 0), "allowed");
        ck_assert_uint_eq(certexc_history_port(history, 0), 8);
        ck_assert_ptr_null(certexc_history_kind(history, 1));

        ck_assert_int_eq(certexc_get_status(client, &status), 0);
        ck_assert_str_eq(certexc_status_text(status, "version"), "1");
        ck_assert_int_eq(certexc_status_number(status, "counts.exceptions"), 3);
        ck_assert_int_eq(certexc_status_number(status, "counts.nothing"), 0);
        ck_assert_int_eq(certexc_status_number(status, "version.exceptions"), 0);
        ck_assert_ptr_null(certexc_status_text(status, "counts"));
        ck_assert_str_eq(certexc_status_warning(status, 0), "w");
        script_free(script);
}
END_TEST

START_TEST(a_certificate_comes_as_der) {
        static const Step steps[] = {
                { STEP_REPLY, REPLY("\"der\":\"YWJj\",\"certificate\":" CERTIFICATE) },
                { STEP_REPLY, REPLY("\"der\":\"YW\",\"certificate\":" CERTIFICATE) },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_free_ uint8_t *der = NULL;
        uint8_t *none = NULL;
        size_t size = 0;

        ck_assert_int_eq(certexc_get_certificate(client, ABC, &der, &size), 0);
        ck_assert_uint_eq(size, 3);
        ck_assert_mem_eq(der, "abc", 3);
        ck_assert_int_eq(certexc_get_certificate(client, ABC, &none, &size), -EPROTO);
        ck_assert_ptr_null(none);
        script_free(script);
}
END_TEST

/* The next event, or why there is none. */
static int next_event(certexc_monitor *monitor, certexc_event **ret) {
        for (;;) {
                struct pollfd p = { certexc_monitor_fd(monitor), POLLIN, 0 };
                int r = certexc_monitor_next(monitor, ret);

                if (r != 0)
                        return r;
                ck_assert_int_eq(poll(&p, 1, 10000), 1);
        }
}

START_TEST(a_stream_ends_once) {
        static const Step step = {
                STEP_REPLY,
                "{\"continues\":true,\"parameters\":{\"event\":\"allowed\",\"time\":4,"
                "\"exception\":" EXCEPTION("9") "}}",
        };
        Script *script = script_new(&step, 1);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_monitor_freep) certexc_monitor *monitor = NULL;
        _cleanup_(certexc_event_freep) certexc_event *event = NULL, *none = NULL;

        ck_assert_int_eq(certexc_monitor_new(client, &monitor), 0);
        ck_assert_int_eq(next_event(monitor, &event), 1);
        ck_assert_str_eq(certexc_event_name(event), "allowed");
        ck_assert_int_eq(certexc_event_time(event), 4);
        ck_assert_uint_eq(certexc_exception_id(certexc_event_exception(event)), 9);
        ck_assert_ptr_nonnull(strstr(script_call(script, 0), "\"more\":true"));

        script_free(script);
        ck_assert_int_eq(next_event(monitor, &none), -ECONNRESET);
        ck_assert_int_eq(next_event(monitor, &none), -ECONNRESET);
        ck_assert_ptr_null(none);
        ck_assert_ptr_nonnull(strstr(certexc_monitor_error(monitor), "ended the stream"));
}
END_TEST

START_TEST(a_stream_may_be_refused) {
        static const Step step = { STEP_REPLY, OURS("LimitReached", "\"what\":\"monitors\","
                                                                    "\"limit\":8") };
        Script *script = script_new(&step, 1);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_monitor_freep) certexc_monitor *monitor = NULL;
        certexc_event *none = NULL;

        ck_assert_int_eq(certexc_monitor_new(client, &monitor), 0);
        ck_assert_int_eq(next_event(monitor, &none), -EDQUOT);
        ck_assert_int_eq(certexc_monitor_next(monitor, &none), -EDQUOT);
        ck_assert_ptr_nonnull(strstr(certexc_monitor_error(monitor), "monitors, at most 8"));
        script_free(script);
}
END_TEST

START_TEST(any_method_can_be_called) {
        static const Step steps[] = {
                { STEP_REPLY, REPLY("\"a\":\"x/y\"") },
                { STEP_REPLY, REPLY("") },
                { STEP_REPLY, OURS("NotFound", "") },
        };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_free_ char *first = NULL, *second = NULL, *none = NULL;

        ck_assert_int_eq(certexc_call(client, "GetStatus", NULL, &first), 0);
        ck_assert_str_eq(first, "{\"a\":\"x/y\"}");
        ck_assert_int_eq(certexc_call(client, "org.varlink.service.GetInfo", "{\"b\":1}", &second),
                         0);
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"org.varlink.service.GetInfo\""));
        ck_assert_ptr_nonnull(strstr(script_call(script, 1), "\"b\":1"));
        ck_assert_int_eq(certexc_call(client, "X", NULL, &none), -ENOENT);
        ck_assert_str_eq(certexc_client_error_name(client), "org.certexc1.NotFound");
        ck_assert_str_eq(certexc_client_error_json(client), "{}");
        ck_assert_int_eq(certexc_call(client, "X", "[]", &none), -EINVAL);
        ck_assert_ptr_null(certexc_client_error_name(client));
        script_free(script);
}
END_TEST

START_TEST(a_callers_mistake_is_told_and_harmless) {
        _cleanup_(certexc_client_freep) certexc_client *client = NULL;
        _cleanup_(certexc_question_freep) certexc_question *question = NULL;
        certexc_question *none = NULL;

        ck_assert_int_eq(certexc_client_new("", &client), -EINVAL);
        ck_assert_int_eq(certexc_client_new("/nowhere", &client), 0);
        ck_assert_int_eq(certexc_verify(client, NULL, NULL), -EINVAL);
        ck_assert_str_ne(certexc_client_error(client), "");
        ck_assert_int_eq(certexc_verify(NULL, NULL, NULL), -EINVAL);
        ck_assert_int_eq(certexc_add_exception(client, NULL, 0, 0, NULL, NULL), -EINVAL);
        ck_assert_int_eq(certexc_list(client, NULL, 0, false, NULL), -EINVAL);
        ck_assert_int_eq(certexc_revoke(client, UINT64_MAX, NULL), -EINVAL);
        ck_assert_int_eq(certexc_question_new("127.1", 993, &none), -EINVAL);
        ck_assert_ptr_null(none);
        question = new_question();
        ck_assert_int_eq(certexc_question_add_certificate(question, "", 0), -EINVAL);
        ck_assert_int_eq(certexc_question_add_certificate(question, "x", SIZE_MAX), -ENOMEM);

        ck_assert_ptr_null(certexc_client_free(NULL));
        ck_assert_ptr_null(certexc_answer_free(NULL));
        ck_assert_ptr_null(certexc_monitor_free(NULL));
        ck_assert_int_eq(certexc_answer_verdict(NULL), CERTEXC_PROMPT);
        ck_assert_ptr_null(certexc_answer_problem(NULL, 0));
        ck_assert_ptr_null(certexc_exception_host(NULL));
        ck_assert_ptr_null(certexc_certificate_sha256(NULL));
        ck_assert_uint_eq(certexc_exceptions_count(NULL), 0);
        ck_assert_ptr_null(certexc_history_kind(NULL, 0));
        ck_assert_int_ne(certexc_gnutls_verify(NULL), 0);
        ck_assert_ptr_null(certexc_gnutls_get_answer(NULL));
}
END_TEST

START_TEST(a_host_is_checked_without_a_daemon) {
        _cleanup_free_ char *host = NULL;
        const char *reason = NULL;

        ck_assert_int_eq(certexc_host_check("Bücher.example.", &host, &reason), 0);
        ck_assert_str_eq(host, "xn--bcher-kva.example");
        ck_assert_int_eq(certexc_host_check("127.1", NULL, &reason), -EINVAL);
        ck_assert_ptr_nonnull(strstr(reason, "IPv4"));
        ck_assert_int_eq(certexc_host_check("a b", NULL, NULL), -EINVAL);
}
END_TEST

/* What a way of the application's own brings, and what is made of it. */
static const struct {
        const char *sentence;
        const char *reply; /* NULL: -EIO */
        int error;
} brought[] = {
        { "an answer", ACCEPT, 0 },
        { "nothing", NULL, -EIO },
        { "no JSON", "{", -EPROTO },
        { "an empty reply", "{}", -EPROTO },
        { "a reply that goes on", "{\"parameters\":{},\"continues\":true}", -EPROTO },
        { "an error", OURS("NotFound", ""), -ENOENT },
        { "the bus's own error",
          ERROR("org.freedesktop.DBus.Error.ServiceUnknown", "\"reason\":\"nobody has it\""),
          -ENOTCONN },
};

static int bring(void *userdata, const char *method, const char *parameters, char **ret_reply) {
        const char *reply = userdata;

        ck_assert_str_eq(method, "org.certexc1.Verify");
        ck_assert_ptr_nonnull(strstr(parameters, "\"host\":\"imap.example.org\""));
        if (!reply)
                return -EIO;
        *ret_reply = strdup(reply);
        return 0;
}

START_TEST(calls_go_another_way) {
        _cleanup_(certexc_client_freep) certexc_client *client = NULL;
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        int r;

        ck_assert_int_eq(certexc_client_new("/nowhere/at/all", &client), 0);
        certexc_client_set_transport(client, bring, (void *) brought[_i].reply);
        r = ask(client, &answer);
        ck_assert_msg(r == brought[_i].error, "%s: %d", brought[_i].sentence, r);
        ck_assert_msg((r == 0) == (answer != NULL), "%s: an answer", brought[_i].sentence);
        ck_assert_msg((r == 0) == !*certexc_client_error(client), "%s: a sentence",
                      brought[_i].sentence);

        /* And over the socket again. */
        answer = certexc_answer_free(answer);
        certexc_client_set_transport(client, NULL, NULL);
        ck_assert_int_eq(ask(client, &answer), -ENOTCONN);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("library");
        TCase *tcase = tcase_create("library");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 60);
        tcase_add_test(tcase, a_question_is_sent_whole);
        tcase_add_test(tcase, a_chain_that_was_shown_is_asked_by_its_digest);
        tcase_add_test(tcase, a_daemon_that_was_restarted_is_asked_again_in_full);
        tcase_add_test(tcase, a_daemon_that_hangs_up_on_the_first_question_is_asked_once_more);
        tcase_add_test(tcase, a_daemon_that_dies_of_the_first_question_is_not_asked_for_ever);
        tcase_add_test(tcase, a_daemon_that_dies_of_the_question_is_asked_no_third_time);
        tcase_add_test(tcase, a_late_answer_is_never_taken_for_the_next_question);
        tcase_add_test(tcase, what_was_asked_does_not_change);
        tcase_add_test(tcase, a_decision_is_about_what_was_shown);
        tcase_add_test(tcase, pages_are_joined);
        tcase_add_test(tcase, pages_that_do_not_move_on_are_refused);
        tcase_add_test(tcase, a_history_and_a_status_are_read);
        tcase_add_test(tcase, a_certificate_comes_as_der);
        tcase_add_test(tcase, a_stream_ends_once);
        tcase_add_test(tcase, a_stream_may_be_refused);
        tcase_add_test(tcase, any_method_can_be_called);
        tcase_add_loop_test(tcase, calls_go_another_way, 0, N_ELEMENTS(brought));
        tcase_add_test(tcase, a_callers_mistake_is_told_and_harmless);
        tcase_add_test(tcase, a_host_is_checked_without_a_daemon);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
