/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Verdicts, certificates and decisions in words for people. */
#include "config.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "client/explain-private.h"
#include "client/i18n.h"
#include "client/times.h"

/* Room for the fact that shows a problem; the daemon's is shorter. */
#define EXPLAIN_EVIDENCE_MAX 4096U

/* Columns that the text of a problem is indented by. */
#define INDENT 4U

const char *explain_or_question_mark(const char *text) {
        return text && *text ? text : "?";
}

bool explain_same(const char *a, const char *b) {
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

        if (explain_same(end, "session"))
                return _("until you log out");
        if (!explain_same(end, "date"))
                return _("for ever");
        times_write(certexc_exception_until(exception), date);
        (void) snprintf(ret, EXPLAIN_END_MAX, _("until %s"), date);
        return ret;
}

/* Those in files have numbers of their own, that nothing else has. */
static bool is_of_system(const certexc_exception *exception) {
        return certexc_exception_owner(exception) == CERTEXC_OWNER_SYSTEM && !certexc_exception_file(exception);
}

const char *explain_whose(const certexc_exception *exception) {
        /* TRANSLATORS: stands behind the number of a decision that is in the system's store. */
        return is_of_system(exception) ? _(" (the system's)") : "";
}

const char *explain_owner_option(const certexc_exception *exception) {
        return is_of_system(exception) ? " --owner=system" : "";
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
                               explain_or_question_mark(certexc_exception_problem(exception, i)));
        if (fclose(stream) != 0)
                return NULL;
        return TAKE_PTR(text);
}

void explain_heading(const Output *out, const char *text) {
        output_gap(out);
        output_line(out, STYLE_BOLD, "%s", text);
}

static void field(const Output *out, const char *label, const char *value) {
        char lead[LABEL_BYTES_MAX];

        (void) snprintf(lead, sizeof(lead), "  %s", label);
        output_paragraph(out, LABEL, lead, STYLE_PLAIN, "%s", explain_or_question_mark(value));
}

/* A moment and how far it is. */
void explain_field_time(const Output *out, const char *label, int64_t t, int64_t now) {
        char date[TIMES_TEXT_MAX], distance[TIMES_TEXT_MAX];
        char text[2 * TIMES_TEXT_MAX + 4];

        times_write(t, date);
        times_write_distance(t, now, distance);
        (void) snprintf(text, sizeof(text), "%s (%s)", date, distance);
        field(out, label, text);
}

/* On a line of its own and unbroken, so that it can be copied. */
void explain_field_fingerprint(const Output *out, const char *label, const char *sha256) {
        char text[EXPLAIN_FINGERPRINT_MAX];

        output_line(out, STYLE_PLAIN, "  %s", label);
        output_line(out, STYLE_PLAIN, "    %s", explain_fingerprint(sha256, text));
}

/* -- Certificate ------------------------------------------------------------------------------ */

static void field_names(const Output *out, const certexc_certificate *certificate) {
        const size_t n = certexc_certificate_n_names(certificate);
        char more[LABEL_BYTES_MAX];

        if (n == 0)
                field(out, _("Names"), _("none"));
        for (size_t i = 0; i < n && i < NAMES_SHOWN_MAX; i++)
                field(out, i == 0 ? _("Names") : "", certexc_certificate_name(certificate, i));
        if (n <= NAMES_SHOWN_MAX)
                return;
        (void) snprintf(more, sizeof(more), P_("and %zu more", "and %zu more", n - NAMES_SHOWN_MAX),
                        n - NAMES_SHOWN_MAX);
        field(out, "", more);
}

void explain_certificate(const Output *out, const char *title,
                         const certexc_certificate *certificate, int64_t now) {
        explain_heading(out, title);
        if (!certificate) {
                output_paragraph(out, 2, NULL, STYLE_PLAIN, _("It cannot be read."));
                return;
        }
        field(out, _("Subject"), certexc_certificate_subject(certificate));
        field(out, _("Issuer"), certexc_certificate_issuer(certificate));
        field_names(out, certificate);
        field(out, _("Serial"), certexc_certificate_serial(certificate));
        explain_field_time(out, _("Valid from"), certexc_certificate_not_before(certificate), now);
        explain_field_time(out, _("Valid until"), certexc_certificate_not_after(certificate), now);
        explain_field_fingerprint(out, _("SHA-256 of the certificate"),
                          certexc_certificate_sha256(certificate));
        explain_field_fingerprint(out, _("SHA-256 of its key"), certexc_certificate_key_sha256(certificate));
}

/* -- Decision --------------------------------------------------------------------------------- */

