/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc agent: asks the person, at a terminal or through a program that reads and writes JSON lines. */
#include "config.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/signalfd.h>
#include <termios.h>
#include <time.h>

#include "client/cli.h"
#include "client/dialogue.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/lines.h"
#include "client/notification.h"

/* Beside the exit statuses: there is more to do. */
#define GO_ON (-1)

typedef struct Desk {
        const Cli *cli;
        certexc_agent *agent;
        int signal_fd;
        Lines lines;
        certexc_prompt *prompt; /* that is asked; NULL: none */
        bool answered;          /* and an answer was sent */
        Dialogue dialogue;
        Notifications *notifications; /* NULL: not wanted, or there are none */
} Desk;

static void desk_done(Desk *desk) {
        desk->notifications = notifications_free(desk->notifications);
        desk->prompt = certexc_prompt_free(desk->prompt);
        desk->agent = certexc_agent_free(desk->agent);
        (void) close_fd(desk->signal_fd);
}

/* What was typed before the question was there is no answer to it. */
static void forget_typed(Desk *desk) {
        (void) tcflush(STDIN_FILENO, TCIFLUSH);
        lines_drop(&desk->lines);
}

/* -- on the desktop -------------------------------------------------------------------------- */

/* Once; from then on there is the terminal alone. */
static void no_notifications(Desk *desk, int error) {
        const char *reason = error == -EHOSTUNREACH || error == -ENXIO ? _("no program shows them")
                                                                       : strerror(-error);

        desk->notifications = notifications_free(desk->notifications);
        output_gap(&desk->cli->out);
        output_gap(&desk->cli->out);
        output_paragraph(&desk->cli->out, 0, NULL, STYLE_WARN,
                         _("There are no notifications on this desktop (%s). Questions are put here "
                           "alone."),
                         reason);
        if (desk->prompt && !desk->answered)
                dialogue_repeat(&desk->dialogue);
        (void) output_finish(&desk->cli->out);
}

/* What is wrong, in words of ours: nothing that a certificate says stands on the desktop. */
static int write_body(const certexc_answer *shown, char **ret) {
        size_t size = 0;
        FILE *body = open_memstream(ret, &size);

        if (!body)
                return -ENOMEM;
        for (size_t i = 0; i < certexc_answer_n_problems(shown); i++) {
                const char *meaning = certexc_problem_meaning(certexc_answer_problem(shown, i));

                (void) fprintf(body, "%s\n", meaning ? meaning : "");
        }
        (void) fputs(_("Answer at the terminal where \"certexc agent\" runs."), body);
        return fclose(body) == 0 ? 0 : -ENOMEM;
}

static void notify(Desk *desk) {
        const certexc_answer *shown = certexc_prompt_shown(desk->prompt);
        _cleanup_free_ char *summary = NULL, *body = NULL;
        char endpoint[EXPLAIN_ENDPOINT_MAX];
        int r;

        if (!desk->notifications)
                return;
        (void) explain_endpoint(certexc_answer_host(shown), certexc_answer_port(shown), endpoint);
        if (asprintf(&summary, _("A program wants to connect to %s"), endpoint) < 0)
                summary = NULL;
        r = summary ? write_body(shown, &body) : -ENOMEM;
        if (r >= 0)
                r = notifications_show(desk->notifications, summary, body);
        if (r < 0)
                no_notifications(desk, r);
}

static void take_back(Desk *desk) {
        if (desk->notifications)
                notifications_close(desk->notifications);
}

/* -- at a terminal ----------------------------------------------------------------------------- */

static void tell_waiting(const Desk *desk) {
        output_gap(&desk->cli->out);
        output_paragraph(&desk->cli->out, 0, NULL, STYLE_DIM,
                         _("Waiting for questions. Ctrl-C ends this."));
        (void) output_finish(&desk->cli->out);
}

static void begin(Desk *desk, certexc_prompt *prompt) {
        desk->prompt = prompt;
        desk->answered = false;
        forget_typed(desk);
        dialogue_begin(&desk->dialogue, &desk->cli->out, certexc_prompt_shown(prompt));
        notify(desk);
}

static const char *over_sentence(const char *reason) {
        static const struct {
                const char *word, *sentence;
        } sentences[] = {
                { "answered", N_("This question was answered elsewhere.") },
                { "dismissed", N_("This question was put off elsewhere.") },
                { "timed-out", N_("The program did not wait any longer.") },
                { "gone", N_("Nobody waits for this any more.") },
                { "changed", N_("Meanwhile something has changed, and this question is over.") },
        };

        for (size_t i = 0; i < N_ELEMENTS(sentences); i++)
                if (strcmp(reason, sentences[i].word) == 0)
                        return _(sentences[i].sentence);
        return _("This question is over.");
}

