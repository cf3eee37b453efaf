/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc allow and certexc deny: connect, show, ask the person, tell the daemon. */
#include "config.h"

#include <string.h>
#include <strings.h>
#include <termios.h>
#include <time.h>

#include "client/aftermath.h"
#include "client/cli.h"
#include "client/encoding.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/target.h"
#include "client/times.h"

/* How often the person is asked anew because the problems changed meanwhile. */
#define ROUNDS_MAX 3U

/* Beside the exit statuses: what was shown does not hold any more. */
#define SHOW_AGAIN (-1)

/* How long, and what is pinned. */
typedef struct Terms {
        int64_t until; /* 0: no date */
        unsigned flags;
} Terms;

static int read_terms(const Cli *cli, Terms *ret) {
        const Options *o = &cli->options;
        uint8_t fingerprint[SHA256_SIZE];
        const char *reason = NULL;
        Terms terms = {};

        if (o->until && o->session)
                return cli_misuse(cli, "--until and --session exclude each other.");
        if (o->until && times_parse(o->until, time(NULL), &terms.until, &reason) < 0)
                return cli_misuse(cli, "--until=%s: %s.", o->until, _(reason));
        if (o->pin && strcmp(o->pin, "key") != 0 && strcmp(o->pin, "certificate") != 0)
                return cli_misuse(cli, "--pin=%s: it is \"certificate\" or \"key\".", o->pin);
        if (o->fingerprint && fingerprint_parse(o->fingerprint, fingerprint) < 0)
                return cli_misuse(cli, "--fingerprint=%s: a SHA-256 fingerprint has 64 hexadecimal "
                                       "digits; colons and spaces between them may stay.",
                                  o->fingerprint);
        if (o->session)
                terms.flags |= CERTEXC_SESSION;
        if (o->pin && strcmp(o->pin, "key") == 0)
                terms.flags |= CERTEXC_PIN_KEY;
        *ret = terms;
        return EXIT_DONE;
}

/* true if @typed is the fingerprint of the certificate, or of its key where that is pinned. */
static bool is_fingerprint(const char *typed, const certexc_answer *answer, const Terms *terms) {
        const certexc_certificate *leaf = certexc_answer_leaf(answer);
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];

        if (!leaf || fingerprint_parse(typed, digest) < 0)
                return false;
        hex_encode(digest, sizeof(digest), hex);
        return strcmp(hex, certexc_certificate_sha256(leaf)) == 0 ||
               ((terms->flags & CERTEXC_PIN_KEY) &&
                strcmp(hex, certexc_certificate_key_sha256(leaf)) == 0);
}

static int wrong_fingerprint(const Cli *cli, const certexc_answer *answer) {
        const certexc_certificate *leaf = certexc_answer_leaf(answer);
        char text[EXPLAIN_FINGERPRINT_MAX];

        return cli_fail(cli, "That is not the fingerprint of the certificate that the server "
                             "shows, which is %s. Nothing was stored. You may be talking to "
                             "another server than you think.",
                        leaf ? explain_fingerprint(certexc_certificate_sha256(leaf), text)
                             : "?");
}

/* The "no" that stands in the way, NULL if there is none. */
static const certexc_exception *denial_of(const certexc_answer *answer) {
        return strcmp(certexc_answer_because(answer), "denial") == 0 ? certexc_answer_exception(answer)
                                                                      : NULL;
}

/* -- The question ----------------------------------------------------------------------------- */

const char *cli_ask(const Cli *cli, const char *question, char ret[static CLI_TYPED_MAX]) {
        size_t n;

        /* What was typed before the question was there is no answer to it. */
        (void) tcflush(STDIN_FILENO, TCIFLUSH);
        output_gap(&cli->out);
        output_paragraph(&cli->out, 0, NULL, STYLE_BOLD, "%s", question);
        (void) fputs("> ", cli->out.stream);
        (void) fflush(cli->out.stream);

        if (!fgets(ret, CLI_TYPED_MAX, stdin))
                ret[0] = '\0';
        n = strlen(ret);
        while (n > 0 && strchr(" \t\r\n", ret[n - 1]))
                ret[--n] = '\0';
        return ret + strspn(ret, " \t");
}

