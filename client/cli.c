/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* certexc: the command line. Verbs and options are rows, which parsing and help are made from. */
#include "config.h"

#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>

#include "client/cli.h"
#include "client/i18n.h"

typedef enum VerbMask {
        VERB_CHECK = 1 << 0,
        VERB_ALLOW = 1 << 1,
        VERB_DENY = 1 << 2,
        VERB_LIST = 1 << 3,
        VERB_SHOW = 1 << 4,
        VERB_REVOKE = 1 << 5,
        VERB_HISTORY = 1 << 6,
        VERB_STATUS = 1 << 7,
        VERB_MONITOR = 1 << 8,
        VERB_EXPORT = 1 << 9,
        VERB_DOCTOR = 1 << 10,
        VERB_AUTHORITY = 1 << 11,
        VERB_AGENT = 1 << 12,
        VERB_IMPORT = 1 << 13,
        VERB_TUNNEL = 1 << 14,

        VERBS_DECIDE = VERB_ALLOW | VERB_DENY,
        VERBS_TARGET = VERB_CHECK | VERBS_DECIDE,
        VERBS_CONNECT = VERBS_TARGET | VERB_TUNNEL,
        VERBS_ALL = (1 << 15) - 1,
} VerbMask;

typedef struct Verb {
        const char *name;
        int min, max; /* arguments behind it */
        VerbMask mask;
        int (*run)(Cli *cli, int n, char **arguments);
        const char *arguments;
        const char *help;
} Verb;

static const Verb verbs[] = {
        { "check", 1, 1, VERB_CHECK, cli_check, "HOST[:PORT]",
          N_("Connect, and say what the daemon thinks of the certificate") },
        { "allow", 1, 1, VERB_ALLOW, cli_allow, "HOST[:PORT]",
          N_("Allow the certificate there in spite of its problems") },
        { "deny", 1, 1, VERB_DENY, cli_deny, "HOST[:PORT]",
          N_("Refuse the certificate there from now on") },
        { "list", 0, 1, VERB_LIST, cli_list, "[HOST[:PORT]]",
          N_("List what is allowed and denied") },
        { "show", 1, 1, VERB_SHOW, cli_show, "ID",
          N_("Show one decision and its certificate") },
        { "revoke", 1, 1, VERB_REVOKE, cli_revoke, "ID|HOST[:PORT]",
          N_("Take back one decision, or all about a host") },
        { "history", 0, 1, VERB_HISTORY, cli_history, "[ID]",
          N_("Show what was decided and what became of it") },
        { "status", 0, 0, VERB_STATUS, cli_status, "",
          N_("Show how the daemon and its store are") },
        { "monitor", 0, 0, VERB_MONITOR, cli_monitor, "",
          N_("Print changes as they happen") },
        { "agent", 0, 0, VERB_AGENT, cli_agent, "",
          N_("Ask you at this terminal what other programs want to be asked") },
        { "tunnel", 1, 2, VERB_TUNNEL, cli_tunnel, "HOST[:PORT]",
          N_("For mail programs: plain protocol on standard input and output, TLS to the server") },
        { "export", 0, 0, VERB_EXPORT, cli_export, "",
          N_("Print all decisions and their certificates, as JSON to keep") },
        { "import", 0, 1, VERB_IMPORT, cli_import, "[FILE|-]",
          N_("Take over what export printed, all of it or nothing") },
        { "doctor", 0, 0, VERB_DOCTOR, cli_doctor, "",
          N_("Examine the daemon, its store and what they need, and explain") },
        { "authority", 1, 2, VERB_AUTHORITY, cli_authority,
          "list|show|import|remove|distrust [ARGUMENT]",
          N_("See and say whose word about others is believed") },
};

typedef struct Option {
        const char *name;
        const char *value; /* NULL: it takes none */
        size_t field;      /* in Options: a string if it takes a value, else a bool */
        VerbMask verbs;
        const char *help;
} Option;

#define FIELD(name) offsetof(Options, name)

