/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Prompts, askers and agents as a state machine, without clock, sockets or loop. A row is a story, and
 * what comes of it:
 *
 *   +A:s   agent A (of uid 1; X, Y, Z: of uid 2) registers from session s    -A  it is gone
 *   1?k:s  asker 1 wants k (K and kin: of owner 2) decided, in session s     -1  it hangs up
 *   k!     an answer is on its way     k.  it arrived     k~  it was refused
 *   k/     "not now", for 100 s        @9  the time is 9
 *   *k     what verdicts about k depend on changed
 *   #      the daemon is about to end
 *   !      effects are done: askers who are to judge again ask again, unless the row says otherwise
 *
 * What is done: "A<k" A is to show k; "A>k:word" that is over; "1=word" asker 1 knows.
 */
#include "config.h"

#include <check.h>
#include <json-c/json.h>
#include <stdio.h>
#include <string.h>

#include "daemon/decision.h"
#include "daemon/limits.h"
#include "daemon/prompts.h"

#define WAIT 50U
#define HOLD 100U

typedef struct Story {
        Prompts *prompts;
        uint64_t now;
        Agent *agents[128];
        Asker *askers[128];
        char wants[128], session[128]; /* of each asker */
        char key_of[256];              /* of each prompt, by number */
        Prompt *held[128];             /* that is being answered, by key */
        bool leaves; /* who is to judge again has a verdict */
        unsigned n_told;
        char seen[1024];
} Story;

