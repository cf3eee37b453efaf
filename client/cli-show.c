/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc show: one decision and its certificate. */
#include "config.h"

#include <time.h>

#include "client/cli.h"
#include "client/explain.h"
#include "client/i18n.h"

int cli_show(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_exception_freep) certexc_exception *exception = NULL;
        const int64_t now = time(NULL);
        uint64_t id;
        int r, status;

        status = cli_read_id(cli, arguments[0], &id);
        if (status != EXIT_DONE)
                return status;
        r = certexc_get(cli->client, id, &exception);
        if (r == -ENOENT)
                return cli_fail(cli, "There is no decision %" PRIu64 ": \"certexc list --all\" "
                                     "shows them all.", id);
        if (r < 0)
                return cli_fail_client(cli, r);

        if (cli->options.json) {
                output_json(&cli->out, certexc_exception_json(exception));
                return EXIT_DONE;
        }
        explain_exception(&cli->out, _("Decision"), exception, now);
        explain_certificate(&cli->out, _("Certificate"), certexc_exception_certificate(exception),
                            now);
        return EXIT_DONE;
}
