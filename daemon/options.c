/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The command line of certexcd. */
#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cleanup.h"
#include "daemon/options.h"

enum {
        OPTION_SYSTEM = 256,
        OPTION_USER,
        OPTION_STATE_DIR,
        OPTION_SOCKET,
        OPTION_CONF_DIR,
        OPTION_NO_BUS,
        OPTION_TRUST_FILE,
        OPTION_REPLACE_CLOCK,
        OPTION_HELP,
        OPTION_VERSION,
};

/* One option; the rows are in the order that --help shows. */
static const struct OptionRow {
        int id;
        const char *name;
        const char *argument; /* NULL: none */
        const char *help;
} rows[] = {
        { OPTION_SYSTEM, "system", NULL, "serve every user of this machine" },
        { OPTION_USER, "user", NULL, "serve only the user who started it" },
        { OPTION_STATE_DIR, "state-dir", "DIR", "keep the decisions there" },
        { OPTION_SOCKET, "socket", "PATH", "listen there" },
        { OPTION_CONF_DIR, "conf-dir", "DIR", "read certexcd.conf there" },
        { OPTION_NO_BUS, "no-bus", NULL, "stay off D-Bus" },
        { OPTION_TRUST_FILE, "trust-file", "PEM", "believe these authorities, not the system's" },
#ifdef CERTEXC_TESTING
        { OPTION_REPLACE_CLOCK, "replace-clock", "EPOCH", "take this for the present time" },
#endif
        { OPTION_HELP, "help", NULL, "show this" },
        { OPTION_VERSION, "version", NULL, "show the version" },
};

static int usage(void) {
        printf("Usage: certexcd --system|--user [OPTION...]\n"
               "Keeps people's decisions about TLS certificates and answers mail clients.\n\n");
        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                printf("  --%s%s%-*s%s\n", rows[i].name, rows[i].argument ? "=" : "",
                       22 - (int) strlen(rows[i].name) - (rows[i].argument ? 1 : 0),
                       rows[i].argument ? rows[i].argument : "", rows[i].help);
        printf("\nSee certexcd(8) and certexcd.conf(5).\n");
        return 0;
}

static int complain(const char *sentence) {
        (void) fprintf(stderr, "certexcd: %s; try certexcd --help\n", sentence);
        return -EINVAL;
}

void options_done(Options *options) {
        free(options->state_directory);
        free(options->socket_path);
        free(options->conf_directory);
        free(options->trust_file);
        *options = (Options){ 0 };
}

/* Takes a copy of @value over what was there. */
static int set_text(char **text, const char *value) {
        char *copy;

        if (!*value)
                return complain("an option has an empty argument");
        copy = strdup(value);
        if (!copy)
                return -ENOMEM;

        free(*text);
        *text = copy;
        return 1;
}

#ifdef CERTEXC_TESTING
static int set_clock(Options *o, const char *value) {
        char *end;

        errno = 0;
        o->replaced_clock = strtoll(value, &end, 10);
        if (errno != 0 || *end || o->replaced_clock <= 0)
                return complain("--replace-clock wants seconds since 1970");
        return 1;
}
#endif

/* Returns 1 to go on, 0 if all is said, -errno. */
static int take(Options *o, int id, int *modes) {
        switch (id) {
        case OPTION_SYSTEM:
                o->user_mode = false;
                *modes |= 1;
                return 1;
        case OPTION_USER:
                o->user_mode = true;
                *modes |= 2;
                return 1;
        case OPTION_STATE_DIR:
                return set_text(&o->state_directory, optarg);
        case OPTION_SOCKET:
                return set_text(&o->socket_path, optarg);
        case OPTION_CONF_DIR:
                return set_text(&o->conf_directory, optarg);
        case OPTION_NO_BUS:
                o->bus = false;
                return 1;
        case OPTION_TRUST_FILE:
                return set_text(&o->trust_file, optarg);
#ifdef CERTEXC_TESTING
        case OPTION_REPLACE_CLOCK:
                return set_clock(o, optarg);
#endif
        case OPTION_HELP:
                return usage();
        case OPTION_VERSION:
                printf("certexcd %s\n", PACKAGE_VERSION);
                return 0;
        default: /* getopt has said what is wrong */
                return complain("that was not understood");
        }
}

