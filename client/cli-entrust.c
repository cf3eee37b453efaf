/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc authority import and distrust: read a file, show, ask the person, tell the daemon. */
#include "config.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

#include "client/cli-authority.h"
#include "client/encoding.h"
#include "client/explain.h"
#include "client/i18n.h"
#include "client/presented.h"

/* A list of names from the command line, NULL-terminated: borrowed from one copy. */
typedef struct Names {
        char *copy;
        const char **items;
} Names;

static void names_done(Names *names) {
        free(names->copy);
        free(names->items);
}

/* --only=NAME[,NAME]...; without it, no items: all names. */
static int read_names(const Cli *cli, Names *ret) {
        const char *text = cli->options.only;
        char *rest = NULL;
        size_t n = 0;

        if (!text)
                return EXIT_DONE;
        ret->copy = strdup(text);
        ret->items = calloc(strlen(text) + 2, sizeof(*ret->items));
        if (!ret->copy || !ret->items)
                return cli_no_memory(cli);
        for (char *name = strtok_r(ret->copy, ", ", &rest); name;
             name = strtok_r(NULL, ", ", &rest))
                ret->items[n++] = name;
        return n > 0 ? EXIT_DONE
                     : cli_misuse(cli, "--only=%s: there is no name in it.", text);
}

static int read_file(const Cli *cli, const char *path, Presented *ret) {
        const char *reason = NULL;
        int r;

        r = presented_read(ret, path, &reason);
        if (r == -ENOMEM)
                return cli_no_memory(cli);
        if (r < 0)
                return cli_fail(cli, "%s: %s.", path, reason ? _(reason) : strerror(-r));
        return EXIT_DONE;
}

/* -- what gives way --------------------------------------------------------------------------- */

static bool is_distrust(const certexc_authority *a) {
        return strcmp(certexc_authority_kind(a), "distrust") == 0;
}

/* true if a @distrust is about the @authority. */
static bool is_about(const certexc_authority *distrust, const certexc_authority *authority) {
        const certexc_certificate *a = certexc_authority_certificate(distrust);
        const certexc_certificate *b = certexc_authority_certificate(authority);

        return strcmp(certexc_authority_pin(distrust), "key") == 0
                       ? strcmp(certexc_certificate_key_sha256(a), certexc_certificate_key_sha256(b)) == 0
                       : strcmp(certexc_certificate_sha256(a), certexc_certificate_sha256(b)) == 0;
}

/* true if @held says of the same the opposite of @made, and so gives way to it. */
static bool gives_way(const certexc_authority *held, const certexc_authority *made) {
        if (is_distrust(held) == is_distrust(made) || strcmp(certexc_authority_state(held), "removed") == 0)
                return false;
        return is_distrust(held) ? is_about(held, made) : is_about(made, held);
}

/* The owner's own, to be compared with what is stored next. */
static int list_held(const Cli *cli, certexc_authorities **ret) {
        int r = certexc_list_authorities(cli->client, cli_is_system(cli) ? "admin" : "own", NULL, false, ret);

        return r < 0 ? cli_fail_client(cli, r) : EXIT_DONE;
}

static void tell_giving_way(const Cli *cli, const certexc_authority *held, bool done) {
        /* As JSON what is stored stands alone on standard output. */
        const Output *out = cli->options.json ? &cli->err : &cli->out;
        const uint64_t id = certexc_authority_id(held);

        if (!done)
                output_paragraph(out, 2, NULL, STYLE_WARN,
                                 _("It is distrusted here (number %" PRIu64 "): to import it takes that back."), id);
        else if (is_distrust(held))
                output_paragraph(out, 2, NULL, STYLE_WARN,
                                 _("That it was distrusted (number %" PRIu64 ") is taken back by this."), id);
        else
                output_paragraph(out, 2, NULL, STYLE_WARN,
                                 _("It had been imported (number %" PRIu64 "), which is taken back by this. To "
                                   "believe it again, import it again."), id);
}

