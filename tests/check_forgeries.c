/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A judge that was taken over: what it can say, and what is made of that. This program is its own
 * worker: the one that forges answers, or the real one. And questions as bytes, which it reads.
 */
#include "config.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/frames.h"
#include "daemon/judge.h"
#include "daemon/limits.h"
#include "daemon/worker.h"
#include "tests/asking.h"

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

        suite = suite_create("forgeries");
        tcase = tcase_create("forgeries");
        runner = srunner_create(suite);
        suite_add_tcase(suite, tcase);
        tcase_set_timeout(tcase, 300);
        tcase_add_checked_fixture(tcase, asking_set_up, asking_tear_down);
        tcase_add_loop_test(tcase, forgeries_row, 0, N_ELEMENTS(forgeries));
        tcase_add_test(tcase, a_question_is_read_as_it_was_written);
        tcase_add_test(tcase, every_truncated_question_is_refused);

        srunner_run_all(runner, CK_ENV);
        n_failed = srunner_ntests_failed(runner);
        srunner_free(runner);
        return n_failed == 0 ? 0 : 1;
}
