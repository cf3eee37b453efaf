/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Answers against the interface's text, and the test's own judge of that against broken ones. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/answer.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/interface.h"

#define CERTIFICATE                                                                                \
        "{\"sha256\":\"aa\",\"key_sha256\":\"bb\",\"subject\":\"\",\"issuer\":\"\",\"serial\":\"\"," \
        "\"names\":[\"a\"],\"not_before\":1,\"not_after\":2}"

/* The judge itself. */
static const struct {
        const char *sentence;
        const char *what;
        const char *json;
        const char *departure; /* a part of it; NULL: none */
} judged[] = {
        { "a whole certificate is one", "type Certificate", CERTIFICATE, NULL },
        { "a missing field is told", "type Problem",
          "{\"name\":\"a\",\"exceptable\":true,\"certificate\":0}", ".value: is missing" },
        { "an extra field is told", "type Problem",
          "{\"name\":\"a\",\"exceptable\":true,\"certificate\":0,\"value\":\"\",\"x\":1}",
          "that the interface has not" },
        { "another type is told", "type Problem",
          "{\"name\":\"a\",\"exceptable\":1,\"certificate\":0,\"value\":\"\"}",
          ".exceptable: is of another type" },
        { "a null is told", "error InvalidPort", "{\"port\":null}", "is null" },
        { "a wrong word is told", "reply Monitor", "{\"event\":\"x\",\"time\":\"soon\"}", ".time" },
        { "an optional field may be absent", "reply Monitor", "{\"event\":\"x\",\"time\":1}", NULL },
        { "but not be anything", "reply Monitor", "{\"event\":\"x\",\"time\":1,\"exception\":{}}",
          ".exception.id: is missing" },
        { "items of an array are looked at", "reply ListExceptions", "{\"exceptions\":[{}]}",
          ".id: is missing" },
        { "an array is an array", "reply ListExceptions", "{\"exceptions\":{}}", "no array" },
        { "no fields are no fields", "error NotFound", "{}", NULL },
        { "and none beside them", "error NotFound", "{\"a\":1}", "has a field" },
        { "a word must be one of the words", "type Change",
          "{\"kind\":\"mended\",\"known_from\":\"seen\",\"since\":1,\"old_was_due\":true,"
          "\"old\":" CERTIFICATE "}",
          ".kind: is none of the words" },
        { "an inner object is looked into", "reply GetCertificate",
          "{\"der\":\"\",\"certificate\":{}}", ".certificate.sha256: is missing" },
        { "a call is held against its parameters", "call GetException", "{\"id\":1,\"all\":true}",
          "has a field" },
};

START_TEST(test_judge) {
        _cleanup_(json_freep) struct json_object *o = json_tokener_parse(judged[_i].json);
        const char *departure;

        ck_assert_ptr_nonnull(o);
        departure = interface_departs(judged[_i].what, o);
        if (!judged[_i].departure)
                ck_assert_msg(!departure, "%s: %s", judged[_i].sentence, departure);
        else
                ck_assert_msg(departure && strstr(departure, judged[_i].departure), "%s: %s",
                              judged[_i].sentence, departure ? departure : "nothing");
}
END_TEST

static char *names[] = { (char *) "mail.example.org", (char *) "imap\x1b[31m.example.org", NULL };

static CertificateFacts certificate = {
        .sha256 = { 0xab, 0xcd },
        .key_sha256 = { 0x01 },
        .subject = (char *) "CN=mail.example.org",
        .issuer = (char *) "CN=\xe2\x80\xae" "Authority",
        .serial = (char *) "0a1b",
        .names = names,
        .n_names = 2,
        .not_before = -1,
        .not_after = INT64_C(253402300799),
};

static void ck_departs_not(const char *what, struct json_object *o, const char *sentence) {
        const char *departure = interface_departs(what, o);

        ck_assert_msg(o && !departure, "%s: %s", sentence, o ? departure : "NULL");
}

