/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * certexc tunnel: plain protocol on standard input and output, TLS to the server, and the daemon's verdict in
 * between. For mail programs that can run a command instead of connecting themselves: they start it without a
 * terminal, some with standard error as part of the stream, and wait for it.
 */
#include "config.h"

#include <fcntl.h>
#include <netdb.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sysexits.h>

#include "client/cli.h"
#include "client/connect.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/refusal.h"
#include "client/relay.h"
#include "client/target.h"
#include "client/tunnel-limits.h"

#define USEC_PER_SEC 1000000U

typedef struct Tunnel {
        Cli *cli;
        Target target;
        const RefusalProtocol *protocol; /* NULL: nobody knows what is spoken */
        uint64_t begin;
        unsigned wait_sec;      /* for a person; 0: what is left */
        int error;              /* the daemon's, negative */
        certexc_answer *answer; /* NULL: it was not asked, or said nothing */
} Tunnel;

static void tunnel_done(Tunnel *t) {
        t->answer = certexc_answer_free(t->answer);
        target_done(&t->target);
}

/* -- What the mail program hands over --------------------------------------------------------- */

/* A descriptor that is missing would be the next one that is opened: the server would be read as if it were the client. */
static int keep_descriptors(void) {
        int fd;

        do {
                fd = open("/dev/null", O_RDWR);
                if (fd < 0)
                        return -errno;
        } while (fd <= STDERR_FILENO);
        (void) close_fd(fd);
        return 0;
}

/* Where both are one stream, it is the protocol's if that can be spoken; but a terminal is a person's. */
static bool errors_are_protocol(const Tunnel *t) {
        struct stat out, err;

        return t->protocol && !isatty(STDERR_FILENO) && fstat(STDOUT_FILENO, &out) == 0 && fstat(STDERR_FILENO, &err) == 0 &&
               out.st_dev == err.st_dev && out.st_ino == err.st_ino;
}

static int prepare(Cli *cli) {
        int r;

        r = keep_descriptors();
        if (r < 0)
                return cli_fail(cli, "/dev/null cannot be opened: %s.", strerror(-r));
        (void) signal(SIGPIPE, SIG_IGN);
        return EXIT_DONE;
}

static int part_streams(Tunnel *t) {
        FILE *nowhere;

        if (!errors_are_protocol(t))
                return EXIT_DONE;
        nowhere = fopen("/dev/null", "we");
        if (!nowhere)
                return EXIT_FAILED;
        t->cli->err.stream = nowhere;
        return EXIT_DONE;
}

/* HOST:PORT, or HOST and PORT as fetchmail has them, which may name a service. free() */
static char *place_of(int n, char **arguments) {
        const struct servent *service;
        const char *host = arguments[0];
        char *place;
        int r;

        if (n == 1)
                return strdup(host);
        service = cli_is_id(arguments[1]) ? NULL : getservbyname(arguments[1], "tcp");
        if (service)
                r = asprintf(&place, strchr(host, ':') ? "[%s]:%u" : "%s:%u", host,
                             (unsigned) ntohs((uint16_t) service->s_port));
        else
                r = asprintf(&place, strchr(host, ':') ? "[%s]:%s" : "%s:%s", host, arguments[1]);
        return r < 0 ? NULL : place;
}

static int read_protocol(Tunnel *t) {
        const Options *o = &t->cli->options;

        if (o->protocol) {
                t->protocol = refusal_protocol(o->protocol);
                if (!t->protocol)
                        return cli_misuse(t->cli, "--protocol=%s: the protocols are imap, pop3, smtp, lmtp, nntp, "
                                                  "ftp and sieve.", o->protocol);
        } else if (o->starttls)
                t->protocol = refusal_protocol(o->starttls);
        else
                t->protocol = refusal_protocol_by_port(t->target.endpoint.port);
        return EXIT_DONE;
}

static int read_arguments(Tunnel *t, int n, char **arguments) {
        const Options *o = &t->cli->options;
        _cleanup_free_ char *place = place_of(n, arguments);
        int status;

        if (!place)
                return cli_no_memory(t->cli);
        status = target_read(t->cli, place, &t->target);
        if (status != EXIT_DONE)
                return status;
        status = target_read_seconds(t->cli, "--wait=", o->wait, CERTEXC_ASK_MAX, &t->wait_sec);
        return status == EXIT_DONE ? read_protocol(t) : status;
}

