/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A link followed step by step, as the kernel would, with a look at each folder on the way. */
#include "config.h"

#include "daemon/rule-link.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cleanup.h"

/* As many as the kernel follows (path_resolution(7)). */
#define LINKS_MAX 40U

#define OPEN_TO_OTHERS "it is a link through a folder that others than its owner may write to"
#define OF_ANOTHER     "it is a link through a folder, or to another link, of another user"
#define LOST           "it is a link whose way cannot be followed"

typedef struct Way {
        uid_t owner;
        int folder; /* where we are */
        char rest[2 * PATH_MAX]; /* what is still to go */
        unsigned n_links;
} Way;

bool rule_is_trusted(const struct stat *st, uid_t owner) {
        return st->st_uid == 0 || st->st_uid == owner;
}

/* Where only owners may rename what is theirs (the sticky bit), a folder on the way stays where it is; a file that is
 * gone may be followed by anybody's. */
static const char *check_folder(const Way *way, bool is_last) {
        struct stat st;

        if (fstat(way->folder, &st) < 0)
                return LOST;
        if (!rule_is_trusted(&st, way->owner))
                return OF_ANOTHER;
        return (st.st_mode & (S_IWGRP | S_IWOTH)) && (is_last || !(st.st_mode & S_ISVTX)) ? OPEN_TO_OTHERS : NULL;
}

static bool enter(Way *way, const char *name, int flags) {
        int fd = openat(way->folder, name, O_PATH | O_DIRECTORY | O_CLOEXEC | flags);

        if (fd < 0)
                return false;
        (void) close_fd(way->folder);
        way->folder = fd;
        return true;
}

/* Takes the first component of what is to go. */
static void take_name(Way *way, char ret[static NAME_MAX + 1]) {
        char *p = way->rest + strspn(way->rest, "/");
        size_t n = strcspn(p, "/");

        (void) snprintf(ret, NAME_MAX + 1, "%.*s", (int) n, p);
        p += n;
        p += strspn(p, "/");
        memmove(way->rest, p, strlen(p) + 1);
}

/* What the link @name says comes before the rest. */
static const char *follow(Way *way, const char *name) {
        char target[PATH_MAX], rest[sizeof(way->rest)];
        ssize_t n = readlinkat(way->folder, name, target, sizeof(target) - 1);

        if (n <= 0 || ++way->n_links > LINKS_MAX)
                return LOST;
        target[n] = '\0';
        if (snprintf(rest, sizeof(rest), "%s%s%s", target, *way->rest ? "/" : "", way->rest) >= (int) sizeof(rest))
                return LOST;
        strcpy(way->rest, rest);
        return target[0] == '/' && !enter(way, "/", 0) ? LOST : NULL;
}

static const char *walk(Way *way) {
        while (*way->rest) {
                char name[NAME_MAX + 1];
                const char *reason;
                struct stat st;

                take_name(way, name);
                if (!*name)
                        break;
                if (fstatat(way->folder, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                        return LOST;
                reason = check_folder(way, !*way->rest && !S_ISLNK(st.st_mode));
                if (reason)
                        return reason;
                if (S_ISLNK(st.st_mode)) {
                        reason = rule_is_trusted(&st, way->owner) ? follow(way, name) : OF_ANOTHER;
                        if (reason)
                                return reason;
                } else if (*way->rest && !enter(way, name, O_NOFOLLOW))
                        return LOST;
        }
        return NULL;
}

const char *rule_link_check(int folder_fd, const char *name, uid_t owner) {
        Way way = { .owner = owner };
        const char *reason;
        struct stat st;

        if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return LOST;
        if (!S_ISLNK(st.st_mode))
                return NULL;
        way.folder = fcntl(folder_fd, F_DUPFD_CLOEXEC, 3);
        if (way.folder < 0)
                return LOST;
        (void) snprintf(way.rest, sizeof(way.rest), "%s", name);
        reason = walk(&way);
        (void) close_fd(way.folder);
        return reason;
}
