/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the importer's files share. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/authorities.h"
#include "daemon/importer.h"
#include "daemon/lists.h"

/* Room for the name of a file. */
#define IMPORT_NAME_SIZE 256U

typedef struct Import {
        AuthoritiesBuilder *builder;
        AuthoritiesBuilder *blocked;
        ListsBuilder *lists;
        bool is_blocking; /* what is read now goes to the block list */
        char source[IMPORT_NAME_SIZE]; /* the file that it comes from */
        uint32_t n_read;
        ImportReport report;
} Import;

/* A regular file of at most @max bytes below @folder, in new memory. 0 or -errno: -EISDIR, -EINVAL
 * where it is no regular file, -EFBIG. */
int import_load(int folder, const char *path, size_t max, uint8_t **ret, size_t *ret_size);

/* What the system's store distrusts goes to @import->blocked. 0, -ENOMEM, -E2BIG, -EIO. */
int import_distrusted(Import *import);

/* Lists of revoked certificates out of both folders into @import->lists. 0, -ENOMEM, -EIO. */
int import_lists(Import *import, const int fds[static _IMPORT_FD_MAX]);
