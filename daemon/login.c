/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Login: the boot's id from the kernel, the owner's sessions from logind. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <systemd/sd-id128.h>
#include <systemd/sd-login.h>

#include "daemon/login.h"

#define LOGIND_DIRECTORY "/run/systemd"

/* Where logind keeps its files; a test lays out its own. */
static const char *logind_directory(void) {
#ifdef CERTEXC_TESTING
        const char *replaced = getenv("CERTEXC_LOGIND_DIRECTORY");

        if (replaced)
                return replaced;
#endif
        return LOGIND_DIRECTORY;
}

/* logind makes this directory when it starts and keeps it as long as it runs. */
static bool logind_runs(const char *directory) {
        char path[4096];
        struct stat st;

        if ((size_t) snprintf(path, sizeof(path), "%s/users", directory) >= sizeof(path))
                return true;
        return stat(path, &st) == 0 ? S_ISDIR(st.st_mode) : errno != ENOENT;
}

/* A session that is closing has been left. */
static bool state_is_logged_in(const char *state) {
        return strcmp(state, "opening") == 0 || strcmp(state, "active") == 0 ||
               strcmp(state, "online") == 0;
}

/* "user", "user-early" ..., and "background", which is what one without a terminal gets, as by su in a script:
 * not a greeter's, and not that of the user's service manager, which stays where somebody lingers. */
static bool class_is_person(const char *class) {
        return strcmp(class, "background") == 0 ||
               (strncmp(class, "user", 4) == 0 && (class[4] == '\0' || class[4] == '-'));
}

static int parse_usec(const char *text, uint64_t *ret) {
        unsigned long long value;
        char *end;

        if (*text < '0' || *text > '9')
                return -EBADMSG;
        errno = 0;
        value = strtoull(text, &end, 10);
        if (errno != 0 || *end != '\0' || value == 0)
                return -EBADMSG;
        *ret = value;
        return 0;
}

static void file_closep(FILE **file) {
        if (*file)
                (void) fclose(*file);
}

/* One line of a file of logind's, NAME=value. */
typedef struct Entry {
        const char *name;
        char value[1024]; /* "": it is not there, or too long */
} Entry;

/*
 * Reads @entries of @directory/@kind/@name. The files are those that libsystemd itself reads; it does not
 * tell what of them is needed here, the time on the monotonic clock when a session began.
 */
static int read_file(const char *directory, const char *kind, const char *name, Entry *entries,
                     size_t n_entries) {
        char path[4096], line[1100];
        _cleanup_(file_closep) FILE *file = NULL;
        int n;

        n = snprintf(path, sizeof(path), "%s/%s/%s", directory, kind, name);
        if (n < 0 || (size_t) n >= sizeof(path))
                return -ENAMETOOLONG;
        file = fopen(path, "re");
        if (!file)
                return -errno;
        while (fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = '\0';
                for (size_t i = 0; i < n_entries; i++) {
                        size_t length = strlen(entries[i].name);

                        if (strncmp(line, entries[i].name, length) == 0 && line[length] == '=' &&
                            strlen(line + length + 1) < sizeof(entries[i].value))
                                (void) strcpy(entries[i].value, line + length + 1);
                }
        }
        return 0;
}

/* When the session @name began; 0 if it is not one in which @uid is logged in. */
static uint64_t session_begin(const char *directory, const char *name, const char *uid) {
        Entry entries[] = { { .name = "UID" }, { .name = "STATE" }, { .name = "CLASS" }, { .name = "MONOTONIC" } };
        uint64_t begin;

        if (strchr(name, '/') || read_file(directory, "sessions", name, entries, N_ELEMENTS(entries)) < 0 ||
            strcmp(entries[0].value, uid) != 0 || !state_is_logged_in(entries[1].value) ||
            !class_is_person(entries[2].value) || parse_usec(entries[3].value, &begin) < 0)
                return 0;
        return begin;
}

/* true if @uid has a session; when the oldest and the youngest that it has began. */
static bool find_sessions(const char *directory, uid_t uid, uint64_t *ret_oldest, uint64_t *ret_youngest) {
        Entry user = { .name = "SESSIONS" };
        char uid_text[16], *rest = NULL;

        *ret_oldest = *ret_youngest = 0;
        (void) snprintf(uid_text, sizeof(uid_text), "%u", (unsigned) uid);
        if (read_file(directory, "users", uid_text, &user, 1) < 0)
                return false;
        for (char *name = strtok_r(user.value, " ", &rest); name; name = strtok_r(NULL, " ", &rest)) {
                uint64_t begin = session_begin(directory, name, uid_text);

                if (begin == 0)
                        continue;
                if (*ret_oldest == 0 || begin < *ret_oldest)
                        *ret_oldest = begin;
                if (begin > *ret_youngest)
                        *ret_youngest = begin;
        }
        return *ret_oldest > 0;
}

void login_session(int64_t owner, Session *ret) {
        const char *directory = logind_directory();
        Session session = { 0 };
        sd_id128_t boot;

        *ret = (Session){ 0 };
        if (sd_id128_get_boot(&boot) < 0)
                return;
        memcpy(session.boot_id, boot.bytes, BOOT_ID_SIZE);

        if (owner != OWNER_SYSTEM && logind_runs(directory)) {
                if (owner < 0 || owner > UINT32_MAX ||
                    !find_sessions(directory, (uid_t) owner, &session.oldest_usec, &session.login_usec))
                        return;
        }
        session.known = true;
        *ret = session;
}

void login_session_name(pid_t pid, char ret[static LOGIN_SESSION_MAX]) {
        _cleanup_free_ char *name = NULL;

        ret[0] = '\0';
        if (pid > 0 && sd_pid_get_session(pid, &name) >= 0 && strlen(name) < LOGIN_SESSION_MAX)
                strcpy(ret, name);
}
