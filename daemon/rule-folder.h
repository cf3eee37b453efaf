/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * RuleFolder: the files of exceptions.d that count, and their bytes. A file of the administrator's covers one
 * of the distribution's of the same name; an empty one, or a link to /dev/null, does no more than that: it masks
 * it. What is empty and masks nothing is broken.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/cleanup.h"

typedef enum RuleFolder {
        RULES_ADMIN,
        RULES_VENDOR, /* the distribution's */
        RULES_OWN,    /* of whoever runs the daemon for itself: neither covers nor is covered */
        _RULE_FOLDER_MAX,
} RuleFolder;

typedef struct RuleFolders {
        const char *paths[_RULE_FOLDER_MAX]; /* NULL: none */
        uid_t owner; /* root's files are taken, and this one's */
} RuleFolders;

/* A file that counts, or a whole folder that cannot be read. */
typedef struct RuleSource {
        char *path;
        RuleFolder folder;
        const char *name;   /* the end of @path; NULL: a folder */
        const char *reason; /* why nothing can be taken of it (static); NULL: here it is */
        bool is_null;       /* a link to /dev/null */
        char *masks;        /* the file of the distribution that does not count because of it; NULL: none */
        uint8_t *data;
        size_t size;
} RuleSource;

typedef struct RuleSources {
        RuleSource *items; /* by folder, then by name */
        size_t n_items;
} RuleSources;

/* A folder that is not there has no files. 0 or -ENOMEM. */
int rule_folders_read(const RuleFolders *folders, RuleSources *ret);
void rule_sources_done(RuleSources *sources);

/* Whether one would cover, or stand in for, the other. */
bool rule_same_place(RuleFolder a, const char *name_a, RuleFolder b, const char *name_b);
