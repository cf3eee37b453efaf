/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sandbox: the doors that a process closes behind itself once all is open. */
#pragma once

/* For a judge: no new privileges, limits on memory and files, no core, and a seccomp filter that
 * leaves reading and writing open descriptors, memory, and the end. Returns 0 or -errno. */
int sandbox_enter_judge(void);

/*
 * For the daemon, once its files and sockets are open: no new privileges, and a seccomp filter for
 * all its threads and for every worker that it starts from then on, whose own is narrower. What is not
 * in it fails with EPERM. Returns 0 or -errno.
 */
int sandbox_enter_daemon(void);
