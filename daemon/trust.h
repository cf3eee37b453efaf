/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Trust: which authorities are believed. They are read by a worker of their own (the importer,
 * since reading them parses DER) into a sealed block that every judge maps.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "client/cleanup.h"

typedef struct Authorities Authorities;
typedef struct sd_event sd_event;
typedef struct Trust Trust;

/* Like JUDGE_ROLE. argv[2] is the PEM file, absent: the system's store. Over descriptor 3 an order
 * comes (importer.h), and the block's memfd is sent. */
#define IMPORTER_ROLE "--worker=importer"
int importer_run(const char *trust_file);

/* Called when a block was read, be it the same as before: @fd is borrowed; @count authorities. */
typedef void (*TrustChanged)(Trust *trust, int fd, unsigned count, void *userdata);

/* Folders that are read as well, and watched. */
typedef enum TrustFolder {
        TRUST_BLOCKED,      /* certificates NAME.pem that are blocked */
        TRUST_LISTS,        /* lists of revoked certificates: NAME.crl, .pem, .der */
        TRUST_VENDOR_LISTS, /* those of the distribution; the former's cover them by name */
        _TRUST_FOLDER_MAX,
} TrustFolder;

typedef struct TrustFolders {
        const char *paths[_TRUST_FOLDER_MAX]; /* NULL: none */
        const char *kept; /* where what was read is kept for the next start; NULL: nowhere */
} TrustFolders;

/*
 * @trust_file NULL: the system's store. What was kept (trust-kept.h) is there at once, see
 * trust_block_fd(); all is read when the loop runs, and again soon after a change of the file, or of the
 * system's store. @changed is called from the loop, also for what was kept.
 */
int trust_new(sd_event *event, const char *trust_file, const TrustFolders *folders,
              TrustChanged changed, void *userdata, Trust **ret);
Trust *trust_free(Trust *trust);
DEFINE_CLEANUP(Trust *, trust_free)

/* Reads again (SIGHUP). A failure keeps the old block and is told by trust_warning(); if there was
 * none, an empty block is handed out so that nobody waits for authorities for ever. */
int trust_reload(Trust *trust);

/* The block's memfd (borrowed), -1: there is none yet. */
int trust_block_fd(const Trust *trust);

unsigned trust_count(const Trust *trust);

/* Whether something that is to be blocked may be missing, so that no exception is to be relied on. */
bool trust_is_doubtful(const Trust *trust);

/* Why: each that holds has a warning, the others are NULL. */
typedef enum TrustDoubt {
        TRUST_DOUBT_BLOCKED,
        TRUST_DOUBT_DISTRUSTED,
        TRUST_DOUBT_LISTS,
        TRUST_DOUBT_UNREAD, /* none of it was read so far */
        _TRUST_DOUBT_MAX,
} TrustDoubt;

const char *trust_doubt(const Trust *trust, TrustDoubt which);

/* The block that was handed out last, and its digest (zeros: none yet). */
const Authorities *trust_authorities(const Trust *trust);
const uint8_t *trust_sha256(const Trust *trust);
const char *trust_from(const Trust *trust);    /* the file's path or "the system's store" */
const char *trust_warning(const Trust *trust); /* NULL: all is well */
const char *trust_blocked_warning(const Trust *trust); /* of the block list; NULL: all is well */
const char *trust_distrusted_warning(const Trust *trust); /* of the system's own; NULL: all is well */
const char *trust_lists_warning(const Trust *trust);   /* of files of lists; NULL: all is well */

/* Which lists are out of date at @now, as a sentence (free()), or NULL. */
char *trust_stale_lists(const Trust *trust, int64_t now);

#ifdef CERTEXC_TESTING
/* For the tests: how long the next reading may take. */
void trust_set_load_usec(Trust *trust, uint64_t usec);
#endif
