/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Judges: workers that answer, die, spin, lie and idle, and the questions of others meanwhile. This
 * program is its own worker: the real judge, or one that forges answers.
 */
#include "config.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <systemd/sd-event.h>

#include "daemon/authorities.h"
#include "daemon/frames.h"
#include "daemon/judge.h"
#include "daemon/judges.h"
#include "daemon/limits.h"
#include "daemon/path.h"
#include "daemon/worker.h"
#include "tests/pki.h"

#define ALICE 1000
#define BOB 1001
#define LONG_USEC UINT64_C(60000000)

static sd_event *event;
static Judges *judges;
static Pki *root, *leaf, *other_leaf;
static const Endpoint endpoint = { .host = "mail.example.org", .kind = HOST_NAME, .port = 993 };

static int block_of(const Pki *authority) {
        _cleanup_(authorities_builder_freep) AuthoritiesBuilder *b = NULL;
        uint8_t key[SHA256_SIZE];
        int fd;

        ck_assert_int_eq(authorities_builder_new(&b), 0);
        if (authority) {
                ck_assert_int_eq(path_subject_key(pki_der(authority), key), 0);
                ck_assert_int_eq(authorities_builder_add(b, pki_der(authority), key), 0);
        }
        ck_assert_int_eq(authorities_builder_seal(b, &fd), 0);
        return fd;
}

static unsigned n_answers;

static void set_up(void) {
        n_answers = 0;
        ck_assert_int_eq(unsetenv("CERTEXC_TEST_FORGERY"), 0);
        ck_assert_int_eq(unsetenv("CERTEXC_TEST_JUDGE_CPU_MSEC"), 0);
        ck_assert_int_eq(sd_event_new(&event), 0);
        ck_assert_int_eq(judges_new(event, &judges), 0);
        root = pki_new(&(PkiSpec) { .subject = "Root", .ca = true });
        leaf = pki_new(&(PkiSpec) { .issuer = root, .name = "mail.example.org" });
        other_leaf = pki_new(&(PkiSpec) { .issuer = root, .name = "other.example.org" });
        judges_set_authorities(judges, block_of(root));
}

static void tear_down(void) {
        judges = judges_free(judges);
        event = sd_event_unref(event);
        root = pki_free(root);
        leaf = pki_free(leaf);
        other_leaf = pki_free(other_leaf);
}

static void limit(uint64_t wall_usec, uint64_t idle_usec) {
        judges_set_limits(judges,
                          &(JudgeLimits) { .wall_usec = wall_usec, .idle_usec = idle_usec });
}

/* -- asking --------------------------------------------------------------------------------- */

typedef struct Asked {
        JudgeCall *call;
        unsigned order; /* 0: no answer yet; else the how-manyth it was */
        int error;
        Facts *facts;
} Asked;

static void asked_done(Asked *asked) {
        asked->facts = facts_unref(asked->facts);
}

static void on_done(JudgeCall *call, int error, Facts *facts, void *userdata) {
        Asked *asked = userdata;

        ck_assert_ptr_eq(call, asked->call);
        ck_assert_uint_eq(asked->order, 0);
        ck_assert((error == 0) == (facts != NULL));
        asked->order = ++n_answers;
        asked->error = error;
        asked->facts = facts ? facts_ref(facts) : NULL;
}

static int try_ask(uid_t owner, const Pki *certificate, Asked *asked) {
        const Blob chain = certificate ? pki_der(certificate) : (Blob) {};
        const Question question = {
                .endpoint = &endpoint,
                .chain = &chain,
                .n_chain = certificate ? 1 : 0,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
        };

        return judges_ask(judges, owner, &question, on_done, asked, &asked->call);
}

static void ask(uid_t owner, const Pki *certificate, Asked *asked) {
        ck_assert_int_eq(try_ask(owner, certificate, asked), 0);
        ck_assert_uint_eq(asked->order, 0);
}

