/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ask, RegisterAgent and AnswerPrompt through the real socket: who waits, who is asked, who may answer,
 * and what becomes of it when somebody hangs up, dies or is late. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/methods.h"

#define BAD "'chain':[@bad]"
#define OTHER "'chain':[@other]"

static Methods *m;

static void setup(void) {
        m = methods_new();
}

static void teardown(void) {
        m->peer = peer_free(m->peer);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        m = methods_free(m);
}

/* A connection of @uid (0: of the test itself). */
static Peer *connect_as(uid_t uid) {
        Peer *peer;

        ck_assert(uid == 0 || seteuid(uid) == 0);
        peer = peer_new(m->fixture);
        ck_assert(uid == 0 || seteuid(0) == 0);
        return peer;
}

static void say(Peer *peer, const char *method, const char *parameters, bool more) {
        _cleanup_free_ char *text = methods_text(m, method, parameters, more);

        ck_assert(peer_send(peer, text));
}

static struct json_object *next(Peer *peer, const char *method) {
        struct json_object *reply = peer_reply(peer, FIXTURE_WAIT_MSEC);

        methods_hold(method, reply);
        return reply;
}

static void ck_next(Peer *peer, const char *method, const char *path, const char *value) {
        _cleanup_(json_freep) struct json_object *reply = next(peer, method);

        ck_assert_msg(strcmp(methods_seen(reply, path), value) == 0, "%s: %s is not %s: %s", method,
                      path, value, json_object_to_json_string(reply));
}

static Peer *agent_in(uid_t uid, const char *session) {
        Peer *peer = connect_as(uid);
        char parameters[64] = "{}";

        if (session)
                (void) snprintf(parameters, sizeof(parameters), "{'login_session':'%s'}", session);
        say(peer, "RegisterAgent", parameters, true);
        ck_next(peer, "RegisterAgent", "event", "ready");
        return peer;
}

static Peer *agent(uid_t uid) {
        return agent_in(uid, NULL);
}

/* One who waits; @rest is more of the parameters. */
static Peer *ask(uid_t uid, const char *rest) {
        Peer *peer = connect_as(uid);
        char parameters[512];

        (void) snprintf(parameters, sizeof(parameters), "{" AT "%s}", rest);
        say(peer, "Ask", parameters, false);
        return peer;
}

/* A verdict and how it came. */
static void ck_answer(Peer *peer, const char *verdict, const char *asked) {
        _cleanup_(json_freep) struct json_object *reply = next(peer, "Ask");

        ck_assert_msg(strcmp(methods_at(reply, "verdict"), verdict) == 0, "not %s: %s", verdict,
                      json_object_to_json_string(reply));
        ck_assert_msg(strcmp(methods_at(reply, "asked"), asked) == 0, "not %s: %s", asked,
                      json_object_to_json_string(reply));
}

typedef struct Shown {
        int number;
        char sha256[65];
} Shown;

/* The prompt that an agent is given, about @subject. */
static Shown ck_prompt(Peer *peer, const char *subject) {
        _cleanup_(json_freep) struct json_object *reply = next(peer, "RegisterAgent");
        Shown shown;

        ck_assert_msg(strcmp(methods_at(reply, "event"), "prompt") == 0, "no prompt: %s",
                      json_object_to_json_string(reply));
        ck_assert_str_eq(methods_at(reply, "shown.leaf.subject"), subject);
        shown.number = atoi(methods_at(reply, "number"));
        (void) snprintf(shown.sha256, sizeof(shown.sha256), "%s",
                        methods_at(reply, "shown_sha256"));
        return shown;
}

static void ck_over(Peer *peer, Shown shown, const char *reason) {
        _cleanup_(json_freep) struct json_object *reply = next(peer, "RegisterAgent");

        ck_assert_msg(strcmp(methods_at(reply, "event"), "over") == 0, "not over: %s",
                      json_object_to_json_string(reply));
        ck_assert_int_eq(atoi(methods_at(reply, "number")), shown.number);
        ck_assert_str_eq(methods_at(reply, "reason"), reason);
}

