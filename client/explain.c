/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verdicts, certificates and decisions in words for people. */
#include "config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/cleanup.h"
#include "client/explain.h"
#include "client/times.h"

/* Columns of a label in front of a value. */
#define LABEL 14U

/* Columns that the text of a problem is indented by. */
#define INDENT 4U

/* Names of a certificate that are shown; there may be hundreds. */
#define NAMES_SHOWN_MAX 12U

static const char *or_question_mark(const char *text) {
        return text && *text ? text : "?";
}

static bool same(const char *a, const char *b) {
        return a && b && strcmp(a, b) == 0;
}

const char *explain_endpoint(const char *host, uint16_t port,
                             char ret[static EXPLAIN_ENDPOINT_MAX]) {
        const char *name = host ? host : "?";
        const bool brackets = port != 0 && strchr(name, ':');

        if (port == 0)
                (void) snprintf(ret, EXPLAIN_ENDPOINT_MAX, "%s", name);
        else
                (void) snprintf(ret, EXPLAIN_ENDPOINT_MAX, "%s%s%s:%u", brackets ? "[" : "", name,
                                brackets ? "]" : "", (unsigned) port);
        return ret;
}

const char *explain_fingerprint(const char *sha256, char ret[static EXPLAIN_FINGERPRINT_MAX]) {
        size_t n = 0;

        if (!sha256 || strlen(sha256) != 64)
                return "?";
        for (size_t i = 0; i < 64; i++) {
                if (i > 0 && i % 2 == 0)
                        ret[n++] = ':';
                ret[n++] = (char) toupper((unsigned char) sha256[i]);
        }
        ret[n] = '\0';
        return ret;
}

const char *explain_end(const certexc_exception *exception, char ret[static EXPLAIN_END_MAX]) {
        const char *end = certexc_exception_end(exception);
        char date[TIMES_TEXT_MAX];

        if (same(end, "session"))
                return "until you log out";
        if (!same(end, "date"))
                return "for ever";
        times_write(certexc_exception_until(exception), date);
        (void) snprintf(ret, EXPLAIN_END_MAX, "until %s", date);
        return ret;
}

char *explain_problem_names(const certexc_exception *exception) {
        const size_t n = certexc_exception_n_problems(exception);
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream;

        stream = open_memstream(&text, &size);
        if (!stream)
                return NULL;
        for (size_t i = 0; i < n; i++)
                (void) fprintf(stream, "%s%s", i > 0 ? ", " : "",
                               or_question_mark(certexc_exception_problem(exception, i)));
        if (fclose(stream) != 0)
                return NULL;
        return TAKE_PTR(text);
}

static void heading(const Output *out, const char *text) {
        output_gap(out);
        output_line(out, STYLE_BOLD, "%s", text);
}

static void field(const Output *out, const char *label, const char *value) {
        char lead[LABEL + 1];

        (void) snprintf(lead, sizeof(lead), "  %s", label);
        output_paragraph(out, LABEL, lead, STYLE_PLAIN, "%s", or_question_mark(value));
}

/* A moment and how far it is. */
static void field_time(const Output *out, const char *label, int64_t t, int64_t now) {
        char date[TIMES_TEXT_MAX], distance[TIMES_TEXT_MAX];
        char text[2 * TIMES_TEXT_MAX + 4];

        times_write(t, date);
        times_write_distance(t, now, distance);
        (void) snprintf(text, sizeof(text), "%s (%s)", date, distance);
        field(out, label, text);
}

/* On a line of its own and unbroken, so that it can be copied. */
static void field_fingerprint(const Output *out, const char *label, const char *sha256) {
        char text[EXPLAIN_FINGERPRINT_MAX];

        output_line(out, STYLE_PLAIN, "  %s", label);
        output_line(out, STYLE_PLAIN, "    %s", explain_fingerprint(sha256, text));
}

/* -- Certificate ------------------------------------------------------------------------------ */

