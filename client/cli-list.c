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
        { N_("ID"), COLUMN_RIGHT },   { N_("DECISION"), COLUMN_LEFT }, { N_("ENDPOINT"), COLUMN_LEFT },
        { N_("UNTIL"), COLUMN_LEFT }, { N_("STATE"), COLUMN_LEFT },    { N_("PROBLEMS"), COLUMN_WRAP },
        { N_("SUBJECT"), COLUMN_CUT },
};

static bool is_not_own(const certexc_exception *e) {
        return strcmp(certexc_exception_origin(e), "own") != 0;
}

static bool is_key_s(const certexc_exception *e) {
        return strcmp(certexc_exception_pin(e), "key") == 0;
}

/* Columns that are there only where one of the decisions is not as they usually are. */
static const struct {
        TableColumn column;
        bool (*is_unusual)(const certexc_exception *e);
        const char *(*cell)(const certexc_exception *e);
} further[] = {
        { { N_("PIN"), COLUMN_LEFT }, is_key_s, certexc_exception_pin },
        { { N_("ORIGIN"), COLUMN_LEFT }, is_not_own, certexc_exception_origin },
};

/* Those of them that this list has: a bit for each. */
static unsigned choose_further(const certexc_exceptions *list) {
        unsigned chosen = 0;

        for (size_t i = 0; i < certexc_exceptions_count(list); i++)
                for (size_t j = 0; j < N_ELEMENTS(further); j++)
                        if (further[j].is_unusual(certexc_exceptions_item(list, i)))
                                chosen |= 1U << j;
        return chosen;
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

static int add_row(Table *table, const certexc_exception *e, unsigned chosen) {
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
        for (size_t i = 0; r >= 0 && i < N_ELEMENTS(further); i++)
                if (chosen & 1U << i)
                        r = table_cell(table, STYLE_PLAIN, "%s", further[i].cell(e));
        return r;
}

static int print_table(const Cli *cli, const certexc_exceptions *list) {
        TableColumn shown[N_ELEMENTS(columns) + N_ELEMENTS(further)];
        _cleanup_(table_freep) Table *table = NULL;
        const unsigned chosen = choose_further(list);
        size_t n = N_ELEMENTS(columns);
        int r;

        memcpy(shown, columns, sizeof(columns));
        for (size_t i = 0; i < N_ELEMENTS(further); i++)
                if (chosen & 1U << i)
                        shown[n++] = further[i].column;
        r = table_new(&cli->out, shown, n, &table);
        for (size_t i = 0; r >= 0 && i < certexc_exceptions_count(list); i++)
                r = add_row(table, certexc_exceptions_item(list, i), chosen);
        return r < 0 ? r : table_print(table);
}

int cli_list(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        const char *reason = NULL;
        Endpoint e = {};
        int r;

        if (n > 0 && endpoint_parse(arguments[0], 0, &e, &reason) < 0)
                return cli_misuse(cli, "%s: %s.", arguments[0], reason ? _(reason) : _("no such host"));
        r = certexc_list_effective(cli->client, n > 0 ? e.host : NULL, e.port, cli->options.all, &list);
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
