/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logging: to the journal with fields, or to a terminal. Only the top of the daemon logs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <syslog.h>

#include "client/cleanup.h"

struct json_object;

/* Message ids (journalctl MESSAGE_ID=...) of what an administrator may want to find or to watch for.
 * Never changed, never reused. */
#define LOG_STARTED       "381c574f453e4592a36624c6d8a3bf26"
#define LOG_STOPPED       "c3db3ab0150e4b528f05ff86df32c6db"
#define LOG_STORE_FAILED  "82091a259ea94a42aa6faa4d11ebfd67"
#define LOG_STORE_REBUILT "9277cf5f1b52450796b4ef018f8fbab5"
#define LOG_JUDGE_FAILED  "a930babbac2c495db7d044a2d80914eb"
#define LOG_LIMIT_REACHED "df65aa99e9b649018d08ea1036a5242c"
#define LOG_CONF_WARNING  "c1af9d181a164e5bb2ee09b8980f9c3b"
#define LOG_TRUST_FAILED  "fc4777c9b484498894ca7d973aea59ef"
#define LOG_TRUST_CHANGED "3d047342459e499dbbe1cae0482fd8e9"
#define LOG_RULES_FAILED  "6e7fe292396a49fab6ec9f48e1637a8c"
#define LOG_RULES_CHANGED "ec8bf659fe4448129ab5d70ba4bec006"

/*
 * One line; @error > 0 or < 0 is what %m prints. Returns -abs(@error). What could steer a terminal
 * or forge a line is shown escaped, whoever wrote it.
 */
int log_full(int priority, int error, const char *format, ...) _printf_(3, 4);

#define log_error(...) log_full(LOG_ERR, 0, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, 0, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, 0, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, 0, __VA_ARGS__)
#define log_debug(...) log_full(LOG_DEBUG, 0, __VA_ARGS__)
#define log_error_errno(error, ...) log_full(LOG_ERR, (error), __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, (error), __VA_ARGS__)

/*
 * For what a peer can bring about again and again: true, at most once in ten seconds. @last_usec is
 * where the caller keeps the time, 0 at first.
 */
bool log_is_due(uint64_t *last_usec);

/* What an administrator should hear of, although the asker was told: @error, the full name of an error, and
 * its fields (may be NULL). Says nothing of other errors, nor too often of these. */
void log_failed_answer(uid_t uid, const char *error, struct json_object *parameters);

/* "Turned away uid 1000: limit of 64 connections reached", with its fields, and not too often: @did is what
 * was done about it. */
void log_limit_reached(uid_t uid, const char *did, const char *what, unsigned limit);

/*
 * A line with journal fields: pairs of name and value, ending in NULL. @message_id (LOG_STARTED
 * and the like) or NULL. On a terminal only the line is shown.
 */
void log_struct(int priority, const char *message_id, const char *message, ...)
        __attribute__((sentinel));
