/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc status: how the daemon and its store are. */
#include "config.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

#include "client/cli.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/times.h"

/* Columns of a label in front of a value. */
#define LABEL 14U

static void _printf_(4, 5) field(const Output *out, const char *label, Style style,
                                 const char *format, ...) {
        _cleanup_free_ char *text = NULL;
        va_list ap;

        va_start(ap, format);
        if (vasprintf(&text, format, ap) < 0)
                text = NULL;
        va_end(ap);
        output_paragraph(out, LABEL, label, style, "%s", text ? text : "");
}

static const char *text_or(const certexc_status *status, const char *name, const char *otherwise) {
        const char *text = certexc_status_text(status, name);

        return text && *text ? text : otherwise;
}

static void print_daemon(const Cli *cli, const certexc_status *status) {
        char date[TIMES_TEXT_MAX], distance[TIMES_TEXT_MAX];
        const int64_t started = certexc_status_number(status, "started");

        times_write(started, date);
        times_write_distance(started, time(NULL), distance);
        field(&cli->out, _("Daemon"), STYLE_PLAIN, _("certexcd %s, for %s"),
              text_or(status, "version", "?"),
              strcmp(text_or(status, "mode", "?"), "user") == 0 ? _("one user") : _("the system"));
        field(&cli->out, _("Socket"), STYLE_PLAIN, "%s", certexc_client_socket(cli->client));
        field(&cli->out, _("Started"), STYLE_PLAIN, "%s (%s)", date, distance);
        field(&cli->out, _("Connections"), STYLE_PLAIN, _("%" PRId64 ", judges %" PRId64),
              certexc_status_number(status, "connections"),
              certexc_status_number(status, "judges"));
}

static void print_store(const Output *out, const certexc_status *status) {
        const char *store = text_or(status, "store", "?");
        const char *detail = text_or(status, "store_detail", "");

        field(out, _("Store"), strcmp(store, "ok") == 0 ? STYLE_GOOD : STYLE_BAD, "%s%s%s", store,
              *detail ? ": " : "", detail);
        field(out, "", STYLE_PLAIN, "%s", text_or(status, "state_directory", "?"));
        field(out, _("Authorities"), STYLE_PLAIN, _("%" PRId64 " from %s"),
              certexc_status_number(status, "authorities"),
              text_or(status, "authorities_from", "?"));
}

static void print_rebuild(const Output *out, const certexc_status *status) {
        const bool whole = certexc_status_number(status, "last_rebuild.missing") == 0 &&
                           certexc_status_number(status, "last_rebuild.unconfirmed") == 0;
        _cleanup_free_ char *sentence = explain_rebuild(status);

        if (sentence)
                field(out, _("Rebuilt"), whole ? STYLE_PLAIN : STYLE_WARN, "%s", sentence);
}

static void print_losses(const Output *out, const certexc_status *status) {
        for (size_t i = 0;; i++) {
                _cleanup_free_ char *sentence = explain_loss(status, i);

                if (!sentence)
                        return;
                field(out, i == 0 ? _("Lost") : "", STYLE_WARN, "%s", sentence);
        }
}

/* One line for each; doctor says what to do with them. */
static void print_kept(const Output *out, const certexc_status *status) {
        for (size_t i = 0; i < certexc_status_n_kept(status); i++)
                field(out, i == 0 ? _("Set aside") : "", STYLE_PLAIN, "%s",
                      certexc_status_kept(status, i));
}

static void print_counts(const Output *out, const certexc_status *status) {
        const int64_t in_files = certexc_status_number(status, "in_files");

        field(out, _("Decisions"), STYLE_PLAIN,
              _("%" PRId64 " allowed, %" PRId64 " denied, %" PRId64 " unconfirmed; %" PRId64
                " is the most"),
              certexc_status_number(status, "counts.exceptions"),
              certexc_status_number(status, "counts.denials"),
              certexc_status_number(status, "counts.unconfirmed"),
              certexc_status_number(status, "counts.exceptions_max"));
        if (in_files > 0)
                field(out, _("In files"), STYLE_PLAIN,
                      P_("%" PRId64 " decision is in force", "%" PRId64 " decisions are in force",
                         (unsigned long) in_files), in_files);
        field(out, _("Agents"), STYLE_PLAIN, _("those that can ask you: %" PRId64 "; questions that wait: %" PRId64),
              certexc_status_number(status, "agents"), certexc_status_number(status, "asking"));
        field(out, _("Space"), STYLE_PLAIN, _("%" PRId64 " of %" PRId64 " bytes"),
              certexc_status_number(status, "counts.bytes"),
              certexc_status_number(status, "counts.bytes_max"));
}

int cli_status(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_status_freep) certexc_status *status = NULL;
        int r;

        r = certexc_get_status(cli->client, &status);
        if (r < 0)
                return cli_fail_client(cli, r);
        if (cli->options.json) {
                output_json(&cli->out, certexc_status_json(status));
                return EXIT_DONE;
        }
        print_daemon(cli, status);
        print_store(&cli->out, status);
        print_rebuild(&cli->out, status);
        print_losses(&cli->out, status);
        print_kept(&cli->out, status);
        print_counts(&cli->out, status);
        for (size_t i = 0; i < certexc_status_n_warnings(status); i++)
                field(&cli->out, _("Warning"), STYLE_WARN, "%s", certexc_status_warning(status, i));
        return EXIT_DONE;
}
