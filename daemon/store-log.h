/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The write-ahead log, frame by frame. SQLite reads it up to the first frame that does not check and
 * says nothing about the rest: what a damaged log loses is as if it had never been. That is harmless
 * as long as the journal tells what is missing; where the journal cannot be asked, this matters.
 */
#pragma once

typedef enum LogState {
        LOG_NONE,       /* it is not there, or empty */
        LOG_WHOLE,      /* it ends in a commit, with nothing but frames of an earlier use behind it */
        LOG_UNFINISHED, /* it ends inside a transaction: of a crash, or because it was cut */
        LOG_BROKEN,     /* something in it does not check */
} LogState;

/* Looks through all of @name. 0 and *@ret, or -errno. */
int store_log_look(int directory_fd, const char *name, LogState *ret);
