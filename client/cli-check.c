/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc check: connect, ask, explain. */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/cli.h"
#include "client/clock.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/target.h"

/* With --ask, if --wait does not say. */
#define WAIT_SEC_USUAL 120U

static bool all_exceptable(const certexc_answer *answer) {
        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++)
                if (!certexc_answer_problem_exceptable(answer, i))
                        return false;
        return true;
}

static void print_command(const Output *out, const char *what, const char *command,
                          const char *option, const char *value) {
        output_paragraph(out, 2, NULL, STYLE_PLAIN, "%s", what);
        output_line(out, STYLE_BOLD, "    %s%s%s", command, option, value);
}

static bool is_about_dates(const certexc_answer *answer) {
        static const char *const names[] = { "expired", "not-yet-valid", "issuer-expired" };

        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++)
                for (size_t j = 0; j < N_ELEMENTS(names); j++)
                        if (strcmp(certexc_answer_problem(answer, i), names[j]) == 0)
                                return true;
        return false;
}

/* A "no" of one's own: nothing else helps before it is taken back. */
static void print_taking_back(const Cli *cli, const certexc_answer *answer) {
        const certexc_exception *denial = certexc_answer_exception(answer);
        char id[24];

        if (strcmp(certexc_answer_because(answer), "denial") != 0 || !denial ||
            certexc_exception_owner(denial) == CERTEXC_OWNER_SYSTEM)
                return;
        output_gap(&cli->out);
        output_line(&cli->out, STYLE_BOLD, "%s", _("What you can do"));
        (void) snprintf(id, sizeof(id), "%" PRIu64, certexc_exception_id(denial));
        print_command(&cli->out, _("You said no to this certificate. To take that back, so that you are "
                                   "asked again:"),
                      "certexc revoke ", id, "");
}

/* What the person may want to type next. */
static void print_next(const Cli *cli, const Target *target, const certexc_answer *answer) {
        const certexc_certificate *leaf = certexc_answer_leaf(answer);
        _cleanup_free_ char *allow = target_command(cli, target, "allow");
        _cleanup_free_ char *deny = target_command(cli, target, "deny");
        char fingerprint[EXPLAIN_FINGERPRINT_MAX];

        if (!allow || !deny || !leaf || !all_exceptable(answer))
                return;
        output_gap(&cli->out);
        output_line(&cli->out, STYLE_BOLD, "%s", _("What you can do"));
        /* Where nobody can be asked, what is pasted must say all. */
        print_command(&cli->out, _("If this is the fingerprint that the server's administrator "
                                   "gave you over another way:"),
                      allow, cli_has_person(cli) ? " --fingerprint=" : " --yes --fingerprint=",
                      explain_fingerprint(certexc_certificate_sha256(leaf), fingerprint));
        print_command(&cli->out, _("If it is not, or you do not want this server:"), deny, "", "");
}

static int exit_status(enum certexc_verdict verdict) {
        switch (verdict) {
        case CERTEXC_ACCEPT:
                return EXIT_DONE;
        case CERTEXC_PROMPT:
                return EXIT_PROMPT;
        case CERTEXC_REJECT:
                return EXIT_REJECT;
        }
        return EXIT_FAILED;
}

static int read_wait(const Cli *cli, unsigned *ret) {
        if (cli->options.wait && !cli->options.ask)
                return cli_misuse(cli, "--wait has a meaning together with --ask only.");
        return target_read_seconds(cli, "--wait=", cli->options.wait, CERTEXC_ASK_MAX, ret);
}

/* Who sits before a terminal that stands still is told what it waits for. */
static void print_waiting(const Cli *cli, const certexc_answer *answer, unsigned seconds) {
        _cleanup_(certexc_status_freep) certexc_status *status = NULL;
        const time_t end = time(NULL) + (time_t) seconds;
        char endpoint[EXPLAIN_ENDPOINT_MAX], clock[16];
        struct tm tm;

        if (!isatty(STDERR_FILENO) || certexc_get_status(cli->client, &status) < 0 ||
            certexc_status_number(status, "agents") == 0 || !localtime_r(&end, &tm) ||
            strftime(clock, sizeof(clock), "%H:%M:%S", &tm) == 0)
                return;
        (void) explain_endpoint(certexc_answer_host(answer), certexc_answer_port(answer), endpoint);
        output_paragraph(&cli->err, 0, NULL, STYLE_WARN,
                         _("%s: waiting until %s for an answer: you are asked elsewhere, by \"certexc agent\" "
                           "or another program of yours. Ctrl-C ends the waiting, and nothing is stored."),
                         endpoint, clock);
}

/* The verdict; with --ask, once it was decided. */
static int get_answer(const Cli *cli, Target *target, unsigned seconds, certexc_answer **ret) {
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        int r, status;

        status = target_verify(cli, target, &answer);
        if (status != EXIT_DONE)
                return status;
        if (!cli->options.ask || certexc_answer_verdict(answer) != CERTEXC_PROMPT) {
                *ret = TAKE_PTR(answer);
                return EXIT_DONE;
        }
        print_waiting(cli, answer, seconds);
        r = certexc_ask(cli->client, target->judged, seconds, ret);
        return r < 0 ? cli_fail_client(cli, r) : EXIT_DONE;
}

static void explain(const Cli *cli, const Target *target, const certexc_answer *answer) {
        const enum certexc_verdict verdict = certexc_answer_verdict(answer);
        const char *asked = explain_asked(answer);

        explain_answer(&cli->out, answer, time(NULL));
        /* Where dates are what is wrong, the clock is looked at first. */
        if (verdict != CERTEXC_ACCEPT && is_about_dates(answer))
                clock_explain(&cli->out);
        if (verdict == CERTEXC_REJECT)
                print_taking_back(cli, answer);
        if (verdict != CERTEXC_PROMPT)
                return;
        if (asked) {
                output_gap(&cli->out);
                output_paragraph(&cli->out, 0, NULL, STYLE_WARN, "%s", asked);
        }
        if (!certexc_answer_doubt(answer))
                print_next(cli, target, answer);
}

int cli_check(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        _cleanup_(target_done) Target target = {};
        unsigned seconds = WAIT_SEC_USUAL;
        int status;

        status = read_wait(cli, &seconds);
        if (status != EXIT_DONE)
                return status;
        status = target_open(cli, arguments[0], &target);
        if (status != EXIT_DONE)
                return status;
        status = get_answer(cli, &target, seconds, &answer);
        if (status != EXIT_DONE)
                return status;

        if (cli->options.json)
                output_json(&cli->out, certexc_answer_json(answer));
        else
                explain(cli, &target, answer);
        return exit_status(certexc_answer_verdict(answer));
}