static void field_names(const Output *out, const certexc_certificate *certificate) {
        const size_t n = certexc_certificate_n_names(certificate);
        char more[32];

        if (n == 0)
                field(out, "Names", "none");
        for (size_t i = 0; i < n && i < NAMES_SHOWN_MAX; i++)
                field(out, i == 0 ? "Names" : "", certexc_certificate_name(certificate, i));
        if (n <= NAMES_SHOWN_MAX)
                return;
        (void) snprintf(more, sizeof(more), "and %zu more", n - NAMES_SHOWN_MAX);
        field(out, "", more);
}

void explain_certificate(const Output *out, const char *title,
                         const certexc_certificate *certificate, int64_t now) {
        heading(out, title);
        if (!certificate) {
                output_paragraph(out, 2, NULL, STYLE_PLAIN, "It cannot be read.");
                return;
        }
        field(out, "Subject", certexc_certificate_subject(certificate));
        field(out, "Issuer", certexc_certificate_issuer(certificate));
        field_names(out, certificate);
        field(out, "Serial", certexc_certificate_serial(certificate));
        field_time(out, "Valid from", certexc_certificate_not_before(certificate), now);
        field_time(out, "Valid until", certexc_certificate_not_after(certificate), now);
        field_fingerprint(out, "SHA-256 of the certificate",
                          certexc_certificate_sha256(certificate));
        field_fingerprint(out, "SHA-256 of its key", certexc_certificate_key_sha256(certificate));
}

/* -- Decision --------------------------------------------------------------------------------- */

void explain_exception(const Output *out, const char *title, const certexc_exception *exception,
                       int64_t now) {
        const bool allow = same(certexc_exception_action(exception), "allow");
        char text[EXPLAIN_ENDPOINT_MAX], end[EXPLAIN_END_MAX];
        _cleanup_free_ char *names = NULL;

        heading(out, title);
        (void) snprintf(text, sizeof(text), "%" PRIu64, certexc_exception_id(exception));
        field(out, "Number", text);
        field(out, "Decision", allow ? "allowed" : "denied");
        field(out, "Endpoint", explain_endpoint(certexc_exception_host(exception),
                                              certexc_exception_port(exception), text));
        if (certexc_exception_owner(exception) == CERTEXC_OWNER_SYSTEM)
                field(out, "Made by", "the administrator, for everybody on this machine");
        field(out, "Pinned", same(certexc_exception_pin(exception), "key")
                                     ? "the key: other certificates of it count too"
                                     : "exactly this certificate");
        names = explain_problem_names(exception);
        if (allow)
                field(out, "Problems", names);
        field(out, "Lasts", explain_end(exception, end));
        field(out, "State", certexc_exception_state(exception));
        field_time(out, "Since", certexc_exception_created(exception), now);
}

/* -- Answer ----------------------------------------------------------------------------------- */

static bool is_new(const certexc_answer *answer, const char *problem) {
        for (size_t i = 0; i < certexc_answer_n_new_problems(answer); i++)
                if (same(certexc_answer_new_problem(answer, i), problem))
                        return true;
        return false;
}

/* Which certificate it is about and the fact that shows it, on one line. */
static void explain_evidence(const Output *out, const certexc_answer *answer, size_t i) {
        const int at = certexc_answer_problem_certificate(answer, i);
        const char *value = certexc_answer_problem_value(answer, i);

        if (value && *value && at > 0)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN,
                                 "Seen: \"%s\", in certificate %d of the chain.", value, at + 1);
        else if (value && *value)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN, "Seen: \"%s\".", value);
        else if (at > 0)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN,
                                 "Seen in certificate %d of the chain.", at + 1);
}

static void explain_problem(const Output *out, const certexc_answer *answer, size_t i) {
        const char *name = certexc_answer_problem(answer, i);
        const char *meaning = certexc_problem_meaning(name);
        const char *mender = certexc_problem_mender(name);
        const char *advice = certexc_problem_advice(name);
        const bool never = !certexc_answer_problem_exceptable(answer, i);

        output_paragraph(out, 2, NULL, never ? STYLE_BAD : STYLE_WARN, "%s%s%s",
                         or_question_mark(name), is_new(answer, name) ? " (new)" : "",
                         never ? " (nobody may allow this)" : "");
        output_paragraph(out, INDENT, NULL, STYLE_PLAIN, "%s",
                         meaning ? meaning : "This program is older than the daemon and does not "
                                             "know this problem.");
        explain_evidence(out, answer, i);
        if (mender)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN, "Who can mend it: %s.", mender);
        if (advice)
                output_paragraph(out, INDENT, NULL, STYLE_DIM, "%s", advice);
}

