/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Lists: those of revoked certificates that an administrator put into a folder, as a part of the
 * block of authorities (authorities.h), indexed by issuer so that a worker reads none that has
 * nothing to do with a chain. The layout is private to lists.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/cleanup.h"
#include "client/encoding.h"

/* A part of a block begins with this. */
#define LISTS_MAGIC UINT64_C(0x3130535453494c58) /* "XLISTS01" */

/* The name of the file that a list came from. */
#define LISTS_FILE_SIZE 256U

/* -- putting together ------------------------------------------------------------------------ */

typedef struct ListsBuilder ListsBuilder;

int lists_builder_new(ListsBuilder **ret);
ListsBuilder *lists_builder_free(ListsBuilder *b);
DEFINE_CLEANUP(ListsBuilder *, lists_builder_free)

/*
 * Copies the list @der, which came from @file of the administrator's or the distribution's folder. Returns 0, and in *@ret_fault why it cannot be used
 * but for what it revokes (static; NULL); -EBADMSG if it is no list; -E2BIG past LISTS_MAX or
 * LISTS_BYTES_MAX; -ENOMEM, -EIO.
 */
int lists_builder_add(ListsBuilder *b, Blob der, const char *file, bool is_vendor,
                      const char **ret_fault);

/* How many there are; and forgets those behind the first @n. */
size_t lists_builder_count(const ListsBuilder *b);
void lists_builder_cut(ListsBuilder *b, size_t n);

/* Those behind the first @n are not all that their file had. */
void lists_builder_mark_partial(ListsBuilder *b, size_t n);

/* The size of the part, and the part itself into as many bytes. */
size_t lists_builder_size(const ListsBuilder *b);
void lists_builder_compose(ListsBuilder *b, uint8_t *ret);

/* -- looking up ------------------------------------------------------------------------------ */

typedef struct Lists Lists;

/* Every number in the @size bytes at @p, which outlive it, is checked here, once. 0, -EBADMSG if
 * they are no such part, -ENOMEM. */
int lists_read(const uint8_t *p, size_t size, Lists **ret);
Lists *lists_free(Lists *lists);

typedef struct ListInfo {
        Blob der;
        const char *file;
        bool is_vendor;
        bool is_partial;     /* it is not all that its file had */
        int64_t next_update; /* INT64_MAX: it does not say */
} ListInfo;

size_t lists_count(const Lists *lists);
ListInfo lists_get(const Lists *lists, size_t i);

/* Those that may speak of certificates of the issuer with @key (SHA-256 of its canonical name):
 * start with *@cursor = 0; 1 and *@ret, or 0 when there are no more. @lists may be NULL. */
int lists_next_by_issuer(const Lists *lists, const uint8_t key[static SHA256_SIZE], size_t *cursor,
                         Blob *ret);
