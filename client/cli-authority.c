/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc authority: list, show, import, remove and distrust those whose word about others counts. */
#include "config.h"

#include <string.h>
#include <strings.h>
#include <time.h>

#include "client/cli-authority.h"
#include "client/encoding.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/table.h"
#include "client/times.h"

/* -- words ---------------------------------------------------------------------------------- */

static bool is_distrust(const certexc_authority *a) {
        return strcmp(certexc_authority_kind(a), "distrust") == 0;
}

/* The names that it may speak for, with commas between; new memory. */
static char *only_text(const certexc_authority *a) {
        char *text = NULL;
        size_t size;
        FILE *f = open_memstream(&text, &size);

        if (!f)
                return NULL;
        for (size_t i = 0; i < certexc_authority_n_only(a); i++)
                (void) fprintf(f, "%s%s", i > 0 ? ", " : "", certexc_authority_only(a, i));
        if (certexc_authority_n_only(a) == 0 && !is_distrust(a))
                (void) fputs(_("all names"), f);
        if (fclose(f) == 0)
                return text;
        free(text);
        return NULL;
}

static const char *subject(const certexc_authority *a) {
        return certexc_certificate_subject(certexc_authority_certificate(a));
}

/* -- list ----------------------------------------------------------------------------------- */

static const TableColumn columns[] = {
        { N_("ID"), COLUMN_RIGHT },   { N_("ORIGIN"), COLUMN_LEFT }, { N_("KIND"), COLUMN_LEFT },
        { N_("STATE"), COLUMN_LEFT }, { N_("FOR"), COLUMN_WRAP },    { N_("EXPIRES"), COLUMN_LEFT },
        { N_("SUBJECT"), COLUMN_CUT },
};

static Style state_style(const char *state) {
        if (strcmp(state, "unconfirmed") == 0)
                return STYLE_WARN;
        return strcmp(state, "live") == 0 ? STYLE_PLAIN : STYLE_DIM;
}

static int add_row(Table *table, const certexc_authority *a) {
        const int64_t end = certexc_certificate_not_after(certexc_authority_certificate(a));
        const char *state = certexc_authority_state(a);
        _cleanup_free_ char *only = only_text(a);
        char id[24] = "", date[TIMES_TEXT_MAX];
        int r;

        if (!only)
                return -ENOMEM;
        if (certexc_authority_id(a) > 0)
                (void) snprintf(id, sizeof(id), "%" PRIu64, certexc_authority_id(a));
        times_write(end, date);
        r = table_row(table);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", id);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", certexc_authority_origin(a));
        if (r >= 0)
                r = table_cell(table, is_distrust(a) ? STYLE_BAD : STYLE_GOOD, "%s",
                               certexc_authority_kind(a));
        if (r >= 0)
                r = table_cell(table, state_style(state), "%s", state);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", only);
        if (r >= 0)
                r = table_cell(table, end < time(NULL) ? STYLE_WARN : STYLE_PLAIN, "%s", date);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", subject(a));
        return r;
}

static int print_table(const Cli *cli, const certexc_authorities *list) {
        _cleanup_(table_freep) Table *table = NULL;
        int r;

        r = table_new(&cli->out, columns, N_ELEMENTS(columns), &table);
        for (size_t i = 0; r >= 0 && i < certexc_authorities_count(list); i++)
                r = add_row(table, certexc_authorities_item(list, i));
        return r < 0 ? r : table_print(table);
}

static int authority_list(const Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_authorities_freep) certexc_authorities *list = NULL;
        int r;

        r = certexc_list_authorities(cli->client, NULL, NULL, cli->options.all, &list);
        if (r < 0)
                return cli_fail_client(cli, r);
        if (cli->options.json) {
                output_json(&cli->out, certexc_authorities_json(list));
                return EXIT_DONE;
        }
        if (certexc_authorities_count(list) == 0)
                output_line(&cli->err, STYLE_PLAIN, "%s", _("There is no authority."));
        r = print_table(cli, list);
        return r < 0 ? cli_fail(cli, "The list cannot be printed: %s.", strerror(-r)) : EXIT_DONE;
}

/* -- one of them ---------------------------------------------------------------------------- */

/* Those that @text, an id or a fingerprint, means. */
static int find(const Cli *cli, const char *text, bool all, certexc_authorities **ret) {
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        bool fingerprint = fingerprint_parse(text, digest) == 0;
        int r;

        if (!fingerprint && !cli_is_id(text))
                return cli_misuse(cli, "%s is neither a number of \"certexc authority list\" nor a "
                                       "SHA-256 fingerprint.", text);
        if (fingerprint)
                hex_encode(digest, sizeof(digest), hex);
        r = certexc_list_authorities(cli->client, NULL, fingerprint ? hex : NULL, all, ret);
        return r < 0 ? cli_fail_client(cli, r) : EXIT_DONE;
}

/* Whether the command is about @a: by its id it is the owner's own. */
static bool is_meant(const Cli *cli, const char *text, const certexc_authority *a) {
        char id[24];

        if (!cli_is_id(text) || strlen(text) >= sizeof(id))
                return true;
        (void) snprintf(id, sizeof(id), "%" PRIu64, certexc_authority_id(a));
        return strcmp(id, text) == 0 &&
               (strcmp(certexc_authority_origin(a), "own") == 0) != cli_is_system(cli);
}

static int not_there(const Cli *cli, const char *text) {
        return cli_fail(cli, "There is no authority %s: \"certexc authority list\" shows them.",
                        text);
}

