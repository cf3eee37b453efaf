/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc monitor: a line for each change, until interrupted or nobody reads. */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/signalfd.h>

#include "client/cli.h"
#include "client/explain.h"
#include "client/times.h"

/* Beside the exit statuses: the reader of our output is gone. */
#define NOBODY_READS (-1)

static void print_event(const Cli *cli, const certexc_event *event) {
        const certexc_exception *e = certexc_event_exception(event);
        char date[TIMES_TEXT_MAX], endpoint[EXPLAIN_ENDPOINT_MAX], end[EXPLAIN_END_MAX];
        _cleanup_free_ char *names = NULL;

        if (cli->options.json) {
                output_json(&cli->out, certexc_event_json(event));
                return;
        }
        times_write(certexc_event_time(event), date);
        if (!e) {
                output_line(&cli->out, STYLE_PLAIN, "%s  %s", date, certexc_event_name(event));
                return;
        }
        names = explain_problem_names(e);
        (void) explain_endpoint(certexc_exception_host(e), certexc_exception_port(e), endpoint);
        output_line(&cli->out, STYLE_PLAIN, "%s  %s  %" PRIu64 "  %s  %s  %s", date,
                    certexc_event_name(event), certexc_exception_id(e), endpoint,
                    explain_end(e, end), names ? names : "");
}

/* Prints all events that are there. An exit status, or NOBODY_READS. */
static int print_events(const Cli *cli, certexc_monitor *monitor) {
        for (;;) {
                _cleanup_(certexc_event_freep) certexc_event *event = NULL;
                int r;

                r = certexc_monitor_next(monitor, &event);
                if (r < 0)
                        return cli_fail(cli, "%s", certexc_monitor_error(monitor));
                if (r == 0)
                        return EXIT_DONE;
                print_event(cli, event);

                r = output_finish(&cli->out);
                if (r == -EPIPE)
                        return NOBODY_READS;
                if (r < 0)
                        return cli_fail(cli, "The event cannot be written: %s.", strerror(-r));
        }
}

static int watch(const Cli *cli, certexc_monitor *monitor, int signal_fd) {
        struct pollfd fds[] = {
                { .fd = certexc_monitor_fd(monitor), .events = POLLIN },
                { .fd = signal_fd, .events = POLLIN },
                { .fd = STDOUT_FILENO }, /* only that it closes */
        };

        for (;;) {
                int status;

                /* The first events may have come in together with the call's reply. */
                status = print_events(cli, monitor);
                if (status == NOBODY_READS)
                        return EXIT_DONE;
                if (status != EXIT_DONE)
                        return status;
                if (poll(fds, N_ELEMENTS(fds), -1) < 0 && errno != EINTR)
                        return cli_fail(cli, "Waiting failed: %s.", strerror(errno));
                if (fds[1].revents || (fds[2].revents & (POLLERR | POLLHUP | POLLNVAL)))
                        return EXIT_DONE;
        }
}

int cli_monitor(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_monitor_freep) certexc_monitor *monitor = NULL;
        _cleanup_fd_ int signal_fd = -1;
        sigset_t set;
        int r;

        /* A reader that goes away ends us by an error of the write, with status 0. */
        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGTERM);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        if (signal_fd < 0)
                return cli_fail(cli, "Signals cannot be watched: %s.", strerror(errno));

        r = certexc_monitor_new(cli->client, &monitor);
        if (r < 0)
                return cli_fail_client(cli, r);
        return watch(cli, monitor, signal_fd);
}
