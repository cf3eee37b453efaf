/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* ManagerRules: from which folders the daemon's rules come, and what is told when they were read. */
#pragma once

typedef struct Manager Manager;

/* Reads them for the first time. Logs. 0 or -errno. */
int manager_open_rules(Manager *m);