/* The last question, which names the "no" that a yes takes back. */
static int ask_to_allow(const Cli *cli, const certexc_answer *answer) {
        const certexc_exception *denial = denial_of(answer);
        char typed[CLI_TYPED_MAX], date[TIMES_TEXT_MAX], id[24];
        _cleanup_free_ char *question = NULL;

        if (denial) {
                times_write(certexc_exception_created(denial), date);
                (void) snprintf(id, sizeof(id), "%" PRIu64, certexc_exception_id(denial));
        }
        if (denial && asprintf(&question,
                               _("On %s it was decided to refuse this certificate there (denial %s). Take that "
                                 "back, and allow it in spite of what is wrong? Type \"allow\". Anything else "
                                 "is no."), date, id) < 0)
                return cli_no_memory(cli);
        if (strcasecmp(cli_ask(cli, question ? question
                                             : _("Allow this certificate there, in spite of what is wrong? Type "
                                                 "\"allow\". Anything else is no."), typed), "allow") != 0)
                return cli_fail(cli, "Nothing was stored.");
        return EXIT_DONE;
}

/* Two steps, "no" unless something else is typed: the fingerprint, which is proof that it was
 * compared, or "yes" and then "allow". */
static int ask_person(const Cli *cli, const certexc_answer *answer, const Terms *terms) {
        char typed[CLI_TYPED_MAX];
        const char *text = "";
        uint8_t digest[SHA256_SIZE];

        if (!cli->options.fingerprint) {
                text = cli_ask(cli, _("Type or paste the SHA-256 fingerprint that the administrator gave "
                                  "you, or \"yes\" if you have none. Anything else is no."), typed);
                if (fingerprint_parse(text, digest) == 0) {
                        if (!is_fingerprint(text, answer, terms))
                                return wrong_fingerprint(cli, answer);
                        /* It says nothing of the "no" that is taken back. */
                        return denial_of(answer) ? ask_to_allow(cli, answer) : EXIT_DONE;
                }
                if (strcasecmp(text, "yes") != 0)
                        return cli_fail(cli, "Nothing was stored.");
                output_paragraph(&cli->out, 0, NULL, STYLE_WARN,
                                 _("Nobody has compared the fingerprint. If somebody sits between "
                                   "you and the server now, you will trust them."));
        }
        return ask_to_allow(cli, answer);
}

static int consent(const Cli *cli, const certexc_answer *answer, const Terms *terms) {
        if (cli->options.yes)
                return EXIT_DONE;
        if (cli_has_person(cli))
                return ask_person(cli, answer, terms);

        if (cli->options.fingerprint)
                return cli_misuse(cli, "The fingerprint is the right one, but there is nobody to "
                                       "ask: this is no terminal. Say the same with --yes.");
        return cli_misuse(cli, "There is nobody to ask: this is no terminal. Compare the "
                               "fingerprint, then say the same with --fingerprint=... --yes.");
}

/* -- Allow ------------------------------------------------------------------------------------ */

static void report_decision(const Cli *cli, const certexc_exception *exception, bool already) {
        const bool allow = strcmp(certexc_exception_action(exception), "allow") == 0;
        char endpoint[EXPLAIN_ENDPOINT_MAX], room[EXPLAIN_END_MAX];
        _cleanup_free_ char *names = explain_problem_names(exception);
        const char *end = explain_end(exception, room);

        if (cli->options.json) {
                output_json(&cli->out, certexc_exception_json(exception));
                return;
        }
        (void) explain_endpoint(certexc_exception_host(exception),
                                certexc_exception_port(exception), endpoint);
        if (allow)
                output_line(&cli->out, STYLE_GOOD,
                            already ? _("%s: already allowed %s: %s (number %" PRIu64 ").")
                                    : _("%s: allowed %s: %s (number %" PRIu64 ")."),
                            endpoint, end, names ? names : "", certexc_exception_id(exception));
        else
                output_line(&cli->out, STYLE_WARN,
                            already ? _("%s: already denied %s (number %" PRIu64 ").")
                                    : _("%s: denied %s (number %" PRIu64 ")."),
                            endpoint, end, certexc_exception_id(exception));
}

