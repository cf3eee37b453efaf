/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc history: what was decided and what became of it. */
#include "config.h"

#include <pwd.h>
#include <string.h>

#include "client/cli.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/table.h"
#include "client/times.h"

static const TableColumn columns[] = {
        { N_("TIME"), COLUMN_LEFT },     { N_("EVENT"), COLUMN_LEFT }, { N_("ID"), COLUMN_RIGHT },
        { N_("ENDPOINT"), COLUMN_LEFT }, { N_("BY"), COLUMN_LEFT },    { N_("SHA-256"), COLUMN_CUT },
};

/* A uid's user name if it has one. The result is valid until the next call. */
static const char *user_name(int64_t uid, char ret[static TIMES_TEXT_MAX]) {
        const struct passwd *pw = uid >= 0 && uid < UINT32_MAX ? getpwuid((uid_t) uid) : NULL;

        if (pw)
                return pw->pw_name;
        (void) snprintf(ret, TIMES_TEXT_MAX, "%" PRId64, uid);
        return ret;
}

static int add_row(Table *table, const certexc_history *h, size_t i) {
        char endpoint[EXPLAIN_ENDPOINT_MAX], date[TIMES_TEXT_MAX], number[TIMES_TEXT_MAX];
        int r;

        (void) explain_endpoint(certexc_history_host(h, i), certexc_history_port(h, i), endpoint);
        times_write(certexc_history_time(h, i), date);
        r = table_row(table);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", date);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", certexc_history_kind(h, i));
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%" PRIu64, certexc_history_id(h, i));
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", endpoint);
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s",
                               user_name(certexc_history_by(h, i), number));
        if (r >= 0)
                r = table_cell(table, STYLE_PLAIN, "%s", certexc_history_sha256(h, i));
        return r;
}

static int print_table(const Cli *cli, const certexc_history *history) {
        _cleanup_(table_freep) Table *table = NULL;
        int r;

        r = table_new(&cli->out, columns, N_ELEMENTS(columns), &table);
        if (r < 0)
                return r;
        for (size_t i = 0; i < certexc_history_count(history); i++) {
                r = add_row(table, history, i);
                if (r < 0)
                        return r;
        }
        return table_print(table);
}

int cli_history(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_history_freep) certexc_history *history = NULL;
        uint64_t id = 0;
        int r, status;

        if (n > 0) {
                status = cli_read_id(cli, arguments[0], &id);
                if (status != EXIT_DONE)
                        return status;
        }
        r = certexc_get_history(cli->client, id, &history);
        if (r == -ENOENT)
                return cli_fail(cli, "There is no decision %" PRIu64 ": \"certexc list --all\" "
                                     "shows them all.", id);
        if (r < 0)
                return cli_fail_client(cli, r);

        if (cli->options.json) {
                output_json(&cli->out, certexc_history_json(history));
                return EXIT_DONE;
        }
        if (certexc_history_count(history) == 0)
                output_line(&cli->err, STYLE_PLAIN, "%s", _("Nothing has been decided yet."));
        r = print_table(cli, history);
        return r < 0 ? cli_fail(cli, "The history cannot be printed: %s.", strerror(-r))
                     : EXIT_DONE;
}
