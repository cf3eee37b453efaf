/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc import: takes over what certexc export printed, all of it or nothing. What would be believed about
 * others is shown first, and nothing is done before a person has agreed. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/cli-authority.h"
#include "client/explain.h"
#include "client/i18n.h"

/* What the daemon takes of one import, in base64, with room for its decisions. */
#define FILE_BYTES_MAX (16U * 1024U * 1024U)

/* Each certificate is judged before anything is answered. */
#define TIMEOUT_MS 120000U

typedef struct File {
        char *text;
        size_t size;
} File;

static void file_done(File *f) {
        free(f->text);
}

/* 0, -EFBIG, -errno. */
static int read_all(int fd, File *ret) {
        size_t allocated = 0;

        for (;;) {
                ssize_t n;

                if (ret->size == allocated) {
                        char *text;

                        if (allocated > FILE_BYTES_MAX)
                                return -EFBIG;
                        allocated = allocated ? 2 * allocated : 64U * 1024U;
                        text = realloc(ret->text, allocated);
                        if (!text)
                                return -ENOMEM;
                        ret->text = text;
                }
                n = read(fd, ret->text + ret->size, allocated - ret->size);
                if (n < 0 && errno == EINTR)
                        continue;
                if (n < 0)
                        return -errno;
                if (n == 0)
                        return ret->size > FILE_BYTES_MAX ? -EFBIG : 0;
                ret->size += (size_t) n;
        }
}

static int read_file(const Cli *cli, const char *name, File *ret) {
        _cleanup_fd_ int opened = -1;
        int r;

        if (strcmp(name, "-") != 0) {
                opened = open(name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
                if (opened < 0)
                        return cli_fail(cli, "%s cannot be read: %s.", name, strerror(errno));
        }
        r = read_all(opened >= 0 ? opened : STDIN_FILENO, ret);
        if (r == -EFBIG)
                return cli_fail(cli, "%s is larger than any export that can be imported (16 MiB).",
                                name);
        if (r < 0)
                return cli_fail(cli, "%s cannot be read: %s.", name, strerror(-r));
        return EXIT_DONE;
}

static bool is_quiet(const char *outcome) {
        return strcmp(outcome, "added") == 0 || strcmp(outcome, "held") == 0 ||
               strcmp(outcome, "ended") == 0;
}

static void print_item(const Cli *cli, const certexc_import *import, size_t i) {
        const char *outcome = certexc_import_outcome(import, i);
        const char *sentence = certexc_outcome_sentence(outcome);
        char endpoint[EXPLAIN_ENDPOINT_MAX];

        (void) explain_endpoint(certexc_import_host(import, i), certexc_import_port(import, i),
                                endpoint);
        output_line(&cli->out, is_quiet(outcome) ? STYLE_PLAIN : STYLE_WARN, "%s  %s  %s: %s",
                    endpoint, certexc_import_action(import, i), outcome,
                    sentence ? sentence : "");
}

static void print_authority(const Cli *cli, const certexc_import *import, size_t i) {
        const certexc_authority *a = certexc_import_taken_authority(import, i);
        const char *outcome = certexc_import_authority_outcome(import, i);
        const char *sentence = certexc_outcome_sentence(outcome);

        output_line(&cli->out, is_quiet(outcome) ? STYLE_PLAIN : STYLE_WARN, "%s  %s  %s: %s",
                    a ? certexc_certificate_subject(certexc_authority_certificate(a)) : "?",
                    a ? certexc_authority_kind(a) : "", outcome, sentence ? sentence : "");
}

static void print(const Cli *cli, const certexc_import *import) {
        for (size_t i = 0; i < certexc_import_count(import); i++)
                print_item(cli, import, i);
        for (size_t i = 0; i < certexc_import_n_authorities(import); i++)
                print_authority(cli, import, i);
}

static size_t count(const certexc_import *import, bool (*is)(const char *outcome)) {
        size_t n = 0;

        for (size_t i = 0; i < certexc_import_count(import); i++)
                n += is(certexc_import_outcome(import, i));
        for (size_t i = 0; i < certexc_import_n_authorities(import); i++)
                n += is(certexc_import_authority_outcome(import, i));
        return n;
}

static bool is_added(const char *outcome) {
        return strcmp(outcome, "added") == 0;
}

static bool is_loud(const char *outcome) {
        return !is_quiet(outcome);
}

static int conclude(const Cli *cli, const certexc_import *import) {
        const size_t added = count(import, is_added), loud = count(import, is_loud);

        if (certexc_import_stored(import)) {
                output_line(&cli->out, STYLE_BOLD, P_("%zu decision was added.", "%zu decisions were added.", added), added);
                return EXIT_DONE;
        }
        if (cli->options.dry_run && (loud == 0 || cli->options.skip)) {
                output_line(&cli->out, STYLE_BOLD,
                            P_("%zu decision would be added. Nothing was stored.",
                               "%zu decisions would be added. Nothing was stored.", added),
                            added);
                return EXIT_DONE;
        }
        (void) cli_fail(cli, "Nothing was stored: in conflict with what is here, or refused: %zu of %zu in "
                             "the file.", loud,
                        certexc_import_count(import) + certexc_import_n_authorities(import));
        output_line(&cli->err, STYLE_PLAIN, "%s",
                    _("certexc: --skip leaves these out; --replace settles conflicts as the file "
                      "says."));
        return EXIT_FAILED;
}

/* EXIT_PROMPT: a person must agree first. */
static int call(const Cli *cli, const File *file, unsigned flags, certexc_import **ret) {
        const Options *o = &cli->options;
        int r;

        flags |= o->dry_run ? CERTEXC_DRY_RUN : 0;
        flags |= (o->replace ? CERTEXC_REPLACE : 0) | (o->skip ? CERTEXC_SKIP : 0);
        r = certexc_import_decisions(cli->client, file->text ? file->text : "", file->size, flags,
                                     ret);
        if (r == -ECANCELED)
                return EXIT_PROMPT;
        return r < 0 ? cli_fail_client(cli, r) : EXIT_DONE;
}

/* -- authorities ---------------------------------------------------------------------------- */

/* Whether it would be believed, or has been. */
static bool is_entrusted(const certexc_import *import, size_t i) {
        const certexc_authority *a = certexc_import_taken_authority(import, i);

        return a && strcmp(certexc_authority_kind(a), "authority") == 0 &&
               strcmp(certexc_authority_state(a), "live") == 0 &&
               is_added(certexc_import_authority_outcome(import, i));
}

/* Loudly: with the name, for which names, and the fingerprint. How many there are. */
static size_t show_entrusted(const Cli *cli, const certexc_import *import) {
        size_t n = 0;

        for (size_t i = 0; i < certexc_import_n_authorities(import); i++) {
                const certexc_authority *a = certexc_import_taken_authority(import, i);

                if (!is_entrusted(import, i))
                        continue;
                if (n++ == 0)
                        output_paragraph(&cli->out, 0, NULL, STYLE_WARN, "%s",
                                         cli_is_system(cli)
                                                 ? _("This file would have everybody on this machine "
                                                     "believe what these authorities say about "
                                                     "others:")
                                                 : _("This file would have you believe what these "
                                                     "authorities say about others:"));
                output_gap(&cli->out);
                authority_explain(cli, a);
                if (certexc_authority_n_only(a) == 0)
                        output_paragraph(&cli->out, 2, NULL, STYLE_WARN, "%s",
                                         _("It will speak for every name in the world."));
        }
        if (n > 0)
                output_gap(&cli->out);
        return n;
}

/* Anything else than "import" is no; so is nobody to ask. */
static int consent(const Cli *cli, const char *file) {
        char typed[CLI_TYPED_MAX];
        const char *text;

        if (cli->options.yes)
                return EXIT_DONE;
        if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) || cli->options.json ||
            strcmp(file, "-") == 0)
                return cli_misuse(cli, "There is nobody to ask: this is no terminal. Look at what would "
                                       "be believed, then say the same with --yes.");
        text = cli_ask(cli, _("Believe what they say? Compare the fingerprints first. Type \"import\". "
                              "Anything else is no."), typed);
        return strcasecmp(text, "import") == 0 ? EXIT_DONE : cli_fail(cli, "Nothing was stored.");
}

