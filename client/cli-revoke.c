/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc revoke: take back one decision by its number, or all about a host. */
#include "config.h"

#include <string.h>

#include "client/cli.h"
#include "client/endpoint.h"
#include "client/explain.h"
#include "client/i18n.h"

static int revoke_id(const Cli *cli, uint64_t id) {
        _cleanup_(certexc_exception_freep) certexc_exception *exception = NULL;
        char endpoint[EXPLAIN_ENDPOINT_MAX];
        bool allow;
        int r;

        r = certexc_revoke(cli->client, id, &exception);
        if (r == -ENOENT)
                return cli_fail(cli, "There is no decision %" PRIu64 ": \"certexc list\" shows "
                                     "them.", id);
        if (r < 0)
                return cli_fail_client(cli, r);

        if (cli->options.json) {
                output_json(&cli->out, certexc_exception_json(exception));
                return EXIT_DONE;
        }
        allow = strcmp(certexc_exception_action(exception), "allow") == 0;
        (void) explain_endpoint(certexc_exception_host(exception),
                                certexc_exception_port(exception), endpoint);
        output_line(&cli->out, STYLE_PLAIN,
                    allow ? _("%s: exception %" PRIu64 "%s is revoked.")
                          : _("%s: denial %" PRIu64 "%s is revoked."),
                    endpoint, id, explain_whose(exception));
        return EXIT_DONE;
}

/* What no revoking takes back. The exit status tells whether that is all that there is. */
static int report_in_files(const Cli *cli, const char *text, const certexc_exceptions *list, size_t n_revoked) {
        int status = EXIT_DONE;

        for (size_t i = 0; i < certexc_exceptions_count(list); i++) {
                const certexc_exception *e = certexc_exceptions_item(list, i);

                if (!certexc_exception_file(e))
                        continue;
                status = cli_fail(cli, explain_is_own_file(certexc_exception_file(e))
                                               ? N_("%s: decision %" PRIu64 " is in your file %s, and can only be "
                                                    "changed there. It stays in force.")
                                               : N_("%s: decision %" PRIu64 " is in the administrator's file %s, "
                                                    "and can only be changed there. It stays in force."),
                                  text, certexc_exception_id(e), certexc_exception_file(e));
        }
        return status != EXIT_DONE && n_revoked > 0 ? EXIT_FOUND : status;
}

static int revoke_host(const Cli *cli, const char *text) {
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *list = NULL;
        const char *reason = NULL;
        Endpoint e;
        size_t n, n_revoked = 0;
        int r;

        r = endpoint_parse(text, 0, &e, &reason);
        if (r == -ENOMEM)
                return cli_no_memory(cli);
        if (r < 0)
                return cli_misuse(cli, "%s: %s.", text, reason ? _(reason) : _("no such host"));
        r = certexc_list(cli->client, e.host, e.port, false, &list);
        if (r < 0)
                return cli_fail_client(cli, r);

        n = certexc_exceptions_count(list);
        if (n == 0)
                return cli_fail(cli, "%s: nothing is allowed or denied there.", text);
        for (size_t i = 0; i < n; i++) {
                const certexc_exception *item = certexc_exceptions_item(list, i);
                int status;

                if (certexc_exception_file(item))
                        continue;
                status = revoke_id(cli, certexc_exception_id(item));
                if (status != EXIT_DONE)
                        return status;
                n_revoked++;
        }
        return report_in_files(cli, text, list, n_revoked);
}

int cli_revoke(Cli *cli, int n, char **arguments) {
        uint64_t id;
        int status;

        if (!cli_is_id(arguments[0]))
                return revoke_host(cli, arguments[0]);
        status = cli_read_id(cli, arguments[0], &id);
        return status != EXIT_DONE ? status : revoke_id(cli, id);
}