static const Option options[] = {
        { "starttls", "PROTOCOL", FIELD(starttls), VERBS_CONNECT,
          N_("Upgrade a plain port: imap, pop3, smtp, lmtp, ldap, xmpp, ftp, nntp, sieve") },
        { "connect", "ADDR:PORT", FIELD(connect), VERBS_CONNECT,
          N_("Connect there; the answer is still about HOST:PORT") },
        { "chain", "FILE", FIELD(chain), VERBS_TARGET,
          N_("Connect to nothing; read the certificates (PEM or DER, - for standard input)") },
        { "timeout", "SECONDS", FIELD(timeout), VERBS_CONNECT,
          N_("Give up connecting after that long (10)") },
        { "no-ocsp", NULL, FIELD(no_ocsp), VERBS_TARGET,
          N_("Do not ask the issuer whether the certificate has been revoked") },
        { "ask", NULL, FIELD(ask), VERB_CHECK,
          N_("If there is no verdict, wait until you were asked") },
        { "wait", "SECONDS", FIELD(wait), VERB_CHECK | VERB_TUNNEL,
          N_("Wait for a person for so long at most (check --ask: 120, tunnel: 12)") },
        { "protocol", "PROTOCOL", FIELD(protocol), VERB_TUNNEL,
          N_("What is spoken, where neither the port nor --starttls tells: to refuse in its words") },
        { "notify", NULL, FIELD(notify), VERB_AGENT,
          N_("Also show a notification on the desktop when there is a question") },
        { "until", "WHEN", FIELD(until), VERBS_DECIDE,
          N_("For so long: 2027-03-01, \"2027-03-01 12:00\", 12h, 30d, 2w, 1y, never") },
        { "session", NULL, FIELD(session), VERBS_DECIDE,
          N_("Until you log out or the machine is started anew") },
        { "fingerprint", "HEX", FIELD(fingerprint), VERBS_DECIDE | VERB_AUTHORITY,
          N_("Only if this is the SHA-256 fingerprint") },
        { "decisions", NULL, FIELD(decisions), VERB_EXPORT,
          N_("Decisions alone, without authorities, as exceptions.d takes them") },
        { "dry-run", NULL, FIELD(dry_run), VERB_IMPORT, N_("Say what would come of it; store nothing") },
        { "replace", NULL, FIELD(replace), VERB_IMPORT,
          N_("Where the file conflicts with what is here, the file counts") },
        { "skip", NULL, FIELD(skip), VERB_IMPORT, N_("Leave out what conflicts or is refused") },
        { "deep", NULL, FIELD(deep), VERB_DOCTOR,
          N_("Read all of the store, and compare its two copies row against row") },
        { "rebuild", NULL, FIELD(rebuild), VERB_DOCTOR,
          N_("First have the store made anew from its journal") },
        { "pin", "certificate|key", FIELD(pin), VERBS_DECIDE | VERB_AUTHORITY,
          N_("Exactly this certificate, or any with its key") },
        { "yes", NULL, FIELD(yes), VERBS_DECIDE | VERB_AUTHORITY | VERB_IMPORT, N_("Do not ask") },
        { "all", NULL, FIELD(all), VERB_LIST | VERB_AUTHORITY,
          N_("Also what ended, was revoked or removed") },
        { "only", "NAME[,NAME]...", FIELD(only), VERB_AUTHORITY,
          N_("The names that an imported authority may speak for: hosts with all below them, "
             "addresses, networks") },
        { "system", NULL, FIELD(system), VERB_AUTHORITY,
          N_("For everyone, as --owner=system") },
        { "owner", "NAME|UID|system", FIELD(owner), VERBS_ALL,
          N_("Decisions of this user, or of the whole system (root, or whom polkit allows)") },
        { "socket", "PATH", FIELD(socket), VERBS_ALL, N_("Ask the daemon at this socket") },
        { "json", NULL, FIELD(json), VERBS_ALL, N_("Print the daemon's answer as JSON") },
        { "help", NULL, FIELD(help), VERBS_ALL, N_("Print this help") },
        { "version", NULL, FIELD(version), VERBS_ALL, N_("Print the version") },
};

/* -- What the verbs share --------------------------------------------------------------------- */

bool cli_is_system(const Cli *cli) {
        return cli->options.system ||
               (cli->options.owner && strcmp(cli->options.owner, "system") == 0);
}

bool cli_has_person(const Cli *cli) {
        return isatty(STDIN_FILENO) && isatty(STDOUT_FILENO) && !cli->options.json;
}

bool cli_is_id(const char *text) {
        return *text && text[strspn(text, "0123456789")] == '\0';
}

int cli_read_id(const Cli *cli, const char *text, uint64_t *ret) {
        uint64_t id = 0;

        /* Eighteen digits fit without an overflow, and no daemon lives to count that far. */
        if (!cli_is_id(text) || strlen(text) > 18)
                return cli_misuse(cli, "%s is no number of a decision: \"certexc list\" shows "
                                       "them.", text);
        for (const char *p = text; *p; p++)
                id = id * 10 + (uint64_t) (*p - '0');
        *ret = id;
        return EXIT_DONE;
}

/* -- Help ------------------------------------------------------------------------------------- */

