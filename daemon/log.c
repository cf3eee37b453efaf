/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logging to the journal, or to where standard error goes. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <json-c/json.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

/* The line's own words say where it comes from. */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include <systemd/sd-journal.h>

#include "daemon/log.h"

/* A line is cut at this; no message of ours comes near it without a peer's help. */
#define LINE_BYTES_MAX 2048U

/* Between two lines of which a peer could bring about any number. */
#define PAUSE_USEC UINT64_C(10000000)

/* Journal fields of one line, those of our own included. */
#define FIELDS_MAX 24U

/* true if standard error is the journal's own stream, so that fields would get lost there. */
static bool stderr_is_journal(void) {
        const char *stream = secure_getenv("JOURNAL_STREAM");
        uintmax_t device, inode;
        struct stat st;

        return stream && sscanf(stream, "%ju:%ju", &device, &inode) == 2 &&
               fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device && st.st_ino == inode;
}

/* systemd sets this for a unit with DebugInvocation=. */
static bool is_shown(int priority) {
        return priority < LOG_DEBUG || secure_getenv("DEBUG_INVOCATION");
}

static const char *priority_word(int priority) {
        if (priority <= LOG_ERR)
                return "error: ";
        if (priority == LOG_WARNING)
                return "warning: ";
        return "";
}

/* Copies @text, with all that is not plain printable ASCII as \xNN. */
static void escape(const char *text, char *ret, size_t size) {
        char *end = ret + size - 5;

        for (; *text && ret < end; text++) {
                unsigned char c = (unsigned char) *text;

                if (c >= 0x20 && c < 0x7f)
                        *ret++ = (char) c;
                else
                        ret += snprintf(ret, 5, "\\x%02x", c);
        }
        *ret = '\0';
}

static int field_new(struct iovec *field, const char *name, const char *value) {
        char *text;
        int length = asprintf(&text, "%s=%s", name, value);

        if (length < 0)
                return -ENOMEM;

        *field = (struct iovec){ .iov_base = text, .iov_len = (size_t) length };
        return 0;
}

/* Sends the line with its fields. Returns 0 or -errno. */
static int journal_send(int priority, int error, const char *message_id, const char *line,
                        va_list *pairs) {
        struct iovec fields[FIELDS_MAX];
        char number[16], errno_text[16];
        const char *own[][2] = {
                { "MESSAGE", line },
                { "PRIORITY", number },
                { "SYSLOG_IDENTIFIER", "certexcd" },
                { "MESSAGE_ID", message_id },
                { "ERRNO", error != 0 ? errno_text : NULL },
        };
        const char *name;
        size_t n = 0;
        int r = 0;

        (void) snprintf(number, sizeof(number), "%d", priority);
        (void) snprintf(errno_text, sizeof(errno_text), "%d", error);
        for (size_t i = 0; i < N_ELEMENTS(own) && r == 0; i++)
                if (own[i][1])
                        r = field_new(&fields[n++], own[i][0], own[i][1]);
        while (r == 0 && pairs && n < FIELDS_MAX && (name = va_arg(*pairs, const char *)))
                r = field_new(&fields[n++], name, va_arg(*pairs, const char *));

        if (r == 0)
                r = sd_journal_sendv(fields, (int) n);
        else
                n--; /* the last one was not made */
        while (n > 0)
                free(fields[--n].iov_base);
        return r;
}

static void emit(int priority, int error, const char *message_id, const char *text,
                 va_list *pairs) {
        char line[LINE_BYTES_MAX];

        escape(text, line, sizeof(line));
        if (stderr_is_journal() && journal_send(priority, error, message_id, line, pairs) == 0)
                return;
        (void) fprintf(stderr, "certexcd: %s%s\n", priority_word(priority), line);
}

int log_full(int priority, int error, const char *format, ...) {
        char text[LINE_BYTES_MAX];
        int saved = errno;
        va_list args;

        error = abs(error);
        if (is_shown(priority)) {
                errno = error;
                va_start(args, format);
                (void) vsnprintf(text, sizeof(text), format, args);
                va_end(args);
                emit(priority, error, NULL, text, NULL);
        }
        errno = saved;
        return -error;
}

bool log_is_due(uint64_t *last_usec) {
        struct timespec ts = { 0 };
        uint64_t now;

        (void) clock_gettime(CLOCK_MONOTONIC, &ts);
        now = (uint64_t) ts.tv_sec * 1000000U + (uint64_t) ts.tv_nsec / 1000U;
        if (*last_usec > 0 && now - *last_usec < PAUSE_USEC)
                return false;
        *last_usec = now;
        return true;
}

void log_struct(int priority, const char *message_id, const char *message, ...) {
        int saved = errno;
        va_list pairs;

        if (is_shown(priority)) {
                va_start(pairs, message);
                emit(priority, 0, message_id, message, &pairs);
                va_end(pairs);
        }
        errno = saved;
}

void log_failed_answer(uid_t uid, const char *error, struct json_object *parameters) {
        static uint64_t judge_usec, store_usec;
        bool judge = strcmp(error, "org.certexc1.JudgeFailed") == 0;
        bool store = strcmp(error, "org.certexc1.StoreFailed") == 0;
        struct json_object *reason = NULL;
        char message[512], text[16];

        if ((!judge && !store) || !log_is_due(judge ? &judge_usec : &store_usec))
                return;
        (void) json_object_object_get_ex(parameters, "reason", &reason);
        (void) snprintf(text, sizeof(text), "%" PRIu32, (uint32_t) uid);
        (void) snprintf(message, sizeof(message), "%s for uid %s: %s",
                        judge ? "Cannot judge certificates" : "Cannot store a decision", text,
                        reason ? json_object_get_string(reason) : "no reason given");
        log_struct(judge ? LOG_WARNING : LOG_ERR, judge ? LOG_JUDGE_FAILED : LOG_STORE_FAILED,
                   message, "CERTEXC_UID", text, NULL);
}

void log_limit_reached(uid_t uid, const char *did, const char *what, unsigned limit) {
        static uint64_t logged_usec;
        char uid_text[16], message[128];

        if (!log_is_due(&logged_usec))
                return;
        (void) snprintf(uid_text, sizeof(uid_text), "%" PRIu32, (uint32_t) uid);
        (void) snprintf(message, sizeof(message), "%s uid %s: limit of %u %s reached", did, uid_text,
                        limit, what);
        log_struct(LOG_WARNING, LOG_LIMIT_REACHED, message, "CERTEXC_UID", uid_text,
                   "CERTEXC_LIMIT", what, NULL);
}