/* Root's files are the administrator's, also for root. */
bool explain_is_own_file(const char *file) {
        struct stat st;

        return file && stat(file, &st) == 0 && st.st_uid != 0 && st.st_uid == getuid();
}

static const char *made_in_file(const char *file) {
        return explain_is_own_file(file) ? _("you, in a file") : _("the administrator, for everybody, in a file");
}

void explain_exception(const Output *out, const char *title, const certexc_exception *exception,
                       int64_t now) {
        const bool allow = explain_same(certexc_exception_action(exception), "allow");
        char text[EXPLAIN_ENDPOINT_MAX], end[EXPLAIN_END_MAX];
        _cleanup_free_ char *names = NULL;

        explain_heading(out, title);
        (void) snprintf(text, sizeof(text), "%" PRIu64, certexc_exception_id(exception));
        field(out, _("Number"), text);
        field(out, _("Decision"), allow ? _("allowed") : _("denied"));
        field(out, _("Endpoint"), explain_endpoint(certexc_exception_host(exception),
                                              certexc_exception_port(exception), text));
        if (certexc_exception_file(exception)) {
                field(out, _("Made by"), made_in_file(certexc_exception_file(exception)));
                field(out, _("File"), certexc_exception_file(exception));
        } else if (certexc_exception_owner(exception) == CERTEXC_OWNER_SYSTEM)
                field(out, _("Made by"), _("the administrator, for everybody on this machine"));
        field(out, _("Pinned"), explain_same(certexc_exception_pin(exception), "key")
                                     ? _("the key: other certificates of it count too")
                                     : _("exactly this certificate"));
        names = explain_problem_names(exception);
        if (allow)
                field(out, _("Problems"), names);
        field(out, _("Lasts"), explain_end(exception, end));
        field(out, _("State"), certexc_exception_state(exception));
        /* Who wrote a file may not have said when. */
        if (certexc_exception_created(exception) > 0)
                explain_field_time(out, _("Since"), certexc_exception_created(exception), now);
}

/* -- Answer ----------------------------------------------------------------------------------- */

static bool is_new(const certexc_answer *answer, const char *problem) {
        for (size_t i = 0; i < certexc_answer_n_new_problems(answer); i++)
                if (explain_same(certexc_answer_new_problem(answer, i), problem))
                        return true;
        return false;
}

/* A time in front of @value, which the daemon writes by ISO 8601, as people read it. @value itself if
 * there is none. */
static const char *readable_time(const char *value, char ret[static EXPLAIN_EVIDENCE_MAX]) {
        char date[TIMES_TEXT_MAX];
        struct tm tm = { 0 };
        const char *rest;

        rest = value ? strptime(value, "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
        if (!rest)
                return value;
        times_write((int64_t) timegm(&tm), date);
        (void) snprintf(ret, EXPLAIN_EVIDENCE_MAX, "%s%s", date, rest);
        return ret;
}

/* Which certificate it is about and the fact that shows it, on one line. */
static void explain_evidence(const Output *out, const certexc_answer *answer, size_t i) {
        const int at = certexc_answer_problem_certificate(answer, i);
        char text[EXPLAIN_EVIDENCE_MAX];
        const char *value = readable_time(certexc_answer_problem_value(answer, i), text);

        if (value && *value && at > 0)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN,
                                 _("Seen: \"%s\", in certificate %d of the chain."), value, at + 1);
        else if (value && *value)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN, _("Seen: \"%s\"."), value);
        else if (at > 0)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN,
                                 _("Seen in certificate %d of the chain."), at + 1);
}

static bool has_advice(const certexc_answer *answer, const char *prefix) {
        for (size_t i = 0; i < certexc_answer_n_advice(answer); i++)
                if (strncmp(certexc_answer_advice(answer, i), prefix, strlen(prefix)) == 0)
                        return true;
        return false;
}

/* true if somebody between answers in the server's place, and calls itself by its name. */
static bool is_intercepted(const certexc_answer *answer) {
        return has_advice(answer, "intercepted-");
}

/* Nobody else has to mend what a clock alone makes look wrong. */
static bool is_clock_s(const certexc_answer *answer, const char *problem) {
        return (explain_same(problem, "not-yet-valid") || explain_same(problem, "expired") ||
                explain_same(problem, "issuer-expired") || explain_same(problem, "revocation-unknown")) &&
               has_advice(answer, "clock-");
}

/* The usual words blame the server for this, which has nothing to do with it there. */
static bool is_interceptor_s(const certexc_answer *answer, const char *problem) {
        return (explain_same(problem, "incomplete-chain") || explain_same(problem, "unknown-issuer") ||
                explain_same(problem, "self-signed")) &&
               is_intercepted(answer);
}