static const struct {
        const char *sentence;
        const char *story;
        const char *seen;
} rows[] = {
        { "without an agent nobody waits", "1?k !", "1=no-agent" },
        { "an agent gets what is asked", "+A 1?k !", "A<k" },
        { "however many ask, it is asked once", "+A 1?k 2?k 3?k !", "A<k" },
        { "on an answer each knows, and the agent last", "+A 1?k 2?k ! k! k. !",
          "A<k 1=answered 2=answered A>k:answered" },
        { "an answer that was refused leaves it where it is", "+A 1?k ! k! k~ !", "A<k 1=changed" },
        { "one that has its verdict by then takes it away", "+A 1?k ! k! k~ ^ !",
          "A<k 1=changed A>k:changed" },
        { "not now: each knows", "+A 1?k 2?k ! k/ !", "A<k 1=dismissed 2=dismissed A>k:dismissed" },
        { "and it holds", "+A 1?k ! k/ ! @99 2?k !", "A<k 1=dismissed A>k:dismissed 2=dismissed" },
        { "until it does not", "+A 1?k ! k/ ! @100 2?k !", "A<k 1=dismissed A>k:dismissed A<k" },
        { "and not for anything else", "+A 1?k ! k/ ! 2?j !", "A<k 1=dismissed A>k:dismissed A<j" },
        { "nor for another owner's", "+A +X 1?k ! k/ ! 2?K !",
          "A<k 1=dismissed A>k:dismissed X<K" },
        { "nor if it was decided in another way since", "+A 1?k ! k/ ! *k 2?k !",
          "A<k 1=dismissed A>k:dismissed A<k" },
        { "time passes", "+A 1?k ! @49 !", "A<k" },
        { "and runs out", "+A 1?k ! @50 !", "A<k 1=timed-out A>k:timed-out" },
        { "for each by itself", "+A 1?k ! @20 2?k @50 !", "A<k 1=timed-out" },
        { "and for the last one", "+A 1?k ! @20 2?k @50 ! @70 !",
          "A<k 1=timed-out 2=timed-out A>k:timed-out" },
        { "nothing is dismissed by that", "+A 1?k ! @50 ! 2?k !",
          "A<k 1=timed-out A>k:timed-out A<k" },
        { "who hangs up is not told", "+A 1?k 2?k ! -1 ! k! k. !", "A<k 2=answered A>k:answered" },
        { "when the last one hangs up it is taken back", "+A 1?k 2?k ! -1 -2 !", "A<k A>k:gone" },
        { "before anybody was asked, nobody is told", "+A 1?k -1 !", "" },
        { "an agent asks one thing at a time", "+A 1?k 2?j !", "A<k" },
        { "then the next", "+A 1?k 2?j ! k! k. !", "A<k 1=answered A>k:answered A<j" },
        { "in the order of asking", "+A 1?k 2?j 3?i ! -1 ! -2 !", "A<k A>k:gone A<j A>j:gone A<i" },
        { "a lost agent's goes to the next", "+A +B 1?k ! -B !", "B<k A<k" },
        { "with none left, nobody waits", "+A 1?k 2?j ! -A !", "A<k 1=no-agent 2=no-agent" },
        { "another owner's agent is none", "+X 1?k !", "1=no-agent" },
        { "nor when the own one is lost", "+A +X 1?k ! -A !", "A<k 1=no-agent" },
        { "a late agent gets what waits", "+A 1?k 2?j ! +B !", "A<k B<j" },
        { "what is shown stays where it is", "+A 1?k ! +B !", "A<k" },
        { "of two, the last that registered", "+A +B 1?k !", "B<k" },
        { "but first the one in the asker's session", "+A:s +B:t 1?k:s !", "A<k" },
        { "even the older of those elsewhere", "+A:s +B:t +C:s 1?k:t !", "B<k" },
        { "and even if it is busy", "+A:s +B:t 1?k:s 2?j:s !", "A<k" },
        { "until it has time", "+A:s +B:t 1?k:s 2?j:s ! k! k. !", "A<k 1=answered A>k:answered A<j" },
        { "or is lost", "+A:s +B:t 1?k:s 2?j:s ! -A !", "A<k B<k" },
        { "no session is nobody's session", "+A +B:t 1?k !", "B<k" },
        { "owners do not meet", "+A +X 1?k 2?K ! K! K. !", "X<K A<k 2=answered X>K:answered" },
        { "decided in another way: who asks judges again", "+A 1?k ! *k !", "A<k 1=changed" },
        { "and with a verdict it is over", "+A 1?k ! *k ^ !", "A<k 1=changed A>k:changed" },
        { "elsewhere is not here", "+A 1?k ! *j !", "A<k" },
        { "nor is another owner's", "+A 1?k ! *K !", "A<k" },
        { "while an answer is on its way it counts alone", "+A 1?k ! k! *k ! k. !",
          "A<k 1=answered A>k:answered" },
        { "who asks meanwhile gets it too", "+A 1?k ! k! 2?k ! k. !",
          "A<k 1=answered 2=answered A>k:answered" },
        { "time may run out meanwhile", "+A 1?k ! k! @50 ! k. !", "A<k 1=timed-out A>k:answered" },
        { "and if it is refused then, it is over", "+A 1?k ! k! @50 ! k~ !",
          "A<k 1=timed-out A>k:gone" },
        { "the agent may be lost meanwhile", "+A 1?k ! k! -A ! k. !", "A<k 1=answered" },
        { "and if it is refused then, nobody waits", "+A 1?k ! k! -A ! k~ !", "A<k 1=no-agent" },
        { "or the next one asks", "+A +B 1?k ! k! -B ! k~ !", "B<k 1=changed A<k" },
        { "at the end of all each knows", "+A +X 1?k 2?j 3?K ! # !",
          "X<K A<k 1=no-agent 2=no-agent 3=no-agent X>K:no-agent A>k:no-agent" },
        { "and nobody waits any more", "+A # 1?k !", "1=no-agent" },
        { "an answer that is on its way still counts", "+A 1?k ! k! # ! k. !",
          "A<k 1=answered A>k:answered" },
        { "or does not", "+A 1?k ! k! # ! k~ !", "A<k 1=no-agent A>k:no-agent" },
        { "dismissed while somebody is to judge again", "+A 1?k 2?k ! *k k/ !",
          "A<k 1=changed 1=dismissed 2=changed 2=dismissed A>k:dismissed" },
        { "hangs up when it is to judge again", "+A 1?k ! *k -1 !", "A<k A>k:changed" },
};

static const char *word(Outcome outcome) {
        static const char *const words[] = { "waits",     "answered", "dismissed", "no-agent",
                                             "timed-out", "too-many", "changed",   "gone" };

        return words[outcome];
}

static void see(Story *s, const char *text) {
        const size_t n = strlen(s->seen);

        (void) snprintf(s->seen + n, sizeof(s->seen) - n, "%s%s", n > 0 ? " " : "", text);
}

static void see_asker(Story *s, char name, Outcome outcome) {
        char text[32];

        (void) snprintf(text, sizeof(text), "%c=%s", name, word(outcome));
        see(s, text);
}

static PromptKey key_named(char name) {
        PromptKey key = { .owner = name >= 'a' ? 1 : 2, .problems = 1 };

        key.endpoint.host[0] = (char) (name | 0x20);
        key.endpoint.port = 993;
        return key;
}

