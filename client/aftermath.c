/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a new decision did to those that stood at its endpoint before, in words. */
#include "config.h"

#include <string.h>

#include "client/aftermath.h"
#include "client/explain.h"
#include "client/i18n.h"

/* What is stored is told where the decision itself is; as JSON it would be no JSON any more. */
static const Output *place(const Cli *cli) {
        return cli->options.json ? &cli->err : &cli->out;
}

static bool is_allowing(const certexc_exception *e) {
        return strcmp(certexc_exception_action(e), "allow") == 0;
}

static bool is_key_s(const certexc_exception *e) {
        return strcmp(certexc_exception_pin(e), "key") == 0;
}

/* -- what goes further --------------------------------------------------------------------------- */

static bool names(const certexc_exception *e, const char *problem) {
        for (size_t i = 0; i < certexc_exception_n_problems(e); i++)
                if (strcmp(certexc_exception_problem(e, i), problem) == 0)
                        return true;
        return false;
}

/* true if @old speaks about all that @made does: its certificate, and everything wrong with that. */
static bool covers(const certexc_exception *old, const certexc_exception *made) {
        const certexc_certificate *a = certexc_exception_certificate(old);
        const certexc_certificate *b = certexc_exception_certificate(made);

        if (strcmp(certexc_exception_action(old), certexc_exception_action(made)) != 0 ||
            strcmp(certexc_exception_state(old), "live") != 0)
                return false;
        if (is_key_s(old) ? strcmp(certexc_certificate_key_sha256(a), certexc_certificate_key_sha256(b)) != 0
                          : is_key_s(made) || strcmp(certexc_certificate_sha256(a),
                                                     certexc_certificate_sha256(b)) != 0)
                return false;
        for (size_t i = 0; i < certexc_exception_n_problems(made); i++)
                if (!names(old, certexc_exception_problem(made, i)))
                        return false;
        return true;
}

/* Nobody knows whether a session or a date comes first. */
static bool outlasts(const certexc_exception *old, const certexc_exception *made) {
        const char *a = certexc_exception_end(old), *b = certexc_exception_end(made);

        if (strcmp(b, "never") == 0)
                return false;
        if (strcmp(a, b) != 0)
                return true;
        return certexc_exception_until(old) > certexc_exception_until(made);
}

static bool goes_further(const certexc_exception *old, const certexc_exception *made) {
        return certexc_exception_id(old) != certexc_exception_id(made) && covers(old, made) &&
               (outlasts(old, made) || (is_key_s(old) && !is_key_s(made)));
}

/* -- in words ------------------------------------------------------------------------------------ */

static void tell_staying(const Cli *cli, const certexc_exception *e) {
        const uint64_t id = certexc_exception_id(e);
        const bool allow = is_allowing(e);
        char room[EXPLAIN_END_MAX];
        const char *end = explain_end(e, room);

        if (allow && is_key_s(e))
                output_paragraph(place(cli), 2, NULL, STYLE_WARN,
                                 _("Exception %" PRIu64 "%s, which allows every certificate of this key %s, "
                                   "stays in force beside it."), id, explain_whose(e), end);
        else
                output_paragraph(place(cli), 2, NULL, STYLE_WARN,
                                 allow ? _("Exception %" PRIu64 "%s, which allows the same %s, stays in force "
                                           "beside it.")
                                       : _("Denial %" PRIu64 "%s, which refuses the same %s, stays in force "
                                           "beside it."), id, explain_whose(e), end);
        if (certexc_exception_file(e))
                output_paragraph(place(cli), 2, NULL, STYLE_PLAIN, _("It is in the file %s."),
                                 certexc_exception_file(e));
        else
                output_paragraph(place(cli), 2, NULL, STYLE_PLAIN,
                                 _("If it shall not: certexc revoke %" PRIu64 "%s"), id, explain_owner_option(e));
}

static void tell_taken_back(const Cli *cli, const certexc_exception *e) {
        output_paragraph(place(cli), 2, NULL, STYLE_WARN,
                         is_allowing(e) ? _("Exception %" PRIu64 "%s, which allowed it, is revoked by this.")
                                        : _("Denial %" PRIu64 "%s, which refused it, is revoked by this."),
                         certexc_exception_id(e), explain_whose(e));
}

static bool has(const certexc_exceptions *list, uint64_t id) {
        for (size_t i = 0; i < certexc_exceptions_count(list); i++)
                if (certexc_exception_id(certexc_exceptions_item(list, i)) == id)
                        return true;
        return false;
}

/* -- before and after ---------------------------------------------------------------------------- */

int aftermath_begin(const Cli *cli, const Endpoint *at, certexc_exceptions **ret) {
        int r;

        r = certexc_list(cli->client, at->host, at->port, false, ret);
        return r < 0 ? cli_fail_client(cli, r) : EXIT_DONE;
}

void aftermath_tell(const Cli *cli, const certexc_exceptions *before, const certexc_exception *made) {
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *now = NULL;
        int r;

        r = certexc_list(cli->client, certexc_exception_host(made), certexc_exception_port(made), false,
                         &now);
        if (r < 0) {
                (void) cli_fail_client(cli, r);
                return;
        }
        for (size_t i = 0; i < certexc_exceptions_count(before); i++) {
                const certexc_exception *e = certexc_exceptions_item(before, i);

                if (is_allowing(e) != is_allowing(made) && !certexc_exception_file(e) &&
                    !has(now, certexc_exception_id(e)))
                        tell_taken_back(cli, e);
        }
        for (size_t i = 0; i < certexc_exceptions_count(now); i++)
                if (goes_further(certexc_exceptions_item(now, i), made))
                        tell_staying(cli, certexc_exceptions_item(now, i));
}
