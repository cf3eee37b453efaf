/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The library against servers that lie, stammer, hang up and are somebody else's. */
#include "config.h"

#include <check.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/library.h"
#include "tests/script.h"

/* The one certificate of these tests is "abc"; this is its digest. */
#define ABC "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"

#define REPLY(parameters) "{\"parameters\":{" parameters "}}"
#define ERROR(name, parameters) "{\"error\":\"" name "\",\"parameters\":{" parameters "}}"
#define OURS(name, parameters) ERROR("org.certexc1." name, parameters)
#define ABOUT "\"host\":\"imap.example.org\",\"port\":993,\"chain_sha256\":\"" ABC "\""
#define NOTHING_WRONG ",\"problems\":[],\"new_problems\":[]"
#define VERDICT(word) "\"verdict\":\"" word "\",\"because\":\"no-problem\","
#define CERTIFICATE                                                                                \
        "{\"sha256\":\"" ABC "\",\"key_sha256\":\"" ABC "\",\"subject\":\"CN=a\",\"issuer\":"      \
        "\"CN=b\",\"serial\":\"01\",\"names\":[\"a\",\"b\"],\"not_before\":1,\"not_after\":2}"
#define EXCEPTION(id)                                                                              \
        "{\"id\":" id ",\"owner\":7,\"action\":\"allow\",\"host\":\"h\",\"port\":993,"             \
        "\"pin\":\"certificate\",\"problems\":[\"expired\"],\"end\":\"never\","                    \
        "\"state\":\"live\",\"created\":10,\"changed\":11,\"certificate\":" CERTIFICATE "}"
#define ACCEPT REPLY(VERDICT("accept") ABOUT NOTHING_WRONG)
#define PROBLEMS                                                                                   \
        ",\"problems\":[{\"name\":\"expired\",\"exceptable\":true,\"certificate\":0,\"value\":"    \
        "\"2020\"},{\"name\":\"revoked\",\"exceptable\":false,\"certificate\":-1,\"value\":\"\"}"  \
        "],\"new_problems\":[\"revoked\"]"

static certexc_client *new_client(const Script *script) {
        certexc_client *client = NULL;

        ck_assert_int_eq(certexc_client_new(script_path(script), &client), 0);
        return client;
}

static certexc_question *new_question(void) {
        certexc_question *question = NULL;

        ck_assert_int_eq(certexc_question_new("IMAP.example.org.", 993, &question), 0);
        ck_assert_int_eq(certexc_question_add_certificate(question, "abc", 3), 0);
        return question;
}

/* One question to @script. */
static int ask(certexc_client *client, certexc_answer **ret) {
        _cleanup_(certexc_question_freep) certexc_question *question = new_question();

        return certexc_verify(client, question, ret);
}

