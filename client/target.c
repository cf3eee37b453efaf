/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What check, allow and deny are about. */
#include "config.h"

#include <string.h>

#include "client/connect.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/responder.h"
#include "client/target.h"

/* What a mail program speaks when nobody says otherwise: IMAP over TLS. */
#define PORT_USUAL 993U

#define TIMEOUT_SEC_USUAL 10U
#define TIMEOUT_SEC_MAX 300U

static int read_starttls(const Cli *cli, const StarttlsProtocol **ret) {
        const char *name = cli->options.starttls;

        if (!name) {
                *ret = NULL;
                return EXIT_DONE;
        }
        *ret = starttls_by_name(name);
        if (*ret)
                return EXIT_DONE;
        return cli_misuse(cli, "--starttls=%s: the protocols are imap, pop3, smtp, lmtp, ldap, xmpp, "
                               "ftp, nntp and sieve.", name);
}

int target_read_seconds(const Cli *cli, const char *name, const char *text, unsigned max, unsigned *ret) {
        unsigned value = 0;

        if (!text)
                return EXIT_DONE;
        if (strlen(text) <= 3 && text[strspn(text, "0123456789")] == '\0')
                value = (unsigned) strtoul(text, NULL, 10);
        if (value == 0 || value > max)
                return cli_misuse(cli, "%s%s: give whole seconds from 1 to %u.", name, text, max);
        *ret = value;
        return EXIT_DONE;
}

static int read_endpoint(const Cli *cli, const char *what, const char *text, uint16_t default_port,
                         Endpoint *ret) {
        const char *reason = NULL;
        int r;

        r = endpoint_parse(text, default_port, ret, &reason);
        if (r == -ENOMEM)
                return cli_no_memory(cli);
        if (r < 0)
                return cli_misuse(cli, "%s%s: %s.", what, text, reason ? _(reason) : _("no such host"));
        if (ret->port == 0)
                return cli_misuse(cli, "%s%s: give a port from 1 to 65535.", what, text);
        return EXIT_DONE;
}

static int read_chain(const Cli *cli, Presented *presented) {
        const char *path = cli->options.chain, *reason = NULL;
        int r;

        r = presented_read(presented, path, &reason);
        if (r == -ENOMEM)
                return cli_no_memory(cli);
        if (r == -EBADMSG || r == -EFBIG)
                return cli_fail(cli, "--chain=%s: %s.", path, _(reason));
        if (r < 0)
                return cli_fail(cli, "--chain=%s: %s: %s.", path, _(reason), strerror(-r));
        return EXIT_DONE;
}

char *target_fault(const Target *target, const Fault *fault) {
        char name[EXPLAIN_ENDPOINT_MAX];
        char *text;

        (void) explain_endpoint(target->endpoint.host, target->endpoint.port, name);
        if (asprintf(&text, "%s: %s%s%s", name, fault->reason ? fault->reason : _("Out of memory."),
                     fault->hint ? " " : "", fault->hint ? fault->hint : "") < 0)
                return NULL;
        return text;
}

ConnectPlan target_plan(const Target *target) {
        return (ConnectPlan){
                .endpoint = &target->endpoint,
                .address = target->address.port != 0 ? &target->address : NULL,
                .starttls = target->starttls,
                .timeout_sec = target->timeout_sec,
        };
}

static int fetch(const Cli *cli, Target *target) {
        const ConnectPlan plan = target_plan(target);
        _cleanup_(fault_done) Fault fault = {};
        _cleanup_free_ char *text = NULL;
        int r;

        r = connect_fetch(&plan, &target->presented, &fault);
        if (r >= 0)
                return EXIT_DONE;
        if (r != -ENOMEM)
                text = target_fault(target, &fault);
        return text ? cli_fail(cli, "%s", text) : cli_no_memory(cli);
}

static int make_question(const Cli *cli, const Target *target, Blob staple,
                         certexc_question **ret) {
        _cleanup_(certexc_question_freep) certexc_question *question = NULL;
        const Presented *p = &target->presented;
        int r;

        r = certexc_question_new(target->endpoint.host, target->endpoint.port, &question);
        if (r < 0)
                return cli_no_memory(cli);
        for (size_t i = 0; i < p->n_chain; i++) {
                r = certexc_question_add_certificate(question, p->chain[i].data,
                                                     p->chain[i].size);
                if (r == -ENOMEM)
                        return cli_no_memory(cli);
                if (r < 0)
                        return cli_fail(cli, "Certificate %zu cannot be asked about: %s.", i + 1,
                                        strerror(-r));
        }
        if (staple.size > 0) {
                r = certexc_question_set_staple(question, staple.data, staple.size);
                if (r == -ENOMEM)
                        return cli_no_memory(cli);
                if (r < 0)
                        return cli_fail(cli, "The stapled answer cannot be asked about: %s.",
                                        strerror(-r));
        }
        r = certexc_question_set_starttls(question, target->starttls != NULL);
        if (r < 0)
                return cli_fail(cli, "The question cannot be put: %s.", strerror(-r));
        *ret = TAKE_PTR(question);
        return EXIT_DONE;
}

int target_question(const Cli *cli, Target *target) {
        return make_question(cli, target, target->presented.staple, &target->question);
}