/* -- The verdict ------------------------------------------------------------------------------ */

/* What a person gets: 12 seconds, and fewer if connecting took long. */
static unsigned seconds_left(const Tunnel *t) {
        const uint64_t gone = (stream_now() - t->begin) / USEC_PER_SEC;

        if (t->wait_sec > 0)
                return t->wait_sec;
        if (gone + TUNNEL_WAIT_SEC <= TUNNEL_SILENCE_SEC)
                return TUNNEL_WAIT_SEC;
        return gone < TUNNEL_SILENCE_SEC ? TUNNEL_SILENCE_SEC - (unsigned) gone : 1;
}

/* Called within the handshake. Nobody but the daemon says yes. */
static int judge(Presented *presented, void *userdata) {
        Tunnel *t = userdata;

        t->target.presented = *presented;
        *presented = (Presented){};
        if (target_question(t->cli, &t->target) != EXIT_DONE)
                return -ENOMEM;
        t->error = certexc_ask(t->cli->client, t->target.question, seconds_left(t), &t->answer);
        if (t->error < 0)
                return t->error;
        return certexc_answer_verdict(t->answer) == CERTEXC_ACCEPT ? 0 : -EKEYREJECTED;
}

/* Each once, with commas between. free() */
static char *problem_names(const certexc_answer *answer) {
        _cleanup_free_ char *names = NULL;
        size_t size = 0;
        FILE *stream;

        stream = open_memstream(&names, &size);
        if (!stream)
                return NULL;
        for (size_t i = 0, n = 0; i < certexc_answer_n_problems(answer); i++) {
                const char *name = certexc_answer_problem(answer, i);
                size_t j = 0;

                while (j < i && strcmp(certexc_answer_problem(answer, j), name) != 0)
                        j++;
                if (j == i)
                        (void) fprintf(stream, "%s%s", n++ > 0 ? ", " : "", name);
        }
        if (fclose(stream) != 0)
                return NULL;
        return TAKE_PTR(names);
}

static bool is_exceptable(const certexc_answer *answer) {
        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++)
                if (!certexc_answer_problem_exceptable(answer, i))
                        return false;
        return true;
}

/* The sentence that ends with what can be typed. free() */
static char *way_out(const Tunnel *t) {
        const certexc_exception *decision = certexc_answer_exception(t->answer);
        const bool prompt = certexc_answer_verdict(t->answer) == CERTEXC_PROMPT && is_exceptable(t->answer);
        const char *because = certexc_answer_because(t->answer);
        _cleanup_free_ char *command = NULL;
        char *text;
        int r;

        if (because && strcmp(because, "denial") == 0 && decision &&
            certexc_exception_owner(decision) != CERTEXC_OWNER_SYSTEM) {
                r = asprintf(&text, _("You said no to it; to take that back: certexc revoke %" PRIu64),
                             certexc_exception_id(decision));
                return r < 0 ? NULL : text;
        }
        command = target_command(t->cli, &t->target, prompt ? "allow" : "check");
        if (!command)
                return NULL;
        r = asprintf(&text, prompt ? _("To look at it and decide: %s") : _("All about it: %s"), command);
        return r < 0 ? NULL : text;
}

/* Why the certificate was not accepted, in one line. free() */
static char *explain_refusal(const Tunnel *t) {
        const char *asked = explain_asked(t->answer);
        _cleanup_free_ char *names = problem_names(t->answer), *out = way_out(t), *sentence = explain_reason(t->answer);
        char name[EXPLAIN_ENDPOINT_MAX], *text;

        if (!names || !out || !sentence)
                return NULL;
        (void) explain_endpoint(t->target.endpoint.host, t->target.endpoint.port, name);
        if (asprintf(&text, "%s: %s%s%s%s %s%s%s", name, sentence,
                     *names ? " (" : "", names, *names ? ")" : "", asked ? asked : "", asked ? " " : "", out) < 0)
                return NULL;
        return text;
}

/* -- The end ---------------------------------------------------------------------------------- */