#define NOBODY "CN=nobody.example.net"
#define ELSE "CN=else.example.net"

static void ck_answered(uid_t uid, Shown shown, const char *choice, const char *path,
                        const char *value) {
        _cleanup_(peer_freep) Peer *peer = connect_as(uid);
        char parameters[512];

        (void) snprintf(parameters, sizeof(parameters),
                        "{'number':%d,'shown_sha256':'%s','choice':%s}", shown.number, shown.sha256,
                        choice);
        say(peer, "AnswerPrompt", parameters, false);
        ck_next(peer, "AnswerPrompt", path, value);
}

/* Waits until @n calls of Ask wait. */
static void wait_for_askers(unsigned n) {
        char number[16];
        bool there;

        (void) snprintf(number, sizeof(number), "%u", n);
        do {
                _cleanup_(json_freep) struct json_object *reply = methods_call(m, "GetStatus", "{}");

                there = strcmp(methods_at(reply, "asking"), number) == 0;
        } while (!there);
}

START_TEST(test_no_agent) {
        _cleanup_(peer_freep) Peer *bad = ask(0, BAD), *good = ask(0, "'chain':[@good]"),
                                   *never = ask(0, "'chain':[@never]");

        ck_answer(bad, "prompt", "no-agent");
        ck_answer(good, "accept", "not-needed");
        ck_answer(never, "reject", "not-needed");
}
END_TEST

static const struct {
        const char *sentence;
        const char *choice;
        const char *path, *value; /* of the answer to the agent */
        const char *verdict, *asked;
        const char *again; /* what the next one hears at once */
        const char *over;
} choices[] = {
        { "for ever", "'allow'", "exception.end", "never", "accept", "answered", "not-needed",
          "answered" },
        { "until a date", "'allow','until':4000000000", "exception.until", "4000000000", "accept",
          "answered", "not-needed", "answered" },
        { "the key", "'allow','pin':'key'", "exception.pin", "key", "accept", "answered",
          "not-needed", "answered" },
        { "a denial", "'deny'", "exception.action", "deny", "reject", "answered", "not-needed",
          "answered" },
        { "not now", "'not-now'", "exception", "", "prompt", "dismissed", "dismissed",
          "dismissed" },
};

START_TEST(test_choices) {
        _cleanup_(peer_freep) Peer *a = agent(0), *who = ask(0, BAD), *later = NULL;
        Shown shown = ck_prompt(a, NOBODY);

        ck_answered(0, shown, choices[_i].choice, choices[_i].path, choices[_i].value);
        ck_answer(who, choices[_i].verdict, choices[_i].asked);
        ck_over(a, shown, choices[_i].over);
        later = ask(0, BAD);
        ck_answer(later, choices[_i].verdict, choices[_i].again);
        ck_answered(0, shown, "'allow'", "error", "org.certexc1.PromptUnknown");
}
END_TEST

START_TEST(test_session_choice) {
        _cleanup_(peer_freep) Peer *a = agent(0), *who = ask(0, BAD);
        Shown shown = ck_prompt(a, NOBODY);

        methods_log_in(m, getuid(), 5000);
        ck_answered(0, shown, "'allow','session':true", "exception.end", "session");
        ck_answer(who, "accept", "answered");
}
END_TEST

