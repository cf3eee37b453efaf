/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the library makes of each reply: an answer, or an error and nothing. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "tests/replies.h"

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
        { "an answer without a reason is none",
          REPLY("\"verdict\":\"accept\"," ABOUT NOTHING_WRONG),
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
          -EIO, CERTEXC_PROMPT, "disk full. What helps: make room." },
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

static const struct {
        const char *says;
        const char *reply;
} broken[] = {
        { "a record is an object", REPLY("\"exception\":\"1\",\"entries\":[\"1\"]") },
        { "a record is whole", REPLY("\"exception\":{\"id\":1},\"entries\":[{\"id\":1}]") },
        { "a record is not null", REPLY("\"exception\":null,\"entries\":[null]") },
        { "records come in their field", REPLY("\"exceptions\":[],\"entry\":[]") },
        { "a record's certificate is whole",
          REPLY("\"exception\":{\"id\":1,\"owner\":7,\"action\":\"allow\",\"host\":\"h\","
                "\"port\":9,\"pin\":\"key\",\"problems\":[],\"end\":\"never\",\"state\":"
                "\"live\",\"created\":1,\"changed\":1,\"certificate\":{}},\"entries\":{}") },
};

START_TEST(broken_row) {
        const Step steps[] = { { STEP_REPLY, broken[_i].reply }, { STEP_REPLY, broken[_i].reply } };
        Script *script = script_new(steps, N_ELEMENTS(steps));
        _cleanup_(certexc_client_freep) certexc_client *client = new_client(script);
        certexc_exception *exception = NULL;
        certexc_history *history = NULL;

        ck_assert_msg(certexc_get(client, 1, &exception) == -EPROTO, "%s", broken[_i].says);
        ck_assert_msg(certexc_get_history(client, 0, &history) == -EPROTO, "%s", broken[_i].says);
        ck_assert_ptr_null(exception);
        ck_assert_ptr_null(history);
        script_free(script);
}
END_TEST

START_TEST(an_answer_tells_everything) {
        static const Step step = {
                STEP_REPLY,
                REPLY(VERDICT("prompt") ABOUT PROBLEMS
                      ",\"leaf\":" CERTIFICATE ",\"exception\":" EXCEPTION("5")
                      ",\"obsolete\":true,"
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

int main(void) {
        Suite *suite = suite_create("replies");
        TCase *tcase = tcase_create("replies");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 60);
        tcase_add_loop_test(tcase, verdicts_row, 0, N_ELEMENTS(verdicts));
        tcase_add_loop_test(tcase, broken_row, 0, N_ELEMENTS(broken));
        tcase_add_test(tcase, an_answer_tells_everything);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
