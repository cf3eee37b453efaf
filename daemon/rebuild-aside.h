/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Setting aside: damaged files get a second name, NAME.corrupt-TIME, which they keep when new ones take
 * their place. Nothing is ever without its first name before that, and nothing that has only one name
 * is deleted, but the oldest of those that were set aside.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

/* A name that something was set aside by: certexc.db.corrupt-TIME. */
#define REBUILD_NAME_MAX 64U

/* What stands where a file of the store belongs and is no file: a directory, a link, a pipe. It is
 * renamed; @ret_database and @ret_journal are told to what. Returns 0 or -errno. */
int aside_strange(int directory_fd, int64_t now, char ret_database[REBUILD_NAME_MAX],
                  char ret_journal[REBUILD_NAME_MAX]);

/* The database with its log, and the journal. If there is none, @ret stays as it is. 0 or -errno. */
int aside_database(int directory_fd, int64_t now, char ret[REBUILD_NAME_MAX]);
int aside_journal(int directory_fd, int64_t now, char ret[REBUILD_NAME_MAX]);

/*
 * The log whose database is gone, or is another now, and which may be all that is left: it is renamed to
 * STORE_LOG_ORPHAN, so that it is not taken for another's, and counts for a rebuild. aside_orphan(), when
 * a database stands again and before anything changes: it is set aside, and is not read any more.
 * 0 or -errno; best effort.
 */
int aside_log(int directory_fd, int64_t now);
void aside_orphan(int directory_fd, int64_t now);

/*
 * What was set aside, and in whose place nothing came: a rebuild that failed, or was killed. The second
 * names go, and the log that had lost its first one gets it back. Best effort.
 */
void aside_undo(int directory_fd);

/* What was set aside and is there still, in order of the names: logs stand behind their databases. */
#define ASIDE_LISTED_MAX 32U
typedef struct AsideList {
        char names[ASIDE_LISTED_MAX][REBUILD_NAME_MAX];
        size_t n;
} AsideList;

/* 0 or -errno. */
int aside_list(int directory_fd, AsideList *ret);

/* Only the last REBUILD_KEPT_MAX of each stay. Best effort. */
void aside_keep_last(int directory_fd);
