/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One certificate, from Claws Mail's question to its answer.
 *
 * Verify first, which takes a millisecond or two; where that leaves it open Ask, which lets the person's
 * agents ask; and where there is none, Claws Mail's own dialog, whose outcome is told to certexc. Only what
 * certexc has accepted or stored goes on. One case is Claws Mail's alone: nobody could be asked, because
 * the daemon is not there; then everything is as without this plugin, and the log says so.
 */
#include "config.h"

#include <errno.h>
#include <glib/gi18n-lib.h>

#include <common/log.h>
#include <common/ssl_certificate.h>

#include "agents.h"
#include "decide.h"
#include "panel.h"
#include "pins.h"
#include "subject.h"

typedef enum Decision {
        DECISION_REFUSE,
        DECISION_ACCEPT,
        DECISION_LEAVE, /* to Claws Mail */
} Decision;

static Decision refuse(const SSLCertificate *cert, const char *reason) {
        log_error(LOG_PROTOCOL, _("certexc: the connection to %s:%u is refused. %s\n"), cert->host,
                  (unsigned) cert->port, reason);
        return DECISION_REFUSE;
}

/* The daemon's refusal to judge is no leave to go on; that it is not there is Claws Mail's affair. */
static Decision without_answer(const SSLCertificate *cert, int error, const char *reason) {
        if (!daemon_is_away(error))
                return refuse(cert, reason && *reason ? reason : g_strerror(-error));
        log_warning(LOG_PROTOCOL,
                    _("certexc was not asked about %s:%u, Claws Mail decides alone: %s\n"), cert->host,
                    (unsigned) cert->port, reason);
        return DECISION_LEAVE;
}

static Decision rejected(const SSLCertificate *cert, const certexc_answer *answer) {
        g_autoptr(GString) reason =
                g_string_new(certexc_because_sentence(certexc_answer_because(answer)));

        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++) {
                const char *meaning = certexc_answer_problem_exceptable(answer, i)
                                              ? NULL
                                              : certexc_problem_meaning(
                                                        certexc_answer_problem(answer, i));

                if (meaning)
                        g_string_append_printf(reason, " %s", meaning);
        }
        return refuse(cert, reason->str);
}

/* The person said yes in Claws Mail's dialog. What certexc does not store is not accepted, unless the
 * daemon has gone meanwhile: then the person's word counts as it would without this plugin. */
static Decision report(const SSLCertificate *cert, const certexc_answer *answer) {
        certexc_client *client = daemon_client();
        int r = certexc_add_exception(client, answer, 0, 0, NULL, NULL);

        if (r >= 0 || r == -EALREADY) /* or nothing is wrong any more */
                return DECISION_ACCEPT;
        if (!daemon_is_away(r))
                return refuse(cert, certexc_client_error(client));
        log_warning(LOG_PROTOCOL,
                    _("certexc does not know that you accepted %s:%u, Claws Mail keeps it: %s\n"),
                    cert->host, (unsigned) cert->port, certexc_client_error(client));
        return DECISION_ACCEPT;
}

/* Whatever the person says, it would not be accepted now. */
static Decision in_doubt(const SSLCertificate *cert, const certexc_answer *answer) {
        g_autofree char *reason =
                g_strdup_printf("%s %s", _("No exception counts at the moment, so that you were not asked."),
                                certexc_answer_doubt(answer));

        return refuse(cert, reason);
}

static Decision ask_in_panel(const SSLCertHookData *data, const certexc_answer *answer) {
        if (!panel_ask(data, answer))
                return refuse(data->cert, _("You did not accept its certificate."));
        return report(data->cert, answer);
}

static Decision ask(const SSLCertHookData *data, certexc_question *question) {
        g_autoptr(certexc_answer) answer = NULL;
        g_autofree char *error = NULL;
        const char *asked;
        int r;

        r = agents_ask(question, &answer, &error);
        if (r < 0)
                return without_answer(data->cert, r, error);
        if (certexc_answer_verdict(answer) == CERTEXC_ACCEPT)
                return DECISION_ACCEPT;
        if (certexc_answer_verdict(answer) == CERTEXC_REJECT)
                return rejected(data->cert, answer);
        if (certexc_answer_doubt(answer))
                return in_doubt(data->cert, answer);
        asked = certexc_answer_asked(answer);
        if (g_strcmp0(asked, "dismissed") == 0)
                return refuse(data->cert, _("You said \"not now\" when certexc asked you."));
        if (g_strcmp0(asked, "not-allowed") == 0)
                return refuse(data->cert, _("The administrator lets nobody make exceptions here."));
        return ask_in_panel(data, answer);
}

static Decision decide(const SSLCertHookData *data) {
        g_autoptr(certexc_question) question = NULL;
        g_autoptr(certexc_answer) answer = NULL;
        const SSLCertificate *cert = data->cert;
        int r;

        r = subject_question(cert->x509_cert, cert->host, cert->port, &question);
        if (r < 0)
                return refuse(cert, _("certexc cannot be asked about a host of this name."));
        r = certexc_verify(daemon_client(), question, &answer);
        if (r < 0)
                return without_answer(cert, r, certexc_client_error(daemon_client()));
        switch (certexc_answer_verdict(answer)) {
        case CERTEXC_ACCEPT:
                return DECISION_ACCEPT;
        case CERTEXC_PROMPT:
                return certexc_answer_doubt(answer) ? in_doubt(cert, answer) : ask(data, question);
        case CERTEXC_REJECT:
                break;
        }
        return rejected(cert, answer);
}

gboolean decide_about_certificate(gpointer userdata, gpointer unused) {
        SSLCertHookData *data = userdata;
        Decision decision;

        if (!data || panel_is_asking(data))
                return FALSE;
        decision = decide(data);
        if (decision == DECISION_LEAVE)
                panel_leave(data);
        else
                data->accept = decision == DECISION_ACCEPT;
        /* Claws Mail keeps for itself what was accepted. */
        if (data->accept && decision == DECISION_LEAVE)
                pins_settle_later();
        else if (data->accept)
                pins_settle_soon();
        return TRUE;
}