/* What was not taken leaves the prompt as it was. */
START_TEST(test_refused_answers) {
        static const struct {
                const char *choice, *path, *value;
        } refused[] = {
                { "'perhaps'", "field", "choice" },
                { "'not-now','until':5", "parameter", "until" },
                { "'allow','until':5", "field", "until" },
                { "'allow','until':4000000000,'session':true", "field", "session" },
                { "'allow','pin':'name'", "field", "pin" },
                { "'allow','problems':[]", "parameter", "problems" },
                { "'allow','fingerprint':'00'", "field", "fingerprint" },
                { "'allow','fingerprint':'0000000000000000000000000000000000000000000000000000000000"
                  "000000'",
                  "error", "org.certexc1.FingerprintMismatch" },
        };
        _cleanup_(peer_freep) Peer *a = agent(0), *who = ask(0, BAD);
        Shown shown = ck_prompt(a, NOBODY), wrong = shown;

        for (size_t i = 0; i < N_ELEMENTS(refused); i++)
                ck_answered(0, shown, refused[i].choice, refused[i].path, refused[i].value);
        wrong.sha256[0] = wrong.sha256[0] == '0' ? '1' : '0';
        ck_answered(0, wrong, "'allow'", "field", "shown_sha256");
        wrong = shown;
        wrong.number++;
        ck_answered(0, wrong, "'allow'", "error", "org.certexc1.PromptUnknown");
        ck_answered(0, shown, "'deny'", "exception.id", "1");
        ck_answer(who, "reject", "answered");
        ck_over(a, shown, "answered");
}
END_TEST

START_TEST(test_another_uid) {
        _cleanup_(peer_freep) Peer *a = agent(ALICE), *b = agent(BOB), *root = agent(0), *who = NULL;
        Shown shown;

        who = ask(ALICE, BAD);
        shown = ck_prompt(a, NOBODY);
        ck_answered(BOB, shown, "'allow'", "error", "org.certexc1.PromptUnknown");
        ck_answered(0, shown, "'allow'", "error", "org.certexc1.PromptUnknown");
        ck_answered(0, shown, "'allow','owner':4711", "error", "org.certexc1.AccessDenied");
        WALK({ "nor may root ask for her", 0, "Verify", "{" AT BAD ",'owner':4711}", "verdict",
               "prompt" });
        ck_answered(ALICE, shown, "'allow'", "exception.owner", "4711");
        ck_answer(who, "accept", "answered");

        /* His and root's were never asked. */
        who = peer_free(who);
        who = ask(BOB, BAD);
        (void) ck_prompt(b, NOBODY);
        b = peer_free(b);
        ck_answer(who, "prompt", "no-agent");
        who = peer_free(who);
        who = ask(0, BAD);
        (void) ck_prompt(root, NOBODY);
}
END_TEST

/* Root asks in her name: her agent answers it. */
START_TEST(test_root_asks_for_another) {
        _cleanup_(peer_freep) Peer *a = agent(ALICE), *root = agent(0),
                                   *who = ask(0, BAD ",'owner':4711"), *system = NULL;
        Shown shown = ck_prompt(a, NOBODY);

        ck_answered(ALICE, shown, "'allow'", "exception.owner", "4711");
        ck_answer(who, "accept", "answered");
        ck_assert_msg(!peer_is_closed(root, 0), "root's own agent was there, and not asked");
        system = ask(0, BAD ",'owner':-1");
        ck_answer(system, "prompt", "no-agent");
}
END_TEST

/* As many as one user may have connections for, less its agent, its answer and the test's own. */
START_TEST(test_many_askers) {
        _cleanup_(peer_freep) Peer *a = agent(0);
        Peer *askers[CONNECTIONS_PER_UID_MAX - 3] = {};
        Shown shown;

        for (size_t i = 0; i < N_ELEMENTS(askers); i++)
                askers[i] = ask(0, i % 2 ? BAD : "'chain':[@bad,@other]");
        shown = ck_prompt(a, NOBODY);
        wait_for_askers(N_ELEMENTS(askers));
        askers[7] = peer_free(askers[7]);
        ck_answered(0, shown, "'allow'", "already", "false");
        for (size_t i = 0; i < N_ELEMENTS(askers); i++) {
                if (askers[i])
                        ck_answer(askers[i], "accept", "answered");
                askers[i] = peer_free(askers[i]);
        }
        ck_over(a, shown, "answered");
}
END_TEST