static void ask(Story *s, char name) {
        const PromptKey key = key_named(s->wants[(int) name]);
        const char session[] = { s->session[(int) name], '\0' };
        PromptSubject subject = {};
        Prompt *prompt = NULL;
        Outcome outcome;

        outcome = prompts_look(s->prompts, &key, s->now, &prompt);
        if (outcome != OUTCOME_WAITS) {
                see_asker(s, name, outcome);
                return;
        }
        if (!prompt) {
                ck_assert_int_eq(prompt_new(s->prompts, &key, &subject, &prompt), 0);
                s->key_of[prompt_number(prompt)] = s->wants[(int) name];
        }
        ck_assert_int_eq(asker_new(prompt, session, s->now + WAIT, (void *) (intptr_t) name,
                                   &s->askers[(int) name]),
                         0);
}

static void know(Story *s, Asker *asker, Outcome outcome) {
        const char name = (char) (intptr_t) asker_userdata(asker);

        see_asker(s, name, outcome);
        s->askers[(int) name] = NULL;
        if (outcome == OUTCOME_CHANGED && !s->leaves)
                ask(s, name);
        ck_assert_ptr_null(asker_free(asker));
}

static void effects(Story *s) {
        char text[32];
        Effect e;

        while (prompts_next(s->prompts, &e)) {
                char agent = e.agent ? (char) (intptr_t) agent_userdata(e.agent) : '?';

                switch (e.kind) {
                case EFFECT_ASKER:
                        know(s, e.asker, e.outcome);
                        continue;
                case EFFECT_GIVE:
                        (void) snprintf(text, sizeof(text), "%c<%c", agent, s->key_of[e.number]);
                        ck_assert_uint_eq(e.number, prompt_number(e.prompt));
                        break;
                case EFFECT_OVER:
                        (void) snprintf(text, sizeof(text), "%c>%c:%s", agent, s->key_of[e.number],
                                        word(e.outcome));
                        break;
                }
                see(s, text);
        }
}

static Prompt *shown(Story *s, char name) {
        for (uint64_t number = 255; number > 0; number--) {
                if (s->key_of[number] != name)
                        continue;
                ck_assert_msg(!prompts_find(s->prompts, name >= 'a' ? 2 : 1, number) &&
                                      !prompts_find(s->prompts, OWNER_SYSTEM, number),
                              "another owner's is none");
                return prompts_find(s->prompts, name >= 'a' ? 1 : 2, number);
        }
        return NULL;
}

static void answer(Story *s, char key, char how) {
        switch (how) {
        case '!':
                s->held[(int) key] = shown(s, key);
                prompt_begin_answer(s->held[(int) key]);
                ck_assert_msg(!shown(s, key), "nobody else answers it");
                return;
        case '.':
                prompt_answered(s->held[(int) key], OUTCOME_ANSWERED);
                return;
        case '~':
                prompt_answered(s->held[(int) key], OUTCOME_CHANGED);
                return;
        default:
                prompt_dismiss(shown(s, key), s->now + HOLD);
        }
}

static void leave(Story *s, char name) {
        s->agents[(int) name] = agent_free(s->agents[(int) name]);
        s->askers[(int) name] = asker_free(s->askers[(int) name]);
}

static void changed(Story *s, char key) {
        const PromptKey k = key_named(key);

        prompts_changed(s->prompts, k.owner, k.endpoint.host, k.endpoint.port);
}

static void step(Story *s, const char *p) {
        const char session[] = { strchr(p, ':') ? p[strlen(p) - 1] : '\0', '\0' };

        if (*p == '+') {
                ck_assert_int_eq(agent_new(s->prompts, p[1] < 'X' ? 1 : 2, session,
                                           (void *) (intptr_t) p[1], &s->agents[(int) p[1]]),
                                 0);
        } else if (*p == '-') {
                leave(s, p[1]);
        } else if (*p == '@') {
                s->now = strtoull(p + 1, NULL, 10);
                ck_assert_msg(prompts_due(s->prompts) > 0, "nothing is due at once");
                if (prompts_due(s->prompts) <= s->now)
                        prompts_expire(s->prompts, s->now);
        } else if (*p == '*') {
                changed(s, p[1]);
        } else if (*p == '^') {
                s->leaves = true;
        } else if (*p == '#') {
                prompts_stop(s->prompts);
        } else if (*p == '!') {
                effects(s);
        } else if (p[1] == '?') {
                s->wants[(int) *p] = p[2];
                s->session[(int) *p] = *session;
                ask(s, *p);
        } else {
                answer(s, p[0], p[1]);
        }
}

static void on_changed(void *userdata) {
        Story *s = userdata;

        s->n_told++;
}