static void print_options(const Output *out, VerbMask mask) {
        output_line(out, STYLE_BOLD, "%s", _("Options:"));
        for (size_t i = 0; i < N_ELEMENTS(options); i++) {
                const Option *o = &options[i];
                char left[64];

                if (!(o->verbs & mask))
                        continue;
                (void) snprintf(left, sizeof(left), "  --%s%s%s", o->name, o->value ? "=" : "",
                                o->value ? o->value : "");
                output_paragraph(out, 28, left, STYLE_PLAIN, "%s", _(o->help));
        }
}

static int help_all(const Output *out) {
        output_line(out, STYLE_PLAIN, "%s", _("certexc [OPTION]... VERB [ARGUMENT]..."));
        output_gap(out);
        output_line(out, STYLE_PLAIN, "%s",
                    _("See, make and take back TLS security exceptions."));
        output_gap(out);
        output_line(out, STYLE_BOLD, "%s", _("Verbs:"));
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++) {
                char left[64];

                (void) snprintf(left, sizeof(left), "  %s %s", verbs[i].name, verbs[i].arguments);
                output_paragraph(out, 28, left, STYLE_PLAIN, "%s", _(verbs[i].help));
        }
        output_gap(out);
        print_options(out, VERBS_ALL);
        output_gap(out);
        output_paragraph(out, 0, NULL, STYLE_PLAIN,
                         _("\"certexc help VERB\" shows what one verb takes. check ends with 0 "
                           "for accept, 3 for prompt, 4 for reject, 1 if it could not tell; all "
                           "verbs end with 2 if the command line makes no sense."));
        return EXIT_DONE;
}

static int help_verb(const Output *out, const Verb *verb) {
        output_line(out, STYLE_PLAIN, _("certexc %s%s%s [OPTION]..."), verb->name,
                    *verb->arguments ? " " : "", verb->arguments);
        output_gap(out);
        output_line(out, STYLE_PLAIN, "%s.", _(verb->help));
        output_gap(out);
        print_options(out, verb->mask);
        return EXIT_DONE;
}

/* -- The command line ------------------------------------------------------------------------- */

static void set_option(Options *o, const Option *option, const char *value) {
        char *field = (char *) o + option->field;

        if (option->value)
                memcpy(field, &value, sizeof(value));
        else
                *(bool *) field = true;
}

/* What is wrong with @argument; told once all options are known, since one of them says how it is told. */
static int misuse_option(const Cli *cli, int kind, const char *argument) {
        if (kind == 0)
                return EXIT_DONE;
        if (kind == ':')
                return cli_misuse(cli, "%s needs a value.", argument);
        return cli_misuse(cli, "%s is no option, or lacks or has a value that it should not: see certexc --help.",
                          argument);
}

/* Reads the options wherever they stand, all of them; optind is then the verb. @ret_given: a bit for each. */
static int read_options(Cli *cli, int argc, char **argv, uint32_t *ret_given) {
        struct option table[N_ELEMENTS(options) + 1] = {};
        const char *wrong = NULL;
        uint32_t given = 0;
        int kind = 0;

        for (size_t i = 0; i < N_ELEMENTS(options); i++)
                table[i] = (struct option){
                        .name = options[i].name,
                        .has_arg = options[i].value ? required_argument : no_argument,
                };

        opterr = 0;
        for (;;) {
                int i = -1, c;

                c = getopt_long(argc, argv, ":h", table, &i);
                if (c < 0)
                        break;
                if (c == 'h')
                        cli->options.help = true;
                else if (c == 0) {
                        set_option(&cli->options, &options[i], optarg);
                        given |= UINT32_C(1) << i;
                } else if (kind == 0) {
                        kind = c;
                        wrong = argv[optind - 1];
                }
        }
        *ret_given = given;
        return misuse_option(cli, kind, wrong);
}

static int check_options(const Cli *cli, const Verb *verb, uint32_t given) {
        for (size_t i = 0; i < N_ELEMENTS(options); i++)
                if ((given & UINT32_C(1) << i) && !(options[i].verbs & verb->mask))
                        return cli_misuse(cli, "--%s has no meaning for \"%s\": see certexc %s "
                                               "--help.", options[i].name, verb->name,
                                          verb->name);
        return EXIT_DONE;
}

static const Verb *find_verb(const char *name) {
        for (size_t i = 0; i < N_ELEMENTS(verbs); i++)
                if (strcmp(verbs[i].name, name) == 0)
                        return &verbs[i];
        return NULL;
}

