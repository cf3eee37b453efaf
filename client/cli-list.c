/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc list: decisions as a table. */
#include "config.h"

#include <string.h>

#include "client/cli.h"
#include "client/endpoint.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/table.h"
#include "client/times.h"

static const TableColumn columns[] = {
        { N_("ID"), COLUMN_RIGHT },      { N_("DECISION"), COLUMN_LEFT }, { N_("ENDPOINT"), COLUMN_LEFT },
        { N_("UNTIL"), COLUMN_LEFT },    { N_("STATE"), COLUMN_LEFT },    { N_("PROBLEMS"), COLUMN_CUT },
        { N_("SUBJECT"), COLUMN_CUT },  { N_("ORIGIN"), COLUMN_LEFT },
};

/* The last column is there where one of the decisions is in a file. */
static bool has_files(const certexc_exceptions *list) {
        for (size_t i = 0; i < certexc_exceptions_count(list); i++)
                if (certexc_exception_file(certexc_exceptions_item(list, i)))
                        return true;
        return false;
}

/* The column UNTIL: short, so that the table stays narrow. */
static const char *write_end(const certexc_exception *e, char ret[static TIMES_TEXT_MAX]) {
        const char *end = certexc_exception_end(e);

        if (strcmp(end, "date") != 0)
                return strcmp(end, "never") == 0 ? _("for ever") : end;
        times_write(certexc_exception_until(e), ret);
        return ret;
}

static Style state_style(const char *state) {
        if (strcmp(state, "unconfirmed") == 0)
                return STYLE_WARN;
        return strcmp(state, "live") == 0 ? STYLE_PLAIN : STYLE_DIM;
}

static int add_row(Table *table, const certexc_exception *e, bool with_origin) {
        const bool allow = strcmp(certexc_exception_action(e), "allow") == 0;
        const char *state = certexc_exception_state(e);
        _cleanup_free_ char *names = explain_problem_names(e);
        char endpoint[EXPLAIN_ENDPOINT_MAX], end[TIMES_TEXT_MAX];
        int r;

        if (!names)
                return -ENOMEM;
        (void) explain_endpoint(certexc_exception_host(e), certexc_exception_port(e), endpoint);
        r = table_row(table);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%" PRIu64, certexc_exception_id(e));
        if (r >= 0)
                r = table_cell(table, allow ? STYLE_GOOD : STYLE_BAD, "%s",
                               certexc_exception_action(e));
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", endpoint);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", write_end(e, end));
        if (r >= 0)
                r = table_cell(table, state_style(state), "%s", state);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", names);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s",
                               certexc_certificate_subject(certexc_exception_certificate(e)));
        if (r >= 0 && with_origin)
                r = table_cell(table, STYLE_PLAIN, "%s", certexc_exception_origin(e));
        return r;
}

static int print_table(const Cli *cli, const certexc_exceptions *list) {
        _cleanup_(table_freep) Table *table = NULL;
        const bool with_origin = has_files(list);
        int r;

        r = table_new(&cli->out, columns, N_ELEMENTS(columns) - !with_origin, &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < certexc_exceptions_count(list); i++) {
                r = add_row(table, certexc_exceptions_item(list, i), with_origin);
                if (r < 0)
                        return r;
        }
        return table_print(table);
}

int cli_list(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        const char *reason = NULL;
        Endpoint e = {};
        int r;

        if (n > 0 && endpoint_parse(arguments[0], 0, &e, &reason) < 0)
                return cli_misuse(cli, "%s: %s.", arguments[0], reason ? _(reason) : _("no such host"));
        r = certexc_list(cli->client, n > 0 ? e.host : NULL, e.port, cli->options.all, &list);
        if (r < 0)
                return cli_fail_client(cli, r);

        if (cli->options.json) {
                output_json(&cli->out, certexc_exceptions_json(list));
                return EXIT_DONE;
        }
        if (certexc_exceptions_count(list) == 0)
                output_line(&cli->err, STYLE_PLAIN, "%s",
                            n > 0 ? _("Nothing is allowed or denied there.")
                                  : _("Nothing is allowed or denied."));
        r = print_table(cli, list);
        return r < 0 ? cli_fail(cli, "The list cannot be printed: %s.", strerror(-r)) : EXIT_DONE;
}