START_TEST(test_story) {
        char copy[256], *rest = NULL;
        Story s = {};

        ck_assert_int_eq(prompts_new(on_changed, &s, &s.prompts), 0);
        (void) snprintf(copy, sizeof(copy), "%s", rows[_i].story);
        for (char *p = strtok_r(copy, " ", &rest); p; p = strtok_r(NULL, " ", &rest)) {
                const unsigned before = s.n_told;

                step(&s, p);
                ck_assert_msg(strchr("!^@", *p) || s.n_told > before ||
                                      (strchr(p, '?') && !s.askers[(int) *p]) || p[1] == '!',
                              "%s: \"%s\" wakes nobody", rows[_i].sentence, p);
        }
        ck_assert_msg(strcmp(s.seen, rows[_i].seen) == 0, "%s: %s", rows[_i].sentence, s.seen);
        for (unsigned i = 0; i < N_ELEMENTS(s.askers); i++)
                leave(&s, (char) i);
        ck_assert_msg(prompts_due(s.prompts) == UINT64_MAX, "an empty room has no clock");
        s.prompts = prompts_free(s.prompts);
}
END_TEST

/* -- bounds ---------------------------------------------------------------------------------- */

typedef struct Room {
        Prompts *prompts;
        Agent *agents[64];
        unsigned n_agents;
        Asker *askers[2048];
        unsigned n_askers;
} Room;

static Room room;

static void setup(void) {
        room = (Room){};
        ck_assert_int_eq(prompts_new(NULL, NULL, &room.prompts), 0);
}

static void teardown(void) {
        for (unsigned i = 0; i < room.n_askers; i++)
                room.askers[i] = asker_free(room.askers[i]);
        for (unsigned i = 0; i < room.n_agents; i++)
                room.agents[i] = agent_free(room.agents[i]);
        room.prompts = prompts_free(room.prompts);
}

static void add_agent(uint32_t uid) {
        ck_assert_int_eq(agent_new(room.prompts, uid, "", NULL, &room.agents[room.n_agents++]), 0);
}

/* The @n-th thing that @owner might be asked. */
static Outcome want(int64_t owner, unsigned n, uint64_t now, Prompt **ret) {
        PromptKey key = { .owner = owner, .problems = 1, .endpoint = { .host = "a", .port = 1 } };
        PromptSubject subject = {};
        Prompt *prompt = NULL;
        Outcome outcome;

        key.problems = n + 1;
        outcome = prompts_look(room.prompts, &key, now, &prompt);
        if (outcome != OUTCOME_WAITS)
                return outcome;
        if (!prompt)
                ck_assert_int_eq(prompt_new(room.prompts, &key, &subject, &prompt), 0);
        ck_assert_int_eq(asker_new(prompt, "", now + WAIT, NULL, &room.askers[room.n_askers]), 0);
        room.n_askers++;
        if (ret)
                *ret = prompt;
        return OUTCOME_WAITS;
}

START_TEST(test_agents_bound) {
        Agent *agent = NULL;

        for (unsigned i = 0; i < AGENTS_PER_UID_MAX; i++)
                add_agent(1);
        ck_assert_int_eq(agent_new(room.prompts, 1, "", NULL, &agent), -EBUSY);
        add_agent(2);
        room.agents[0] = agent_free(room.agents[0]);
        add_agent(1);
}
END_TEST

START_TEST(test_prompts_bound) {
        add_agent(1);
        add_agent(2);
        for (unsigned i = 0; i < PROMPTS_PER_OWNER_MAX; i++)
                ck_assert_int_eq(want(1, i, 0, NULL), OUTCOME_WAITS);
        ck_assert_int_eq(want(1, PROMPTS_PER_OWNER_MAX, 0, NULL), OUTCOME_TOO_MANY);
        ck_assert_msg(want(1, 0, 0, NULL) == OUTCOME_WAITS, "one that is there is joined");
        ck_assert_msg(want(2, 0, 0, NULL) == OUTCOME_WAITS, "another owner has room");
}
END_TEST

START_TEST(test_all_prompts_bound) {
        const uint32_t owners = PROMPTS_MAX / PROMPTS_PER_OWNER_MAX;

        for (uint32_t uid = 1; uid <= owners; uid++) {
                add_agent(uid);
                for (unsigned i = 0; i < PROMPTS_PER_OWNER_MAX; i++)
                        ck_assert_int_eq(want(uid, i, 0, NULL), OUTCOME_WAITS);
        }
        add_agent(owners + 1);
        ck_assert_int_eq(want(owners + 1, 0, 0, NULL), OUTCOME_TOO_MANY);
        room.askers[0] = asker_free(room.askers[0]);
        ck_assert_int_eq(want(owners + 1, 0, 0, NULL), OUTCOME_WAITS);
}
END_TEST

