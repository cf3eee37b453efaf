/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The questions, and what counts as an answer. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "client/cleanup.h"
#include "client/dialogue.h"
#include "client/encoding.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/times.h"

/* A slip of the hand may be mended so often; then it is no. */
#define TRIES_MAX 3U

static void put_question(const Output *out, const char *question) {
        output_gap(out);
        output_paragraph(out, 0, NULL, STYLE_BOLD, "%s", question);
        (void) fputs("> ", out->stream);
        (void) fflush(out->stream);
}

static void put_first(const Dialogue *d) {
        put_question(d->out, _("Refuse, or look closer? Type \"look\" to look closer, \"never\" to "
                               "refuse this for good. Enter, and anything else, refuses it for "
                               "now."));
}

static void put_confirm(const Dialogue *d) {
        put_question(d->out, _("To allow this certificate there, type or paste the SHA-256 "
                               "fingerprint that the server's administrator gave you, or \"yes\" if "
                               "you have none. Enter, and anything else, refuses it for now."));
}

static void put_terms(const Dialogue *d) {
        put_question(d->out, _("For how long? Type \"session\" (until you log out), a time (12h, 30d, "
                               "2027-03-01) or \"always\"; with \"key\" in front of it also for other "
                               "certificates of the same key. Enter refuses it for now."));
}

void dialogue_begin(Dialogue *d, const Output *out, const certexc_answer *shown) {
        _cleanup_free_ char *reason = explain_reason(shown);
        char endpoint[EXPLAIN_ENDPOINT_MAX];

        *d = (Dialogue){ .out = out, .shown = shown };
        (void) explain_endpoint(certexc_answer_host(shown), certexc_answer_port(shown), endpoint);
        output_gap(out);
        output_line(out, STYLE_WARN, _("A program wants to connect to %s. %s"), endpoint,
                    reason ? reason : "");
        explain_problems(out, shown);
        explain_advice(out, shown);
        explain_change(out, shown, time(NULL));
        put_first(d);
}

static void look_closer(Dialogue *d, int64_t now) {
        const certexc_exception *exception = certexc_answer_exception(d->shown);

        explain_certificate(d->out, _("The certificate that the server shows"),
                            certexc_answer_leaf(d->shown), now);
        if (exception)
                explain_exception(d->out, _("The decision that nearly covers it"), exception, now);
        d->step = DIALOGUE_CONFIRM;
        put_confirm(d);
}

static DialogueResult answer_first(Dialogue *d, const char *typed, int64_t now) {
        if (strcasecmp(typed, "never") == 0)
                return DIALOGUE_DENY;
        if (strcasecmp(typed, "look") != 0)
                return DIALOGUE_NOT_NOW;
        look_closer(d, now);
        return DIALOGUE_GOES_ON;
}

/* A try more, or that it is no. */
static DialogueResult try_again(Dialogue *d, void (*put)(const Dialogue *d)) {
        if (++d->n_tries >= TRIES_MAX)
                return DIALOGUE_NOT_NOW;
        put(d);
        return DIALOGUE_GOES_ON;
}

static DialogueResult answer_confirm(Dialogue *d, const char *typed) {
        const certexc_certificate *leaf = certexc_answer_leaf(d->shown);
        uint8_t digest[SHA256_SIZE];

        if (fingerprint_parse(typed, digest) == 0) {
                hex_encode(digest, sizeof(digest), d->fingerprint);
                if (strcmp(d->fingerprint, certexc_certificate_sha256(leaf)) != 0) {
                        d->fingerprint[0] = '\0';
                        output_paragraph(d->out, 0, NULL, STYLE_BAD,
                                         _("That is not the fingerprint of the certificate that the "
                                           "server shows. If it was typed rightly, you are talking "
                                           "to another server than you think."));
                        return try_again(d, put_confirm);
                }
                output_paragraph(d->out, 0, NULL, STYLE_GOOD, _("The fingerprint is the right one."));
        } else if (strcasecmp(typed, "yes") != 0) {
                return DIALOGUE_NOT_NOW;
        } else {
                output_paragraph(d->out, 0, NULL, STYLE_WARN,
                                 _("Nobody has compared the fingerprint. If somebody sits between "
                                   "you and the server now, you will trust them."));
        }
        d->step = DIALOGUE_TERMS;
        d->n_tries = 0;
        put_terms(d);
        return DIALOGUE_GOES_ON;
}

static DialogueResult answer_terms(Dialogue *d, const char *typed, int64_t now) {
        const char *reason = NULL;

        d->flags = 0;
        if (strncasecmp(typed, "key ", 4) == 0) {
                d->flags |= CERTEXC_PIN_KEY;
                typed += 4 + strspn(typed + 4, " \t");
        }
        if (!*typed)
                return DIALOGUE_NOT_NOW;
        if (strcasecmp(typed, "session") == 0) {
                d->flags |= CERTEXC_SESSION;
                return DIALOGUE_ALLOW;
        }
        if (strcasecmp(typed, "always") == 0)
                return DIALOGUE_ALLOW;
        if (times_parse(typed, now, &d->until, &reason) == 0 && d->until != 0)
                return DIALOGUE_ALLOW;
        d->until = 0;
        output_paragraph(d->out, 0, NULL, STYLE_WARN, "%s: %s.", typed,
                         reason ? _(reason) : _("that is no end"));
        return try_again(d, put_terms);
}

void dialogue_repeat(const Dialogue *d) {
        switch (d->step) {
        case DIALOGUE_FIRST:
                put_first(d);
                return;
        case DIALOGUE_CONFIRM:
                put_confirm(d);
                return;
        case DIALOGUE_TERMS:
                put_terms(d);
        }
}

DialogueResult dialogue_answer(Dialogue *d, const char *typed, int64_t now) {
        char text[512] = "";
        size_t n;

        /* Without white space around it; what is too long is no answer. */
        typed += strspn(typed, " \t\r");
        n = strlen(typed);
        while (n > 0 && strchr(" \t\r", typed[n - 1]))
                n--;
        if (n < sizeof(text))
                memcpy(text, typed, n);

        switch (d->step) {
        case DIALOGUE_FIRST:
                return answer_first(d, text, now);
        case DIALOGUE_CONFIRM:
                return answer_confirm(d, text);
        case DIALOGUE_TERMS:
                return answer_terms(d, text, now);
        }
        return DIALOGUE_NOT_NOW;
}