/* Trust on first use deserves to be seen in a script's log. */
static void report_unseen(const Cli *cli, const certexc_answer *answer) {
        const certexc_certificate *leaf = certexc_answer_leaf(answer);
        char text[EXPLAIN_FINGERPRINT_MAX];

        if (!cli->options.yes || cli->options.fingerprint || cli->options.chain ||
            cli->options.json || !leaf)
                return;
        output_paragraph(&cli->out, 0, NULL, STYLE_WARN,
                         _("Nobody compared the fingerprint; what the server showed just now was "
                           "believed:"));
        output_line(&cli->out, STYLE_PLAIN, "  %s",
                    explain_fingerprint(certexc_certificate_sha256(leaf), text));
}

static void report_doubt(const Cli *cli, const certexc_answer *answer) {
        if (!cli->options.json && certexc_answer_doubt(answer))
                output_paragraph(&cli->out, 0, NULL, STYLE_WARN,
                                 _("It does not count before what is said above is mended: no exception does."));
}

/* true if @answer is an exception on just these terms, even if it does not count at the moment. */
static bool is_held(const certexc_answer *answer, const Terms *terms) {
        const certexc_exception *e = certexc_answer_exception(answer);
        const bool in_doubt = strcmp(certexc_answer_because(answer), "in-doubt") == 0;
        const char *end, *pin;

        if ((certexc_answer_verdict(answer) != CERTEXC_ACCEPT && !in_doubt) || !e)
                return false;
        end = certexc_exception_end(e);
        pin = certexc_exception_pin(e);
        return certexc_exception_until(e) == terms->until &&
               (strcmp(end, "session") == 0) == ((terms->flags & CERTEXC_SESSION) != 0) &&
               (strcmp(pin, "key") == 0) == ((terms->flags & CERTEXC_PIN_KEY) != 0);
}

/* Shows the answer and decides whether it can and shall be allowed. */
static int may_allow(const Cli *cli, const Target *target, const certexc_answer *answer,
                     const Terms *terms) {
        const certexc_exception *denial = denial_of(answer);
        char endpoint[EXPLAIN_ENDPOINT_MAX];

        if (cli->options.fingerprint && !is_fingerprint(cli->options.fingerprint, answer, terms))
                return wrong_fingerprint(cli, answer);
        if (!cli->options.json && !is_held(answer, terms))
                explain_answer(&cli->out, answer, time(NULL));
        if (is_held(answer, terms))
                return EXIT_DONE;

        (void) explain_endpoint(target->endpoint.host, target->endpoint.port, endpoint);
        if (denial && certexc_exception_file(denial))
                return cli_fail(cli, explain_is_own_file(certexc_exception_file(denial))
                                             ? N_("%s: your file %s denies this. Nothing was stored.")
                                             : N_("%s: the administrator has denied this for everybody, in the file "
                                                  "%s. Nothing was stored."), endpoint, certexc_exception_file(denial));
        if (denial && certexc_exception_owner(denial) == CERTEXC_OWNER_SYSTEM && !cli_is_system(cli))
                return cli_fail(cli, "%s: the administrator has denied this for everybody. Nothing "
                                     "was stored.", endpoint);
        if (denial && certexc_answer_n_problems(answer) == 0)
                return cli_fail(cli, "%s: nothing is wrong there but that decision %" PRIu64
                                     " denies it. Take it back: certexc revoke %" PRIu64 "%s",
                                endpoint, certexc_exception_id(denial), certexc_exception_id(denial),
                                explain_owner_option(denial));
        if (!denial && certexc_answer_verdict(answer) == CERTEXC_REJECT)
                return cli_fail(cli, "%s: nobody may allow this. Nothing was stored.", endpoint);
        return consent(cli, answer, terms);
}