/* The same problem at the same place with the same evidence was told at an earlier index. */
static bool was_told(const certexc_answer *answer, size_t i) {
        for (size_t j = 0; j < i; j++)
                if (same(certexc_answer_problem(answer, j), certexc_answer_problem(answer, i)) &&
                    certexc_answer_problem_certificate(answer, j) ==
                            certexc_answer_problem_certificate(answer, i) &&
                    same(certexc_answer_problem_value(answer, j),
                         certexc_answer_problem_value(answer, i)))
                        return true;
        return false;
}

void explain_problems(const Output *out, const certexc_answer *answer) {
        const size_t n = certexc_answer_n_problems(answer);

        if (n == 0)
                return;
        heading(out, "What is wrong");
        for (size_t i = 0; i < n; i++)
                if (!was_told(answer, i))
                        explain_problem(out, answer, i);
}

void explain_change(const Output *out, const certexc_answer *answer, int64_t now) {
        const char *change = certexc_answer_change(answer);
        const bool due = certexc_answer_change_was_due(answer);
        const certexc_certificate *old = certexc_answer_change_old(answer);
        const char *sentence;

        if (!change)
                return;
        heading(out, "What changed");
        sentence = certexc_change_sentence(change, due);
        output_paragraph(out, 2, NULL, STYLE_WARN, "%s: %s", change,
                         sentence ? sentence : "The certificate is another one.");
        field_time(out, same(certexc_answer_change_known_from(answer), "exception") ? "Allowed"
                                                                                    : "Last seen",
                   certexc_answer_change_since(answer), now);
        explain_certificate(out, "The certificate that was known here", old, now);
}

static void explain_accept(const Output *out, const certexc_answer *answer, const char *endpoint) {
        const certexc_exception *exception = certexc_answer_exception(answer);
        const char *sentence = certexc_because_sentence(certexc_answer_because(answer));
        _cleanup_free_ char *names = NULL;
        char end[EXPLAIN_END_MAX];

        output_line(out, STYLE_GOOD, "%s: accept. %s", endpoint, sentence ? sentence : "");
        if (!exception)
                return;
        if (certexc_answer_obsolete(answer)) {
                output_paragraph(out, 2, NULL, STYLE_PLAIN,
                                 "Exception %" PRIu64 " is not needed any more: certexc revoke "
                                 "%" PRIu64, certexc_exception_id(exception),
                                 certexc_exception_id(exception));
                return;
        }
        names = explain_problem_names(exception);
        output_paragraph(out, 2, NULL, STYLE_PLAIN, "Exception %" PRIu64 " allows it %s: %s.",
                         certexc_exception_id(exception), explain_end(exception, end),
                         or_question_mark(names));
}

void explain_answer(const Output *out, const certexc_answer *answer, int64_t now) {
        const enum certexc_verdict verdict = certexc_answer_verdict(answer);
        const char *sentence = certexc_because_sentence(certexc_answer_because(answer));
        const certexc_exception *exception = certexc_answer_exception(answer);
        char endpoint[EXPLAIN_ENDPOINT_MAX];

        (void) explain_endpoint(certexc_answer_host(answer), certexc_answer_port(answer), endpoint);
        if (verdict == CERTEXC_ACCEPT) {
                explain_accept(out, answer, endpoint);
                return;
        }
        output_line(out, verdict == CERTEXC_REJECT ? STYLE_BAD : STYLE_WARN, "%s: %s. %s", endpoint,
                    verdict == CERTEXC_REJECT ? "reject" : "prompt", sentence ? sentence : "");
        explain_problems(out, answer);
        explain_change(out, answer, now);
        explain_certificate(out, "The certificate that the server shows",
                            certexc_answer_leaf(answer), now);
        if (!exception)
                return;
        if (same(certexc_answer_because(answer), "denial"))
                explain_exception(out, "The decision that refuses it", exception, now);
        else
                explain_exception(out, "The decision that nearly covers it", exception, now);
}
