/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Second names for damaged files, and when they go. */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "client/cleanup.h"
#include "daemon/limits.h"
#include "daemon/rebuild-aside.h"
#include "daemon/store-replay.h"

#define SET_ASIDE ".corrupt-"
#define LOG_END   "-wal"

/* A name, and that of the log that goes with it. */
#define LOG_NAME_MAX (REBUILD_NAME_MAX + sizeof(LOG_END))

/* Names of one second. */
#define SAME_SECOND_MAX 100U

static void name_of_log(const char *name, char ret[LOG_NAME_MAX]) {
        (void) snprintf(ret, LOG_NAME_MAX, "%s" LOG_END, name);
}

/* @give makes @from be, or be also, what it is told: a name made of @name; tries until that is new.
 * Nothing if there is no such file. */
static int give_name(int directory_fd, const char *from, const char *name, int64_t now,
                     int (*give)(int directory_fd, const char *from, const char *to),
                     char ret[REBUILD_NAME_MAX]) {
        time_t seconds = (time_t) now;
        char new[REBUILD_NAME_MAX], when[32] = "", suffix[16] = "";
        struct tm tm;

        if (gmtime_r(&seconds, &tm))
                (void) strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", &tm);
        for (unsigned i = 0; i < SAME_SECOND_MAX; i++) {
                if (i > 0)
                        (void) snprintf(suffix, sizeof(suffix), "-%02u", i);
                (void) snprintf(new, sizeof(new), "%s" SET_ASIDE "%s%s", name, when, suffix);
                if (give(directory_fd, from, new) == 0) {
                        strcpy(ret, new);
                        return 0;
                }
                if (errno != EEXIST)
                        break;
        }
        return errno == ENOENT ? 0 : -errno;
}

static int give_second(int directory_fd, const char *from, const char *to) {
        return linkat(directory_fd, from, directory_fd, to, 0);
}

static int give_other(int directory_fd, const char *from, const char *to) {
        return renameat2(directory_fd, from, directory_fd, to, RENAME_NOREPLACE);
}

/* -- setting aside --------------------------------------------------------------------------- */

static int strange(int directory_fd, const char *name, int64_t now, char ret[REBUILD_NAME_MAX]) {
        struct stat st;

        if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
                return errno == ENOENT ? 0 : -errno;
        return S_ISREG(st.st_mode) ? 0 : give_name(directory_fd, name, name, now, give_other, ret);
}

int aside_strange(int directory_fd, int64_t now, char ret_database[REBUILD_NAME_MAX],
                  char ret_journal[REBUILD_NAME_MAX]) {
        char other[REBUILD_NAME_MAX];
        int r;

        r = strange(directory_fd, STORE_FILE, now, ret_database);
        if (r == 0)
                r = strange(directory_fd, JOURNAL_FILE, now, ret_journal);
        if (r == 0)
                r = strange(directory_fd, STORE_LOG_FILE, now, other);
        if (r == 0)
                r = strange(directory_fd, STORE_NEW_FILE, now, other);
        return r < 0 ? r : strange(directory_fd, JOURNAL_NEW_FILE, now, other);
}

/* The log goes with its database: their names differ by its usual ending. */
int aside_database(int directory_fd, int64_t now, char ret[REBUILD_NAME_MAX]) {
        char new[REBUILD_NAME_MAX] = "", log[LOG_NAME_MAX];
        int r;

        r = give_name(directory_fd, STORE_FILE, STORE_FILE, now, give_second, new);
        if (r < 0)
                return r;
        if (!*new)
                return give_name(directory_fd, STORE_LOG_FILE, STORE_LOG_FILE, now, give_second, new);
        strcpy(ret, new);
        name_of_log(new, log);
        if (give_second(directory_fd, STORE_LOG_FILE, log) < 0 && errno != ENOENT)
                return -errno;
        return 0;
}

int aside_journal(int directory_fd, int64_t now, char ret[REBUILD_NAME_MAX]) {
        return give_name(directory_fd, JOURNAL_FILE, JOURNAL_FILE, now, give_second, ret);
}

int aside_log(int directory_fd, int64_t now) {
        int r;

        aside_orphan(directory_fd, now);
        r = give_other(directory_fd, STORE_LOG_FILE, STORE_LOG_ORPHAN);
        return r < 0 ? -errno : 0;
}

void aside_orphan(int directory_fd, int64_t now) {
        char new[REBUILD_NAME_MAX] = "";

        (void) give_name(directory_fd, STORE_LOG_ORPHAN, STORE_LOG_FILE, now, give_other, new);
        if (*new)
                aside_keep_last(directory_fd);
}

/* -- what was set aside ---------------------------------------------------------------------- */

/* One of them. */
typedef struct Aside {
        char name[REBUILD_NAME_MAX];
        struct stat st;
} Aside;

static bool ends_as_log(const char *name) {
        size_t n = strlen(name), end = strlen(LOG_END);

        return n > end && strcmp(name + n - end, LOG_END) == 0;
}