static int authority_show(const Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_authorities_freep) certexc_authorities *list = NULL;
        bool found = false;
        int status;

        status = find(cli, arguments[0], true, &list);
        for (size_t i = 0; status == EXIT_DONE && i < certexc_authorities_count(list); i++) {
                const certexc_authority *a = certexc_authorities_item(list, i);

                if (!is_meant(cli, arguments[0], a))
                        continue;
                if (found && !cli->options.json)
                        output_gap(&cli->out);
                found = true;
                if (cli->options.json)
                        output_json(&cli->out, certexc_authority_json(a));
                else
                        authority_explain(cli, a);
        }
        return status == EXIT_DONE && !found ? not_there(cli, arguments[0]) : status;
}

void authority_explain(const Cli *cli, const certexc_authority *a) {
        const bool stored = certexc_authority_id(a) > 0 ||
                            strcmp(certexc_authority_origin(a), "system") == 0;
        _cleanup_free_ char *only = only_text(a);
        char since[TIMES_TEXT_MAX];

        output_line(&cli->out, is_distrust(a) ? STYLE_BAD : STYLE_BOLD, "%s: %s, %s, %s",
                    subject(a), certexc_authority_kind(a), certexc_authority_origin(a),
                    stored ? certexc_authority_state(a) : _("not stored yet"));
        if (!is_distrust(a))
                output_paragraph(&cli->out, 2, NULL, STYLE_PLAIN, _("May speak for: %s"),
                                 only ? only : "?");
        else if (strcmp(certexc_authority_pin(a), "key") == 0)
                output_paragraph(&cli->out, 2, NULL, STYLE_PLAIN, "%s",
                                 _("Every certificate with its key is distrusted."));
        else
                output_paragraph(&cli->out, 2, NULL, STYLE_PLAIN, "%s",
                                 _("This certificate is distrusted, others with its key are not."));
        if (certexc_authority_id(a) > 0) {
                times_write(certexc_authority_changed(a), since);
                output_paragraph(&cli->out, 2, NULL, STYLE_PLAIN,
                                 _("Number %" PRIu64 ", as it is since %s by uid %" PRId64),
                                 certexc_authority_id(a), since, certexc_authority_by(a));
        }
        explain_certificate(&cli->out, _("Certificate"), certexc_authority_certificate(a),
                            time(NULL));
}

/* -- take back ------------------------------------------------------------------------------ */

static int remove_one(const Cli *cli, const certexc_authority *a) {
        _cleanup_(certexc_authority_freep) certexc_authority *removed = NULL;
        int r;

        r = certexc_remove_authority(cli->client, certexc_authority_id(a), &removed);
        if (r < 0)
                return cli_fail_client(cli, r);
        if (cli->options.json)
                output_json(&cli->out, certexc_authority_json(removed));
        else if (is_distrust(removed))
                output_line(&cli->out, STYLE_PLAIN, _("%s: no longer distrusted (number %" PRIu64
                                                      ")."),
                            subject(removed), certexc_authority_id(removed));
        else
                output_line(&cli->out, STYLE_PLAIN, _("%s: removed (number %" PRIu64 ")."),
                            subject(removed), certexc_authority_id(removed));
        return EXIT_DONE;
}

static bool is_ours(const Cli *cli, const certexc_authority *a) {
        const char *ours = cli_is_system(cli) ? "admin" : "own";

        return strcmp(certexc_authority_origin(a), ours) == 0;
}

static int authority_remove(const Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_authorities_freep) certexc_authorities *list = NULL;
        bool found = false, others = false;
        int status;

        status = find(cli, arguments[0], false, &list);
        for (size_t i = 0; status == EXIT_DONE && i < certexc_authorities_count(list); i++) {
                const certexc_authority *a = certexc_authorities_item(list, i);

                if (!is_meant(cli, arguments[0], a))
                        continue;
                others |= !is_ours(cli, a);
                if (!is_ours(cli, a))
                        continue;
                found = true;
                status = remove_one(cli, a);
        }
        if (status != EXIT_DONE || found)
                return status;
        if (others)
                return cli_fail(cli, "%s is none that you imported. To believe it no more: certexc "
                                     "authority distrust %s",
                                arguments[0], arguments[0]);
        return not_there(cli, arguments[0]);
}

/* -- the verb ------------------------------------------------------------------------------- */

static const struct {
        const char *name;
        int n_arguments;
        int (*run)(const Cli *cli, int n, char **arguments);
        const char *arguments;
} verbs[] = {
        { "list", 0, authority_list, "" },
        { "show", 1, authority_show, " ID|FINGERPRINT" },
        { "import", 1, authority_import, " FILE" },
        { "remove", 1, authority_remove, " ID|FINGERPRINT" },
        { "distrust", 1, authority_distrust, " FILE|FINGERPRINT" },
};

int cli_authority(Cli *cli, int n, char **arguments) {
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++) {
                if (strcmp(verbs[i].name, arguments[0]) != 0)
                        continue;
                if (n - 1 > verbs[i].n_arguments)
                        return cli_misuse(
                                cli, "\"%s\" is too much. It is: certexc authority %s%s [OPTION]...",
                                arguments[1 + verbs[i].n_arguments], verbs[i].name,
                                verbs[i].arguments);
                if (n - 1 < verbs[i].n_arguments)
                        return cli_misuse(
                                cli, "Something is missing. It is: certexc authority %s%s [OPTION]...",
                                verbs[i].name, verbs[i].arguments);
                return verbs[i].run(cli, n - 1, arguments + 1);
        }
        return cli_misuse(cli, "authority %s: it is list, show, import, remove or distrust.",
                          arguments[0]);
}