static void over(Desk *desk, const certexc_prompt *prompt) {
        if (!desk->prompt ||
            certexc_prompt_number(prompt) != certexc_prompt_number(desk->prompt))
                return;
        if (!desk->answered) {
                output_gap(&desk->cli->out);
                output_gap(&desk->cli->out);
                output_paragraph(&desk->cli->out, 0, NULL, STYLE_WARN, "%s",
                                 over_sentence(certexc_prompt_over(prompt)));
        }
        take_back(desk);
        desk->prompt = certexc_prompt_free(desk->prompt);
        forget_typed(desk);
        tell_waiting(desk);
}

static void told(Desk *desk, int r, const certexc_exception *exception, DialogueResult result) {
        const Output *out = &desk->cli->out;
        char end[EXPLAIN_END_MAX];

        desk->answered = r >= 0;
        if (desk->answered)
                take_back(desk);
        if (r < 0) {
                output_paragraph(out, 0, NULL, STYLE_BAD, "%s",
                                 certexc_client_error(desk->cli->client));
                /* One that is over is followed by the word that it is, any other is still there. */
                if (r != -ENOENT && r != -ESTALE)
                        dialogue_begin(&desk->dialogue, out, certexc_prompt_shown(desk->prompt));
        } else if (result == DIALOGUE_NOT_NOW) {
                output_paragraph(out, 0, NULL, STYLE_PLAIN,
                                 _("Refused for now. The same is not asked for some minutes."));
        } else if (result == DIALOGUE_DENY) {
                output_paragraph(out, 0, NULL, STYLE_PLAIN,
                                 _("Refused for good (number %" PRIu64 ")."),
                                 certexc_exception_id(exception));
        } else {
                output_paragraph(out, 0, NULL, STYLE_GOOD, _("Allowed %s (number %" PRIu64 ")."),
                                 explain_end(exception, end), certexc_exception_id(exception));
        }
}

static void answer(Desk *desk, DialogueResult result) {
        _cleanup_(certexc_exception_freep) certexc_exception *exception = NULL;
        const Dialogue *d = &desk->dialogue;
        certexc_client *client = desk->cli->client;
        int r = 0;

        switch (result) {
        case DIALOGUE_GOES_ON:
                return;
        case DIALOGUE_NOT_NOW:
                r = certexc_prompt_dismiss(client, desk->prompt);
                break;
        case DIALOGUE_DENY:
                r = certexc_prompt_deny(client, desk->prompt, 0, 0, NULL, &exception);
                break;
        case DIALOGUE_ALLOW:
                r = certexc_prompt_allow(client, desk->prompt, d->until, d->flags,
                                         *d->fingerprint ? d->fingerprint : NULL, &exception);
                break;
        }
        told(desk, r, exception, result);
        (void) output_finish(&desk->cli->out);
}

static void on_typed(Desk *desk) {
        const char *line = lines_next(&desk->lines);
        char typed[LINES_MAX];

        if (!line || !desk->prompt || desk->answered) {
                lines_drop(&desk->lines);
                return;
        }
        /* Before the next question is there: what is typed once it is, counts. */
        (void) snprintf(typed, sizeof(typed), "%s", line);
        forget_typed(desk);
        answer(desk, dialogue_answer(&desk->dialogue, typed, time(NULL)));
}

/* -- for a program ----------------------------------------------------------------------------- */

/* A line is the parameters of AnswerPrompt; the reply comes as a line. */
static void on_json(Desk *desk) {
        const Cli *cli = desk->cli;
        char *line;

        while ((line = lines_next(&desk->lines))) {
                _cleanup_free_ char *reply = NULL, *text = NULL;
                const char *error, *parameters;
                int r;

                r = certexc_call(cli->client, "AnswerPrompt", line, &reply);
                error = certexc_client_error_name(cli->client);
                parameters = certexc_client_error_json(cli->client);
                if (r >= 0)
                        r = asprintf(&text, "{\"event\":\"taken\",\"reply\":%s}", reply);
                else
                        r = asprintf(&text, "{\"event\":\"refused\",\"error\":\"%s\",\"parameters\":%s}",
                                     error ? error : "", parameters ? parameters : "{}");
                if (r < 0)
                        text = NULL;
                output_json(&cli->out, text ? text : "{\"event\":\"refused\",\"error\":\"\"}");
        }
        (void) output_finish(&cli->out);
}

/* -- the loop ---------------------------------------------------------------------------------- */

static int take_prompts(Desk *desk) {
        for (;;) {
                _cleanup_(certexc_prompt_freep) certexc_prompt *prompt = NULL;
                int r = certexc_agent_next(desk->agent, &prompt);

                if (r < 0)
                        return cli_fail(desk->cli, "%s", certexc_agent_error(desk->agent));
                if (r == 0)
                        return GO_ON;
                if (desk->cli->options.json) {
                        output_json(&desk->cli->out, certexc_prompt_json(prompt));
                        if (output_finish(&desk->cli->out) < 0)
                                return EXIT_DONE;
                } else if (certexc_prompt_over(prompt)) {
                        over(desk, prompt);
                } else {
                        begin(desk, TAKE_PTR(prompt));
                }
        }
}

