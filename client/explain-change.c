/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The certificate that is shown against the one that was known, field by field, in words for people. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>

#include "client/cleanup.h"
#include "client/explain-private.h"
#include "client/i18n.h"
#include "client/times.h"

/* How one field was and is; @field is its name in the interface. */
static void field_change(const Output *out, const certexc_answer *answer, const char *label,
                         const char *name, const char *old, const char *new) {
        char lead[LABEL_BYTES_MAX];

        (void) snprintf(lead, sizeof(lead), "  %s", label);
        if (!certexc_answer_change_differs(answer, name)) {
                output_paragraph(out, LABEL, lead, STYLE_DIM, _("as before: %s"),
                                 explain_or_question_mark(new));
                return;
        }
        output_paragraph(out, LABEL, lead, STYLE_PLAIN, _("before: %s"), explain_or_question_mark(old));
        output_paragraph(out, LABEL, NULL, STYLE_WARN, _("now: %s"), explain_or_question_mark(new));
}

static char *join_names(const certexc_certificate *certificate) {
        const size_t n = certexc_certificate_n_names(certificate);
        _cleanup_free_ char *text = NULL;
        size_t size = 0;
        FILE *stream;

        stream = open_memstream(&text, &size);
        if (!stream)
                return NULL;
        for (size_t i = 0; i < n && i < NAMES_SHOWN_MAX; i++)
                (void) fprintf(stream, "%s%s", i > 0 ? ", " : "",
                               certexc_certificate_name(certificate, i));
        if (n > NAMES_SHOWN_MAX)
                (void) fputs(", ...", stream);
        if (fclose(stream) != 0)
                return NULL;
        return TAKE_PTR(text);
}

static void field_change_time(const Output *out, const certexc_answer *answer, const char *label,
                              const char *name, int64_t old, int64_t new) {
        char before[TIMES_TEXT_MAX], after[TIMES_TEXT_MAX];

        times_write(old, before);
        times_write(new, after);
        field_change(out, answer, label, name, before, after);
}

static void explain_fields(const Output *out, const certexc_answer *answer) {
        const certexc_certificate *old = certexc_answer_change_old(answer);
        const certexc_certificate *new = certexc_answer_leaf(answer);
        _cleanup_free_ char *old_names = join_names(old), *new_names = join_names(new);
        char before[EXPLAIN_FINGERPRINT_MAX], after[EXPLAIN_FINGERPRINT_MAX];

        field_change(out, answer, _("Subject"), "subject", certexc_certificate_subject(old),
                     certexc_certificate_subject(new));
        field_change(out, answer, _("Issuer"), "issuer", certexc_certificate_issuer(old),
                     certexc_certificate_issuer(new));
        field_change(out, answer, _("Names"), "names", old_names, new_names);
        field_change(out, answer, _("Serial"), "serial", certexc_certificate_serial(old),
                     certexc_certificate_serial(new));
        field_change_time(out, answer, _("Valid from"), "not_before",
                          certexc_certificate_not_before(old),
                          certexc_certificate_not_before(new));
        field_change_time(out, answer, _("Valid until"), "not_after",
                          certexc_certificate_not_after(old), certexc_certificate_not_after(new));
        field_change(out, answer, _("Key"), "key_sha256",
                     explain_fingerprint(certexc_certificate_key_sha256(old), before),
                     explain_fingerprint(certexc_certificate_key_sha256(new), after));
}

/* What looks the same is no reason for trust where nobody but the holder of the key says so. */
static void explain_likeness(const Output *out, const certexc_answer *answer) {
        static const char *const claims[] = { "subject", "issuer", "names" };
        bool same = false;

        for (size_t i = 0; i < N_ELEMENTS(claims); i++)
                same = same || !certexc_answer_change_differs(answer, claims[i]);
        if (same && explain_same(certexc_answer_change(answer), "replaced"))
                output_paragraph(out, 2, NULL, STYLE_WARN, "%s",
                                 _("What is \"as before\" below proves nothing here: anybody can copy it into a "
                                   "certificate of their own."));
}

/* Whether it was time for a new certificate, with the date that tells. */
static void explain_due(const Output *out, const certexc_answer *answer, int64_t now) {
        const certexc_certificate *old = certexc_answer_change_old(answer);
        const int64_t end = certexc_certificate_not_after(old);
        char date[TIMES_TEXT_MAX], distance[TIMES_TEXT_MAX];

        times_write(end, date);
        times_write_distance(end, now, distance);
        if (end <= now)
                output_paragraph(out, 2, NULL, STYLE_PLAIN,
                                 _("The old one expired on %s (%s): a new one was due."), date,
                                 distance);
        else if (certexc_answer_change_was_due(answer))
                output_paragraph(out, 2, NULL, STYLE_PLAIN,
                                 _("The old one would have expired on %s (%s): a new one was due."),
                                 date, distance);
        else if (explain_same(certexc_answer_change(answer), "renewed"))
                output_paragraph(out, 2, NULL, STYLE_PLAIN,
                                 _("The old one was good until %s (%s)."), date, distance);
        else
                output_paragraph(out, 2, NULL, STYLE_BAD,
                                 _("The old one was good until %s (%s): be suspicious."), date,
                                 distance);
}

void explain_change(const Output *out, const certexc_answer *answer, int64_t now) {
        const char *change = certexc_answer_change(answer);
        const bool excepted = explain_same(certexc_answer_change_known_from(answer), "exception");
        const char *sentence;

        if (!change)
                return;
        explain_heading(out, _("What changed"));
        sentence = certexc_change_sentence(change, certexc_answer_change_was_due(answer));
        output_paragraph(out, 2, NULL, STYLE_WARN, "%s: %s", change,
                         sentence ? sentence : _("The certificate is another one."));
        explain_due(out, answer, now);
        explain_likeness(out, answer);
        explain_fields(out, answer);
        explain_field_time(out, excepted ? _("Allowed") : _("Last seen"),
                   certexc_answer_change_since(answer), now);
        explain_field_fingerprint(out, _("SHA-256 of the certificate before"),
                          certexc_certificate_sha256(certexc_answer_change_old(answer)));
}