/* A user's name, a uid, or the system. */
static int read_owner(const Cli *cli, const char *text, int64_t *ret) {
        const struct passwd *pw;

        if (strcmp(text, "system") == 0) {
                *ret = CERTEXC_OWNER_SYSTEM;
                return EXIT_DONE;
        }
        if (cli_is_id(text)) {
                const uint64_t uid = strlen(text) <= 10 ? strtoull(text, NULL, 10) : UINT64_MAX;

                /* The largest is (uid_t) -1, which is nobody's. */
                if (uid >= UINT32_MAX)
                        return cli_misuse(cli, "--owner=%s: there is no such uid.", text);
                *ret = (int64_t) uid;
                return EXIT_DONE;
        }
        pw = getpwnam(text);
        if (!pw)
                return cli_misuse(cli, "--owner=%s: there is no such user.", text);
        *ret = pw->pw_uid;
        return EXIT_DONE;
}

static int make_client(Cli *cli, const Verb *verb) {
        int64_t owner = CERTEXC_OWNER_SELF;
        int r, status;

        r = certexc_client_new(cli->options.socket, &cli->client);
        if (r == -ENAMETOOLONG)
                return cli_misuse(cli, "The path of the socket is too long.");
        if (r < 0)
                return cli_fail(cli, "The daemon cannot be asked: %s.", strerror(-r));
        if (cli->options.system && cli->options.owner)
                return cli_misuse(cli, "--owner and --system exclude each other.");
        if (cli->options.system) {
                owner = CERTEXC_OWNER_SYSTEM;
                certexc_client_set_owner(cli->client, owner);
        }
        if (cli->options.owner) {
                status = read_owner(cli, cli->options.owner, &owner);
                if (status != EXIT_DONE)
                        return status;
                certexc_client_set_owner(cli->client, owner);
        }
        /* A monitor streams, which the socket does. */
        return verb->mask == VERB_MONITOR ? EXIT_DONE : cli_take_bus(cli, owner);
}

static int run_verb(Cli *cli, const Verb *verb, uint32_t given, int n, char **arguments) {
        int status;

        if (cli->options.help)
                return help_verb(&cli->out, verb);
        if (n > verb->max)
                return cli_misuse(cli, "\"%s\" is too much. It is: certexc %s%s%s [OPTION]...",
                                  arguments[verb->max], verb->name, *verb->arguments ? " " : "",
                                  verb->arguments);
        if (n < verb->min)
                return cli_misuse(cli, "Something is missing. It is: certexc %s %s [OPTION]...",
                                  verb->name, verb->arguments);
        status = check_options(cli, verb, given);
        if (status != EXIT_DONE)
                return status;
        status = make_client(cli, verb);
        if (status != EXIT_DONE)
                return status;
        return verb->run(cli, n, arguments);
}

static int exit_status(const Verb *verb, int status) {
        return verb && verb->mask == VERB_TUNNEL ? cli_tunnel_status(status) : status;
}

static int run(Cli *cli, int argc, char **argv) {
        const Verb *verb;
        uint32_t given = 0;
        int status;

        status = read_options(cli, argc, argv, &given);
        /* "help VERB" is "VERB --help". */
        if (optind < argc && strcmp(argv[optind], "help") == 0) {
                cli->options.help = true;
                optind++;
        }
        verb = optind < argc ? find_verb(argv[optind]) : NULL;
        if (status != EXIT_DONE)
                return exit_status(verb, status);
        if (cli->options.version) {
                output_line(&cli->out, STYLE_PLAIN, "certexc %s", PACKAGE_VERSION);
                return EXIT_DONE;
        }
        if (optind >= argc && cli->options.help)
                return help_all(&cli->out);
        if (optind >= argc)
                return cli_misuse(cli, "Say what to do: see certexc --help.");

        if (!verb)
                return cli_misuse(cli, "%s is no verb: see certexc --help.", argv[optind]);
        return exit_status(verb, run_verb(cli, verb, given, argc - optind - 1, argv + optind + 1));
}

static void cli_done(Cli *cli) {
        cli->client = certexc_client_free(cli->client);
        cli->bus = cli_bus_free(cli->bus);
}

int main(int argc, char **argv) {
        _cleanup_(cli_done) Cli cli = {};
        int status, r;

        (void) setlocale(LC_ALL, "");
        /* The catalogues are UTF-8; where that cannot be shown, plain English is better than a text
         * full of escapes. */
        if (strcmp(nl_langinfo(CODESET), "UTF-8") != 0)
                (void) setlocale(LC_MESSAGES, "C");
        output_init(&cli.out, stdout);
        output_init(&cli.err, stderr);

        status = run(&cli, argc, argv);
        r = output_finish(&cli.out);
        if (r < 0 && r != -EPIPE)
                return cli_fail(&cli, "The answer cannot be written: %s.", strerror(-r));
        return status;
}
