/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The daemon's store as it is found at the start, and what is told of that. */
#pragma once

typedef struct Manager Manager;

/*
 * Opens the store, or holds what cannot be opened, so that it is mended while the daemon serves:
 * *@ret_damage is the error that it must be mended for, or 0. What is another daemon's, or a newer
 * one's, is left alone. Logs. 0 or -errno.
 */
int manager_open_store(Manager *m, int *ret_damage);
