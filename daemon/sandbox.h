/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Sandbox: the doors that a process closes behind itself once all is open. */
#pragma once

/* For a judge: no new privileges, limits on memory and files, no core, and a seccomp filter that
 * leaves reading and writing open descriptors, memory, and the end. Returns 0 or -errno. */
int sandbox_enter_judge(void);