static int parse(Options *o, int argc, char **argv) {
        struct option table[N_ELEMENTS(rows) + 1] = { 0 };
        int modes = 0, id, r;

        for (size_t i = 0; i < N_ELEMENTS(rows); i++)
                table[i] = (struct option){
                        .name = rows[i].name,
                        .has_arg = rows[i].argument ? required_argument : no_argument,
                        .val = rows[i].id,
                };

        while ((id = getopt_long(argc, argv, "", table, NULL)) != -1) {
                r = take(o, id, &modes);
                if (r <= 0)
                        return r;
        }
        if (optind < argc)
                return complain("only options are taken");
        if (modes != 1 && modes != 2)
                return complain("exactly one of --system and --user is needed");
        return 1;
}

/* Sets *@path, unless the command line did, to @folder (if not NULL) with @rest after it. */
static int set_default(char **path, const char *folder, const char *rest) {
        if (*path || !folder || !*folder)
                return 0;
        if (asprintf(path, "%s%s", folder, rest) < 0) {
                *path = NULL;
                return -ENOMEM;
        }
        return 0;
}

/* A list of folders by the service manager (systemd.exec(5)): the first is ours. */
static int set_first_of_list(char **path, const char *list) {
        if (*path || !list || !*list)
                return 0;
        *path = strndup(list, strcspn(list, ":"));
        return *path ? 0 : -ENOMEM;
}

static int set_system_defaults(Options *o) {
        int r;

        r = set_first_of_list(&o->state_directory, secure_getenv("STATE_DIRECTORY"));
        if (r < 0)
                return r;
        r = set_default(&o->state_directory, LOCALSTATEDIR, "/lib/certexc");
        if (r < 0)
                return r;
        r = set_default(&o->socket_path, "/run", "/certexc/org.certexc1");
        if (r < 0)
                return r;
        return set_default(&o->conf_directory, SYSCONFDIR, "/certexc");
}

/* Relative paths in these variables are to be ignored (XDG Base Directory Specification). */
static const char *xdg(const char *name) {
        const char *value = secure_getenv(name);

        return value && value[0] == '/' ? value : NULL;
}

static int set_user_defaults(Options *o) {
        const char *home = xdg("HOME");
        int r;

        r = set_default(&o->state_directory, xdg("XDG_STATE_HOME"), "/certexc");
        if (r < 0)
                return r;
        r = set_default(&o->state_directory, home, "/.local/state/certexc");
        if (r < 0)
                return r;
        r = set_default(&o->conf_directory, xdg("XDG_CONFIG_HOME"), "/certexc");
        if (r < 0)
                return r;
        r = set_default(&o->conf_directory, home, "/.config/certexc");
        if (r < 0)
                return r;
        r = set_default(&o->socket_path, xdg("XDG_RUNTIME_DIR"), "/certexc/org.certexc1");
        if (r < 0)
                return r;

        if (!o->state_directory || !o->conf_directory)
                return complain("HOME is not set, so --state-dir and --conf-dir are needed");
        if (!o->socket_path)
                return complain("XDG_RUNTIME_DIR is not set, so --socket is needed");
        return 0;
}

int options_parse(int argc, char **argv, Options *ret) {
        Options o = { .bus = true };
        int r;

        r = parse(&o, argc, argv);
        if (r > 0) {
                int defaults = o.user_mode ? set_user_defaults(&o) : set_system_defaults(&o);

                r = defaults < 0 ? defaults : 1;
        }
        if (r <= 0) {
                options_done(&o);
                return r;
        }

        *ret = o;
        return 1;
}
