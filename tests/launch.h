/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Launch: start a program as a service manager does, and hear what it tells of itself. */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

typedef struct Launch {
        pid_t pid;
        int pid_fd;
        int notify_fd;
        char heard[65536]; /* all notifications so far, each on lines of its own */
        size_t n_heard;
} Launch;

/* How the program is started, apart from its arguments. */
typedef struct LaunchHow {
        int listen_fd;             /* -1: none; else passed as a service manager does */
        const char *const *settings; /* NAME=VALUE, NULL-terminated; NULL: none */
        bool quiet;                /* what it logs is not shown */
} LaunchHow;

#define LAUNCH_HOW_INIT { .listen_fd = -1 }

/* Starts @argv. Returns 0 or -errno. */
int launch_start(const char *const argv[], const LaunchHow *how, Launch *ret);

/* Waits until @word was notified ("READY=1"). Returns 0, -ETIMEDOUT, or -ECHILD if the program ended
 * before. */
int launch_wait(Launch *launch, const char *word, int timeout_msec);

/* Waits for its end: the status as waitpid() gives it, or -ETIMEDOUT. */
int launch_wait_end(Launch *launch, int timeout_msec);

/* Ends it by force if it still runs, and closes everything. */
void launch_done(Launch *launch);