/* What gives way to @made, or gave way if it is @done. */
static void tell_all_giving_way(const Cli *cli, const certexc_authorities *held, const certexc_authority *made,
                                bool done) {
        for (size_t i = 0; i < certexc_authorities_count(held); i++)
                if (gives_way(certexc_authorities_item(held, i), made))
                        tell_giving_way(cli, certexc_authorities_item(held, i), done);
}

/* -- import --------------------------------------------------------------------------------- */

/* Proof that it was compared, or "yes"; and then "import". Anything else is no. */
static int ask_person(const Cli *cli, const certexc_authority *a) {
        const char *sha256 = certexc_certificate_sha256(certexc_authority_certificate(a));
        char typed[CLI_TYPED_MAX], hex[SHA256_HEX_SIZE];
        uint8_t digest[SHA256_SIZE];
        const char *text;

        if (!cli->options.fingerprint) {
                text = cli_ask(cli, _("Type or paste the SHA-256 fingerprint that the administrator "
                                      "gave you, or \"yes\" if you have none. Anything else is no."),
                               typed);
                if (fingerprint_parse(text, digest) == 0) {
                        hex_encode(digest, sizeof(digest), hex);
                        return strcmp(hex, sha256) == 0
                                       ? EXIT_DONE
                                       : cli_fail(cli, "That is not the fingerprint of this "
                                                       "certificate. Nothing was stored.");
                }
                if (strcasecmp(text, "yes") != 0)
                        return cli_fail(cli, "Nothing was stored.");
                output_paragraph(&cli->out, 0, NULL, STYLE_WARN, "%s",
                                 _("Nobody has compared the fingerprint. If somebody else made this "
                                   "file, you will believe them."));
        }
        text = cli_ask(cli, _("Believe what this authority says? Type \"import\". Anything else is "
                              "no."), typed);
        return strcasecmp(text, "import") == 0 ? EXIT_DONE : cli_fail(cli, "Nothing was stored.");
}

static int consent(const Cli *cli, const certexc_authority *a, const certexc_authorities *held) {
        if (!cli->options.json) {
                authority_explain(cli, a);
                tell_all_giving_way(cli, held, a, false);
                if (certexc_authority_n_only(a) == 0)
                        output_paragraph(&cli->out, 2, NULL, STYLE_WARN, "%s",
                                         _("It will speak for every name in the world. A private "
                                           "authority needs its own names alone: "
                                           "--only=example.org"));
        }
        if (cli->options.yes)
                return EXIT_DONE;
        if (cli_has_person(cli))
                return ask_person(cli, a);
        return cli_misuse(cli, "There is nobody to ask: this is no terminal. Compare the "
                               "fingerprint, then say the same with --fingerprint=... --yes.");
}

static void report_import(const Cli *cli, const certexc_authority *a, bool already) {
        const char *name = certexc_certificate_subject(certexc_authority_certificate(a));

        if (cli->options.json)
                output_json(&cli->out, certexc_authority_json(a));
        else if (already)
                output_line(&cli->out, STYLE_GOOD, _("%s: already imported (number %" PRIu64 ")."),
                            name, certexc_authority_id(a));
        else
                output_line(&cli->out, STYLE_GOOD, _("%s: imported (number %" PRIu64 ")."), name,
                            certexc_authority_id(a));
}

/* What cannot become an authority is not the end of a bundle. */
static int import_one(const Cli *cli, const Blob *der, const Names *names) {
        _cleanup_(certexc_authority_freep) certexc_authority *shown = NULL, *stored = NULL;
        _cleanup_(certexc_authorities_freep) certexc_authorities *held = NULL;
        int r, status;

        r = certexc_import_authority(cli->client, der->data, der->size, names->items,
                                     CERTEXC_CHECK_ONLY, cli->options.fingerprint, &shown);
        if (r < 0)
                return cli_fail_client(cli, r);
        status = list_held(cli, &held);
        if (status == EXIT_DONE)
                status = consent(cli, shown, held);
        if (status != EXIT_DONE)
                return status;
        r = certexc_import_authority(
                cli->client, der->data, der->size, names->items, 0,
                certexc_certificate_sha256(certexc_authority_certificate(shown)), &stored);
        if (r < 0)
                return cli_fail_client(cli, r);
        report_import(cli, stored, r > 0);
        tell_all_giving_way(cli, held, stored, true);
        return EXIT_DONE;
}

