/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Losses: rebuilds that some changes were lost with. They are told for LOSS_TOLD_SEC, also after a restart and after
 * other rebuilds, out of a small file beside the store: people look when they have time.
 */
#pragma once

#include "daemon/limits.h"
#include "daemon/rebuild.h"

#define LOSSES_FILE     "losses"
#define LOSSES_NEW_FILE LOSSES_FILE ".new"

typedef struct Losses {
        Mending items[LOSSES_KEPT_MAX]; /* oldest first */
        size_t n;
} Losses;

/* Those that are still to be told. What cannot be read is none. */
void losses_read(int directory_fd, int64_t now, Losses *ret);

/* Notes @loss, in place of what was noted of the same time. 0 or -errno. */
int losses_note(int directory_fd, const Mending *loss);

/* What was noted of @time did not come to pass. 0 or -errno. */
int losses_drop(int directory_fd, int64_t time);

/* losses_read() of the store's directory. */
void store_losses(const Store *store, int64_t now, Losses *ret);
