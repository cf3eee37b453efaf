/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The verdict: a table of sentences. */
#include "config.h"

#include <check.h>
#include <string.h>

#include "daemon/verdict.h"

#define ME INT64_C(1000)
#define NOW INT64_C(1767225600)
#define EXPIRED PROBLEM_EXPIRED
#define SELF PROBLEM_SELF_SIGNED
#define NAME PROBLEM_NAME_MISMATCH

/* Certificates A and B have a key each, C has A's key. */
static const uint8_t leaf_a[SHA256_SIZE] = "certificate A";
static const uint8_t leaf_b[SHA256_SIZE] = "certificate B";
static const uint8_t leaf_c[SHA256_SIZE] = "certificate C";
static const uint8_t key_a[SHA256_SIZE] = "key A";
static const uint8_t key_b[SHA256_SIZE] = "key B";

static const Session here = { .known = true, .boot_id = "this boot", .login_usec = 5, .oldest_usec = 5 };
static const Session other_boot = { .known = true, .boot_id = "last boot", .login_usec = 5, .oldest_usec = 5 };
static const Session other_login = { .known = true, .boot_id = "this boot", .login_usec = 4, .oldest_usec = 4 };
static const Session more = { .known = true, .boot_id = "this boot", .login_usec = 9, .oldest_usec = 5 };
static const Session less = { .known = true, .boot_id = "this boot", .login_usec = 9, .oldest_usec = 6 };
static const Session bootless = { .known = true, .boot_id = "this boot" };
static const Session nowhere = { .known = false, .boot_id = "this boot", .login_usec = 5, .oldest_usec = 5 };

/* How a decision of the table is written: zero is a live, permanent exception of mine for
 * certificate A at port 993, against a self-signed certificate. */
typedef struct Given {
        bool there;
        uint64_t id;
        int64_t owner; /* 0: ME */
        DecisionAction action;
        DecisionState state;
        DecisionPin pin;
        char certificate; /* 'A', 'B', 'C' */
        ProblemSet problems;
        uint16_t port;
        DecisionEnd end;
        int64_t until;
        const Session *session;
        int64_t created;
} Given;

#define ALLOW(...) { .there = true, __VA_ARGS__ }
#define DENY(...) { .there = true, .action = DECISION_DENY, __VA_ARGS__ }
#define SYSTEM .owner = OWNER_SYSTEM
#define FOR(x) .problems = (x)
#define KEY .pin = PIN_KEY
#define ID(x) .id = (x)

typedef struct Row {
        const char *says;
        ProblemSet problems;
        Given given[4];
        Verdict verdict;
        Because because;
        uint64_t id; /* of the decision that is named; 0: none */
        ProblemSet new_problems;
        char leaf; /* 0: 'A'; '-': unreadable */
        uint16_t port; /* 0: 993; ANY_PORT: not known */
        ProblemSet never;
        bool no_user_exceptions;
        bool known;
        bool doubt;
        const Session *session; /* NULL: here */
} Row;

#define ANY_PORT 1

