/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions as bytes: what the daemon sends to a judge, and what it expects to hear. */
#include "config.h"

#include <string.h>

#include "daemon/judge.h"
#include "daemon/limits.h"
#include "daemon/wire.h"

/* First in every block, so that another kind of frame is never taken for a question. */
#define QUESTION_MAGIC UINT32_C(0x31515843) /* "CXQ1" */

struct QuestionBytes {
        Question question;
        Endpoint endpoint;
        Blob chain[CHAIN_CERTIFICATES_MAX];
        Belief beliefs[BELIEFS_MAX];
};

static bool beliefs_are_lawful(const Question *question) {
        size_t total = 0;

        if (question->n_beliefs > BELIEFS_MAX)
                return false;
        for (size_t i = 0; i < question->n_beliefs; i++) {
                const Belief *belief = &question->beliefs[i];

                if ((unsigned) belief->kind >= _BELIEF_KIND_MAX ||
                    belief->only.size > ONLY_TEXT_MAX || belief->der.size > CERTIFICATE_BYTES_MAX)
                        return false;
                total += belief->der.size;
        }
        return total <= BELIEFS_BYTES_MAX;
}

/* The bounds that every door has checked; once more, since both ends rely on them. */
static bool question_is_lawful(const Question *question) {
        size_t total = 0;

        if (question->n_chain > CHAIN_CERTIFICATES_MAX ||
            question->staple.size > STAPLE_BYTES_MAX || (question->checks & ~CHECK_ALL) != 0)
                return false;

        for (size_t i = 0; i < question->n_chain; i++) {
                if (question->chain[i].size > CERTIFICATE_BYTES_MAX)
                        return false;
                total += question->chain[i].size;
        }
        return total <= CHAIN_BYTES_MAX && beliefs_are_lawful(question);
}

static void endpoint_write(Writer *w, const Endpoint *endpoint) {
        writer_u8(w, endpoint ? 1 : 0);
        if (!endpoint)
                return;

        writer_text(w, endpoint->host);
        writer_u8(w, (uint8_t) endpoint->kind);
        writer_u32(w, endpoint->port);
}

static void beliefs_write(Writer *w, const Question *question) {
        writer_u32(w, (uint32_t) question->n_beliefs);
        for (size_t i = 0; i < question->n_beliefs; i++) {
                const Belief *belief = &question->beliefs[i];

                writer_u8(w, (uint8_t) belief->kind);
                writer_fixed(w, belief->sha256, SHA256_SIZE);
                writer_blob(w, belief->only.data, belief->only.size);
                writer_blob(w, belief->der.data, belief->der.size);
        }
}

static void beliefs_read(Reader *rd, QuestionBytes *q) {
        size_t n = reader_u32(rd);

        if (n > BELIEFS_MAX) {
                reader_set_bad(rd);
                return;
        }
        q->question.beliefs = q->beliefs;
        for (; q->question.n_beliefs < n; q->question.n_beliefs++) {
                Belief *belief = &q->beliefs[q->question.n_beliefs];

                belief->kind = (BeliefKind) reader_u8(rd);
                reader_fixed(rd, belief->sha256, SHA256_SIZE);
                belief->only = reader_blob(rd, ONLY_TEXT_MAX);
                belief->der = reader_blob(rd, CERTIFICATE_BYTES_MAX);
        }
}

int question_write(const Question *question, uint8_t **ret, size_t *ret_size) {
        Writer w = {};

        if (!question_is_lawful(question))
                return -EINVAL;

        writer_u32(&w, QUESTION_MAGIC);
        writer_i64(&w, question->now);
        writer_u32(&w, question->checks);
        endpoint_write(&w, question->endpoint);
        writer_u32(&w, (uint32_t) question->n_chain);
        for (size_t i = 0; i < question->n_chain; i++)
                writer_blob(&w, question->chain[i].data, question->chain[i].size);
        writer_blob(&w, question->staple.data, question->staple.size);
        writer_u8(&w, question->as_authority);
        beliefs_write(&w, question);
        return writer_finish(&w, ret, ret_size);
}

static void endpoint_read(Reader *rd, QuestionBytes *q) {
        uint32_t kind, port;
        uint8_t present;
        Blob host;

        present = reader_u8(rd);
        if (present > 1)
                reader_set_bad(rd);
        if (present != 1)
                return;

        host = reader_blob(rd, ENDPOINT_HOST_MAX);
        kind = reader_u8(rd);
        port = reader_u32(rd);
        if (rd->bad || kind > HOST_IPV6 || port > UINT16_MAX || memchr(host.data, 0, host.size)) {
                reader_set_bad(rd);
                return;
        }

        memcpy(q->endpoint.host, host.data, host.size);
        q->endpoint.kind = (HostKind) kind;
        q->endpoint.port = (uint16_t) port;
        q->question.endpoint = &q->endpoint;
}

int question_read(Blob bytes, QuestionBytes **ret) {
        _cleanup_(question_freep) QuestionBytes *q = NULL;
        Reader rd = READER_INIT(bytes);
        uint8_t as_authority;
        size_t n;

        q = calloc(1, sizeof(*q));
        if (!q)
                return -ENOMEM;

        if (reader_u32(&rd) != QUESTION_MAGIC)
                return -EBADMSG;
        q->question.now = reader_i64(&rd);
        q->question.checks = reader_u32(&rd);
        endpoint_read(&rd, q);

        n = reader_u32(&rd);
        if (n > CHAIN_CERTIFICATES_MAX)
                return -EBADMSG;
        q->question.chain = q->chain;
        for (; q->question.n_chain < n; q->question.n_chain++)
                q->chain[q->question.n_chain] = reader_blob(&rd, CERTIFICATE_BYTES_MAX);
        q->question.staple = reader_blob(&rd, STAPLE_BYTES_MAX);
        as_authority = reader_u8(&rd);
        q->question.as_authority = as_authority == 1;
        if (as_authority > 1)
                reader_set_bad(&rd);
        beliefs_read(&rd, q);

        if (reader_finish(&rd) < 0 || !question_is_lawful(&q->question))
                return -EBADMSG;
        *ret = TAKE_PTR(q);
        return 0;
}

const Question *question_get(const QuestionBytes *q) {
        return &q->question;
}

QuestionBytes *question_free(QuestionBytes *q) {
        free(q);
        return NULL;
}

int question_expect(const Question *question, Expected *ret) {
        Expected expected = { .has_leaf = question->n_chain > 0, .now = question->now };
        int r;

        if (expected.has_leaf) {
                r = sha256(question->chain[0].data, question->chain[0].size, expected.leaf_sha256);
                if (r < 0)
                        return r;
        }
        *ret = expected;
        return 0;
}

int answer_read(Blob bytes, const Expected *expected, Facts **ret) {
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        int r;

        r = facts_read(bytes, &facts);
        if (r < 0)
                return r;

        if (facts->leaf && (!expected->has_leaf || memcmp(facts->leaf->sha256, expected->leaf_sha256,
                                                          SHA256_SIZE) != 0))
                return -EBADMSG;
        if (!facts_hold(facts, expected->now))
                return -EBADMSG;

        *ret = TAKE_PTR(facts);
        return 0;
}
