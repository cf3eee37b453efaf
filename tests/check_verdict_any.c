/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict: what must hold for any input whatever. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/verdict.h"

#define ME      INT64_C(1000)
#define NOW     INT64_C(1767225600)
#define EXPIRED PROBLEM_EXPIRED
#define SELF    PROBLEM_SELF_SIGNED
#define NAME    PROBLEM_NAME_MISMATCH

/* Certificates A and B have a key each, C has A's key. */
static const uint8_t leaves[3][SHA256_SIZE] = { "certificate A", "certificate B", "certificate C" };
static const uint8_t keys[3][SHA256_SIZE] = { "key A", "key B", "key A" };

static const Session here = { .known = true, .boot_id = "this boot", .login_usec = 5, .oldest_usec = 5 };
static const Session other_boot = { .known = true, .boot_id = "last boot", .login_usec = 5, .oldest_usec = 5 };
static const Session other_login = { .known = true, .boot_id = "this boot", .login_usec = 4, .oldest_usec = 4 };
static const Session nowhere = { .known = false, .boot_id = "this boot", .login_usec = 5, .oldest_usec = 5 };

static void set_leaf(VerdictInput *in, unsigned which) {
        in->leaf_sha256 = leaves[which];
        in->leaf_key_sha256 = keys[which];
}

static void set_certificate(Decision *d, unsigned which) {
        memcpy(d->certificate_sha256, leaves[which], SHA256_SIZE);
        memcpy(d->key_sha256, keys[which], SHA256_SIZE);
}

static uint64_t state_of_chance;

/* xorshift64: the same sequence in every run. */
static uint32_t chance(uint32_t below) {
        state_of_chance ^= state_of_chance << 13;
        state_of_chance ^= state_of_chance >> 7;
        state_of_chance ^= state_of_chance << 17;
        return (uint32_t) (state_of_chance >> 33) % below;
}

static const Session *any_session(void) {
        static const Session *const sessions[] = { &here, &other_boot, &other_login, &nowhere };

        return sessions[chance(3) ? 0 : chance(N_ELEMENTS(sessions))];
}

static ProblemSet any_problems(void) {
        static const ProblemSet often[] = { SELF, EXPIRED, NAME, SELF | NAME, SELF | EXPIRED };

        switch (chance(8)) {
        case 0:
                return 0;
        case 1:
                return 1U << chance(32);
        default:
                return often[chance(N_ELEMENTS(often))];
        }
}

static DecisionEnd any_end(void) {
        return (DecisionEnd) (chance(3) ? END_NEVER : chance(5));
}

static void any_decision(Decision *d, uint64_t id) {
        static const int64_t owners[] = { ME, ME, ME, ME, OWNER_SYSTEM, OWNER_SYSTEM, 1001 };
        static const uint16_t ports[] = { 993, 993, 143 };
        static const unsigned certificates[] = { 0, 0, 1, 2 };

        *d = (Decision){
                .owner = owners[chance(N_ELEMENTS(owners))],
                .id = id,
                .action = chance(6) ? DECISION_ALLOW : DECISION_DENY,
                .pin = (DecisionPin) (chance(3) ? PIN_CERTIFICATE : chance(4)),
                .state = (DecisionState) (chance(3) ? STATE_LIVE : chance(6)),
                .host = "mail.example.org",
                .port = ports[chance(N_ELEMENTS(ports))],
                .problems = chance(4) ? SELF | EXPIRED | NAME : any_problems(),
                .end = any_end(),
                .until = NOW - 1 + chance(3),
                .session = *any_session(),
                .created = chance(3),
        };
        set_certificate(d, certificates[chance(N_ELEMENTS(certificates))]);
}

/* Written from the design's words, not from the code. */
static bool counts(const VerdictInput *in, const Decision *d) {
        bool mine = d->owner == in->owner || d->owner == OWNER_SYSTEM;
        bool there = in->port == 0 || d->port == in->port;
        bool pinned =
                (d->pin == PIN_CERTIFICATE &&
                 memcmp(d->certificate_sha256, in->leaf_sha256, SHA256_SIZE) == 0) ||
                (d->pin == PIN_KEY && memcmp(d->key_sha256, in->leaf_key_sha256, SHA256_SIZE) == 0);
        const Session *now = d->owner == OWNER_SYSTEM ? in->system_session : in->session;
        bool lives = d->end == END_NEVER || (d->end == END_DATE && in->now < d->until) ||
                     (d->end == END_SESSION && d->session.known && now->known &&
                      now->oldest_usec <= d->session.login_usec &&
                      memcmp(d->session.boot_id, now->boot_id, BOOT_ID_SIZE) == 0);

        return mine && there && pinned && lives && d->state == STATE_LIVE;
}

