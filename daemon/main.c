/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexcd: from the command line to the loop, or into one of the workers. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "daemon/log.h"
#include "daemon/manager.h"
#include "daemon/options.h"
#include "daemon/worker.h"

/* What systemd and many shells call wrong usage. */
#define EXIT_USAGE 2

static int run(Options *options) {
        _cleanup_(manager_freep) Manager *manager = NULL;
        int r;

        (void) umask(0077);
#ifdef CERTEXC_TESTING
        if (options->replaced_clock > 0)
                manager_replace_clock(options->replaced_clock);
#endif

        r = manager_new(options, &manager);
        if (r < 0)
                return r;

        return manager_run(manager);
}

int main(int argc, char **argv) {
        _cleanup_(options_done) Options options = { 0 };
        int r;

        /* The workers are this program in another role. */
        r = worker_dispatch(argc, argv);
        if (r >= 0)
                return r;

        r = options_parse(argc, argv, &options);
        if (r == -ENOMEM)
                (void) log_error_errno(r, "Cannot read the command line: %m");
        if (r <= 0)
                return r == 0 ? EXIT_SUCCESS : r == -EINVAL ? EXIT_USAGE : EXIT_FAILURE;

        return run(&options) < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
