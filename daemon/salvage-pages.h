/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The pages of a database that is not to be trusted (https://sqlite.org/fileformat2.html), as they
 * were committed last: those of its write-ahead log in front of those of the file. SQLite has no part
 * in this; whatever the files hold, reading stays within bounds.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"

/* No page is larger. */
#define PAGE_BYTES_MAX 65536U

/* Where the header of the database stands on page 1, its b-tree page follows. */
#define PAGES_HEADER_SIZE 100U

typedef struct Pages Pages;

/* Opens @database and @log, of which either may be missing or NULL. Returns 0, -ENOENT if both are, or
 * -errno. */
int pages_open(int directory_fd, const char *database, const char *log, Pages **ret);
Pages *pages_free(Pages *pages);
DEFINE_CLEANUP(Pages *, pages_free)

/* Bytes of a page, and how many of them b-trees use. */
size_t pages_size(const Pages *pages);
size_t pages_usable(const Pages *pages);

/* Numbers are from 1 to this. */
uint32_t pages_count(const Pages *pages);

/* Reads page @number into @ret, pages_size() bytes. 1; 0 if there is none or it cannot be read. */
int pages_read(const Pages *pages, uint32_t number, uint8_t *ret);

/* true if the list of free pages names @number; also if that list is damaged before it gets there. */
bool pages_is_unused(const Pages *pages, uint32_t number);

/* A big-endian number of the files. */
static inline uint32_t page_number(const uint8_t *at) {
        return (uint32_t) at[0] << 24 | (uint32_t) at[1] << 16 | (uint32_t) at[2] << 8 | at[3];
}

static inline uint32_t page_short(const uint8_t *at) {
        return (uint32_t) at[0] << 8 | at[1];
}