static const struct {
        const char *says;
        const char *reply;
        int result;
        enum certexc_verdict verdict;
        const char *sentence; /* part of it */
} verdicts[] = {
        { "accept is accept", ACCEPT, 0, CERTEXC_ACCEPT },
        { "prompt is prompt", REPLY(VERDICT("prompt") ABOUT NOTHING_WRONG), 0, CERTEXC_PROMPT },
        { "reject is reject", REPLY(VERDICT("reject") ABOUT NOTHING_WRONG), 0, CERTEXC_REJECT },
        { "a field of the future is passed over",
          REPLY(VERDICT("prompt") ABOUT NOTHING_WRONG ",\"mood\":[{}]"), 0, CERTEXC_PROMPT },
        { "an upper-case accept is none", REPLY(VERDICT("Accept") ABOUT NOTHING_WRONG), -EPROTO,
          CERTEXC_PROMPT, "\"verdict\"" },
        { "what begins with accept is none", REPLY(VERDICT("accepted") ABOUT NOTHING_WRONG),
          -EPROTO, CERTEXC_PROMPT, "\"verdict\"" },
        { "an accept with a NUL in it is none",
          REPLY(VERDICT("accept\\u0000") ABOUT NOTHING_WRONG), -EPROTO, CERTEXC_PROMPT,
          "\"verdict\"" },
        { "an empty verdict is none", REPLY(VERDICT("") ABOUT NOTHING_WRONG), -EPROTO,
          CERTEXC_PROMPT, "\"verdict\"" },
        { "a verdict that is missing is none", REPLY("\"because\":\"x\"," ABOUT NOTHING_WRONG),
          -EPROTO, CERTEXC_PROMPT, "\"verdict\"" },
        { "a verdict that is a number is none",
          REPLY("\"verdict\":0,\"because\":\"x\"," ABOUT NOTHING_WRONG), -EPROTO, CERTEXC_PROMPT,
          "\"verdict\"" },
        { "an answer without a reason is none", REPLY("\"verdict\":\"accept\"," ABOUT NOTHING_WRONG),
          -EPROTO, CERTEXC_PROMPT, "\"because\"" },
        { "an answer about another host is none",
          REPLY(VERDICT("accept") "\"host\":\"imap.example.net\",\"port\":993,"
                                  "\"chain_sha256\":\"" ABC "\"" NOTHING_WRONG),
          -EPROTO, CERTEXC_PROMPT, "\"host, port, chain_sha256\"" },
        { "an answer about another port is none",
          REPLY(VERDICT("accept") "\"host\":\"imap.example.org\",\"port\":143,"
                                  "\"chain_sha256\":\"" ABC "\"" NOTHING_WRONG),
          -EPROTO, CERTEXC_PROMPT, "\"host, port, chain_sha256\"" },
        { "an answer about another chain is none",
          REPLY(VERDICT("accept") "\"host\":\"imap.example.org\",\"port\":993,"
                                  "\"chain_sha256\":\"0" ABC "\"" NOTHING_WRONG),
          -EPROTO, CERTEXC_PROMPT, "\"host, port, chain_sha256\"" },
        { "an answer that does not say what it is about is none",
          REPLY(VERDICT("accept") "\"problems\":[],\"new_problems\":[]"), -EPROTO, CERTEXC_PROMPT,
          "\"port\"" },
        { "problems must be there", REPLY(VERDICT("accept") ABOUT ",\"new_problems\":[]"), -EPROTO,
          CERTEXC_PROMPT, "\"problems\"" },
        { "problems are objects",
          REPLY(VERDICT("accept") ABOUT ",\"problems\":[\"expired\"],\"new_problems\":[]"),
          -EPROTO, CERTEXC_PROMPT, "\"problems\"" },
        { "a problem is never null",
          REPLY(VERDICT("accept") ABOUT ",\"problems\":[null],\"new_problems\":[]"), -EPROTO,
          CERTEXC_PROMPT, "\"problems\"" },
        { "new problems are words",
          REPLY(VERDICT("accept") ABOUT ",\"problems\":[],\"new_problems\":[1]"), -EPROTO,
          CERTEXC_PROMPT, "\"new_problems\"" },
        { "a leaf is whole", REPLY(VERDICT("prompt") ABOUT NOTHING_WRONG ",\"leaf\":{}"), -EPROTO,
          CERTEXC_PROMPT, "makes no sense" },
        { "an exception is whole",
          REPLY(VERDICT("prompt") ABOUT NOTHING_WRONG ",\"exception\":{\"id\":1}"), -EPROTO,
          CERTEXC_PROMPT, "makes no sense" },
        { "an exception has an id", REPLY(VERDICT("prompt") ABOUT NOTHING_WRONG
                                          ",\"exception\":" EXCEPTION("0")),
          -EPROTO, CERTEXC_PROMPT, "\"id\"" },
        { "a change has the old certificate",
          REPLY(VERDICT("prompt") ABOUT NOTHING_WRONG
                ",\"change\":{\"kind\":\"renewed\",\"known_from\":\"seen\",\"since\":1}"),
          -EPROTO, CERTEXC_PROMPT, "\"old\"" },
        { "a reply that goes on is no answer to Verify",
          "{\"continues\":true,\"parameters\":{" VERDICT("accept") ABOUT NOTHING_WRONG "}}",
          -EPROTO, CERTEXC_PROMPT, "does not speak Varlink" },
        { "a reply without parameters is none", "{}", -EPROTO, CERTEXC_PROMPT, "\"verdict\"" },
        { "what is not JSON is no reply", "220 smtp.example.org ESMTP\r\n", -EPROTO,
          CERTEXC_PROMPT, "does not speak Varlink" },
        { "an empty message is no reply", "", -EPROTO, CERTEXC_PROMPT, "does not speak Varlink" },
        { "a verdict said twice is none",
          REPLY("\"verdict\":\"reject\"," VERDICT("accept") ABOUT NOTHING_WRONG), -EPROTO,
          CERTEXC_PROMPT, "does not speak Varlink" },

        { "InvalidHost", OURS("InvalidHost", "\"host\":\"a b\",\"reason\":\"it has a space\""),
          -EINVAL, CERTEXC_PROMPT, "a b is no host: it has a space." },
        { "InvalidPort", OURS("InvalidPort", "\"port\":70000"), -EINVAL, CERTEXC_PROMPT, "70000" },
        { "InvalidChain", OURS("InvalidChain", "\"certificate\":0,\"reason\":\"not DER\""),
          -EINVAL, CERTEXC_PROMPT, "not DER" },
        { "InvalidRequest", OURS("InvalidRequest", "\"field\":\"pin\",\"reason\":\"no pin.\""),
          -EINVAL, CERTEXC_PROMPT, "pin: no pin." },
        { "ProblemsChanged", OURS("ProblemsChanged", "\"problems\":[]"), -ESTALE, CERTEXC_PROMPT,
          "Nothing was stored" },
        { "NothingToExcept", OURS("NothingToExcept", ""), -EALREADY, CERTEXC_PROMPT,
          "nothing to allow" },
        { "NotExceptable", OURS("NotExceptable", "\"problems\":[\"revoked\"]"), -EKEYREJECTED,
          CERTEXC_PROMPT, "revoked" },
        { "FingerprintMismatch",
          OURS("FingerprintMismatch", "\"sha256\":\"" ABC "\",\"key_sha256\":\"\""),
          -EKEYREJECTED, CERTEXC_PROMPT, ABC },
        { "NotFound", OURS("NotFound", ""), -ENOENT, CERTEXC_PROMPT, "no such decision" },
        { "AccessDenied", OURS("AccessDenied", "\"reason\":\"only uid 0 may\""), -EACCES,
          CERTEXC_PROMPT, "only uid 0 may" },
        { "LimitReached", OURS("LimitReached", "\"what\":\"decisions\",\"limit\":1000"), -EDQUOT,
          CERTEXC_PROMPT, "decisions, at most 1000." },
        { "JudgeFailed", OURS("JudgeFailed", "\"reason\":\"it died\""), -EIO, CERTEXC_PROMPT,
          "Do not take them as accepted" },
        { "StoreFailed", OURS("StoreFailed", "\"reason\":\"disk full\",\"hint\":\"make room\""),
          -EIO, CERTEXC_PROMPT, "disk full. make room." },
        { "Rebuilding", OURS("Rebuilding", ""), -EBUSY, CERTEXC_PROMPT, "rebuilding" },
        { "an error without its parameters", "{\"error\":\"org.certexc1.JudgeFailed\"}", -EIO,
          CERTEXC_PROMPT, "(it did not say)" },
        { "a method that is missing",
          ERROR("org.varlink.service.MethodNotFound", "\"method\":\"Verify\""), -EOPNOTSUPP,
          CERTEXC_PROMPT, "no method Verify" },
        { "an error of the future", OURS("Mood", "\"verdict\":\"accept\""), -EREMOTEIO,
          CERTEXC_PROMPT, "org.certexc1.Mood" },
        { "an error beats the parameters of an accept",
          "{\"error\":\"org.certexc1.Rebuilding\",\"parameters\":{" VERDICT("accept") ABOUT
                  NOTHING_WRONG "}}",
          -EBUSY, CERTEXC_PROMPT, "rebuilding" },
};