/* As many as may on one prompt: each knows, once. */
START_TEST(test_askers_bound) {
        Prompt *prompt = NULL;
        unsigned n = 0;
        Effect e;

        add_agent(1);
        for (unsigned i = 0; i < PROMPT_ASKERS_PER_OWNER_MAX; i++)
                ck_assert_int_eq(want(1, 0, i, &prompt), OUTCOME_WAITS);
        ck_assert_int_eq(want(1, 0, 0, NULL), OUTCOME_TOO_MANY);
        ck_assert_int_eq(want(1, 1, 0, NULL), OUTCOME_TOO_MANY);

        ck_assert(prompts_next(room.prompts, &e) && e.kind == EFFECT_GIVE);
        ck_assert_msg(!prompts_next(room.prompts, &e), "it is shown once");
        prompt_begin_answer(prompt);
        prompt_answered(prompt, OUTCOME_ANSWERED);
        while (prompts_next(room.prompts, &e) && e.kind == EFFECT_ASKER) {
                ck_assert_ptr_eq(e.asker, room.askers[n]);
                ck_assert_int_eq(e.outcome, OUTCOME_ANSWERED);
                room.askers[n] = asker_free(room.askers[n]);
                n++;
        }
        ck_assert_uint_eq(n, PROMPT_ASKERS_PER_OWNER_MAX);
        ck_assert_int_eq(e.kind, EFFECT_OVER);
        ck_assert_int_eq(want(1, 0, 0, NULL), OUTCOME_WAITS);
}
END_TEST

static void dismiss(int64_t owner, unsigned n) {
        Prompt *prompt = NULL;

        ck_assert_int_eq(want(owner, n, 0, &prompt), OUTCOME_WAITS);
        prompt_dismiss(prompt, HOLD);
        room.n_askers--;
        room.askers[room.n_askers] = asker_free(room.askers[room.n_askers]);
}

START_TEST(test_dismissals_bound) {
        add_agent(1);
        add_agent(2);
        dismiss(2, 0);
        for (unsigned i = 0; i < DISMISSALS_PER_OWNER_MAX; i++)
                dismiss(1, i);
        ck_assert_int_eq(want(1, 0, 0, NULL), OUTCOME_DISMISSED);
        dismiss(1, DISMISSALS_PER_OWNER_MAX);
        ck_assert_msg(want(1, 0, 0, NULL) == OUTCOME_WAITS, "the oldest made room");
        ck_assert_int_eq(want(1, 1, 0, NULL), OUTCOME_DISMISSED);
        ck_assert_msg(want(2, 0, 0, NULL) == OUTCOME_DISMISSED, "not another owner's");
        ck_assert_msg(want(1, 1, HOLD, NULL) == OUTCOME_WAITS, "none holds for ever");
}
END_TEST

START_TEST(test_all_dismissals_bound) {
        const uint32_t owners = DISMISSALS_MAX / DISMISSALS_PER_OWNER_MAX;

        for (uint32_t uid = 1; uid <= owners; uid++) {
                add_agent(uid);
                for (unsigned i = 0; i < DISMISSALS_PER_OWNER_MAX; i++)
                        dismiss(uid, i);
        }
        add_agent(owners + 1);
        ck_assert_int_eq(want(1, 0, 0, NULL), OUTCOME_DISMISSED);
        dismiss(owners + 1, 0);
        ck_assert_msg(want(1, 0, 0, NULL) == OUTCOME_WAITS, "the oldest of all made room");
        ck_assert_int_eq(want(1, 1, 0, NULL), OUTCOME_DISMISSED);
}
END_TEST

int main(void) {
        Suite *suite = suite_create("prompts");
        TCase *stories = tcase_create("stories"), *bounds = tcase_create("bounds");
        SRunner *runner;
        int failed;

        tcase_add_loop_test(stories, test_story, 0, (int) N_ELEMENTS(rows));
        tcase_add_checked_fixture(bounds, setup, teardown);
        tcase_add_test(bounds, test_agents_bound);
        tcase_add_test(bounds, test_prompts_bound);
        tcase_add_test(bounds, test_all_prompts_bound);
        tcase_add_test(bounds, test_askers_bound);
        tcase_add_test(bounds, test_dismissals_bound);
        tcase_add_test(bounds, test_all_dismissals_bound);
        suite_add_tcase(suite, stories);
        suite_add_tcase(suite, bounds);
        runner = srunner_create(suite);
        srunner_run_all(runner, CK_ENV);
        failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
