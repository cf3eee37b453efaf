/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Which files of exceptions.d count, whose they are, and what is in them. */
#include "config.h"

#include "daemon/rule-folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "daemon/limits.h"
#include "daemon/rule-link.h"

void rule_sources_done(RuleSources *sources) {
        for (size_t i = 0; i < sources->n_items; i++) {
                free(sources->items[i].path);
                free(sources->items[i].masks);
                free(sources->items[i].data);
        }
        free(sources->items);
        *sources = (RuleSources){ 0 };
}

bool rule_same_place(RuleFolder a, const char *name_a, RuleFolder b, const char *name_b) {
        return (a == RULES_OWN) == (b == RULES_OWN) && strcmp(name_a, name_b) == 0;
}

/* -- one file ---------------------------------------------------------------------------------- */

static const char *reason_of(int error) {
        switch (error) {
        case ENOENT:
                return "it is a link to something that is not there";
        case EACCES:
                return "the daemon may not read it";
        case ENOTDIR:
                return "it is no folder";
        default:
                return "it cannot be read";
        }
}

/* Whoever could write to it could make everybody's exceptions. NULL, or what is wrong. */
static const char *check_owner(const struct stat *st, uid_t owner) {
        if (!rule_is_trusted(st, owner))
                return owner == 0 ? "it does not belong to root" : "it belongs to another user";
        return st->st_mode & (S_IWGRP | S_IWOTH) ? "others than its owner may write to it" : NULL;
}

/* The link that says: nothing here. */
static bool is_null_device(const struct stat *st) {
        return S_ISCHR(st->st_mode) && st->st_rdev == makedev(1, 3);
}

/* All @size bytes of @fd. */
static int load(int fd, size_t size, uint8_t **ret, size_t *ret_size) {
        _cleanup_free_ uint8_t *data = malloc(size + 1);
        size_t n = 0;

        if (!data)
                return -ENOMEM;
        while (n < size) {
                ssize_t k = read(fd, data + n, size - n);

                if (k < 0 && errno == EINTR)
                        continue;
                if (k < 0)
                        return -errno;
                if (k == 0)
                        break;
                n += (size_t) k;
        }
        *ret_size = n;
        *ret = TAKE_PTR(data);
        return 0;
}

