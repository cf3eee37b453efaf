/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Rebuild: the store made whole again while the daemon serves. A damaged database is made anew from a
 * complete journal; if the journal is damaged too, from all that either of them proves. What was
 * damaged is set aside beside the new files, never deleted.
 *
 * The loop's thread calls store_rest(), the committing thread store_mend(), the loop's store_resume();
 * between the first and the last nothing is read or applied.
 */
#pragma once

#include "daemon/rebuild-aside.h"
#include "daemon/store.h"

/* What mending came to. */
typedef struct Mending {
        int cause;    /* -errno that it was for; 0: it was asked for */
        bool rebuilt; /* false: opening the files anew was enough */
        int64_t time;
        uint64_t n_saved;       /* decisions that are live or unconfirmed now */
        uint64_t n_missing;     /* numbered changes that neither copy has */
        uint64_t n_unconfirmed; /* exceptions that wait for a person because of these */
        char database[REBUILD_NAME_MAX]; /* "": nothing was set aside */
        char journal[REBUILD_NAME_MAX];
} Mending;

/* Why it was: a few words (static) for @cause. */
const char *mending_reason(int cause);

/*
 * For a directory whose store does not open: locks it and opens nothing else. Readers fail with
 * -EINPROGRESS until it was mended. Errors as store_open().
 */
int store_hold(const char *directory, Store **ret, const char **ret_reason);

/* Closes what reads; readers fail with -EINPROGRESS. */
void store_rest(Store *store);

/*
 * Opens the files anew if @cause leaves it open whether they are damaged, and rebuilds what is.
 * Returns 0 and *@ret, or -errno; then the files are as they were, and what can be read of them is
 * read on.
 */
int store_mend(Store *store, int cause, int64_t now, Mending *ret);

/* Reads on, from what store_mend() opened. */
void store_resume(Store *store);

/* aside_list() of the store's directory. */
int store_set_aside(const Store *store, AsideList *ret);

/* Of a rebuild under way: the part of it that was written, in percent; 0 while what there is is still
 * gathered. Any thread. */
unsigned store_mend_progress(const Store *store);
