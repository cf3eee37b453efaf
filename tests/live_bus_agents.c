/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Prompts over the bus: agents are told by signals, and who asks holds up nobody. */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "client/bus-value.h"
#include "daemon/json.h"
#include "daemon/limits.h"
#include "tests/on-bus.h"

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

START_TEST(test_agent) {
        _cleanup_(peer_freep) Peer *one = NULL, *two = NULL;
        _cleanup_(json_freep) struct json_object *reply = NULL, *again = NULL;
        AgentOnBus agent = { 0 }, stranger = { 0 };
        sd_bus *desk = private_bus_open();
        char parameters[256];

        ck_assert_int_ge(sd_bus_match_signal(bus, NULL, BUS_NAME, BUS_PATH, BUS_INTERFACE, NULL,
                                             on_prompt, &stranger), 0);
        register_agent(desk, &agent);
        one = on_bus_asker("{" AT "'chain':[@bad]}");
        wait_for_prompts(desk, &agent, 1);
        (void) snprintf(parameters, sizeof(parameters), "{'number':%d,'shown_sha256':'%s','choice':"
                                                        "'allow'}",
                        (int) agent.number, agent.shown_sha256);
        reply = on_bus_call("AnswerPrompt", parameters);
        ck_assert_str_eq(methods_at(reply, "already"), "false");
        on_bus_ck_asked(one, "accept", "answered");
        wait_for_prompts(desk, &agent, 2);
        ck_assert_str_eq(agent.over, "answered");
        again = on_bus_call("AnswerPrompt", parameters);
        ck_assert_str_eq(reply_error(again), "org.certexc1.PromptUnknown");

        /* Leaving the bus is hanging up. */
        two = on_bus_asker("{" AT "'chain':[@other]}");
        wait_for_prompts(desk, &agent, 3);
        (void) sd_bus_flush_close_unref(desk);
        on_bus_ck_asked(two, "prompt", "no-agent");
        on_bus_drain(bus);
        ck_assert_msg(stranger.n == 0, "nobody else is told");
}
END_TEST

/* Who waits for a person holds up nobody else, and is answered when the daemon ends. */
START_TEST(test_ask) {
        _cleanup_(json_freep) struct json_object *in = on_bus_parameters("{" AT "'chain':[@bad]}");
        _cleanup_(json_freep) struct json_object *status = NULL;
        _cleanup_(sd_bus_message_unrefp) sd_bus_message *message = NULL;
        AgentOnBus agent = { 0 };
        BusTally tally = { 0 };

        register_agent(bus, &agent);
        ck_assert_int_ge(sd_bus_message_new_method_call(bus, &message, BUS_NAME, BUS_PATH,
                                                        BUS_INTERFACE, "Ask"), 0);
        ck_assert_int_ge(bus_append_call(message, interface_find(b->interface, 'm', "Ask"), in), 0);
        ck_assert_int_ge(sd_bus_call_async(bus, NULL, message, on_bus_tally, &tally, 0), 0);
        wait_for_prompts(bus, &agent, 1);
        status = on_bus_call("GetStatus", "{}");
        ck_assert_str_eq(methods_at(status, "asking"), "1");
        ck_assert_uint_eq(tally.answered, 0);
        m->peer = peer_free(m->peer);
        (void) kill(m->fixture->launch.pid, SIGTERM);
        on_bus_settle(bus, &tally, 1);
        ck_assert_uint_eq(tally.answered, 1);
        ck_assert_int_eq(launch_wait_end(&m->fixture->launch, FIXTURE_WAIT_MSEC), 0);
        launch_done(&m->fixture->launch);
        methods_start(m, PKI_NOW);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("bus, agents");
        TCase *tcase = tcase_create("bus, agents");
        SRunner *runner;
        int failed;

#ifndef CERTEXC_TESTING
        (void) fputs("SKIP: the daemon was built without --enable-testing\n", stderr);
        return 77;
#endif
        private_bus_need();
        tcase_add_checked_fixture(tcase, on_bus_setup, on_bus_teardown);
        tcase_set_timeout(tcase, 600);
        tcase_add_test(tcase, test_agent);
        tcase_add_test(tcase, test_ask);
        suite_add_tcase(suite, tcase);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
