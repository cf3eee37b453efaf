/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Login: the boot's id from the kernel, the owner's log-in period from logind. */
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
static const char *logind_directory(bool *ret_replaced) {
#ifdef CERTEXC_TESTING
        const char *replaced = getenv("CERTEXC_LOGIND_DIRECTORY");

        if (replaced) {
                *ret_replaced = true;
                return replaced;
        }
#endif
        *ret_replaced = false;
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

/* A user who only lingers, or whose last session is closing, has logged out. */
static bool state_is_logged_in(const char *state) {
        return strcmp(state, "opening") == 0 || strcmp(state, "active") == 0 ||
               strcmp(state, "online") == 0;
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

/*
 * Reads STATE= and REALTIME= of logind's file about a user. libsystemd tells the second only since
 * version 254; before that the file, which libsystemd itself reads, is the one place that has it.
 */
static int read_user_file(const char *directory, uid_t uid, bool *ret_logged_in, uint64_t *ret) {
        char path[4096], line[4096], state[64] = "", time[64] = "";
        _cleanup_(file_closep) FILE *file = NULL;
        int n;

        n = snprintf(path, sizeof(path), "%s/users/%u", directory, (unsigned) uid);
        if (n < 0 || (size_t) n >= sizeof(path))
                return -ENAMETOOLONG;
        file = fopen(path, "re");
        if (!file)
                return -errno;
        while (fgets(line, sizeof(line), file)) {
                line[strcspn(line, "\n")] = '\0';
                if (strncmp(line, "STATE=", 6) == 0)
                        (void) snprintf(state, sizeof(state), "%.63s", line + 6);
                else if (strncmp(line, "REALTIME=", 9) == 0)
                        (void) snprintf(time, sizeof(time), "%.63s", line + 9);
        }
        *ret_logged_in = state_is_logged_in(state);
        return parse_usec(time, ret);
}

/* The same through libsystemd. */
static int ask_logind(uid_t uid, bool *ret_logged_in, uint64_t *ret) {
        _cleanup_free_ char *state = NULL;
        int r;

        r = sd_uid_get_state(uid, &state);
        if (r < 0)
                return r;
        *ret_logged_in = state_is_logged_in(state);
        if (!*ret_logged_in)
                return 0;
#ifdef HAVE_SD_UID_GET_LOGIN_TIME
        return sd_uid_get_login_time(uid, ret);
#else
        bool unused;

        return read_user_file(LOGIND_DIRECTORY, uid, &unused, ret);
#endif
}

void login_session(int64_t owner, Session *ret) {
        Session session = { 0 };
        bool replaced, logged_in;
        const char *directory = logind_directory(&replaced);
        sd_id128_t boot;
        int r;

        *ret = (Session){ 0 };
        if (sd_id128_get_boot(&boot) < 0)
                return;
        memcpy(session.boot_id, boot.bytes, BOOT_ID_SIZE);

        if (owner != OWNER_SYSTEM && logind_runs(directory)) {
                if (owner < 0 || owner > UINT32_MAX)
                        return;
                r = replaced ? read_user_file(directory, (uid_t) owner, &logged_in,
                                              &session.login_usec)
                             : ask_logind((uid_t) owner, &logged_in, &session.login_usec);
                if (r < 0 || !logged_in)
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
