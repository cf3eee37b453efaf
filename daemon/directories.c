/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making directories. */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "daemon/directories.h"

/* One level. The umask may have taken bits that were asked for. */
static int make_one(const char *path, mode_t mode) {
        if (mkdir(path, mode) < 0)
                return errno == EEXIST ? 0 : -errno;
        return chmod(path, mode) < 0 ? -errno : 0;
}

int directory_make(const char *path, mode_t mode) {
        _cleanup_free_ char *part = strdup(path);
        struct stat st;
        int r;

        if (!part)
                return -ENOMEM;
        for (char *p = part; *p;) {
                p += strspn(p, "/");
                p += strcspn(p, "/");

                char end = *p;

                *p = '\0';
                r = make_one(part, mode);
                if (r < 0)
                        return r;
                *p = end;
        }
        if (stat(path, &st) < 0)
                return -errno;
        return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}

int directory_make_above(const char *path, mode_t mode) {
        const char *slash = strrchr(path, '/');
        _cleanup_free_ char *above = NULL;

        if (!slash || slash == path)
                return 0;
        above = strndup(path, (size_t) (slash - path));
        return above ? directory_make(above, mode) : -ENOMEM;
}

int directory_make_private(const char *path) {
        struct stat st;
        int r;

        r = directory_make(path, 0700);
        if (r < 0)
                return r;
        if (stat(path, &st) < 0)
                return -errno;
        if (st.st_uid != geteuid())
                return -EPERM;
        if ((st.st_mode & 077) == 0 || chmod(path, 0700) == 0)
                return 0;
        if (errno != EROFS)
                return -errno;
        return (st.st_mode & 022) == 0 ? 1 : -EACCES;
}