static void turn(void) {
        int r = sd_event_run(event, LONG_USEC);

        ck_assert_msg(r > 0, "nothing happened for a minute");
}

static void wait_for(const Asked *asked) {
        while (asked->order == 0)
                turn();
}

static void ask_and_wait(uid_t owner, const Pki *certificate, Asked *asked) {
        ask(owner, certificate, asked);
        wait_for(asked);
}

static void kill_worker(uid_t owner) {
        pid_t pid = judges_worker_pid(judges, owner);

        ck_assert_int_gt(pid, 1);
        ck_assert_int_eq(kill(pid, SIGKILL), 0);
}

/* -- answers -------------------------------------------------------------------------------- */

START_TEST(a_question_is_answered) {
        _cleanup_(asked_done) Asked asked = {};

        ask_and_wait(ALICE, leaf, &asked);
        ck_assert_int_eq(asked.error, 0);
        ck_assert_uint_eq(asked.facts->problems, 0);
        ck_assert_str_eq(asked.facts->leaf->names[0], "mail.example.org");
        ck_assert_uint_eq(judges_count(judges), 1);
}
END_TEST

START_TEST(the_answer_is_that_of_the_code_in_process) {
        _cleanup_(authorities_freep) Authorities *authorities = NULL;
        _cleanup_(asked_done) Asked asked = {};
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        _cleanup_free_ uint8_t *here = NULL, *there = NULL;
        _cleanup_fd_ int fd = block_of(root);
        const Blob chain = pki_der(other_leaf);
        const Question question = {
                .endpoint = &endpoint,
                .chain = &chain,
                .n_chain = 1,
                .now = PKI_NOW,
                .checks = CHECK_ALL,
        };
        size_t size_here, size_there;

        ask_and_wait(ALICE, other_leaf, &asked);
        ck_assert_uint_eq(asked.facts->problems, PROBLEM_NAME_MISMATCH);

        ck_assert_int_eq(authorities_open(fd, &authorities), 0);
        ck_assert_int_eq(problems_find(&question, authorities, &facts), 0);
        ck_assert_int_eq(facts_write(facts, &here, &size_here), 0);
        ck_assert_int_eq(facts_write(asked.facts, &there, &size_there), 0);
        ck_assert_uint_eq(size_here, size_there);
        ck_assert_mem_eq(here, there, size_here);
}
END_TEST

START_TEST(one_worker_answers_an_owner_in_order) {
        Asked asked[20] = {};
        pid_t pid;

        for (size_t i = 0; i < N_ELEMENTS(asked); i++)
                ask(ALICE, i % 2 ? leaf : other_leaf, &asked[i]);
        pid = judges_worker_pid(judges, ALICE);
        for (size_t i = 0; i < N_ELEMENTS(asked); i++) {
                wait_for(&asked[i]);
                ck_assert_int_eq(asked[i].error, 0);
                ck_assert_uint_eq(asked[i].order, n_answers);
                asked_done(&asked[i]);
        }
        ck_assert_int_eq(judges_worker_pid(judges, ALICE), pid);
        ck_assert_uint_eq(judges_count(judges), 1);
}
END_TEST

START_TEST(each_owner_has_a_worker) {
        _cleanup_(asked_done) Asked alice = {}, bob = {};

        ask(ALICE, leaf, &alice);
        ask(BOB, leaf, &bob);
        wait_for(&alice);
        wait_for(&bob);
        ck_assert_uint_eq(judges_count(judges), 2);
        ck_assert_int_ne(judges_worker_pid(judges, ALICE), judges_worker_pid(judges, BOB));
}
END_TEST

static Pki *big_certificate(size_t extension_size) {
        _cleanup_free_ uint8_t *bytes = calloc(1, extension_size);
        const PkiExtension extension = { .oid = "1.3.6.1.4.1.99999.1", .der = bytes,
                                         .size = extension_size };

        ck_assert_ptr_nonnull(bytes);
        return pki_new(&(PkiSpec) { .issuer = root, .name = "mail.example.org",
                                    .extensions = &extension, .n_extensions = 1 });
}