/* "Not now", to what is asked. true if something was. */
static bool put_off(Desk *desk) {
        if (!desk->prompt || desk->answered)
                return false;
        output_gap(&desk->cli->out);
        answer(desk, DIALOGUE_NOT_NOW);
        return true;
}

static int on_signal(Desk *desk) {
        struct signalfd_siginfo info;

        if (read(desk->signal_fd, &info, sizeof(info)) != (ssize_t) sizeof(info))
                return GO_ON;
        return info.ssi_signo == SIGINT && put_off(desk) ? GO_ON : EXIT_DONE;
}

static int on_input(Desk *desk) {
        lines_read(&desk->lines, STDIN_FILENO);
        if (desk->cli->options.json)
                on_json(desk);
        else
                on_typed(desk);
        if (!desk->lines.at_end)
                return GO_ON;
        (void) put_off(desk);
        return EXIT_DONE;
}

static void on_desktop(Desk *desk) {
        int r = desk->notifications ? notifications_process(desk->notifications) : 0;

        if (r > 0)
                (void) put_off(desk);
        else if (r < 0)
                no_notifications(desk, r);
}

/* The desktop's part of what is waited for, and how long in ms. */
static int wait_for_desktop(const Desk *desk, struct pollfd *ret) {
        *ret = (struct pollfd){ .fd = -1 };
        if (!desk->notifications)
                return -1;
        ret->fd = notifications_fd(desk->notifications);
        ret->events = notifications_events(desk->notifications);
        return notifications_wait_msec(desk->notifications);
}

static int serve(Desk *desk) {
        struct pollfd fds[] = {
                { .fd = certexc_agent_fd(desk->agent), .events = POLLIN },
                { .fd = desk->signal_fd, .events = POLLIN },
                { .fd = STDIN_FILENO, .events = POLLIN },
                { .fd = STDOUT_FILENO }, /* only that it closes */
                { .fd = -1 },            /* the desktop */
        };
        int status = take_prompts(desk);

        while (status == GO_ON) {
                int msec;

                /* It may have something ready that no descriptor shows any more. */
                on_desktop(desk);
                msec = wait_for_desktop(desk, &fds[4]);
                if (poll(fds, N_ELEMENTS(fds), msec) < 0 && errno != EINTR)
                        return cli_fail(desk->cli, "Waiting failed: %s.", strerror(errno));
                if (fds[3].revents & (POLLERR | POLLNVAL))
                        return EXIT_DONE;
                /* A prompt that is over must not take what was typed for it as the next one's. */
                if (fds[0].revents)
                        status = take_prompts(desk);
                if (status == GO_ON && fds[1].revents)
                        status = on_signal(desk);
                if (status == GO_ON && fds[2].revents)
                        status = on_input(desk);
        }
        return status;
}

static int watch_signals(const Cli *cli, int *ret) {
        sigset_t set;

        (void) signal(SIGPIPE, SIG_IGN);
        (void) sigemptyset(&set);
        (void) sigaddset(&set, SIGINT);
        (void) sigaddset(&set, SIGTERM);
        (void) sigaddset(&set, SIGHUP);
        (void) sigprocmask(SIG_BLOCK, &set, NULL);
        *ret = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
        return *ret < 0 ? cli_fail(cli, "Signals cannot be watched: %s.", strerror(errno))
                        : EXIT_DONE;
}

int cli_agent(Cli *cli, int n, char **arguments) {
        _cleanup_(desk_done) Desk desk = { .cli = cli, .signal_fd = -1 };
        int r, status;

        if (!cli->options.json && !(isatty(STDIN_FILENO) && isatty(STDOUT_FILENO)))
                return cli_misuse(cli, "There is nobody to ask: this is no terminal. Programs use "
                                       "--json.");
        if (cli->options.json && cli->options.notify)
                return cli_misuse(cli, "--notify is for a terminal, and --json for programs.");
        status = watch_signals(cli, &desk.signal_fd);
        if (status != EXIT_DONE)
                return status;
        r = certexc_agent_new(cli->client, &desk.agent);
        if (r < 0)
                return cli_fail_client(cli, r);
        r = cli->options.notify ? notifications_new(&desk.notifications) : 0;
        if (r < 0)
                no_notifications(&desk, r);
        if (cli->options.json) {
                output_json(&cli->out, "{\"event\":\"ready\"}");
                (void) output_finish(&cli->out);
        } else {
                tell_waiting(&desk);
        }
        return serve(&desk);
}