static bool may_accept(const VerdictInput *in) {
        bool allowed = in->problems == 0;

        if (in->problems & (in->never | problem_set_never | ~problem_set_all))
                return false;
        for (size_t i = 0; i < in->n_decisions; i++) {
                const Decision *d = in->decisions + i;

                if (!counts(in, d))
                        continue;
                if (d->action == DECISION_DENY)
                        return false;
                if (d->owner != OWNER_SYSTEM && !in->user_exceptions)
                        continue;
                if (in->port == 0 && d->pin != PIN_CERTIFICATE)
                        continue;
                allowed = allowed || (!in->in_doubt && (in->problems & ~d->problems) == 0);
        }
        return allowed;
}

static bool has_unconfirmed_denial(const VerdictInput *in) {
        for (size_t i = 0; i < in->n_decisions; i++)
                if (in->decisions[i].action == DECISION_DENY &&
                    in->decisions[i].state == STATE_UNCONFIRMED)
                        return true;
        return false;
}

START_TEST(never_an_accept_that_nobody_gave) {
        unsigned n_accepted = 0;

        state_of_chance = UINT64_C(0x9e3779b97f4a7c15) + (uint64_t) _i;
        for (unsigned n = 0; n < 100000; n++) {
                Decision decisions[4];
                VerdictOutput out;
                VerdictInput in = {
                        .problems = any_problems(),
                        .never = chance(5) ? 0 : EXPIRED,
                        .decisions = decisions,
                        .n_decisions = chance(5),
                        .in_doubt = chance(5) == 0,
                        .user_exceptions = chance(5) > 0,
                        .port = chance(4) ? 993 : 0,
                        .owner = ME,
                        .now = NOW,
                        .session = any_session(),
                        .system_session = any_session(),
                        .certificate_known = chance(2),
                };

                set_leaf(&in, chance(2) ? 0 : chance(3));
                for (size_t i = 0; i < in.n_decisions; i++)
                        any_decision(decisions + i, i + 1);
                out = verdict_judge(&in);
                n_accepted += out.verdict == VERDICT_ACCEPT && in.problems != 0;
                ck_assert(out.verdict != VERDICT_ACCEPT || may_accept(&in));
                /* And what was given is honoured. */
                ck_assert(out.verdict == VERDICT_ACCEPT || !may_accept(&in) ||
                          has_unconfirmed_denial(&in));
        }
        ck_assert_uint_gt(n_accepted, 1000);
}
END_TEST

START_TEST(every_set_of_problems_against_every_exception_of_four) {
        static const Problem four[] = { SELF, EXPIRED, NAME, PROBLEM_REVOKED };

        for (unsigned held = 0; held < 256; held++) {
                Decision d;
                VerdictInput in = { .decisions = &d,
                                    .n_decisions = 1,
                                    .user_exceptions = true,
                                    .port = 993,
                                    .owner = ME,
                                    .now = NOW,
                                    .session = &here };

                d = (Decision){ .owner = ME,
                                .id = 1,
                                .action = DECISION_ALLOW,
                                .pin = PIN_CERTIFICATE,
                                .state = STATE_LIVE,
                                .port = 993,
                                .end = END_NEVER };
                set_certificate(&d, 0);
                set_leaf(&in, 0);
                for (unsigned i = 0; i < N_ELEMENTS(four); i++) {
                        in.problems |= held & (1U << i) ? four[i] : 0;
                        d.problems |= held & (16U << i) ? four[i] : 0;
                }
                ck_assert_int_eq(verdict_judge(&in).verdict == VERDICT_ACCEPT,
                                 in.problems == 0 || (!(in.problems & PROBLEM_REVOKED) &&
                                                      (in.problems & ~d.problems) == 0));
        }
}
END_TEST

int main(void) {
        Suite *suite = suite_create("verdict, any input");
        TCase *tcase = tcase_create("any");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, never_an_accept_that_nobody_gave, 0, 5);
        tcase_add_test(tcase, every_set_of_problems_against_every_exception_of_four);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