int target_read(const Cli *cli, const char *text, Target *ret) {
        Target t = { .timeout_sec = TIMEOUT_SEC_USUAL };
        const Options *o = &cli->options;
        int status;

        if (o->chain && o->connect)
                return cli_misuse(cli, "--chain and --connect exclude each other: with --chain "
                                       "nothing is connected to.");
        status = read_starttls(cli, &t.starttls);
        if (status != EXIT_DONE)
                return status;
        status = target_read_seconds(cli, "--timeout=", o->timeout, TIMEOUT_SEC_MAX, &t.timeout_sec);
        if (status != EXIT_DONE)
                return status;
        status = read_endpoint(cli, "", text,
                               t.starttls ? starttls_default_port(t.starttls) : PORT_USUAL, &t.endpoint);
        if (status != EXIT_DONE)
                return status;
        if (o->connect) {
                status = read_endpoint(cli, "--connect=", o->connect, t.endpoint.port, &t.address);
                if (status != EXIT_DONE)
                        return status;
        }
        *ret = t;
        return EXIT_DONE;
}

int target_open(const Cli *cli, const char *text, Target *ret) {
        _cleanup_(target_done) Target t = {};
        int status;

        status = target_read(cli, text, &t);
        if (status != EXIT_DONE)
                return status;
        status = cli->options.chain ? read_chain(cli, &t.presented) : fetch(cli, &t);
        if (status != EXIT_DONE)
                return status;
        status = target_question(cli, &t);
        if (status != EXIT_DONE)
                return status;
        *ret = t;
        t = (Target){};
        return EXIT_DONE;
}

void target_done(Target *target) {
        presented_done(&target->presented);
        target->question = certexc_question_free(target->question);
        target->completed = certexc_question_free(target->completed);
}

static bool has_problem(const certexc_answer *answer, const char *name) {
        for (size_t i = 0; i < certexc_answer_n_problems(answer); i++)
                if (strcmp(certexc_answer_problem(answer, i), name) == 0)
                        return true;
        return false;
}

/* What the issuer's responder says of the certificate, completing the question. Where it says
 * nothing, that is told, and the question gets RFC 6960's word for it: the daemon decides what a
 * certificate is worth of which nobody knows whether it has been revoked. */
static int complete(const Cli *cli, Target *target, const certexc_answer *answer) {
        static const uint8_t try_later[] = { 0x30, 0x03, 0x0a, 0x01, 0x03 };
        const char *url = certexc_answer_responder(answer);
        _cleanup_free_ uint8_t *data = NULL;
        _cleanup_free_ char *reason = NULL;
        Blob request = {}, staple = { try_later, sizeof(try_later) };
        const void *bytes;
        int r;

        r = certexc_answer_responder_request(answer, &bytes, &request.size);
        request.data = bytes;
        if (r == 0)
                r = responder_ask(url, request, &data, &staple.size, &reason);
        if (r == -ENOMEM)
                return cli_no_memory(cli);
        if (r == 0)
                staple.data = data;
        else
                (void) cli_fail(cli, "Whether the certificate has been revoked cannot be asked at "
                                     "%s: %s. With --no-ocsp it is not asked.",
                                url, reason ? reason : strerror(-r));
        return make_question(cli, target, staple, &target->completed);
}

int target_verify(const Cli *cli, Target *target, certexc_answer **ret) {
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL, *completed = NULL;
        int r, status;

        r = certexc_verify(cli->client, target->question, &answer);
        if (r < 0)
                return cli_fail_client(cli, r);
        if (!target->completed && certexc_answer_responder(answer) && !cli->options.no_ocsp &&
            !cli->options.chain) {
                status = complete(cli, target, answer);
                if (status != EXIT_DONE)
                        return status;
        }
        if (target->completed) {
                r = certexc_verify(cli->client, target->completed, &completed);
                if (r < 0)
                        return cli_fail_client(cli, r);
        }
        target->judged = target->question;
        /* A good word of the issuer's is no staple, which mail programs will miss all the same. */
        if (completed &&
            (!has_problem(answer, "revocation-unknown") || has_problem(completed, "revoked"))) {
                target->judged = target->completed;
                *ret = TAKE_PTR(completed);
        } else
                *ret = TAKE_PTR(answer);
        return EXIT_DONE;
}

/* A word as a shell reads it. */
static void write_quoted(FILE *stream, const char *word) {
        static const char safe[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                   "%+,-./:=@_";

        if (word[strspn(word, safe)] == '\0') {
                (void) fputs(word, stream);
                return;
        }
        (void) fputc('\'', stream);
        for (const char *p = word; *p; p++)
                if (*p == '\'')
                        (void) fputs("'\\''", stream);
                else
                        (void) fputc(*p, stream);
        (void) fputc('\'', stream);
}

static void write_option(FILE *stream, const char *name, const char *value) {
        if (!value)
                return;
        (void) fprintf(stream, " --%s=", name);
        write_quoted(stream, value);
}

char *target_command(const Cli *cli, const Target *target, const char *verb) {
        const Options *o = &cli->options;
        _cleanup_free_ char *text = NULL;
        char name[EXPLAIN_ENDPOINT_MAX];
        size_t size = 0;
        FILE *stream;

        stream = open_memstream(&text, &size);
        if (!stream)
                return NULL;
        (void) fprintf(stream, "certexc %s ", verb);
        write_quoted(stream, explain_endpoint(target->endpoint.host, target->endpoint.port, name));
        write_option(stream, "socket", o->socket);
        write_option(stream, "owner", o->owner);
        write_option(stream, "starttls", o->starttls);
        write_option(stream, "connect", o->connect);
        write_option(stream, "chain", o->chain);
        if (o->no_ocsp)
                (void) fputs(" --no-ocsp", stream);
        if (fclose(stream) != 0)
                return NULL;
        return TAKE_PTR(text);
}