/* @room: bytes that all the rest may have. Without a reason and without bytes it is there to mask. */
static int read_source(RuleSource *source, int folder, uid_t owner, size_t *room) {
        /* Not to hang on a FIFO. */
        _cleanup_fd_ int fd = openat(folder, source->name,
                                     O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        struct stat st;
        int r;

        if (fd < 0 || fstat(fd, &st) < 0) {
                source->reason = reason_of(errno);
                return 0;
        }
        source->is_null = is_null_device(&st);
        if (source->is_null)
                return 0;
        if (!S_ISREG(st.st_mode)) {
                source->reason = S_ISDIR(st.st_mode) ? "it is a folder" : "it is no regular file";
                return 0;
        }
        source->reason = check_owner(&st, owner);
        if (!source->reason)
                source->reason = rule_link_check(folder, source->name, owner);
        if (source->reason || st.st_size == 0)
                return 0;
        if ((uint64_t) st.st_size > *room) {
                source->reason = "the files are larger together than the daemon takes";
                return 0;
        }
        r = load(fd, (size_t) st.st_size, &source->data, &source->size);
        if (r < 0 && r != -ENOMEM)
                source->reason = reason_of(-r);
        *room -= source->size;
        return r == -ENOMEM ? r : 0;
}

/* -- a folder ---------------------------------------------------------------------------------- */

static int is_rule_name(const struct dirent *entry) {
        const size_t n = strlen(entry->d_name);

        return entry->d_name[0] != '.' && n > 5 && strcmp(entry->d_name + n - 5, ".json") == 0;
}

/* By byte, so that the order does not hang on a locale. */
static int by_name(const struct dirent **a, const struct dirent **b) {
        return strcmp((*a)->d_name, (*b)->d_name);
}

static int add_source(RuleSources *sources, RuleFolder folder, const char *path, const char *name,
                      RuleSource **ret) {
        RuleSource *items = reallocarray(sources->items, sources->n_items + 1, sizeof(*items));
        RuleSource source = { .folder = folder };

        if (!items)
                return -ENOMEM;
        sources->items = items;
        if (asprintf(&source.path, "%s%s%s", path, name ? "/" : "", name ? name : "") < 0)
                return -ENOMEM;
        source.name = name ? source.path + strlen(path) + 1 : NULL;
        items[sources->n_items] = source;
        *ret = &items[sources->n_items++];
        return 0;
}

/* The file that covers it; NULL: none. */
static RuleSource *find_cover(const RuleSources *sources, RuleFolder folder, const char *name) {
        for (size_t i = 0; folder == RULES_VENDOR && i < sources->n_items; i++) {
                RuleSource *s = &sources->items[i];

                if (s->name && rule_same_place(s->folder, s->name, folder, name))
                        return s;
        }
        return NULL;
}

/* What has nothing to say itself says that this one is not to count. */
static int cover(RuleSource *source, const char *path, const char *name) {
        if (source->reason || source->data || source->masks)
                return 0;
        return asprintf(&source->masks, "%s/%s", path, name) < 0 ? -ENOMEM : 0;
}

static int refuse_folder(RuleSources *sources, RuleFolder folder, const char *path,
                         const char *reason) {
        RuleSource *source;
        int r;

        r = add_source(sources, folder, path, NULL, &source);
        if (r == 0)
                source->reason = reason;
        return r;
}

static int add_file(RuleSources *sources, const RuleFolders *folders, RuleFolder folder, int fd,
                    const char *name, size_t *room) {
        RuleSource *source = find_cover(sources, folder, name);
        int r;

        if (source)
                return cover(source, folders->paths[folder], name);
        r = add_source(sources, folder, folders->paths[folder], name, &source);
        return r < 0 ? r : read_source(source, fd, folders->owner, room);
}

static int read_names(RuleSources *sources, const RuleFolders *folders, RuleFolder folder, int fd,
                      size_t *room) {
        const char *path = folders->paths[folder];
        const char *reason = NULL;
        struct dirent **entries;
        struct stat st;
        int n, r = 0;

        if (fstat(fd, &st) < 0)
                return refuse_folder(sources, folder, path, reason_of(errno));
        reason = check_owner(&st, folders->owner);
        if (reason)
                return refuse_folder(sources, folder, path, reason);
        n = scandirat(fd, ".", &entries, is_rule_name, by_name);
        if (n < 0)
                return errno == ENOMEM ? -ENOMEM
                                       : refuse_folder(sources, folder, path, reason_of(errno));
        if (n > (int) RULE_FILES_MAX)
                r = refuse_folder(sources, folder, path, "there are more files in it than the daemon takes");
        for (int i = 0; i < n; i++) {
                if (r == 0 && n <= (int) RULE_FILES_MAX)
                        r = add_file(sources, folders, folder, fd, entries[i]->d_name, room);
                free(entries[i]);
        }
        free(entries);
        return r;
}

static int read_folder(RuleSources *sources, const RuleFolders *folders, RuleFolder folder,
                       size_t *room) {
        const char *path = folders->paths[folder];
        _cleanup_fd_ int fd = -1;

        if (!path)
                return 0;
        fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0) {
                const int error = errno;
                struct stat st;

                /* A link to a folder that is not there is no folder that nobody made. */
                if (error == ENOENT && lstat(path, &st) < 0 && errno == ENOENT)
                        return 0;
                return refuse_folder(sources, folder, path, reason_of(error));
        }
        return read_names(sources, folders, folder, fd, room);
}

/* A link to /dev/null that masks nothing is of no account. What is empty without a purpose may have been emptied:
 * whoever writes a file in place empties it first, and may get no further. */
static void drop_empty(RuleSources *sources) {
        size_t n = 0;

        for (size_t i = 0; i < sources->n_items; i++) {
                RuleSource *s = &sources->items[i];

                if (!s->reason && !s->data && !s->masks && !s->is_null)
                        s->reason = "it is empty, and there is no file of the distribution of that name for it to mask";
                if (s->reason || s->data || s->masks)
                        sources->items[n++] = *s;
                else
                        free(s->path);
        }
        sources->n_items = n;
}

int rule_folders_read(const RuleFolders *folders, RuleSources *ret) {
        RuleSources sources = { 0 };
        size_t room = RULES_BYTES_MAX;
        int r = 0;

        for (unsigned i = 0; r == 0 && i < _RULE_FOLDER_MAX; i++)
                r = read_folder(&sources, folders, i, &room);
        drop_empty(&sources);
        if (r < 0)
                rule_sources_done(&sources);
        else
                *ret = sources;
        return r;
}
