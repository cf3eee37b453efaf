/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Facts about a judged chain: putting them together, sharing them, and writing them as bytes. */
#include "config.h"

#include "daemon/facts.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "daemon/limits.h"
#include "daemon/text.h"
#include "daemon/wire.h"

/* First in every block, so that another kind of frame is never taken for facts. */
#define FACTS_MAGIC UINT32_C(0x31584643) /* "CFX1" */

int facts_new(Facts **ret) {
        Facts *facts;

        facts = calloc(1, sizeof(*facts));
        if (!facts)
                return -ENOMEM;

        facts->n_references = 1;
        facts->holds_from = INT64_MIN;
        facts->holds_until = INT64_MAX;
        facts->signed_time = INT64_MIN;
        *ret = facts;
        return 0;
}

Facts *facts_ref(Facts *facts) {
        assert(facts->n_references > 0);
        facts->n_references++;
        return facts;
}

Facts *facts_unref(Facts *facts) {
        if (!facts)
                return NULL;

        assert(facts->n_references > 0);
        if (--facts->n_references > 0)
                return NULL;

        (void) certificate_facts_free(facts->leaf);
        for (size_t i = 0; i < facts->n_findings; i++)
                free(facts->findings[i].value);
        free(facts->findings);
        free(facts->responder);
        free(facts->outside);
        free(facts->limit);
        free(facts);
        return NULL;
}

bool facts_hold(const Facts *facts, int64_t now) {
        return now >= facts->holds_from && now < facts->holds_until;
}

int facts_text(const void *bytes, size_t size, char **ret) {
        return utf8_sanitize(bytes, size, FACTS_TEXT_BYTES_MAX, ret);
}

static bool facts_has(const Facts *facts, Problem problem, int certificate) {
        for (size_t i = 0; i < facts->n_findings; i++)
                if (facts->findings[i].problem == problem &&
                    facts->findings[i].certificate == certificate)
                        return true;
        return false;
}

/* Appends a finding that takes @value over. */
static int facts_append(Facts *facts, Problem problem, int certificate, char **value) {
        if (facts->n_findings % 8 == 0) {
                Finding *p;

                p = reallocarray(facts->findings, facts->n_findings + 8, sizeof(*p));
                if (!p)
                        return -ENOMEM;
                facts->findings = p;
        }

        facts->findings[facts->n_findings++] = (Finding) {
                .problem = problem,
                .certificate = certificate,
                .value = TAKE_PTR(*value),
        };
        return 0;
}

int facts_add(Facts *facts, Problem problem, int certificate, const char *value) {
        _cleanup_free_ char *copy = NULL;
        int r;

        /* First of all: whatever fails below, the problem is not forgotten. */
        facts->problems |= problem;

        if (facts_has(facts, problem, certificate) || facts->n_findings >= FACTS_FINDINGS_MAX)
                return 0;

        r = facts_text(value, strlen(value), &copy);
        if (r < 0)
                return r;
        return facts_append(facts, problem, certificate, &copy);
}

int facts_set_limit(Facts *facts, const char *outside, const char *limit) {
        _cleanup_free_ char *name = NULL, *names = NULL;
        int r;

        r = facts_text(outside, strlen(outside), &name);
        if (r == 0)
                r = facts_text(limit, strlen(limit), &names);
        if (r < 0)
                return r;
        free(facts->outside);
        free(facts->limit);
        facts->outside = TAKE_PTR(name);
        facts->limit = TAKE_PTR(names);
        return 0;
}

CertificateFacts *certificate_facts_free(CertificateFacts *c) {
        if (!c)
                return NULL;

        free(c->subject);
        free(c->issuer);
        free(c->serial);
        for (size_t i = 0; i < c->n_names; i++)
                free(c->names[i]);
        free(c->names);
        free(c);
        return NULL;
}

/* One more than the names for the NULL behind them. */
static int names_new(size_t n, char ***ret) {
        char **names;

        names = calloc(n + 1, sizeof(*names));
        if (!names)
                return -ENOMEM;
        *ret = names;
        return 0;
}

int certificate_facts_copy(const CertificateFacts *c, CertificateFacts **ret) {
        _cleanup_(certificate_facts_freep) CertificateFacts *copy = NULL;
        int r;

        copy = calloc(1, sizeof(*copy));
        if (!copy)
                return -ENOMEM;

        memcpy(copy->sha256, c->sha256, SHA256_SIZE);
        memcpy(copy->key_sha256, c->key_sha256, SHA256_SIZE);
        copy->not_before = c->not_before;
        copy->not_after = c->not_after;

        copy->subject = strdup(c->subject);
        copy->issuer = strdup(c->issuer);
        copy->serial = strdup(c->serial);
        if (!copy->subject || !copy->issuer || !copy->serial)
                return -ENOMEM;

        r = names_new(c->n_names, &copy->names);
        if (r < 0)
                return r;
        for (size_t i = 0; i < c->n_names; i++) {
                copy->names[i] = strdup(c->names[i]);
                if (!copy->names[i])
                        return -ENOMEM;
                copy->n_names++;
        }

        *ret = TAKE_PTR(copy);
        return 0;
}