/* As large as a question can be; it does not fit the socket at once. */
START_TEST(the_largest_question_is_answered_and_one_past_it_refused) {
        _cleanup_(pki_freep) Pki *big = big_certificate(CERTIFICATE_BYTES_MAX - 2000);
        _cleanup_free_ uint8_t *filler = calloc(1, CERTIFICATE_BYTES_MAX);
        _cleanup_(asked_done) Asked asked = {}, refused = {};
        Blob chain[5];
        Question question = { .endpoint = &endpoint, .chain = chain, .now = PKI_NOW };
        size_t left = CHAIN_BYTES_MAX;

        ck_assert_ptr_nonnull(filler);
        chain[0] = pki_der(big);
        ck_assert_uint_le(chain[0].size, CERTIFICATE_BYTES_MAX);
        for (size_t i = 0; i < N_ELEMENTS(chain); i++) {
                size_t size = left < CERTIFICATE_BYTES_MAX ? left : CERTIFICATE_BYTES_MAX;

                if (i > 0)
                        chain[i] = (Blob) { filler, size };
                left -= chain[i].size;
        }
        ck_assert_uint_eq(left, 0);
        question.n_chain = N_ELEMENTS(chain);
        question.staple = (Blob) { filler, STAPLE_BYTES_MAX };
        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &asked, &asked.call), 0);
        wait_for(&asked);
        ck_assert_int_eq(asked.error, 0);

        question.staple.size++;
        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &refused, &refused.call),
                         -EINVAL);
        question.staple.size--;
        chain[4].size++;
        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &refused, &refused.call),
                         -EINVAL);
}
END_TEST

START_TEST(rubbish_is_malformed) {
        static const char text[] = "-----BEGIN CERTIFICATE-----";
        const Blob chain = { (const uint8_t *) text, sizeof(text) };
        const Question question = { .endpoint = &endpoint, .chain = &chain, .n_chain = 1,
                                    .now = PKI_NOW };
        _cleanup_(asked_done) Asked asked = {}, empty = {};

        ck_assert_int_eq(judges_ask(judges, ALICE, &question, on_done, &asked, &asked.call), 0);
        wait_for(&asked);
        ck_assert_int_eq(asked.error, 0);
        ck_assert_uint_ne(asked.facts->problems & PROBLEM_MALFORMED, 0);

        ask_and_wait(ALICE, NULL, &empty);
        ck_assert_int_eq(empty.error, 0);
        ck_assert_uint_ne(empty.facts->problems & PROBLEM_MALFORMED, 0);
}
END_TEST

/* -- death and overrun ---------------------------------------------------------------------- */

static Pki *faulty(const char *subject) {
        return pki_new(&(PkiSpec) { .subject = subject, .name = "mail.example.org" });
}

START_TEST(a_crash_costs_one_question) {
        _cleanup_(pki_freep) Pki *crash = faulty("certexc-test-crash");
        _cleanup_(asked_done) Asked first = {}, crashed = {}, next = {}, bob = {};

        ask_and_wait(BOB, leaf, &bob);
        ask(ALICE, leaf, &first);
        ask(ALICE, crash, &crashed);
        ask(ALICE, leaf, &next);
        wait_for(&next);
        ck_assert_int_eq(first.error, 0);
        ck_assert_int_eq(crashed.error, -EPIPE);
        ck_assert_int_eq(next.error, 0);
        ck_assert_uint_eq(next.facts->problems, 0);
        ck_assert_uint_eq(judges_count(judges), 2);
}
END_TEST

START_TEST(a_killed_worker_costs_one_question) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked first = {}, killed = {}, next = {};
        pid_t pid;

        ask_and_wait(ALICE, leaf, &first);
        ask(ALICE, spin, &killed);
        ask(ALICE, leaf, &next);
        pid = judges_worker_pid(judges, ALICE);
        kill_worker(ALICE);

        wait_for(&next);
        ck_assert_int_eq(killed.error, -EPIPE);
        ck_assert_int_eq(next.error, 0);
        ck_assert_int_ne(judges_worker_pid(judges, ALICE), pid);
}
END_TEST

