/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Reading certexcd.conf and its drop-in folder. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ini.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "client/cleanup.h"
#include "daemon/conf.h"
#include "daemon/problems.h"

/* Warnings that are kept: a file of nonsense must not fill the memory. */
#define WARNINGS_MAX 64U

/* A month: beyond it, staying is meant. */
#define IDLE_EXIT_SEC_MAX 2592000U

/* One file while it is read. libinih counts lines for itself alone, so that we count as well. */
typedef struct ConfFile {
        Conf *conf;
        FILE *stream;
        const char *path;
        unsigned line;
        bool within_line; /* the last piece that was read had no line end */
        int error;        /* -errno that ends all */
} ConfFile;

static void closep(FILE **stream) {
        if (*stream)
                (void) fclose(*stream);
}

void conf_defaults(Conf *conf) {
        *conf = (Conf){
                .user_exceptions = true,
                .user_authorities = true,
                .host_only_lookups = true,
                .checks = CHECK_ALL,
        };
}

void conf_done(Conf *conf) {
        for (size_t i = 0; i < conf->n_warnings; i++)
                free(conf->warnings[i]);
        free(conf->warnings);
        conf->warnings = NULL;
        conf->n_warnings = 0;
}

/* Takes @warning over. */
static int keep(Conf *conf, char *warning) {
        char **warnings = realloc(conf->warnings, (conf->n_warnings + 1) * sizeof(*warnings));

        if (warnings)
                conf->warnings = warnings;
        if (!warnings || !warning) {
                free(warning);
                return -ENOMEM;
        }
        conf->warnings[conf->n_warnings++] = warning;
        return 0;
}

/* Keeps "FILE:LINE: SENTENCE". */
_printf_(2, 0) static void vwarn(ConfFile *file, const char *format, va_list args) {
        _cleanup_free_ char *sentence = NULL;
        char *warning = NULL;

        if (file->conf->n_warnings == WARNINGS_MAX)
                return;
        if (vasprintf(&sentence, format, args) < 0)
                sentence = NULL;
        else if (asprintf(&warning, "%s:%u: %s", file->path, file->line, sentence) < 0)
                warning = NULL;
        if (keep(file->conf, warning) < 0)
                file->error = -ENOMEM;
}

_printf_(2, 3) static void warn(ConfFile *file, const char *format, ...) {
        va_list args;

        va_start(args, format);
        vwarn(file, format, args);
        va_end(args);
}

/* What the line was to say may be that something is refused. */
_printf_(2, 3) static void doubt(ConfFile *file, const char *format, ...) {
        Conf *conf = file->conf;
        const size_t n = conf->n_warnings;
        va_list args;

        va_start(args, format);
        vwarn(file, format, args);
        va_end(args);
        if (!conf->doubtful && conf->n_warnings > n)
                conf->doubt = conf->warnings[n];
        conf->doubtful = true;
}

/* 1, 0, or -EINVAL. */
static int parse_boolean(const char *value) {
        static const char *const yes[] = { "yes", "true", "on", "1" };
        static const char *const no[] = { "no", "false", "off", "0" };

        for (size_t i = 0; i < N_ELEMENTS(yes); i++)
                if (strcasecmp(value, yes[i]) == 0)
                        return 1;
        for (size_t i = 0; i < N_ELEMENTS(no); i++)
                if (strcasecmp(value, no[i]) == 0)
                        return 0;
        return -EINVAL;
}

/* A permission: what is not understood does not permit. */
static void set_permission(ConfFile *file, const char *key, const char *value, bool *field) {
        int r = parse_boolean(value);

        *field = r > 0;
        if (r < 0)
                warn(file, "%s=%s is neither yes nor no; no is taken, the stricter", key, value);
}

/* A check: what is not understood does not relax it. */
static void set_check(ConfFile *file, const char *key, const char *value, CheckFlags check) {
        int r = parse_boolean(value);

        if (r == 0)
                file->conf->checks &= ~(uint32_t) check;
        else
                file->conf->checks |= check;
        if (r == 0)
                warn(file, "%s=%s relaxes a check for everybody", key, value);
        if (r < 0)
                warn(file, "%s=%s is neither yes nor no; yes is taken, the stricter", key, value);
}

/* Only ever adds: a drop-in cannot take back what another forbids. */
static void add_never(ConfFile *file, const char *value) {
        char names[INI_MAX_LINE + 1], *rest = NULL;

        (void) snprintf(names, sizeof(names), "%s", value);
        for (char *name = strtok_r(names, " \t", &rest); name; name = strtok_r(NULL, " \t", &rest)) {
                const ProblemInfo *info = problem_by_name(name);

                if (info)
                        file->conf->never |= info->problem;
                else
                        doubt(file, "Never= names %s, which is no problem; see certexc(1)", name);
        }
}

static void set_idle_exit(ConfFile *file, const char *value) {
        char *end;
        long v;

        errno = 0;
        v = strtol(value, &end, 10);
        if (errno != 0 || end == value || *end || v < 0 || v > (long) IDLE_EXIT_SEC_MAX)
                warn(file, "IdleExitSec=%s is not 0 to %u; it is ignored", value,
                     IDLE_EXIT_SEC_MAX);
        else
                file->conf->idle_exit_sec = (unsigned) v;
}

static bool is_key(const char *section, const char *key, const char *want_section,
                   const char *want_key) {
        return strcmp(section, want_section) == 0 && strcmp(key, want_key) == 0;
}

