/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Imports: what was sent of an import so far. It may be larger than a message, and is looked at when all
 * of it is there. Of each uid there is one; one that nobody goes on with makes room.
 */
#pragma once

#include <sys/types.h>

#include "client/cleanup.h"
#include "daemon/store-import.h"

typedef struct Imports Imports;
typedef struct Staged Staged;

int imports_new(Imports **ret);
Imports *imports_free(Imports *imports);
DEFINE_CLEANUP(Imports *, imports_free)

/* A new one, in place of the one that @uid may have. 0; -EBUSY at IMPORTS_MAX; -ENOMEM. */
int imports_begin(Imports *imports, uid_t uid, int64_t owner, int64_t now, Staged **ret);

/* The one that has @number, if it is @uid's for @owner; else NULL. */
Staged *imports_find(Imports *imports, uid_t uid, int64_t owner, uint64_t number, int64_t now);

/* Drops it. NULL ok. */
void imports_end(Imports *imports, Staged *staged);

uint64_t staged_number(const Staged *staged);

/* Takes @der over. 0; -E2BIG past STORED_BYTES_PER_OWNER_MAX of all; -ENOMEM, -EIO. */
int staged_add_certificate(Staged *staged, uint8_t *der, size_t size);

/* Of @decision, certificate_sha256 names the certificate. 0; -E2BIG past IMPORT_ENTRIES_MAX; -ENOMEM. */
int staged_add(Staged *staged, const Decision *decision);

/* The same, past IMPORT_AUTHORITIES_MAX. */
int staged_add_entry(Staged *staged, const Entry *entry);

/* All of it, each with its certificate if that was sent; @staged has the certificates no more. 0 or -ENOMEM. */
int staged_take(Staged *staged, Import **ret);

/* One import of @uid is being judged and stored from now on. 0; -EBUSY if one is, or IMPORTS_MAX are. */
int imports_begin_work(Imports *imports, uid_t uid);
void imports_end_work(Imports *imports, uid_t uid);