/* true if the authority is known, but not for this name. */
static bool is_limited(const certexc_answer *answer, const char *problem) {
        return explain_same(problem, "unknown-issuer") && has_advice(answer, "authority-limited");
}

/* true if somebody here said so, and the authority need not have done anything wrong. */
static bool is_distrusted_here(const certexc_answer *answer, size_t i) {
        if (!explain_same(certexc_answer_problem(answer, i), "distrusted-issuer"))
                return false;
        for (size_t j = 0; j < certexc_answer_n_advice(answer); j++)
                if (strncmp(certexc_answer_advice(answer, j), "distrusted-by-", strlen("distrusted-by-")) == 0 &&
                    explain_same(certexc_answer_advice_name(answer, j), certexc_answer_problem_value(answer, i)))
                        return true;
        return false;
}

static void explain_problem(const Output *out, const certexc_answer *answer, size_t i) {
        const char *name = certexc_answer_problem(answer, i);
        const char *meaning = certexc_problem_meaning(name);
        const char *mender = certexc_problem_mender(name);
        const char *advice = certexc_problem_advice(name);
        const bool never = !certexc_answer_problem_exceptable(answer, i);
        const bool limited = is_limited(answer, name);
        const bool clock = is_clock_s(answer, name);
        const bool distrusted = is_distrusted_here(answer, i);
        const bool foreign = limited || clock || distrusted || is_interceptor_s(answer, name);

        if (limited)
                meaning = _("The certificate was issued by an authority that may not speak for this "
                            "name here.");
        else if (distrusted)
                meaning = _("It is, or comes from, what was distrusted on this computer.");
        else if (foreign && explain_same(name, "incomplete-chain"))
                meaning = _("Whoever answers in the server's place does not send the certificate "
                            "that leads to an authority.");
        output_paragraph(out, 2, NULL, never ? STYLE_BAD : STYLE_WARN, "%s%s%s",
                         explain_or_question_mark(name), is_new(answer, name) ? _(" (new)") : "",
                         never ? _(" (nobody may allow this)") : "");
        output_paragraph(out, INDENT, NULL, STYLE_PLAIN, "%s",
                         meaning ? meaning : _("This program is older than the daemon and does "
                                               "not know this problem."));
        explain_evidence(out, answer, i);
        if (mender && !foreign)
                output_paragraph(out, INDENT, NULL, STYLE_PLAIN, _("Who can mend it: %s."), mender);
        if (clock)
                output_paragraph(out, INDENT, NULL, STYLE_DIM, "%s",
                                 _("This computer's clock is wrong, see below: put it right first."));
        if (advice && !foreign)
                output_paragraph(out, INDENT, NULL, STYLE_DIM, "%s", advice);
}

/* The same problem at the same place with the same evidence was told at an earlier index. */
static bool was_told(const certexc_answer *answer, size_t i) {
        for (size_t j = 0; j < i; j++)
                if (explain_same(certexc_answer_problem(answer, j), certexc_answer_problem(answer, i)) &&
                    certexc_answer_problem_certificate(answer, j) ==
                            certexc_answer_problem_certificate(answer, i) &&
                    explain_same(certexc_answer_problem_value(answer, j),
                         certexc_answer_problem_value(answer, i)))
                        return true;
        return false;
}

void explain_problems(const Output *out, const certexc_answer *answer) {
        const size_t n = certexc_answer_n_problems(answer);

        if (n == 0)
                return;
        explain_heading(out, _("What is wrong"));
        for (size_t i = 0; i < n; i++)
                if (!was_told(answer, i))
                        explain_problem(out, answer, i);
}

void explain_advice(const Output *out, const certexc_answer *answer) {
        bool begun = false;

        for (size_t i = 0; i < certexc_answer_n_advice(answer); i++) {
                _cleanup_free_ char *text = NULL;

                /* What a newer daemon says beyond our words stands in --json. */
                if (certexc_answer_advice_text(answer, i, &text) < 0)
                        continue;
                if (!begun)
                        explain_heading(out, _("What to know"));
                begun = true;
                output_paragraph(out, 2, NULL, STYLE_PLAIN, "%s", text);
        }
}

/* -- Accept, prompt, reject ------------------------------------------------------------------- */

/* What the administrator decided for everybody is not to be told as one's own. NULL: as anything else is. */
static const char *administrator_s(const certexc_answer *answer) {
        const char *because = certexc_answer_because(answer);
        const certexc_exception *e = certexc_answer_exception(answer);
        const bool of_system = e && certexc_exception_owner(e) == CERTEXC_OWNER_SYSTEM &&
                               !explain_is_own_file(certexc_exception_file(e));

        if (of_system && explain_same(because, "exception"))
                return _("The administrator allowed this certificate for everything that is wrong "
                         "with it.");
        if (of_system && explain_same(because, "in-doubt"))
                return _("The administrator allowed this certificate, but no exception counts at the "
                         "moment.");
        if (of_system && explain_same(because, "denial"))
                return _("The administrator refused this certificate.");
        return NULL;
}