/* libinih calls this for each KEY=VALUE. 0 would end the file. */
static int on_line(void *userdata, const char *section, const char *key, const char *value) {
        ConfFile *file = userdata;
        Conf *conf = file->conf;

        if (is_key(section, key, "Verdict", "Never"))
                add_never(file, value);
        else if (is_key(section, key, "Verdict", "UserExceptions"))
                set_permission(file, key, value, &conf->user_exceptions);
        else if (is_key(section, key, "Verdict", "UserAuthorities"))
                set_permission(file, key, value, &conf->user_authorities);
        else if (is_key(section, key, "Verdict", "HostOnlyLookups"))
                set_permission(file, key, value, &conf->host_only_lookups);
        else if (is_key(section, key, "Checks", "WeakSignatures"))
                set_check(file, key, value, CHECK_WEAK_SIGNATURES);
        else if (is_key(section, key, "Checks", "Wildcards"))
                set_check(file, key, value, CHECK_WILDCARDS);
        else if (is_key(section, key, "Checks", "Revocation"))
                set_check(file, key, value, CHECK_REVOCATION);
        else if (is_key(section, key, "Daemon", "IdleExitSec"))
                set_idle_exit(file, value);
        else
                doubt(file, "there is no %s= in section [%s]; the line is ignored", key, section);
        return 1;
}

static bool is_comment(const char *line) {
        line += strspn(line, " \t");
        return *line == '#' || *line == ';';
}

/* libinih takes its lines from here. What it has no room for would come as a line of its own. */
static char *next_line(char *text, int size, void *stream) {
        ConfFile *file = stream;

        if (file->error < 0)
                return NULL;
        do {
                bool continued = file->within_line;

                if (!fgets(text, size, file->stream)) {
                        if (ferror(file->stream))
                                file->error = errno > 0 ? -errno : -EIO;
                        return NULL;
                }
                file->within_line = !strchr(text, '\n') && !feof(file->stream);
                if (!continued) {
                        file->line++;
                        if (file->within_line && !is_comment(text))
                                doubt(file,
                                      "the line is longer than %d characters and its rest is "
                                      "ignored; split it, Never= may come more than once",
                                      size - 2);
                        return text;
                }
        } while (true);
}

/* 0 if what could not be opened, for @error, is not there; -errno. A link to nothing is there. */
static int absent(const char *path, int error) {
        struct stat st;

        if (error != ENOENT && error != ENOTDIR)
                return -error;
        return lstat(path, &st) == 0 ? -error : 0;
}

/* Opens a regular file: a pipe would hold the daemon up. *@ret NULL: it is not there. */
static int open_file(const char *path, FILE **ret) {
        _cleanup_fd_ int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
        struct stat st;

        if (fd < 0) {
                *ret = NULL;
                return absent(path, errno);
        }
        if (fstat(fd, &st) < 0)
                return -errno;
        if (!S_ISREG(st.st_mode))
                return S_ISDIR(st.st_mode) ? -EISDIR : -EINVAL;

        *ret = fdopen(fd, "re");
        if (!*ret)
                return -errno;
        (void) take_fd(&fd);
        return 0;
}

static int read_file(Conf *conf, const char *path) {
        _cleanup_(closep) FILE *stream = NULL;
        ConfFile file = { .conf = conf, .path = path };
        int r;

        r = open_file(path, &stream);
        if (r < 0 || !stream)
                return r;

        file.stream = stream;
        r = ini_parse_stream(next_line, &file, on_line, &file);
        if (file.error < 0)
                return file.error;
        if (r < 0)
                return -ENOMEM;
        if (r > 0) {
                file.line = (unsigned) r;
                doubt(&file, "the line is neither [Section] nor Key=Value; it is ignored");
        }
        return file.error;
}

int conf_replace(Conf *conf, Conf *new) {
        const bool stays = new->doubtful && !conf->doubtful;
        const char *what = stays ? "What was read of the configuration before stays in force, until that is "
                                   "mended and the daemon is reloaded."
                                 : "Nothing is accepted by exception, until that is mended and the daemon is "
                                   "reloaded.";

        if (new->doubtful && keep(new, strdup(what)) < 0)
                return -ENOMEM;
        conf_done(conf);
        if (!stays) {
                *conf = *new;
                return 0;
        }
        conf->warnings = new->warnings;
        conf->n_warnings = new->n_warnings;
        return 0;
}

static char *path_join(const char *folder, const char *name) {
        char *path;

        return asprintf(&path, "%s/%s", folder, name) < 0 ? NULL : path;
}

static int is_drop_in(const struct dirent *entry) {
        size_t length = strlen(entry->d_name);

        return entry->d_name[0] != '.' && length > 5 &&
               strcmp(entry->d_name + length - 5, ".conf") == 0;
}

/* By byte, so that the order does not hang on a locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int read_drop_ins(Conf *conf, const char *folder) {
        struct dirent **entries;
        int n, r = 0;

        n = scandir(folder, &entries, is_drop_in, by_name);
        if (n < 0)
                return absent(folder, errno);

        for (int i = 0; i < n; i++) {
                _cleanup_free_ char *path = path_join(folder, entries[i]->d_name);

                if (r == 0)
                        r = path ? read_file(conf, path) : -ENOMEM;
                free(entries[i]);
        }
        free(entries);
        return r;
}

int conf_read(Conf *conf, const char *directory) {
        _cleanup_free_ char *path = path_join(directory, "certexcd.conf");
        _cleanup_free_ char *folder = path_join(directory, "certexcd.conf.d");
        int r;

        if (!path || !folder)
                return -ENOMEM;

        r = read_file(conf, path);
        if (r < 0)
                return r;
        return read_drop_ins(conf, folder);
}