START_TEST(a_worker_that_dies_idle_costs_nothing) {
        _cleanup_(asked_done) Asked first = {}, next = {};

        ask_and_wait(ALICE, leaf, &first);
        kill_worker(ALICE);
        while (judges_count(judges) > 0)
                turn();
        ask_and_wait(ALICE, leaf, &next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

START_TEST(a_chain_that_spins_holds_up_nobody_else) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, bob = {};

        ck_assert_int_eq(setenv("CERTEXC_TEST_JUDGE_CPU_MSEC", "60000", 1), 0);
        limit(LONG_USEC, LONG_USEC);
        ask(ALICE, spin, &spun);
        ask_and_wait(BOB, leaf, &bob);
        ck_assert_int_eq(bob.error, 0);
        ck_assert_uint_eq(spun.order, 0);
        ck_assert_ptr_null(judge_call_free(spun.call));
}
END_TEST

START_TEST(a_chain_that_spins_ends) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, next = {};

        limit(200000, LONG_USEC);
        ask(ALICE, spin, &spun);
        limit(LONG_USEC, LONG_USEC);
        ask(ALICE, leaf, &next);
        wait_for(&spun);
        ck_assert_int_eq(spun.error, -ETIMEDOUT);
        wait_for(&next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

START_TEST(processor_time_is_bounded_from_inside) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, next = {};

        ck_assert_int_eq(setenv("CERTEXC_TEST_JUDGE_CPU_MSEC", "100", 1), 0);
        limit(LONG_USEC, LONG_USEC);
        ask_and_wait(ALICE, spin, &spun);
        ck_assert_int_eq(spun.error, -EPIPE);
        ask_and_wait(ALICE, leaf, &next);
        ck_assert_int_eq(next.error, 0);
}
END_TEST

/* -- bounds --------------------------------------------------------------------------------- */

START_TEST(the_queue_at_its_bound_and_one_past_it) {
        _cleanup_(pki_freep) Pki *spin = faulty("certexc-test-spin");
        _cleanup_(asked_done) Asked spun = {}, refused = {}, bob = {};
        Asked waiting[JUDGE_QUEUE_MAX] = {};

        limit(500000, LONG_USEC);
        ask(ALICE, spin, &spun);
        limit(LONG_USEC, LONG_USEC);
        for (size_t i = 0; i < N_ELEMENTS(waiting); i++)
                ask(ALICE, leaf, &waiting[i]);
        ck_assert_int_eq(try_ask(ALICE, leaf, &refused), -EBUSY);
        ask_and_wait(BOB, leaf, &bob);
        ck_assert_int_eq(bob.error, 0);

        for (size_t i = 0; i < N_ELEMENTS(waiting); i++) {
                wait_for(&waiting[i]);
                ck_assert_int_eq(waiting[i].error, 0);
                asked_done(&waiting[i]);
        }
        ck_assert_int_eq(spun.error, -ETIMEDOUT);
        ask_and_wait(ALICE, leaf, &refused);
}
END_TEST

START_TEST(as_many_workers_as_allowed_then_the_longest_idle_goes) {
        Asked asked[JUDGES_MAX + 1] = {};
        _cleanup_(asked_done) Asked again = {};
        pid_t first;

        for (size_t i = 0; i < JUDGES_MAX; i++)
                ask_and_wait((uid_t) (ALICE + i), leaf, &asked[i]);
        ck_assert_uint_eq(judges_count(judges), JUDGES_MAX);
        first = judges_worker_pid(judges, ALICE);
        ask_and_wait(ALICE, leaf, &again); /* so that the second is used longest ago */

        ask_and_wait(ALICE + JUDGES_MAX, leaf, &asked[JUDGES_MAX]);
        ck_assert_uint_eq(judges_count(judges), JUDGES_MAX);
        ck_assert_int_eq(judges_worker_pid(judges, ALICE), first);
        ck_assert_int_eq(judges_worker_pid(judges, ALICE + 1), 0);
        for (size_t i = 0; i < N_ELEMENTS(asked); i++) {
                ck_assert_int_eq(asked[i].error, 0);
                asked_done(&asked[i]);
        }
}
END_TEST

START_TEST(with_all_at_work_another_owner_is_refused) {
        Asked asked[JUDGES_MAX] = {};
        Asked refused = {};

        judges_set_authorities(judges, -1); /* so that nobody can finish */
        for (size_t i = 0; i < JUDGES_MAX; i++)
                ask((uid_t) (ALICE + i), leaf, &asked[i]);
        ck_assert_int_eq(try_ask(ALICE + JUDGES_MAX, leaf, &refused), -EBUSY);

        ck_assert_ptr_null(judge_call_free(asked[7].call));
        ask(ALICE + JUDGES_MAX, leaf, &refused);
        ck_assert_uint_eq(judges_count(judges), 0);
        ck_assert_ptr_null(judge_call_free(refused.call));
        for (size_t i = 0; i < JUDGES_MAX; i++)
                if (i != 7)
                        ck_assert_ptr_null(judge_call_free(asked[i].call));
}
END_TEST

START_TEST(an_idle_worker_goes) {
        _cleanup_(asked_done) Asked asked = {}, again = {};

        limit(LONG_USEC, 1000);
        ask_and_wait(ALICE, leaf, &asked);
        while (judges_count(judges) > 0)
                turn();
        ask_and_wait(ALICE, leaf, &again);
        ck_assert_int_eq(again.error, 0);
}
END_TEST

/* -- cancelling ----------------------------------------------------------------------------- */

START_TEST(a_cancelled_question_has_no_answer) {
        _cleanup_(asked_done) Asked first = {}, current = {}, queued = {}, last = {};

        ask_and_wait(ALICE, leaf, &first);
        ask(ALICE, other_leaf, &current);
        ask(ALICE, other_leaf, &queued);
        ask(ALICE, leaf, &last);
        ck_assert_ptr_null(judge_call_free(queued.call));
        ck_assert_ptr_null(judge_call_free(current.call));
        wait_for(&last);
        ck_assert_int_eq(last.error, 0);
        ck_assert_uint_eq(last.facts->problems, 0);
        ck_assert_uint_eq(current.order, 0);
        ck_assert_uint_eq(queued.order, 0);
        ck_assert_ptr_null(judge_call_free(NULL));
}
END_TEST

/* It has failed, but its asker has not heard of it yet. */
START_TEST(a_failed_question_can_be_cancelled) {
        _cleanup_(asked_done) Asked first = {}, killed = {};

        ask_and_wait(ALICE, leaf, &first);
        ask(ALICE, leaf, &killed);
        kill_worker(ALICE);
        while (judges_count(judges) > 0)
                turn();
        if (killed.order == 0)
                ck_assert_ptr_null(judge_call_free(killed.call));
        ck_assert_uint_le(killed.order, 2);
}
END_TEST

static Asked second;

static void ask_another(JudgeCall *call, int error, Facts *facts, void *userdata) {
        ck_assert_int_eq(error, 0);
        *(bool *) userdata = true;
        ask(ALICE, leaf, &second);
}

START_TEST(the_answer_may_ask_again) {
        const Blob chain = pki_der(leaf);
        const Question question = { .endpoint = &endpoint, .chain = &chain, .n_chain = 1,
                                    .now = PKI_NOW, .checks = CHECK_ALL };
        bool called = false;
        JudgeCall *call;

        ck_assert_int_eq(judges_ask(judges, ALICE, &question, ask_another, &called, &call), 0);
        wait_for(&second);
        ck_assert(called);
        ck_assert_int_eq(second.error, 0);
        asked_done(&second);
}
END_TEST

/* -- authorities ---------------------------------------------------------------------------- */

START_TEST(questions_wait_for_the_authorities) {
        _cleanup_(asked_done) Asked asked = {};

        judges_set_authorities(judges, -1);
        ask(ALICE, leaf, &asked);
        ck_assert_int_eq(sd_event_run(event, 0), 0);
        ck_assert_uint_eq(judges_count(judges), 0);
        judges_set_authorities(judges, block_of(root));
        wait_for(&asked);
        ck_assert_uint_eq(asked.facts->problems, 0);
}
END_TEST

START_TEST(new_authorities_hold_for_every_later_question) {
        _cleanup_(asked_done) Asked before = {}, during = {}, queued = {}, after = {};
        pid_t old;

        ask_and_wait(ALICE, leaf, &before);
        ck_assert_uint_eq(before.facts->problems, 0);
        old = judges_worker_pid(judges, ALICE);

        ask(ALICE, leaf, &during);
        ask(ALICE, leaf, &queued);
        judges_set_authorities(judges, block_of(NULL));
        wait_for(&queued);
        /* The worker with the old block finished its chain; its successor took the next one. */
        ck_assert_uint_eq(during.facts->problems, 0);
        ck_assert_uint_ne(queued.facts->problems & PROBLEM_UNKNOWN_ISSUER, 0);
        ck_assert_int_ne(judges_worker_pid(judges, ALICE), old);

        judges_set_authorities(judges, block_of(root)); /* while it is idle */
        ck_assert_uint_eq(judges_count(judges), 0);
        ask_and_wait(ALICE, leaf, &after);
        ck_assert_uint_eq(after.facts->problems, 0);
}
END_TEST

/* -- a worker that was taken over ----------------------------------------------------------- */

static void send_bytes(const void *bytes, size_t size) {
        if (write(JUDGE_SOCKET_FD, bytes, size) != (ssize_t) size)
                _exit(1);
}

static void send_frame(const uint8_t *bytes, size_t size) {
        const uint8_t length[] = { (uint8_t) size, (uint8_t) (size >> 8), (uint8_t) (size >> 16), 0 };

        send_bytes(length, sizeof(length));
        send_bytes(bytes, size);
}

/* Honest facts about @question with nothing wrong in them, to be spoilt. */
static Facts *forge_facts(const Question *question) {
        Facts *facts;

        if (facts_new(&facts) < 0)
                _exit(1);
        facts->leaf = calloc(1, sizeof(*facts->leaf));
        facts->leaf->subject = strdup("CN=mail.example.org");
        facts->leaf->issuer = strdup("CN=Root");
        facts->leaf->serial = strdup("01");
        facts->leaf->names = calloc(1, sizeof(char *));
        if (question->n_chain > 0)
                (void) sha256(question->chain[0].data, question->chain[0].size, facts->leaf->sha256);
        return facts;
}

static void send_facts(const Facts *facts, int change) {
        uint8_t *bytes;
        size_t size;

        if (facts_write(facts, &bytes, &size) < 0)
                _exit(1);
        bytes[change >= 0 ? (size_t) change : 0] ^= change >= 0 ? 1 : 0;
        send_frame(bytes, size);
        free(bytes);
}

static void forge_nothing_wrong(Facts *f) { send_facts(f, -1); }
static void forge_other_leaf(Facts *f) { f->leaf->sha256[31] ^= 1; send_facts(f, -1); }
static void forge_magic(Facts *f) { send_facts(f, 0); }
static void forge_later(Facts *f) { f->holds_from = PKI_NOW + 1; send_facts(f, -1); }
static void forge_earlier(Facts *f) { f->holds_until = PKI_NOW; send_facts(f, -1); }
static void forge_empty_frame(Facts *f) { send_bytes("\0\0\0\0", 4); }
static void forge_long_frame(Facts *f) { send_bytes("\1\0\10\0", 4); } /* one past the bound */
static void forge_two_frames(Facts *f) {
        uint8_t two[] = { 1, 0, 0, 0, 'a', 1, 0, 0, 0, 'b' };
        send_bytes(two, sizeof(two));
}
static void forge_words(Facts *f) { send_frame((const uint8_t *) "no problem at all", 17); }
static void forge_no_leaf(Facts *f) {
        /* What facts_write() would refuse: neither a leaf nor a problem. */
        static const uint8_t bytes[4 + 4 + 8 + 8 + 1 + 4] = {
                'C', 'X', 'F', '1', [15] = 0x80, [16] = 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
        };
        send_frame(bytes, sizeof(bytes));
}
static void forge_end(Facts *f) { _exit(0); }
static void forge_half(Facts *f) { send_bytes("\20\0\0\0abc", 7); _exit(0); }
static void forge_silence(Facts *f) { }

static const struct {
        const char *says;
        void (*act)(Facts *facts);
        int error;
} forgeries[] = {
        { "nothing wrong, which it may say of its own owner's chain", forge_nothing_wrong, 0 },
        { "another leaf than was asked about", forge_other_leaf, -EBADMSG },
        { "a first byte turned", forge_magic, -EBADMSG },
        { "facts that hold only later", forge_later, -EBADMSG },
        { "facts that held until now", forge_earlier, -EBADMSG },
        { "an empty frame", forge_empty_frame, -EBADMSG },
        { "a frame one byte too long", forge_long_frame, -EBADMSG },
        { "two frames", forge_two_frames, -EBADMSG },
        { "words", forge_words, -EBADMSG },
        { "no leaf and no problem", forge_no_leaf, -EBADMSG },
        { "the end", forge_end, -EPIPE },
        { "half a frame and the end", forge_half, -EPIPE },
        { "silence", forge_silence, -ETIMEDOUT },
};

/* Reads one question, answers it with a lie, and waits for what comes. */
static void forger_run(const char *number) {
        Frames frames = { .fd = JUDGE_SOCKET_FD, .max = QUESTION_BYTES_MAX };
        QuestionBytes *question;
        Facts *facts;
        Blob bytes;

        if (frames_receive(&frames, &bytes) <= 0 || question_read(bytes, &question) < 0)
                _exit(1);
        facts = forge_facts(question_get(question));
        forgeries[strtoul(number, NULL, 10)].act(facts);
        (void) frames_receive(&frames, &bytes);
        _exit(0);
}

START_TEST(forgeries_row) {
        _cleanup_(asked_done) Asked forged = {}, honest = {};
        char number[16];

        (void) snprintf(number, sizeof(number), "%d", _i);
        ck_assert_int_eq(setenv("CERTEXC_TEST_FORGERY", number, 1), 0);
        limit(forgeries[_i].error == -ETIMEDOUT ? 200000 : LONG_USEC, LONG_USEC);
        ask_and_wait(ALICE, leaf, &forged);
        ck_assert_msg(forged.error == forgeries[_i].error, "%s gave %d instead of %d",
                      forgeries[_i].says, forged.error, forgeries[_i].error);
        if (forged.error == 0)
                return;

        ck_assert_uint_eq(judges_count(judges), 0);
        ck_assert_int_eq(unsetenv("CERTEXC_TEST_FORGERY"), 0);
        limit(LONG_USEC, LONG_USEC);
        ask_and_wait(ALICE, leaf, &honest);
        ck_assert_int_eq(honest.error, 0);
}
END_TEST

/* -- questions as bytes --------------------------------------------------------------------- */

static void question_bytes(uint8_t **ret, size_t *ret_size) {
        const Blob chain[] = { pki_der(leaf), pki_der(root) };
        const Question question = {
                .endpoint = &endpoint,
                .chain = chain,
                .n_chain = 2,
                .staple = { (const uint8_t *) "staple", 6 },
                .now = PKI_NOW,
                .checks = CHECK_WILDCARDS,
        };

        ck_assert_int_eq(question_write(&question, ret, ret_size), 0);
}

START_TEST(a_question_is_read_as_it_was_written) {
        _cleanup_(question_freep) QuestionBytes *back = NULL;
        _cleanup_free_ uint8_t *bytes = NULL;
        const Question *q;
        size_t size;

        question_bytes(&bytes, &size);
        ck_assert_int_eq(question_read((Blob) { bytes, size }, &back), 0);
        q = question_get(back);
        ck_assert_str_eq(q->endpoint->host, endpoint.host);
        ck_assert_int_eq(q->endpoint->kind, HOST_NAME);
        ck_assert_uint_eq(q->endpoint->port, 993);
        ck_assert_uint_eq(q->n_chain, 2);
        ck_assert_uint_eq(q->chain[1].size, pki_der(root).size);
        ck_assert_mem_eq(q->chain[1].data, pki_der(root).data, q->chain[1].size);
        ck_assert_mem_eq(q->staple.data, "staple", 6);
        ck_assert_int_eq(q->now, PKI_NOW);
        ck_assert_uint_eq(q->checks, CHECK_WILDCARDS);
}
END_TEST

START_TEST(every_truncated_question_is_refused) {
        _cleanup_free_ uint8_t *bytes = NULL;
        size_t size;

        question_bytes(&bytes, &size);
        for (size_t n = 0; n < size; n++) {
                _cleanup_free_ uint8_t *part = malloc(n ? n : 1);
                QuestionBytes *back = NULL;

                ck_assert_ptr_nonnull(part);
                memcpy(part, bytes, n);
                ck_assert_int_eq(question_read((Blob) { part, n }, &back), -EBADMSG);
        }
}
END_TEST

int main(int argc, char *argv[]) {
        Suite *suite;
        TCase *tcase;
        SRunner *runner;
        int n_failed;

        if (worker_is(argc, argv, JUDGE_ROLE) && getenv("CERTEXC_TEST_FORGERY"))
                forger_run(getenv("CERTEXC_TEST_FORGERY"));
        n_failed = worker_dispatch(argc, argv);
        if (n_failed >= 0)
                return n_failed;

        suite = suite_create("judges");
        tcase = tcase_create("judges");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, set_up, tear_down);
        tcase_add_test(tcase, a_question_is_answered);
        tcase_add_test(tcase, the_answer_is_that_of_the_code_in_process);
        tcase_add_test(tcase, one_worker_answers_an_owner_in_order);
        tcase_add_test(tcase, each_owner_has_a_worker);
        tcase_add_test(tcase, the_largest_question_is_answered_and_one_past_it_refused);
        tcase_add_test(tcase, rubbish_is_malformed);
        tcase_add_test(tcase, a_crash_costs_one_question);
        tcase_add_test(tcase, a_killed_worker_costs_one_question);
        tcase_add_test(tcase, a_worker_that_dies_idle_costs_nothing);
        tcase_add_test(tcase, a_chain_that_spins_holds_up_nobody_else);
        tcase_add_test(tcase, a_chain_that_spins_ends);
        tcase_add_test(tcase, processor_time_is_bounded_from_inside);
        tcase_add_test(tcase, the_queue_at_its_bound_and_one_past_it);
        tcase_add_test(tcase, as_many_workers_as_allowed_then_the_longest_idle_goes);
        tcase_add_test(tcase, with_all_at_work_another_owner_is_refused);
        tcase_add_test(tcase, an_idle_worker_goes);
        tcase_add_test(tcase, a_cancelled_question_has_no_answer);
        tcase_add_test(tcase, a_failed_question_can_be_cancelled);
        tcase_add_test(tcase, the_answer_may_ask_again);
        tcase_add_test(tcase, questions_wait_for_the_authorities);
        tcase_add_test(tcase, new_authorities_hold_for_every_later_question);
        tcase_add_loop_test(tcase, forgeries_row, 0, N_ELEMENTS(forgeries));
        tcase_add_test(tcase, a_question_is_read_as_it_was_written);
        tcase_add_test(tcase, every_truncated_question_is_refused);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