/* -- what facts may be ---------------------------------------------------------------------- */

static bool text_is_lawful(const char *text) {
        return text && strlen(text) <= FACTS_TEXT_BYTES_MAX && utf8_is_valid(text, strlen(text));
}

static bool certificate_is_lawful(const CertificateFacts *c) {
        if (!text_is_lawful(c->subject) || !text_is_lawful(c->issuer) || !text_is_lawful(c->serial))
                return false;
        if (strspn(c->serial, "0123456789abcdef") != strlen(c->serial))
                return false;
        if (c->n_names > FACTS_NAMES_MAX)
                return false;

        for (size_t i = 0; i < c->n_names; i++)
                if (!text_is_lawful(c->names[i]))
                        return false;
        return true;
}

static bool findings_are_lawful(const Facts *facts) {
        ProblemSet found = 0;

        if (facts->n_findings > FACTS_FINDINGS_MAX)
                return false;

        for (size_t i = 0; i < facts->n_findings; i++) {
                const Finding *f = &facts->findings[i];

                if (!problem_info(f->problem) || !text_is_lawful(f->value))
                        return false;
                if (f->certificate < -1 || f->certificate >= (int) CHAIN_CERTIFICATES_MAX)
                        return false;
                for (size_t j = 0; j < i; j++)
                        if (facts->findings[j].problem == f->problem &&
                            facts->findings[j].certificate == f->certificate)
                                return false;
                found |= f->problem;
        }

        /* Only where no finding fitted any more may a problem stand without one. */
        if (facts->n_findings == FACTS_FINDINGS_MAX)
                return (found & ~facts->problems) == 0;
        return found == facts->problems;
}

/* Both or neither. */
static bool responder_is_lawful(const Facts *facts) {
        const char *url = facts->responder;

        if (!url)
                return facts->request_size == 0;
        if (facts->request_size == 0 || facts->request_size > OCSP_REQUEST_BYTES_MAX ||
            strlen(url) > FACTS_TEXT_BYTES_MAX || strncasecmp(url, "http://", 7) != 0)
                return false;
        for (; *url; url++)
                if (*url <= ' ' || *url >= 0x7f)
                        return false;
        return true;
}

/* Both or neither, and then the authority is none here. */
static bool limit_is_lawful(const Facts *facts) {
        if (!facts->outside && !facts->limit)
                return true;
        return text_is_lawful(facts->outside) && text_is_lawful(facts->limit) &&
               (facts->problems & PROBLEM_UNKNOWN_ISSUER);
}

static bool facts_are_lawful(const Facts *facts) {
        if ((facts->problems & ~problem_set_all) != 0 || !findings_are_lawful(facts))
                return false;

        /* A leaf that could not be read must never look like one without problems. */
        if (facts->leaf ? !certificate_is_lawful(facts->leaf)
                        : (facts->problems & problem_set_never) == 0)
                return false;

        return facts->holds_from < facts->holds_until && responder_is_lawful(facts) &&
               limit_is_lawful(facts);
}

/* -- as bytes ------------------------------------------------------------------------------- */

static void certificate_write(Writer *w, const CertificateFacts *c) {
        writer_fixed(w, c->sha256, SHA256_SIZE);
        writer_fixed(w, c->key_sha256, SHA256_SIZE);
        writer_i64(w, c->not_before);
        writer_i64(w, c->not_after);
        writer_text(w, c->subject);
        writer_text(w, c->issuer);
        writer_text(w, c->serial);
        writer_u32(w, (uint32_t) c->n_names);
        for (size_t i = 0; i < c->n_names; i++)
                writer_text(w, c->names[i]);
}

int facts_write(const Facts *facts, uint8_t **ret, size_t *ret_size) {
        Writer w = {};

        if (!facts_are_lawful(facts))
                return -EINVAL;

        writer_u32(&w, FACTS_MAGIC);
        writer_u32(&w, facts->problems);
        writer_i64(&w, facts->holds_from);
        writer_i64(&w, facts->holds_until);
        writer_i64(&w, facts->signed_time);
        writer_text(&w, facts->responder ? facts->responder : "");
        writer_blob(&w, facts->request, facts->request_size);

        writer_u8(&w, facts->limit ? 1 : 0);
        if (facts->limit) {
                writer_text(&w, facts->outside);
                writer_text(&w, facts->limit);
        }

        writer_u8(&w, facts->leaf ? 1 : 0);
        if (facts->leaf)
                certificate_write(&w, facts->leaf);

        writer_u32(&w, (uint32_t) facts->n_findings);
        for (size_t i = 0; i < facts->n_findings; i++) {
                writer_u32(&w, (uint32_t) facts->findings[i].problem);
                writer_u8(&w, (uint8_t) (facts->findings[i].certificate + 1));
                writer_text(&w, facts->findings[i].value);
        }
        return writer_finish(&w, ret, ret_size);
}

