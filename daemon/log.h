/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Logging: to the journal with fields, or to a terminal. Only the top of the daemon logs. */
#pragma once

#include <syslog.h>

#include "client/cleanup.h"

/* One line; @error > 0 or < 0 is what %m prints. Returns -abs(@error). */
int log_full(int priority, int error, const char *format, ...) _printf_(3, 4);

#define log_error(...) log_full(LOG_ERR, 0, __VA_ARGS__)
#define log_warning(...) log_full(LOG_WARNING, 0, __VA_ARGS__)
#define log_notice(...) log_full(LOG_NOTICE, 0, __VA_ARGS__)
#define log_info(...) log_full(LOG_INFO, 0, __VA_ARGS__)
#define log_debug(...) log_full(LOG_DEBUG, 0, __VA_ARGS__)
#define log_error_errno(error, ...) log_full(LOG_ERR, (error), __VA_ARGS__)
#define log_warning_errno(error, ...) log_full(LOG_WARNING, (error), __VA_ARGS__)

/*
 * A line with journal fields: pairs of name and value, ending in NULL. @message_id (32 hexadecimal
 * digits, see log-messages in daemon/log.c) or NULL. On a terminal only the line is shown.
 */
void log_struct(int priority, const char *message_id, const char *message, ...)
        __attribute__((sentinel));