/* The same leaf is one prompt; each has the verdict of its own question. */
START_TEST(test_judged_anew) {
        _cleanup_(peer_freep) Peer *a = agent(0), *one = ask(0, BAD), *other = NULL;
        Shown shown = ck_prompt(a, NOBODY);

        other = ask(0, OTHER);
        ck_answered(0, shown, "'allow'", "already", "false");
        ck_answer(one, "accept", "answered");
        ck_over(a, shown, "answered");
        shown = ck_prompt(a, ELSE);
        ck_answered(0, shown, "'deny'", "already", "false");
        ck_answer(other, "reject", "answered");
}
END_TEST

START_TEST(test_hang_up) {
        _cleanup_(peer_freep) Peer *a = agent(0), *one = ask(0, BAD), *two = NULL, *three = NULL;
        Shown shown = ck_prompt(a, NOBODY);

        two = ask(0, BAD);
        wait_for_askers(2);
        one = peer_free(one);
        three = ask(0, OTHER); /* waits behind it */
        two = peer_free(two);
        ck_over(a, shown, "gone");
        shown = ck_prompt(a, ELSE);
        ck_answered(0, shown, "'allow'", "already", "false");
        ck_answer(three, "accept", "answered");
}
END_TEST

START_TEST(test_lost_agents) {
        _cleanup_(peer_freep) Peer *first = agent(0), *second = agent(0), *who = ask(0, BAD);
        Shown shown = ck_prompt(second, NOBODY), again;

        second = peer_free(second);
        again = ck_prompt(first, NOBODY);
        ck_assert_int_eq(shown.number, again.number);
        first = peer_free(first);
        ck_answer(who, "prompt", "no-agent");
}
END_TEST

START_TEST(test_late_agent) {
        _cleanup_(peer_freep) Peer *a = agent(0), *one = ask(0, BAD), *two = NULL, *late = NULL;
        Shown shown = ck_prompt(a, NOBODY);

        two = ask(0, OTHER);
        late = agent(0);
        (void) ck_prompt(late, ELSE);
        ck_answered(0, shown, "'not-now'", "exception", "");
        ck_over(a, shown, "dismissed");
        ck_answer(one, "prompt", "dismissed");
}
END_TEST

START_TEST(test_sessions) {
        _cleanup_(peer_freep) Peer *desk = agent_in(0, "c1"), *far = agent_in(0, "c2"), *who = NULL;
        Shown shown;

        who = ask(0, BAD ",'login_session':'c1'");
        shown = ck_prompt(desk, NOBODY);
        ck_answered(0, shown, "'not-now'", "exception", "");
        ck_over(desk, shown, "dismissed");
        who = peer_free(who);
        who = ask(0, OTHER ",'login_session':'c2'");
        (void) ck_prompt(far, ELSE);
}
END_TEST

START_TEST(test_time_out) {
        _cleanup_(peer_freep) Peer *a = agent(0), *patient = ask(0, BAD), *who = NULL;
        Shown shown = ck_prompt(a, NOBODY);

        who = ask(0, BAD ",'timeout':1");
        ck_answer(who, "prompt", "timed-out");
        patient = peer_free(patient);
        ck_over(a, shown, "gone");
        who = peer_free(who);
        who = ask(0, BAD ",'timeout':1");
        shown = ck_prompt(a, NOBODY);
        ck_answer(who, "prompt", "timed-out");
        ck_over(a, shown, "timed-out");
}
END_TEST

/* What is decided in another way counts as well. */
START_TEST(test_decided_elsewhere) {
        _cleanup_(peer_freep) Peer *a = agent(0), *who = ask(0, BAD), *again = NULL;
        Shown shown = ck_prompt(a, NOBODY);

        WALK({ "something about another certificate", 0, "AddDenial", "{" AT OTHER "}", "already",
               "false" },
             { "an exception for this one", 0, "AddException", "{" AT SHOWN BAD "}", "already",
               "false" });
        ck_answer(who, "accept", "answered");
        ck_over(a, shown, "changed");
        WALK({ "which is revoked", 0, "RevokeException", "{'id':2}", "exception.state",
               "revoked" });
        again = ask(0, BAD);
        (void) ck_prompt(a, NOBODY);
}
END_TEST