int authority_import(const Cli *cli, int n, char **arguments) {
        _cleanup_(presented_done) Presented file = {};
        _cleanup_(names_done) Names names = {};
        int status, result = EXIT_DONE;

        status = read_names(cli, &names);
        if (status == EXIT_DONE)
                status = read_file(cli, arguments[0], &file);
        if (status != EXIT_DONE)
                return status;
        if (cli->options.fingerprint && file.n_chain > 1)
                return cli_misuse(cli, "%s holds more than one certificate, and --fingerprint is "
                                       "about one.", arguments[0]);
        for (size_t i = 0; i < file.n_chain; i++) {
                if (file.n_chain > 1 && !cli->options.json)
                        output_line(&cli->out, STYLE_BOLD, _("Certificate %zu of %zu:"), i + 1,
                                    file.n_chain);
                status = import_one(cli, &file.chain[i], &names);
                if (status != EXIT_DONE)
                        result = status;
                if (file.n_chain > 1 && !cli->options.json)
                        output_gap(&cli->out);
        }
        return result;
}

/* -- distrust ------------------------------------------------------------------------------- */

static void report_distrust(const Cli *cli, const certexc_authority *a, bool already) {
        const char *name = certexc_certificate_subject(certexc_authority_certificate(a));

        if (cli->options.json)
                output_json(&cli->out, certexc_authority_json(a));
        else if (already)
                output_line(&cli->out, STYLE_WARN,
                            _("%s: already distrusted (number %" PRIu64 ")."), name,
                            certexc_authority_id(a));
        else
                output_line(&cli->out, STYLE_WARN,
                            _("%s: distrusted from now on (number %" PRIu64 "). Take it back: "
                              "certexc authority remove %" PRIu64), name, certexc_authority_id(a),
                            certexc_authority_id(a));
}

static int distrust_one(const Cli *cli, const Blob *der, const char *sha256, unsigned flags) {
        _cleanup_(certexc_authorities_freep) certexc_authorities *held = NULL;
        _cleanup_(certexc_authority_freep) certexc_authority *a = NULL;
        int r, status;

        status = list_held(cli, &held);
        if (status != EXIT_DONE)
                return status;
        r = certexc_distrust(cli->client, der ? der->data : NULL, der ? der->size : 0, sha256,
                             flags, cli->options.fingerprint, &a);
        if (r == -ENOENT)
                return cli_fail(cli, "There is no authority %s: \"certexc authority list\" shows "
                                     "them. What is not there can be given as a file.", sha256);
        if (r < 0)
                return cli_fail_client(cli, r);
        report_distrust(cli, a, r > 0);
        tell_all_giving_way(cli, held, a, true);
        return EXIT_DONE;
}

int authority_distrust(const Cli *cli, int n, char **arguments) {
        const char *pin = cli->options.pin ? cli->options.pin : "key";
        unsigned flags = strcmp(pin, "key") == 0 ? CERTEXC_PIN_KEY : 0;
        _cleanup_(presented_done) Presented file = {};
        uint8_t digest[SHA256_SIZE];
        char hex[SHA256_HEX_SIZE];
        int status, result = EXIT_DONE;

        if (flags == 0 && strcmp(pin, "certificate") != 0)
                return cli_misuse(cli, "--pin=%s: it is \"certificate\" or \"key\".", pin);
        if (fingerprint_parse(arguments[0], digest) == 0) {
                hex_encode(digest, sizeof(digest), hex);
                return distrust_one(cli, NULL, hex, flags);
        }
        status = read_file(cli, arguments[0], &file);
        if (status != EXIT_DONE)
                return status;
        for (size_t i = 0; i < file.n_chain; i++) {
                status = distrust_one(cli, &file.chain[i], NULL, flags);
                if (status != EXIT_DONE)
                        result = status;
        }
        return result;
}