/* One round. An exit status, or SHOW_AGAIN. */
static int allow_once(const Cli *cli, Target *target, const Terms *terms) {
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *before = NULL;
        _cleanup_(certexc_exception_freep) certexc_exception *exception = NULL;
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        int r, status;

        status = target_verify(cli, target, &answer);
        if (status != EXIT_DONE)
                return status;
        if (certexc_answer_n_problems(answer) == 0 &&
            certexc_answer_verdict(answer) == CERTEXC_ACCEPT) {
                if (cli->options.json)
                        return cli_fail(cli, "Nothing is wrong there, so there is nothing to "
                                             "allow.");
                explain_answer(&cli->out, answer, time(NULL));
                output_line(&cli->out, STYLE_PLAIN, "%s", _("There is nothing to allow."));
                return EXIT_DONE;
        }
        status = may_allow(cli, target, answer, terms);
        if (status == EXIT_DONE)
                status = aftermath_begin(cli, &target->endpoint, &before);
        if (status != EXIT_DONE)
                return status;

        r = certexc_add_exception(cli->client, answer, terms->until, terms->flags,
                                  cli->options.fingerprint, &exception);
        if (r == -ESTALE)
                return SHOW_AGAIN;
        if (r < 0)
                return cli_fail_client(cli, r);
        if (r == 0)
                report_unseen(cli, answer);
        report_decision(cli, exception, r > 0);
        report_doubt(cli, answer);
        aftermath_tell(cli, before, exception);
        return EXIT_DONE;
}

int cli_allow(Cli *cli, int n, char **arguments) {
        _cleanup_(target_done) Target target = {};
        Terms terms;
        int status;

        status = read_terms(cli, &terms);
        if (status != EXIT_DONE)
                return status;
        status = target_open(cli, arguments[0], &target);
        if (status != EXIT_DONE)
                return status;

        for (unsigned i = 0; i < ROUNDS_MAX; i++) {
                status = allow_once(cli, &target, &terms);
                if (status != SHOW_AGAIN)
                        return status;
                /* --yes agreed to what was shown in the first round and to nothing else. */
                if (cli->options.yes)
                        break;
                output_gap(&cli->out);
                output_line(&cli->out, STYLE_WARN, "%s", _("The problems have changed meanwhile:"));
        }
        return cli_fail(cli, "The problems have changed meanwhile. Nothing was stored; look again "
                             "with certexc check.");
}

/* -- Deny ------------------------------------------------------------------------------------- */

int cli_deny(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_exceptions_freep) certexc_exceptions *before = NULL;
        _cleanup_(certexc_exception_freep) certexc_exception *exception = NULL;
        _cleanup_(certexc_answer_freep) certexc_answer *answer = NULL;
        _cleanup_(target_done) Target target = {};
        Terms terms;
        int r, status;

        status = read_terms(cli, &terms);
        if (status != EXIT_DONE)
                return status;
        status = target_open(cli, arguments[0], &target);
        if (status != EXIT_DONE)
                return status;
        status = target_verify(cli, &target, &answer);
        if (status != EXIT_DONE)
                return status;
        if (cli->options.fingerprint && !is_fingerprint(cli->options.fingerprint, answer, &terms))
                return wrong_fingerprint(cli, answer);
        status = aftermath_begin(cli, &target.endpoint, &before);
        if (status != EXIT_DONE)
                return status;

        r = certexc_add_denial(cli->client, answer, terms.until, terms.flags,
                               cli->options.fingerprint, &exception);
        if (r < 0)
                return cli_fail_client(cli, r);
        report_decision(cli, exception, r > 0);
        aftermath_tell(cli, before, exception);
        return EXIT_DONE;
}