static int certificate_read(Reader *rd, CertificateFacts **ret) {
        _cleanup_(certificate_facts_freep) CertificateFacts *c = NULL;
        size_t n;
        int r;

        c = calloc(1, sizeof(*c));
        if (!c)
                return -ENOMEM;

        reader_fixed(rd, c->sha256, SHA256_SIZE);
        reader_fixed(rd, c->key_sha256, SHA256_SIZE);
        c->not_before = reader_i64(rd);
        c->not_after = reader_i64(rd);
        c->subject = reader_text(rd, FACTS_TEXT_BYTES_MAX);
        c->issuer = reader_text(rd, FACTS_TEXT_BYTES_MAX);
        c->serial = reader_text(rd, FACTS_TEXT_BYTES_MAX);

        n = reader_u32(rd);
        if (rd->bad || n > FACTS_NAMES_MAX)
                return -EBADMSG;
        r = names_new(n, &c->names);
        if (r < 0)
                return r;
        while (c->n_names < n) {
                c->names[c->n_names] = reader_text(rd, FACTS_TEXT_BYTES_MAX);
                if (!c->names[c->n_names])
                        return -EBADMSG;
                c->n_names++;
        }

        *ret = TAKE_PTR(c);
        return 0;
}

static int findings_read(Reader *rd, Facts *facts) {
        size_t n;
        int r;

        n = reader_u32(rd);
        if (n > FACTS_FINDINGS_MAX)
                return -EBADMSG;

        for (size_t i = 0; i < n; i++) {
                _cleanup_free_ char *value = NULL;
                ProblemSet problem;
                int certificate;

                problem = reader_u32(rd);
                certificate = (int) reader_u8(rd) - 1;
                value = reader_text(rd, FACTS_TEXT_BYTES_MAX);
                if (rd->bad || !problem_info(problem))
                        return -EBADMSG;

                r = facts_append(facts, (Problem) problem, certificate, &value);
                if (r < 0)
                        return r;
        }
        return 0;
}

static int responder_read(Reader *rd, Facts *facts) {
        _cleanup_free_ char *url = reader_text(rd, FACTS_TEXT_BYTES_MAX);
        Blob request = reader_blob(rd, OCSP_REQUEST_BYTES_MAX);

        if (!url || rd->bad)
                return -EBADMSG;
        if (*url)
                facts->responder = TAKE_PTR(url);
        if (request.size > 0)
                memcpy(facts->request, request.data, request.size);
        facts->request_size = request.size;
        return 0;
}

static int limit_read(Reader *rd, Facts *facts) {
        const uint8_t has_limit = reader_u8(rd);

        if (has_limit > 1)
                return -EBADMSG;
        if (!has_limit)
                return 0;
        facts->outside = reader_text(rd, FACTS_TEXT_BYTES_MAX);
        facts->limit = reader_text(rd, FACTS_TEXT_BYTES_MAX);
        return facts->outside && facts->limit ? 0 : -EBADMSG;
}

int facts_read(Blob bytes, Facts **ret) {
        _cleanup_(facts_unrefp) Facts *facts = NULL;
        Reader rd = READER_INIT(bytes);
        uint8_t has_leaf;
        int r;

        r = facts_new(&facts);
        if (r < 0)
                return r;

        if (reader_u32(&rd) != FACTS_MAGIC)
                return -EBADMSG;
        facts->problems = reader_u32(&rd);
        facts->holds_from = reader_i64(&rd);
        facts->holds_until = reader_i64(&rd);
        facts->signed_time = reader_i64(&rd);
        r = responder_read(&rd, facts);
        if (r == 0)
                r = limit_read(&rd, facts);
        if (r < 0)
                return r;

        has_leaf = reader_u8(&rd);
        if (has_leaf > 1)
                return -EBADMSG;
        if (has_leaf) {
                r = certificate_read(&rd, &facts->leaf);
                if (r < 0)
                        return r;
        }
        r = findings_read(&rd, facts);
        if (r < 0)
                return r;

        if (reader_finish(&rd) < 0 || !facts_are_lawful(facts))
                return -EBADMSG;
        *ret = TAKE_PTR(facts);
        return 0;
}