START_TEST(test_bounds) {
        Peer *agents[AGENTS_PER_UID_MAX], *askers[PROMPTS_PER_OWNER_MAX];
        _cleanup_(peer_freep) Peer *over = connect_as(0), *port = connect_as(0);
        char parameters[256];

        for (size_t i = 0; i < N_ELEMENTS(agents); i++)
                agents[i] = agent(0);
        say(over, "RegisterAgent", "{}", true);
        ck_next(over, "RegisterAgent", "limit", "8");

        for (size_t i = 0; i < N_ELEMENTS(askers); i++) {
                (void) snprintf(parameters, sizeof(parameters),
                                "{'host':'mail.example.org','port':%zu," BAD "}", i + 1);
                askers[i] = connect_as(0);
                say(askers[i], "Ask", parameters, false);
        }
        wait_for_askers(PROMPTS_PER_OWNER_MAX);
        (void) snprintf(parameters, sizeof(parameters),
                        "{'host':'mail.example.org','port':%zu," SHOWN BAD "}", N_ELEMENTS(askers));
        say(port, "Ask", "{'host':'mail.example.org','port':17," BAD "}", false);
        ck_answer(port, "prompt", "too-many");
        WALK({ "one is decided", 0, "AddException", parameters, "already", "false" });
        ck_answer(askers[N_ELEMENTS(askers) - 1], "accept", "answered");

        for (size_t i = 0; i < N_ELEMENTS(askers); i++)
                askers[i] = peer_free(askers[i]);
        for (size_t i = 0; i < N_ELEMENTS(agents); i++)
                agents[i] = peer_free(agents[i]);
        WALK({ "no time at all", 0, "Ask", "{" AT BAD ",'timeout':0}", "field", "timeout" },
             { "one second", 0, "Ask", "{" AT BAD ",'timeout':1}", "asked", "no-agent" },
             { "ten minutes", 0, "Ask", "{" AT BAD ",'timeout':600}", "asked", "no-agent" },
             { "a second more", 0, "Ask", "{" AT BAD ",'timeout':601}", "field", "timeout" },
             { "no port", 0, "Ask", "{'host':'mail.example.org','port':0," BAD "}", "error",
               "org.certexc1.InvalidPort" },
             { "not as a stream", 0, "RegisterAgent", "{}", "error",
               "org.varlink.service.ExpectedMore" });
}
END_TEST

/* Whoever waits when the daemon stops is answered. */
START_TEST(test_stop) {
        _cleanup_(peer_freep) Peer *a = agent(0), *who = ask(0, BAD);

        (void) ck_prompt(a, NOBODY);
        ck_assert_int_eq(fixture_stop(m->fixture), 0);
        ck_answer(who, "prompt", "no-agent");
        m->peer = peer_free(m->peer);
        methods_start(m, m->clock);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("agents");
        TCase *tcase = tcase_create("agents");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        tcase_add_checked_fixture(tcase, setup, teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_no_agent);
        tcase_add_loop_test(tcase, test_choices, 0, (int) N_ELEMENTS(choices));
        tcase_add_test(tcase, test_session_choice);
        tcase_add_test(tcase, test_refused_answers);
        tcase_add_test(tcase, test_many_askers);
        tcase_add_test(tcase, test_judged_anew);
        tcase_add_test(tcase, test_hang_up);
        tcase_add_test(tcase, test_lost_agents);
        tcase_add_test(tcase, test_late_agent);
        tcase_add_test(tcase, test_sessions);
        tcase_add_test(tcase, test_time_out);
        tcase_add_test(tcase, test_decided_elsewhere);
        tcase_add_test(tcase, test_bounds);
        tcase_add_test(tcase, test_stop);
        if (geteuid() == 0) {
                tcase_add_test(tcase, test_another_uid);
                tcase_add_test(tcase, test_root_asks_for_another);
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
