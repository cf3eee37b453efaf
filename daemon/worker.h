/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Workers: the daemon's own program, run again in another role and with next to nothing else. The
 * judge and the importer are the two roles.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "client/cleanup.h"

/* Descriptors that a worker starts with, besides /dev/null three times. */
#define WORKER_SOCKET_FD 3
#define WORKER_EXTRA_FD 4

/* Opens the running program itself, so that later workers are of the same version even if the file
 * is replaced on disk meanwhile. 0 and a descriptor, or -errno. */
int worker_open_program(int *ret_fd);

/* A child of ours until process_reap(). */
typedef struct Process {
        pid_t pid; /* 0: none */
        int pidfd; /* readable when it is dead; -1: not to be had */
} Process;

#define PROCESS_INIT { .pidfd = -1 }

/*
 * Starts @program_fd in @role with one argument (NULL: none), @socket_fd as WORKER_SOCKET_FD and
 * @extra_fd (-1: none) as WORKER_EXTRA_FD; both are borrowed. No other descriptor, no environment
 * and no signal disposition of ours goes along; the worker dies with us. 0 or -errno.
 */
int worker_spawn(int program_fd, const char *role, const char *argument, int socket_fd,
                 int extra_fd, Process *ret);

void process_kill(const Process *p);

/* Takes the dead process off the kernel's hands; with @wait, once it is dead. true when there is
 * none (any more). */
bool process_reap(Process *p, bool wait);

/*
 * For main(), before anything else: if @argv says that this process is a worker, lives that life
 * and returns its exit status; else returns -1. The role is argv[1], since valgrind and emulators
 * put something else into argv[0]; a worker that did not know itself would be one more daemon.
 */
int worker_dispatch(int argc, char *argv[]);
bool worker_is(int argc, char *argv[], const char *role);