/* Directories are left alone: what is in them is not ours. */
static bool is_aside(int directory_fd, const char *name, const char *of, Aside *ret) {
        size_t n = strlen(of);

        if (strncmp(name, of, n) != 0 || strncmp(name + n, SET_ASIDE, strlen(SET_ASIDE)) != 0 ||
            strlen(name) >= sizeof(ret->name) || ends_as_log(name) ||
            fstatat(directory_fd, name, &ret->st, AT_SYMLINK_NOFOLLOW) < 0 ||
            S_ISDIR(ret->st.st_mode))
                return false;
        strcpy(ret->name, name);
        return true;
}

/* Calls @use with each that was set aside as @of. Returns how many there are. */
static size_t for_each(int directory_fd, const char *of,
                       void (*use)(int directory_fd, const Aside *aside, void *userdata),
                       void *userdata) {
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;
        size_t n = 0;

        while (dir && (entry = readdir(dir))) {
                Aside aside;

                if (!is_aside(directory_fd, entry->d_name, of, &aside))
                        continue;
                n++;
                use(directory_fd, &aside, userdata);
        }
        if (dir)
                (void) closedir(dir);
        else
                (void) close_fd(fd);
        return n;
}

static void remove_aside(int directory_fd, const char *name) {
        char log[LOG_NAME_MAX];

        name_of_log(name, log);
        (void) unlinkat(directory_fd, log, 0);
        (void) unlinkat(directory_fd, name, 0);
}

/* Of the file that still has its first name too; @userdata is what that is. */
static void undo(int directory_fd, const Aside *aside, void *userdata) {
        const struct stat *st = userdata;
        char log[LOG_NAME_MAX];

        if (aside->st.st_dev != st->st_dev || aside->st.st_ino != st->st_ino)
                return;
        name_of_log(aside->name, log);
        if (linkat(directory_fd, log, directory_fd, STORE_LOG_FILE, 0) == 0 || errno == EEXIST ||
            errno == ENOENT)
                remove_aside(directory_fd, aside->name);
}

void aside_undo(int directory_fd) {
        static const char *const names[] = { STORE_FILE, JOURNAL_FILE };

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                struct stat st;

                /* One name is the rule, and costs no look at the others. */
                if (fstatat(directory_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0 &&
                    S_ISREG(st.st_mode) && st.st_nlink > 1)
                        (void) for_each(directory_fd, names[i], undo, &st);
        }
}

static void note_oldest(int directory_fd, const Aside *aside, void *userdata) {
        Aside *oldest = userdata;
        const struct timespec *a = &aside->st.st_ctim, *b = &oldest->st.st_ctim;

        if (!*oldest->name || a->tv_sec < b->tv_sec ||
            (a->tv_sec == b->tv_sec && a->tv_nsec < b->tv_nsec))
                *oldest = *aside;
}

/* true if there are fewer now, and perhaps still too many. */
static bool drop_oldest(int directory_fd, const char *of) {
        Aside oldest = { 0 };

        if (for_each(directory_fd, of, note_oldest, &oldest) <= REBUILD_KEPT_MAX)
                return false;
        remove_aside(directory_fd, oldest.name);
        return fstatat(directory_fd, oldest.name, &oldest.st, AT_SYMLINK_NOFOLLOW) < 0;
}

void aside_keep_last(int directory_fd) {
        static const char *const names[] = { STORE_FILE, STORE_LOG_FILE, JOURNAL_FILE };

        for (size_t i = 0; i < N_ELEMENTS(names); i++)
                while (drop_oldest(directory_fd, names[i]))
                        ;
}

static bool is_listed(const char *name) {
        return strlen(name) < REBUILD_NAME_MAX &&
               (strstr(name, SET_ASIDE) || strcmp(name, STORE_LOG_ORPHAN) == 0);
}

/* A log stands behind its database, also where the next was set aside in the same second. */
static int compare_names(const void *a, const void *b) {
        const size_t n = strlen(a) - (ends_as_log(a) ? strlen(LOG_END) : 0);
        const size_t m = strlen(b) - (ends_as_log(b) ? strlen(LOG_END) : 0);
        const int r = memcmp(a, b, n < m ? n : m);

        if (r != 0 || n != m)
                return r != 0 ? r : n < m ? -1 : 1;
        return (int) ends_as_log(a) - (int) ends_as_log(b);
}

int aside_list(int directory_fd, AsideList *ret) {
        int fd = openat(directory_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        DIR *dir = fd >= 0 ? fdopendir(fd) : NULL;
        struct dirent *entry;

        ret->n = 0;
        if (!dir) {
                int error = -errno;

                (void) close_fd(fd);
                return error;
        }
        while ((entry = readdir(dir)))
                if (is_listed(entry->d_name) && ret->n < ASIDE_LISTED_MAX)
                        strcpy(ret->names[ret->n++], entry->d_name);
        (void) closedir(dir);
        qsort(ret->names, ret->n, sizeof(ret->names[0]), compare_names);
        return 0;
}