/* What would come of it is found out first. */
static int agree(const Cli *cli, const char *name, const File *file) {
        _cleanup_(certexc_import_freep) certexc_import *import = NULL;
        int status = call(cli, file, CERTEXC_DRY_RUN, &import);
        bool entrusts = false;

        if (status != EXIT_DONE)
                return status;
        for (size_t i = 0; i < certexc_import_n_authorities(import); i++)
                entrusts |= is_entrusted(import, i);
        if (!entrusts)
                return EXIT_DONE;
        if (!cli->options.json)
                (void) show_entrusted(cli, import);
        return consent(cli, name);
}

/* -------------------------------------------------------------------------------------------- */

int cli_import(Cli *cli, int n, char **arguments) {
        _cleanup_(certexc_import_freep) certexc_import *import = NULL;
        const char *name = n > 0 ? arguments[0] : "-";
        const Options *o = &cli->options;
        _cleanup_(file_done) File file = { 0 };
        int status;

        status = read_file(cli, name, &file);
        if (status != EXIT_DONE)
                return status;
        certexc_client_set_timeout(cli->client, TIMEOUT_MS);
        status = call(cli, &file, 0, &import);
        if (status == EXIT_PROMPT)
                status = agree(cli, name, &file);
        if (status == EXIT_DONE && !import)
                status = call(cli, &file, CERTEXC_TRUST, &import);
        if (status != EXIT_DONE)
                return status;
        if (o->json) {
                output_json(&cli->out, certexc_import_json(import));
                return certexc_import_stored(import) || o->dry_run ? EXIT_DONE : EXIT_FAILED;
        }
        if (o->dry_run)
                (void) show_entrusted(cli, import);
        print(cli, import);
        return conclude(cli, import);
}