static int fault_status(FaultKind kind) {
        switch (kind) {
        case FAULT_NAME:
                return EX_NOHOST;
        case FAULT_REFUSED:
        case FAULT_TIMEOUT:
        case FAULT_UNREACHABLE:
                return EX_UNAVAILABLE;
        case FAULT_NONE:
        case FAULT_SYSTEM:
                return EX_OSERR;
        case FAULT_CLOSED:
        case FAULT_PLAINTEXT:
        case FAULT_TLS_ONLY:
        case FAULT_NO_STARTTLS:
        case FAULT_UNSAFE:
        case FAULT_PROTOCOL:
        case FAULT_HANDSHAKE:
        case FAULT_OUTDATED:
                break;
        }
        return EX_PROTOCOL;
}

int cli_tunnel_status(int status) {
        switch (status) {
        case EXIT_FAILED:
                return EX_UNAVAILABLE;
        case EXIT_MISUSED:
                return EX_USAGE;
        default:
                return status;
        }
}

/* Says why it does not go on, to both readers. */
static int refuse(const Tunnel *t, const char *text, bool later, int status) {
        (void) cli_fail(t->cli, "%s", text);
        if (t->protocol)
                refusal_say(t->protocol, text, later, STDIN_FILENO, STDOUT_FILENO);
        return status;
}

/* Nobody was asked, so nobody said yes. */
static int refuse_unasked(const Tunnel *t) {
        const char *sentence = certexc_client_error(t->cli->client);
        _cleanup_free_ char *text = strdup(sentence && *sentence ? sentence : strerror(-t->error));

        (void) cli_fail_client(t->cli, t->error);
        if (t->protocol && text)
                refusal_say(t->protocol, text, true, STDIN_FILENO, STDOUT_FILENO);
        return EX_UNAVAILABLE;
}

static int refuse_certificate(const Tunnel *t) {
        const char *asked = certexc_answer_asked(t->answer);
        _cleanup_free_ char *text = explain_refusal(t);
        const bool later = asked && (strcmp(asked, "timed-out") == 0 || strcmp(asked, "dismissed") == 0 ||
                                     strcmp(asked, "too-many") == 0 || strcmp(asked, "in-doubt") == 0);

        if (!text)
                return cli_no_memory(t->cli);
        return refuse(t, text, later, EX_NOPERM);
}

static int refuse_fault(const Tunnel *t, const Fault *fault) {
        _cleanup_free_ char *text = target_fault(&t->target, fault);

        return text ? refuse(t, text, true, fault_status(fault->kind)) : cli_no_memory(t->cli);
}

/* The connection broke when the client spoke to the server already: it hears no words of ours in between. */
static int tell_broken(const Tunnel *t, const Fault *fault, int error) {
        _cleanup_free_ char *text = NULL;

        if (error != -ECONNABORTED) {
                (void) cli_fail(t->cli, "What the server says cannot be passed on: %s.", strerror(-error));
                return EX_IOERR;
        }
        text = target_fault(&t->target, fault);
        (void) cli_fail(t->cli, "%s", text ? text : _("Out of memory."));
        return fault_status(fault->kind);
}

static int tunnel(Tunnel *t) {
        _cleanup_(channel_closep) Channel *channel = NULL;
        _cleanup_(fault_done) Fault fault = {};
        ConnectPlan plan = target_plan(&t->target);
        int r;

        plan.judge = judge;
        plan.userdata = t;
        r = connect_open(&plan, &channel, &fault);
        if (t->answer && certexc_answer_verdict(t->answer) != CERTEXC_ACCEPT)
                return refuse_certificate(t);
        if (t->error < 0)
                return refuse_unasked(t);
        if (r == -ENOMEM)
                return cli_no_memory(t->cli);
        if (r < 0)
                return refuse_fault(t, &fault);

        r = relay_run(channel, STDIN_FILENO, STDOUT_FILENO, &fault);
        return r < 0 ? tell_broken(t, &fault, r) : EX_OK;
}

int cli_tunnel(Cli *cli, int n, char **arguments) {
        _cleanup_(tunnel_done) Tunnel t = { .cli = cli, .begin = stream_now() };
        int status;

        status = prepare(cli);
        if (status != EXIT_DONE)
                return status;
        status = read_arguments(&t, n, arguments);
        if (status == EXIT_DONE)
                status = part_streams(&t);
        return status == EXIT_DONE ? tunnel(&t) : status;
}