static const char *string_at(struct json_object *o, const char *name) {
        return json_object_get_string(json_object_object_get(o, name));
}

static int64_t int_at(struct json_object *o, const char *name) {
        return json_object_get_int64(json_object_object_get(o, name));
}

START_TEST(test_certificate) {
        _cleanup_(json_freep) struct json_object *o = answer_certificate(&certificate);
        struct json_object *list = json_object_object_get(o, "names");

        ck_departs_not("type Certificate", o, "a certificate");
        ck_assert_str_eq(string_at(o, "sha256"),
                         "abcd000000000000000000000000000000000000000000000000000000000000");
        ck_assert_str_eq(string_at(o, "serial"), "0a1b");
        ck_assert_uint_eq(json_object_array_length(list), 2);
        ck_assert_str_eq(json_object_get_string(json_object_array_get_idx(list, 1)), names[1]);
        ck_assert_int_eq(int_at(o, "not_before"), -1);
        ck_assert_int_eq(int_at(o, "not_after"), INT64_C(253402300799));
}
END_TEST

static const struct {
        const char *sentence;
        DecisionAction action;
        DecisionPin pin;
        DecisionEnd end;
        DecisionState state;
        const char *words[4]; /* action, pin, end, state */
} decisions[] = {
        { "a permanent exception", DECISION_ALLOW, PIN_CERTIFICATE, END_NEVER, STATE_LIVE,
          { "allow", "certificate", "never", "live" } },
        { "a dated one for a key", DECISION_ALLOW, PIN_KEY, END_DATE, STATE_UNCONFIRMED,
          { "allow", "key", "date", "unconfirmed" } },
        { "a denial for a session", DECISION_DENY, PIN_CERTIFICATE, END_SESSION, STATE_ENDED,
          { "deny", "certificate", "session", "ended" } },
        { "a revoked one", DECISION_ALLOW, PIN_CERTIFICATE, END_DATE, STATE_REVOKED,
          { "allow", "certificate", "date", "revoked" } },
};

START_TEST(test_exception) {
        Decision d = {
                .owner = OWNER_SYSTEM,
                .id = 7,
                .action = decisions[_i].action,
                .pin = decisions[_i].pin,
                .state = decisions[_i].state,
                .host = "mail.example.org",
                .port = 993,
                .certificate_sha256 = { 0xee },
                .problems = PROBLEM_EXPIRED | PROBLEM_SELF_SIGNED,
                .end = decisions[_i].end,
                .until = 1234,
        };
        _cleanup_(json_freep) struct json_object *o = answer_exception(&d, NULL, &certificate);
        _cleanup_(json_freep) struct json_object *bare = answer_exception(&d, NULL, NULL);
        const Rule rule = { .decision = d, .path = "/etc/certexc/exceptions.d/a.json" };
        _cleanup_(json_freep) struct json_object *in_file = answer_rule(&rule);

        ck_departs_not("type Exception", o, decisions[_i].sentence);
        ck_departs_not("type Exception", bare, "the certificate's own words were lost");
        ck_assert_int_eq(strncmp(string_at(json_object_object_get(bare, "certificate"), "sha256"),
                                 "ee00", 4),
                         0);
        ck_assert_str_eq(string_at(o, "action"), decisions[_i].words[0]);
        ck_assert_str_eq(string_at(o, "pin"), decisions[_i].words[1]);
        ck_assert_str_eq(string_at(o, "end"), decisions[_i].words[2]);
        ck_assert_str_eq(string_at(o, "state"), decisions[_i].words[3]);
        ck_assert_int_eq(json_object_object_get_ex(o, "until", NULL), d.end == END_DATE);
        ck_assert_int_eq(int_at(o, "owner"), -1);
        ck_assert_str_eq(string_at(o, "origin"), "admin");
        ck_departs_not("type Exception", in_file, "the same in a file");
        ck_assert_str_eq(string_at(in_file, "origin"), "file");
        ck_assert_str_eq(string_at(in_file, "file"), rule.path);
        ck_assert_str_eq(json_object_to_json_string_ext(json_object_object_get(o, "problems"), 0),
                         "[\"expired\",\"self-signed\"]");
}
END_TEST