static const Row rows[] = {
        /* -- nothing wrong -- */
        { "no problem is accepted", 0, {}, VERDICT_ACCEPT, BECAUSE_NO_PROBLEM },
        { "no problem is accepted although another certificate was known", 0, {}, VERDICT_ACCEPT,
          BECAUSE_NO_PROBLEM, .known = true },
        { "no problem, and an exception that is not needed any more is named", 0,
          { ALLOW(ID(3)) }, VERDICT_ACCEPT, BECAUSE_NO_PROBLEM, 3 },
        { "no problem, but the person said no to this certificate", 0, { DENY(ID(3)) },
          VERDICT_REJECT, BECAUSE_DENIAL, 3 },
        { "no problem, and a no to another certificate", 0, { DENY(ID(3), .certificate = 'B') },
          VERDICT_ACCEPT, BECAUSE_NO_PROBLEM },
        { "no problem, and another certificate's exception is not named", 0,
          { ALLOW(ID(3), .certificate = 'B') }, VERDICT_ACCEPT, BECAUSE_NO_PROBLEM },

        /* -- what nobody may allow -- */
        { "a revoked certificate is refused", PROBLEM_REVOKED, {}, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "revoked beats an exception that names it", PROBLEM_REVOKED,
          { ALLOW(ID(1), FOR(PROBLEM_REVOKED)) }, VERDICT_REJECT, BECAUSE_NEVER_EXCEPTABLE },
        { "revoked beside an allowed problem is refused", EXPIRED | PROBLEM_REVOKED,
          { ALLOW(ID(1), FOR(EXPIRED | PROBLEM_REVOKED)) }, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "a blocked certificate is refused", PROBLEM_BLOCKED, {}, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "a false signature is refused", PROBLEM_BAD_SIGNATURE, {}, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "a constraint that is broken is refused", PROBLEM_BAD_CONSTRAINTS, {}, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "an unknown critical extension is refused", PROBLEM_UNKNOWN_CRITICAL, {},
          VERDICT_REJECT, BECAUSE_NEVER_EXCEPTABLE },
        { "a malformed certificate is refused", PROBLEM_MALFORMED, {}, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "a problem that is unknown to us is refused", 1U << 31, {}, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "a problem that is unknown to us is refused though an exception names it", 1U << 31,
          { ALLOW(ID(1), FOR(1U << 31)) }, VERDICT_REJECT, BECAUSE_NEVER_EXCEPTABLE },
        { "what certexcd.conf forbids is refused", EXPIRED, { ALLOW(ID(1), FOR(EXPIRED)) },
          VERDICT_REJECT, BECAUSE_NEVER_EXCEPTABLE, .never = EXPIRED },
        { "what certexcd.conf forbids does not touch other problems", SELF, { ALLOW(ID(1)) },
          VERDICT_ACCEPT, BECAUSE_EXCEPTION, 1, .never = EXPIRED },
        { "revoked is told before a denial", PROBLEM_REVOKED, { DENY(ID(1)) }, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE },
        { "a leaf that nobody can read is refused", SELF, { ALLOW(ID(1)) }, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE, .leaf = '-' },
        { "a leaf that nobody can read is refused even without a problem", 0, {}, VERDICT_REJECT,
          BECAUSE_NEVER_EXCEPTABLE, .leaf = '-' },

        /* -- exceptions -- */
        { "an exception for just this is accepted", SELF, { ALLOW(ID(7)) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 7 },
        { "an exception for more than holds is accepted", SELF, { ALLOW(ID(1), FOR(SELF | NAME)) },
          VERDICT_ACCEPT, BECAUSE_EXCEPTION, 1 },
        { "nothing known is a prompt", SELF, {}, VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "another certificate known is told as changed", SELF, {}, VERDICT_PROMPT,
          BECAUSE_CHANGED, .known = true },
        { "an exception for another certificate is told as changed", SELF,
          { ALLOW(ID(2), .certificate = 'B') }, VERDICT_PROMPT, BECAUSE_CHANGED, 2 },
        { "an ended exception for another certificate is told as changed", SELF,
          { ALLOW(ID(2), .certificate = 'B', .state = STATE_ENDED) }, VERDICT_PROMPT,
          BECAUSE_CHANGED, 2 },
        { "of several other certificates a live one is named", SELF,
          { ALLOW(ID(9), .certificate = 'B', .state = STATE_ENDED, .created = 9),
            ALLOW(ID(2), .certificate = 'B', .created = 2) },
          VERDICT_PROMPT, BECAUSE_CHANGED, 2 },
        { "the same key in another certificate does not help a certificate's exception", SELF,
          { ALLOW(ID(2)) }, VERDICT_PROMPT, BECAUSE_CHANGED, 2, .leaf = 'C' },
        { "an exception for another port does not count", SELF, { ALLOW(ID(1), .port = 143) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "an exception of another uid does not count", SELF, { ALLOW(ID(1), .owner = 1001) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "a revoked exception is as if it never was", SELF,
          { ALLOW(ID(1), .state = STATE_REVOKED) }, VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "two certificates of a load balancer have an exception each", SELF,
          { ALLOW(ID(1)), ALLOW(ID(2), .certificate = 'B') }, VERDICT_ACCEPT, BECAUSE_EXCEPTION, 2,
          .leaf = 'B' },

        /* -- new problems -- */
        { "a new problem on a known certificate is news", SELF | EXPIRED, { ALLOW(ID(1)) },
          VERDICT_PROMPT, BECAUSE_NEW_PROBLEM, 1, EXPIRED },
        { "another problem alone is news too", NAME, { ALLOW(ID(1)) }, VERDICT_PROMPT,
          BECAUSE_NEW_PROBLEM, 1, NAME },
        { "two exceptions do not cover together what neither covers alone", SELF | EXPIRED,
          { ALLOW(ID(1)), ALLOW(ID(2), FOR(EXPIRED)) }, VERDICT_PROMPT, BECAUSE_NEW_PROBLEM, 2,
          SELF },
        { "the exception that lacks the fewest is named", SELF | EXPIRED | NAME,
          { ALLOW(ID(5)), ALLOW(ID(2), FOR(SELF | NAME)) }, VERDICT_PROMPT, BECAUSE_NEW_PROBLEM,
          2, EXPIRED },
        { "one that covers beats one that does not", SELF | EXPIRED,
          { ALLOW(ID(5)), ALLOW(ID(2), FOR(SELF | EXPIRED)) }, VERDICT_ACCEPT, BECAUSE_EXCEPTION,
          2 },
        { "mine with a new problem does not stop the system's that covers", SELF | EXPIRED,
          { ALLOW(ID(5)), ALLOW(ID(2), SYSTEM, FOR(SELF | EXPIRED)) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 2 },
        { "an exception without any problem covers nothing", SELF, { ALLOW(ID(5), FOR(1U << 30)) },
          VERDICT_PROMPT, BECAUSE_NEW_PROBLEM, 5, SELF },

        /* -- keys -- */
        { "a pinned key accepts another certificate with it", SELF, { ALLOW(ID(4), KEY) },
          VERDICT_ACCEPT, BECAUSE_EXCEPTION, 4, .leaf = 'C' },
        { "a pinned key does not accept another key", SELF, { ALLOW(ID(4), KEY) }, VERDICT_PROMPT,
          BECAUSE_CHANGED, 4, .leaf = 'B' },
        { "a pinned key and a new problem is news", SELF | NAME, { ALLOW(ID(4), KEY) },
          VERDICT_PROMPT, BECAUSE_NEW_PROBLEM, 4, NAME, .leaf = 'C' },
        { "a denied key refuses another certificate with it", SELF, { DENY(ID(4), KEY) },
          VERDICT_REJECT, BECAUSE_DENIAL, 4, .leaf = 'C' },
        { "a denied key beats an exception for the certificate", SELF,
          { ALLOW(ID(1)), DENY(ID(4), KEY) }, VERDICT_REJECT, BECAUSE_DENIAL, 4 },

        /* -- denials and precedence -- */
        { "a denial refuses", SELF, { DENY(ID(1)) }, VERDICT_REJECT, BECAUSE_DENIAL, 1 },
        { "a denial refuses whatever the problems are", SELF | NAME | EXPIRED, { DENY(ID(1)) },
          VERDICT_REJECT, BECAUSE_DENIAL, 1 },
        { "a denial of another certificate says nothing", SELF,
          { DENY(ID(1), .certificate = 'B') }, VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "a denial at another port says nothing", SELF, { DENY(ID(1), .port = 143) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "my denial beats my exception", SELF, { ALLOW(ID(1)), DENY(ID(2)) }, VERDICT_REJECT,
          BECAUSE_DENIAL, 2 },
        { "my denial beats my newer exception", SELF,
          { ALLOW(ID(3), .created = 9), DENY(ID(2)) }, VERDICT_REJECT, BECAUSE_DENIAL, 2 },
        { "my denial beats the system's exception", SELF, { ALLOW(ID(1), SYSTEM), DENY(ID(2)) },
          VERDICT_REJECT, BECAUSE_DENIAL, 2 },
        { "the system's denial beats my exception", SELF, { ALLOW(ID(1)), DENY(ID(2), SYSTEM) },
          VERDICT_REJECT, BECAUSE_DENIAL, 2 },
        { "the system's denial is named before mine", SELF,
          { DENY(ID(1), .created = 9), DENY(ID(2), SYSTEM) }, VERDICT_REJECT, BECAUSE_DENIAL, 2 },
        { "of my denials the newest is named", SELF, { DENY(ID(1)), DENY(ID(2)) }, VERDICT_REJECT,
          BECAUSE_DENIAL, 2 },
        { "another uid's denial says nothing", SELF, { DENY(ID(1), .owner = 1001) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "a revoked denial says nothing", SELF, { DENY(ID(1), .state = STATE_REVOKED) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "an ended denial says nothing", SELF, { ALLOW(ID(2)), DENY(ID(1), .state = STATE_ENDED) },
          VERDICT_ACCEPT, BECAUSE_EXCEPTION, 2 },
        { "a denial whose date has passed says nothing", SELF,
          { DENY(ID(1), .end = END_DATE, .until = NOW) }, VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "a denial until later refuses", SELF, { DENY(ID(1), .end = END_DATE, .until = NOW + 1) },
          VERDICT_REJECT, BECAUSE_DENIAL, 1 },
        { "an unconfirmed denial does not refuse, but lets nothing pass", SELF,
          { ALLOW(ID(1)), DENY(ID(2), .state = STATE_UNCONFIRMED) }, VERDICT_PROMPT,
          BECAUSE_UNCONFIRMED, 2 },
        { "the system's exception is accepted", SELF, { ALLOW(ID(8), SYSTEM) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 8 },
        { "mine is named before the system's", SELF,
          { ALLOW(ID(8), SYSTEM, .created = 9), ALLOW(ID(3)) }, VERDICT_ACCEPT, BECAUSE_EXCEPTION,
          3 },
        { "of mine the newest is named", SELF, { ALLOW(ID(8)), ALLOW(ID(3), .created = 9) },
          VERDICT_ACCEPT, BECAUSE_EXCEPTION, 3 },

        /* -- UserExceptions=no -- */
        { "without user exceptions mine do not count", SELF, { ALLOW(ID(1)) }, VERDICT_PROMPT,
          BECAUSE_NO_EXCEPTION, .no_user_exceptions = true },
        { "without user exceptions the system's count", SELF, { ALLOW(ID(1), SYSTEM) },
          VERDICT_ACCEPT, BECAUSE_EXCEPTION, 1, .no_user_exceptions = true },
        { "without user exceptions my denials count", SELF, { ALLOW(ID(1), SYSTEM), DENY(ID(2)) },
          VERDICT_REJECT, BECAUSE_DENIAL, 2, .no_user_exceptions = true },

        /* -- ends -- */
        { "an exception lives until the second before its end", SELF,
          { ALLOW(ID(1), .end = END_DATE, .until = NOW + 1) }, VERDICT_ACCEPT, BECAUSE_EXCEPTION,
          1 },
        { "an exception is over in its own second", SELF,
          { ALLOW(ID(1), .end = END_DATE, .until = NOW) }, VERDICT_PROMPT, BECAUSE_ENDED, 1 },
        { "an exception recorded as ended stays so, whatever the clock says", SELF,
          { ALLOW(ID(1), .end = END_DATE, .until = NOW + 99, .state = STATE_ENDED) },
          VERDICT_PROMPT, BECAUSE_ENDED, 1 },
        { "an exception of this session lives", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &here) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 1 },
        { "an exception ends with the boot", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &other_boot) }, VERDICT_PROMPT,
          BECAUSE_ENDED, 1 },
        { "an exception ends with the log-in", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &other_login) }, VERDICT_PROMPT,
          BECAUSE_ENDED, 1 },
        { "one of several sessions is enough", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &more) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 1 },
        { "it may be the older one of two", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &here) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 1, .session = &more },
        { "sessions that began later are others", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &here) }, VERDICT_PROMPT,
          BECAUSE_ENDED, 1, .session = &less },
        { "without logind there is the boot", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &bootless) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 1, .session = &bootless },
        { "where logind came there was a time without", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &bootless) }, VERDICT_PROMPT,
          BECAUSE_ENDED, 1 },
        { "and where it went there is one", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &here) }, VERDICT_PROMPT,
          BECAUSE_ENDED, 1, .session = &bootless },
        { "a session that is not known now ends it", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &here) }, VERDICT_PROMPT, BECAUSE_ENDED,
          1, .session = &nowhere },
        { "a session that was not known then ends it", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &nowhere) }, VERDICT_PROMPT,
          BECAUSE_ENDED, 1 },
        { "two unknown sessions are not the same", SELF,
          { ALLOW(ID(1), .end = END_SESSION, .session = &nowhere) }, VERDICT_PROMPT,
          BECAUSE_ENDED, 1, .session = &nowhere },
        { "an end of a kind that nobody knows has passed", SELF,
          { ALLOW(ID(1), .end = 9) }, VERDICT_PROMPT, BECAUSE_ENDED, 1 },
        { "an ended one that would not have covered is not named", SELF | NAME,
          { ALLOW(ID(1), .state = STATE_ENDED) }, VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "a live one with a new problem is told before an ended one", SELF | NAME,
          { ALLOW(ID(1), .state = STATE_ENDED, FOR(SELF | NAME)), ALLOW(ID(2)) }, VERDICT_PROMPT,
          BECAUSE_NEW_PROBLEM, 2, NAME },
        { "an ended one is told before another certificate", SELF,
          { ALLOW(ID(1), .certificate = 'B', .created = 9), ALLOW(ID(2), .state = STATE_ENDED) },
          VERDICT_PROMPT, BECAUSE_ENDED, 2 },

        /* -- in doubt -- */
        { "while a refusal may be missing no exception accepts", SELF, { ALLOW(ID(3)) },
          VERDICT_PROMPT, BECAUSE_IN_DOUBT, 3, .doubt = true },
        { "nor the system's", SELF, { ALLOW(ID(3), SYSTEM) }, VERDICT_PROMPT, BECAUSE_IN_DOUBT, 3,
          .doubt = true },
        { "a denial refuses all the same", SELF, { ALLOW(ID(3)), DENY(ID(2)) }, VERDICT_REJECT,
          BECAUSE_DENIAL, 2, .doubt = true },
        { "a new problem is told as that", SELF | EXPIRED, { ALLOW(ID(1)) }, VERDICT_PROMPT,
          BECAUSE_NEW_PROBLEM, 1, EXPIRED, .doubt = true },
        { "what must be confirmed as that", SELF, { ALLOW(ID(1), .state = STATE_UNCONFIRMED) },
          VERDICT_PROMPT, BECAUSE_UNCONFIRMED, 1, .doubt = true },
        { "what is in order is in order, and nothing obsolete", 0, { ALLOW(ID(1)) }, VERDICT_ACCEPT,
          BECAUSE_NO_PROBLEM, .doubt = true },

        /* -- unconfirmed -- */
        { "an unconfirmed exception must be confirmed", SELF,
          { ALLOW(ID(1), .state = STATE_UNCONFIRMED) }, VERDICT_PROMPT, BECAUSE_UNCONFIRMED, 1 },
        { "an unconfirmed one without the problem is told all the same", SELF | NAME,
          { ALLOW(ID(1), .state = STATE_UNCONFIRMED) }, VERDICT_PROMPT, BECAUSE_UNCONFIRMED, 1 },
        { "an unconfirmed one is told before an ended one", SELF,
          { ALLOW(ID(1), .state = STATE_ENDED), ALLOW(ID(2), .state = STATE_UNCONFIRMED) },
          VERDICT_PROMPT, BECAUSE_UNCONFIRMED, 2 },
        { "a live one beats an unconfirmed one", SELF,
          { ALLOW(ID(1)), ALLOW(ID(2), .state = STATE_UNCONFIRMED) }, VERDICT_ACCEPT,
          BECAUSE_EXCEPTION, 1 },
        { "an unconfirmed one that is over is not worth a question", SELF,
          { ALLOW(ID(1), .state = STATE_UNCONFIRMED, .end = END_DATE, .until = NOW - 1) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "a state that nobody knows is none", SELF, { ALLOW(ID(1), .state = 77) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION },
        { "a pin that nobody knows matches nothing", SELF, { ALLOW(ID(1), .pin = 77) },
          VERDICT_PROMPT, BECAUSE_CHANGED, 1 },

        /* -- the port is not known -- */
        { "without a port an exception of any port answers, and is named", SELF,
          { ALLOW(ID(6), .port = 143) }, VERDICT_ACCEPT, BECAUSE_EXCEPTION, 6, .port = ANY_PORT },
        { "without a port a pinned key does not answer", SELF, { ALLOW(ID(6), KEY) },
          VERDICT_PROMPT, BECAUSE_NO_EXCEPTION, .port = ANY_PORT },
        { "without a port a denial of any port beats it", SELF,
          { ALLOW(ID(6), .port = 143), DENY(ID(7), .port = 465) }, VERDICT_REJECT, BECAUSE_DENIAL,
          7, .port = ANY_PORT },
        { "without a port a denied key of any port beats it", SELF,
          { ALLOW(ID(6), .port = 143), DENY(ID(7), KEY, .port = 465) }, VERDICT_REJECT,
          BECAUSE_DENIAL, 7, .port = ANY_PORT },
        { "without a port another port's certificate does not count as changed", SELF,
          { ALLOW(ID(6), .port = 143, .certificate = 'B') }, VERDICT_PROMPT, BECAUSE_NO_EXCEPTION,
          .port = ANY_PORT },
        { "without a port an exception must cover everything all the same", SELF | NAME,
          { ALLOW(ID(6), .port = 143) }, VERDICT_PROMPT, BECAUSE_NEW_PROBLEM, 6, NAME,
          .port = ANY_PORT },
};

static void make(const Given *given, Decision *ret) {
        char certificate = given->certificate ? given->certificate : 'A';

        *ret = (Decision) {
                .owner = given->owner ? given->owner : ME,
                .id = given->id,
                .action = given->action ? given->action : DECISION_ALLOW,
                .pin = given->pin ? given->pin : PIN_CERTIFICATE,
                .state = given->state ? given->state : STATE_LIVE,
                .host = "mail.example.org",
                .port = given->port ? given->port : 993,
                .problems = given->problems ? given->problems : SELF,
                .end = given->end ? given->end : END_NEVER,
                .until = given->until,
                .created = given->created,
        };
        if (given->session)
                ret->session = *given->session;
        memcpy(ret->certificate_sha256,
               certificate == 'A' ? leaf_a : certificate == 'B' ? leaf_b : leaf_c, SHA256_SIZE);
        memcpy(ret->key_sha256, certificate == 'B' ? key_b : key_a, SHA256_SIZE);
}

static void set_leaf(VerdictInput *in, char leaf) {
        in->leaf_sha256 = leaf == 'B' ? leaf_b : leaf == 'C' ? leaf_c : leaf_a;
        in->leaf_key_sha256 = leaf == 'B' ? key_b : key_a;
        if (leaf == '-')
                in->leaf_sha256 = in->leaf_key_sha256 = NULL;
}

static VerdictInput input_of(const Row *row, Decision *decisions) {
        VerdictInput in = {
                .problems = row->problems,
                .never = row->never,
                .decisions = decisions,
                .user_exceptions = !row->no_user_exceptions,
                .port = row->port == ANY_PORT ? 0 : 993,
                .owner = ME,
                .now = NOW,
                .session = row->session ? row->session : &here,
                .certificate_known = row->known,
                .in_doubt = row->doubt,
        };

        set_leaf(&in, row->leaf);
        for (size_t i = 0; i < N_ELEMENTS(row->given) && row->given[i].there; i++)
                make(row->given + i, decisions + in.n_decisions++);
        return in;
}

static void check_row(const Row *row, const VerdictInput *in) {
        VerdictOutput out = verdict_judge(in);

        ck_assert_msg(out.verdict == row->verdict, "%s: is %s", row->says,
                      verdict_name(out.verdict));
        ck_assert_msg(out.because == row->because, "%s: because %s", row->says,
                      because_name(out.because));
        ck_assert_msg((out.decision ? out.decision->id : 0) == row->id, "%s: names %d", row->says,
                      out.decision ? (int) out.decision->id : 0);
        ck_assert_msg(out.new_problems == row->new_problems, "%s: new are %x", row->says,
                      out.new_problems);
}

START_TEST(verdict_row) {
        Decision decisions[4], turned[4];
        VerdictInput in = input_of(rows + _i, decisions);

        check_row(rows + _i, &in);

        /* The order of the decisions says nothing. */
        for (size_t i = 0; i < in.n_decisions; i++)
                turned[i] = decisions[in.n_decisions - 1 - i];
        in.decisions = turned;
        check_row(rows + _i, &in);
}
END_TEST

START_TEST(every_verdict_and_reason_has_its_word) {
        static const char *const words[_BECAUSE_MAX] = {
                "no-problem", "exception",   "never-exceptable", "denial",     "no-exception",
                "changed",    "new-problem", "ended",            "unconfirmed",
                "in-doubt"
        };

        ck_assert_str_eq(verdict_name(VERDICT_ACCEPT), "accept");
        ck_assert_str_eq(verdict_name(VERDICT_PROMPT), "prompt");
        ck_assert_str_eq(verdict_name(VERDICT_REJECT), "reject");
        for (int i = 0; i < _BECAUSE_MAX; i++)
                ck_assert_str_eq(because_name((Because) i), words[i]);
        ck_assert_ptr_null(because_name(_BECAUSE_MAX));
}
END_TEST

int main(void) {
        Suite *suite = suite_create("verdict");
        TCase *tcase = tcase_create("verdict");
        SRunner *runner = srunner_create(suite);
        int n_failed;

        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 120);
        tcase_add_loop_test(tcase, verdict_row, 0, N_ELEMENTS(rows));
        tcase_add_test(tcase, every_verdict_and_reason_has_its_word);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