START_TEST(verdicts_row) {
        Step step = { STEP_REPLY, verdicts[_i].reply };
        Script *script = script_new(&step, 1);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        const char *says = verdicts[_i].says;
        int r = ask(client, &answer);

        ck_assert_msg(r == verdicts[_i].result, "%s: %d %s", says, r, certexc_client_error(client));
        ck_assert_msg((answer != NULL) == (r == 0), "%s", says);
        ck_assert_msg(certexc_answer_verdict(answer) == verdicts[_i].verdict, "%s", says);
        if (r < 0)
                ck_assert_msg(strstr(certexc_client_error(client), verdicts[_i].sentence),
                              "%s: %s", says, certexc_client_error(client));
        else
                ck_assert_str_eq(certexc_client_error(client), "");
        script_free(script);
}
END_TEST

START_TEST(an_answer_tells_everything) {
        static const Step step = {
                STEP_REPLY,
                REPLY(VERDICT("prompt") ABOUT PROBLEMS
                      ",\"leaf\":" CERTIFICATE ",\"exception\":" EXCEPTION("5") ",\"obsolete\":true,"
                      "\"change\":{\"kind\":\"replaced\",\"known_from\":\"exception\",\"since\":9,"
                      "\"old_was_due\":true,\"old\":" CERTIFICATE "}"),
        };
        Script *script = script_new(&step, 1);
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        _cleanup_(certexc_answer_freep) certexc_answer *a = NULL;
        const certexc_exception *e;

        ck_assert_int_eq(ask(client, &a), 0);
        ck_assert_str_eq(certexc_answer_host(a), "imap.example.org");
        ck_assert_uint_eq(certexc_answer_port(a), 993);
        ck_assert_str_eq(certexc_answer_chain_sha256(a), ABC);
        ck_assert_uint_eq(certexc_answer_n_problems(a), 2);
        ck_assert_str_eq(certexc_answer_problem(a, 0), "expired");
        ck_assert_str_eq(certexc_answer_problem_value(a, 0), "2020");
        ck_assert(certexc_answer_problem_exceptable(a, 0));
        ck_assert(!certexc_answer_problem_exceptable(a, 1));
        ck_assert_int_eq(certexc_answer_problem_certificate(a, 0), 0);
        ck_assert_int_eq(certexc_answer_problem_certificate(a, 1), -1);
        ck_assert_ptr_null(certexc_answer_problem(a, 2));
        ck_assert_int_eq(certexc_answer_problem_certificate(a, 2), -1);
        ck_assert_str_eq(certexc_answer_new_problem(a, 0), "revoked");
        ck_assert_ptr_null(certexc_answer_new_problem(a, 1));
        ck_assert_str_eq(certexc_certificate_subject(certexc_answer_leaf(a)), "CN=a");
        ck_assert_str_eq(certexc_certificate_name(certexc_answer_leaf(a), 1), "b");
        ck_assert_ptr_null(certexc_certificate_name(certexc_answer_leaf(a), 2));
        ck_assert(certexc_answer_obsolete(a));
        ck_assert_str_eq(certexc_answer_change(a), "replaced");
        ck_assert_int_eq(certexc_answer_change_since(a), 9);
        ck_assert(certexc_answer_change_was_due(a));
        ck_assert_str_eq(certexc_certificate_issuer(certexc_answer_change_old(a)), "CN=b");
        e = certexc_answer_exception(a);
        ck_assert_uint_eq(certexc_exception_id(e), 5);
        ck_assert_str_eq(certexc_exception_problem(e, 0), "expired");
        ck_assert_ptr_nonnull(strstr(certexc_answer_json(a), "\"verdict\":\"prompt\""));
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

static void expect_unreachable(const char *path, int error, const char *sentence) {
        _cleanup_(certexc_client_freep) certexc_client *client = NULL;
        certexc_answer *answer = NULL;

        ck_assert_int_eq(certexc_client_new(path, &client), 0);
        ck_assert_int_eq(ask(client, &answer), error);
        ck_assert_ptr_null(answer);
        ck_assert_int_eq(certexc_answer_verdict(answer), CERTEXC_PROMPT);
        ck_assert_msg(strstr(certexc_client_error(client), sentence), "%s",
                      certexc_client_error(client));
        ck_assert_msg(strstr(certexc_client_error(client), path), "%s",
                      certexc_client_error(client));
}

/* A socket that @uid bound and, with @listening, serves until it is killed. 0 or the child. */
static pid_t serve(const char *path, uid_t uid, bool listening) {
        struct sockaddr_un address = { .sun_family = AF_UNIX };
        int ready[2];
        char byte;
        pid_t pid;

        ck_assert_int_eq(pipe(ready), 0);
        (void) snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
        pid = fork();
        if (pid == 0) {
                int fd;

                if (uid != getuid() && setuid(uid) < 0)
                        _exit(1);
                fd = socket(AF_UNIX, SOCK_STREAM, 0);
                if (bind(fd, (struct sockaddr *) &address, sizeof(address)) < 0 ||
                    (listening && listen(fd, 8) < 0) || write(ready[1], "x", 1) != 1)
                        _exit(1);
                if (listening)
                        (void) pause();
                _exit(0);
        }
        (void) close(ready[1]);
        ck_assert_int_eq(read(ready[0], &byte, 1), 1);
        (void) close(ready[0]);
        if (listening)
                return pid;
        ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
        return 0;
}

START_TEST(a_daemon_that_is_not_there_accepts_nothing) {
        char directory[] = "/tmp/certexc-library-XXXXXX", path[64], longer[256] = "/tmp/";

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(path, sizeof(path), "%s/socket", directory);
        expect_unreachable(path, -ENOTCONN, "there is no socket");
        (void) serve(path, getuid(), false);
        expect_unreachable(path, -ENOTCONN, "nobody listens");
        memset(longer + 5, 'a', 200);
        expect_unreachable(longer, -ENOTCONN, "File name too long");
        (void) unlink(path);
        (void) rmdir(directory);
}
END_TEST

START_TEST(a_forged_server_socket_is_refused) {
        char directory[] = "/tmp/certexc-library-XXXXXX", path[64];
        pid_t pid;

        if (geteuid() != 0) {
                (void) fprintf(stderr, "skipped: only root can be another uid\n");
                return;
        }
        ck_assert_ptr_nonnull(mkdtemp(directory));
        ck_assert_int_eq(chmod(directory, 0777), 0);
        (void) snprintf(path, sizeof(path), "%s/socket", directory);
        pid = serve(path, 54321, true);
        expect_unreachable(path, -EPERM, "uid 54321");
        (void) kill(pid, SIGKILL);
        (void) waitpid(pid, NULL, 0);
        (void) unlink(path);
        (void) rmdir(directory);
}
END_TEST

static void expect_socket(const char *given, const char *expected) {
        _cleanup_(certexc_client_freep) certexc_client *client = NULL;

        ck_assert_int_eq(certexc_client_new(given, &client), 0);
        ck_assert_str_eq(certexc_client_socket(client), expected);
}

START_TEST(the_socket_is_looked_for_in_order) {
        char directory[] = "/tmp/certexc-library-XXXXXX", folder[64], path[96];

        ck_assert_ptr_nonnull(mkdtemp(directory));
        (void) snprintf(folder, sizeof(folder), "%s/certexc", directory);
        (void) snprintf(path, sizeof(path), "%s/org.certexc1", folder);
        (void) unsetenv("CERTEXC_SOCKET");
        (void) unsetenv("XDG_RUNTIME_DIR");
        expect_socket(NULL, "/run/certexc/org.certexc1");
        (void) setenv("XDG_RUNTIME_DIR", directory, 1);
        expect_socket(NULL, "/run/certexc/org.certexc1");

        ck_assert_int_eq(mkdir(folder, 0700), 0);
        (void) serve(path, getuid(), false);
        expect_socket(NULL, path);
        (void) setenv("CERTEXC_SOCKET", "/nowhere", 1);
        expect_socket(NULL, "/nowhere");
        expect_socket("/elsewhere", "/elsewhere");
        (void) setenv("CERTEXC_SOCKET", "", 1);
        expect_socket(NULL, path);
        (void) unlink(path);
        (void) rmdir(folder);
        (void) rmdir(directory);
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

int main(void) {
        Suite *suite = suite_create("library");
        TCase *tcase = tcase_create("library");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, verdicts_row, 0, N_ELEMENTS(verdicts));
        tcase_add_test(tcase, an_answer_tells_everything);
        tcase_add_test(tcase, a_chain_that_was_shown_is_asked_by_its_digest);
        tcase_add_test(tcase, a_daemon_that_was_restarted_is_asked_again_in_full);
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
        tcase_add_test(tcase, a_daemon_that_is_not_there_accepts_nothing);
        tcase_add_test(tcase, a_forged_server_socket_is_refused);
        tcase_add_test(tcase, the_socket_is_looked_for_in_order);
        tcase_add_test(tcase, a_callers_mistake_is_told_and_harmless);
        tcase_add_test(tcase, a_host_is_checked_without_a_daemon);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
