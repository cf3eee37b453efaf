/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The files of a store that does not open, each in a word: whoever reads the log wants to know of all of
 * them, not only of the one that was noticed first. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "daemon/limits.h"
#include "daemon/store-log.h"
#include "daemon/store-private.h"

static const char *const copy_words[] = {
        [COPY_WHOLE] = "whole",
        [COPY_MISSING] = "gone",
        [COPY_DAMAGED] = "damaged",
        [COPY_BEHIND] = "older than it was",
};

static bool is_there(int directory_fd, const char *name, struct stat *ret) {
        return fstatat(directory_fd, name, ret, AT_SYMLINK_NOFOLLOW) == 0;
}

/* That it is whole, beside all that is not, was not found out. */
static const char *database_word(int directory_fd, const StoreDamage *damage) {
        struct stat st;

        if (!is_there(directory_fd, STORE_FILE, &st))
                return copy_words[COPY_MISSING];
        if (S_ISREG(st.st_mode) && st.st_size == 0)
                return "empty";
        /* It was read, and nothing was ever decided in it. */
        if (damage->database == COPY_BEHIND && damage->database_number == 0)
                return "a new and empty one";
        return copy_words[damage->database == COPY_WHOLE || damage->database == COPY_MISSING
                                  ? COPY_DAMAGED
                                  : damage->database];
}

static const char *log_word(int directory_fd) {
        LogState state;

        if (store_log_look(directory_fd, STORE_LOG_FILE, &state) < 0)
                return "unreadable";
        return state == LOG_NONE ? "none" : copy_words[state == LOG_BROKEN ? COPY_DAMAGED : COPY_WHOLE];
}

/* All of it is read, but not while somebody waits for a large one. */
static const char *journal_word(int directory_fd, const StoreDamage *damage) {
        StoreDamage judged = *damage;
        struct stat st;

        if (!is_there(directory_fd, JOURNAL_FILE, &st))
                return copy_words[COPY_MISSING];
        if (damage->journal != COPY_WHOLE)
                return copy_words[damage->journal];
        if (st.st_size > RESTORE_BYTES_MAX)
                return "not read yet";
        store_judge_journal(directory_fd, &judged);
        return copy_words[judged.journal];
}

static const char *witness_word(int directory_fd) {
        struct stat st;
        Witness w;

        if (!is_there(directory_fd, WITNESS_FILE, &st))
                return copy_words[COPY_MISSING];
        return copy_words[witness_read(directory_fd, &w) > 0 ? COPY_WHOLE : COPY_DAMAGED];
}

int store_describe(const char *directory, const StoreDamage *damage, char **ret) {
        _cleanup_fd_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

        if (fd < 0)
                return -errno;
        if (asprintf(ret, STORE_FILE ": %s, " STORE_LOG_FILE ": %s, " JOURNAL_FILE ": %s, " WITNESS_FILE ": %s",
                     database_word(fd, damage), log_word(fd), journal_word(fd, damage),
                     witness_word(fd)) < 0)
                return -ENOMEM;
        return 0;
}
