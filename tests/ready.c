/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * ready CMD ARGS...: starts CMD in the background, waits until it is ready (sd_notify(3)), prints
 * its pid. For tests that are scripts. If CMD ends first, its exit status is passed on.
 */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "client/cleanup.h"
#include "tests/launch.h"

/* Long, for slow machines and for tools that make programs slow. */
#define READY_MSEC 60000

static Launch launch;

int main(int argc, char **argv) {
        const LaunchHow how = LAUNCH_HOW_INIT;
        int r, status;

        if (argc < 2) {
                (void) fprintf(stderr, "Usage: ready CMD [ARGS...]\n");
                return 2;
        }
        r = launch_start((const char *const *) argv + 1, &how, &launch);
        if (r < 0) {
                (void) fprintf(stderr, "ready: cannot start %s: %s\n", argv[1], strerror(-r));
                return EXIT_FAILURE;
        }
        r = launch_wait(&launch, "READY=1", READY_MSEC);
        if (r == 0) {
                printf("%d\n", (int) launch.pid);
                return EXIT_SUCCESS;
        }

        status = r == -ECHILD ? launch_wait_end(&launch, READY_MSEC) : -1;
        (void) fprintf(stderr, "ready: %s %s\n", argv[1],
                       r == -ECHILD ? "ended before it was ready" : "was not ready in time");
        launch_done(&launch);
        return status > 0 && WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILURE;
}