char *explain_reason(const certexc_answer *answer) {
        const char *sentence = administrator_s(answer);
        char *reason = NULL;

        if (sentence)
                return strdup(sentence);
        return certexc_answer_reason(answer, &reason) < 0 ? strdup("") : reason;
}

static void explain_accept(const Output *out, const certexc_answer *answer, const char *endpoint) {
        const certexc_exception *exception = certexc_answer_exception(answer);
        const char *file = certexc_exception_file(exception);
        _cleanup_free_ char *names = NULL, *reason = explain_reason(answer);
        char end[EXPLAIN_END_MAX];

        output_line(out, STYLE_GOOD, _("%s: accept. %s"), endpoint, reason ? reason : "");
        if (!exception || (file && certexc_answer_obsolete(answer)))
                return;
        if (certexc_answer_obsolete(answer)) {
                output_paragraph(out, 2, NULL, STYLE_PLAIN,
                                 _("Exception %" PRIu64 "%s is not needed any more: certexc revoke "
                                   "%" PRIu64 "%s"), certexc_exception_id(exception),
                                 explain_whose(exception), certexc_exception_id(exception),
                                 explain_owner_option(exception));
                return;
        }
        names = explain_problem_names(exception);
        output_paragraph(out, 2, NULL, STYLE_PLAIN, _("Exception %" PRIu64 "%s allows it %s: %s."),
                         certexc_exception_id(exception), explain_whose(exception), explain_end(exception, end),
                         explain_or_question_mark(names));
        if (file)
                output_paragraph(out, 2, NULL, STYLE_PLAIN, _("It is in the file %s."), file);
}

/* The daemon says what to mend. */
static void explain_doubt(const Output *out, const certexc_answer *answer) {
        const char *doubt = certexc_answer_doubt(answer);

        if (!doubt)
                return;
        explain_heading(out, _("Why no exception counts at the moment"));
        output_paragraph(out, 2, NULL, STYLE_WARN, "%s", doubt);
}

void explain_answer(const Output *out, const certexc_answer *answer, int64_t now) {
        const enum certexc_verdict verdict = certexc_answer_verdict(answer);
        const certexc_exception *exception = certexc_answer_exception(answer);
        _cleanup_free_ char *reason = explain_reason(answer);
        char endpoint[EXPLAIN_ENDPOINT_MAX];

        (void) explain_endpoint(certexc_answer_host(answer), certexc_answer_port(answer), endpoint);
        if (verdict == CERTEXC_ACCEPT) {
                explain_accept(out, answer, endpoint);
                return;
        }
        output_line(out, verdict == CERTEXC_REJECT ? STYLE_BAD : STYLE_WARN,
                    verdict == CERTEXC_REJECT ? _("%s: reject. %s") : _("%s: prompt. %s"), endpoint,
                    reason ? reason : "");
        explain_doubt(out, answer);
        explain_problems(out, answer);
        explain_advice(out, answer);
        explain_change(out, answer, now);
        explain_certificate(out, _("The certificate that the server shows"),
                            certexc_answer_leaf(answer), now);
        if (!exception)
                return;
        explain_exception(out, explain_same(certexc_answer_because(answer), "denial")
                                       ? _("The decision that refuses it")
                               : explain_same(certexc_answer_because(answer), "in-doubt")
                                       ? _("The decision that covers it")
                                       : _("The decision that nearly covers it"),
                          exception, now);
}

const char *explain_asked(const certexc_answer *answer) {
        static const struct {
                const char *word, *sentence;
        } sentences[] = {
                { "dismissed", N_("You said \"not now\" to this a moment ago, and are not asked "
                                  "again for some minutes.") },
                { "no-agent", N_("There is no program that could ask you: start \"certexc agent\" "
                                 "in another terminal.") },
                { "timed-out", N_("Nobody answered in time.") },
                { "too-many", N_("Too many questions wait to be asked already.") },
                { "not-allowed", N_("You were not asked: only the administrator may make "
                                    "exceptions here.") },
                { "in-doubt", N_("You were not asked: what you said could not count at the moment.") },
        };
        const char *asked = certexc_answer_asked(answer);

        for (size_t i = 0; asked && i < N_ELEMENTS(sentences); i++)
                if (strcmp(asked, sentences[i].word) == 0)
                        return _(sentences[i].sentence);
        return NULL;
}