START_TEST(test_problems) {
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        _cleanup_(json_freep) struct json_object *list = NULL;
        struct json_object *p;

        ck_assert_int_eq(facts_new(&facts), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_EXPIRED, 0, "2025-01-01"), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_WEAK_KEY, 1, "RSA 512"), 0);
        ck_assert_int_eq(facts_add(facts, PROBLEM_REVOKED, -1, ""), 0);
        facts->problems |= PROBLEM_BLOCKED;

        list = answer_problems(facts, PROBLEM_WEAK_KEY);
        ck_assert_uint_eq(json_object_array_length(list), 4);
        for (size_t i = 0; i < 4; i++)
                ck_departs_not("type Problem", json_object_array_get_idx(list, i), "a problem");

        p = json_object_array_get_idx(list, 0);
        ck_assert_str_eq(string_at(p, "name"), "expired");
        ck_assert_str_eq(string_at(p, "value"), "2025-01-01");
        ck_assert(json_object_get_boolean(json_object_object_get(p, "exceptable")));

        p = json_object_array_get_idx(list, 1);
        ck_assert_int_eq(int_at(p, "certificate"), 1);
        ck_assert_msg(!json_object_get_boolean(json_object_object_get(p, "exceptable")),
                      "what certexcd.conf makes never is said so");

        p = json_object_array_get_idx(list, 2);
        ck_assert(!json_object_get_boolean(json_object_object_get(p, "exceptable")));
        ck_assert_int_eq(int_at(p, "certificate"), -1);

        p = json_object_array_get_idx(list, 3);
        ck_assert_msg(strcmp(string_at(p, "name"), "blocked") == 0, "a bit alone is told as well");
}
END_TEST

START_TEST(test_problem_names) {
        _cleanup_(json_freep) struct json_object *all = answer_problem_names(problem_set_all);
        _cleanup_(json_freep) struct json_object *none = answer_problem_names(0);

        ck_assert_uint_eq(json_object_array_length(all), n_problem_infos);
        ck_assert_uint_eq(json_object_array_length(none), 0);
}
END_TEST

static const struct {
        HistoryKind kind;
        const char *word;
} kinds[] = {
        { HISTORY_ALLOWED, "allowed" },   { HISTORY_DENIED, "denied" },
        { HISTORY_REVOKED, "revoked" },   { HISTORY_ENDED, "ended" },
        { HISTORY_CONFIRMED, "confirmed" }, { HISTORY_UNCONFIRMED, "unconfirmed" }, { HISTORY_IMPORTED, "imported" },
};

START_TEST(test_history) {
        HistoryEntry e = { .number = 3, .time = 4, .kind = kinds[_i].kind, .id = 5, .by = 1000,
                           .host = "a.example", .port = 25 };
        _cleanup_(json_freep) struct json_object *o = answer_history_entry(&e);

        ck_departs_not("type HistoryEntry", o, kinds[_i].word);
        ck_assert_str_eq(string_at(o, "kind"), kinds[_i].word);
        ck_assert_int_eq(int_at(o, "by"), 1000);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("answer");
        TCase *tcase = tcase_create("answer");
        SRunner *runner;
        int failed;

        tcase_add_loop_test(tcase, test_judge, 0, (int) N_ELEMENTS(judged));
        tcase_add_test(tcase, test_certificate);
        tcase_add_loop_test(tcase, test_exception, 0, (int) N_ELEMENTS(decisions));
        tcase_add_test(tcase, test_problems);
        tcase_add_test(tcase, test_problem_names);
        tcase_add_loop_test(tcase, test_history, 0, (int) N_ELEMENTS(kinds));
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
