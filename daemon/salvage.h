/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Salvage: what is still readable of a damaged certexc.db and its log, without trusting either. The
 * pages are read as they are, not by SQLite, which stops at the first that is damaged and believes what
 * a damaged one says. Only what proves itself by its digest is found, never what is on a free page or
 * in space that no cell claims.
 */
#pragma once

#include "daemon/journal.h"
#include "daemon/store.h"

/* Where the trees of the tables begin. */
typedef struct SalvageRoots {
        uint32_t decision;
        uint32_t certificate;
        uint32_t owner;
        uint32_t history;
        uint32_t store;
        uint32_t trust;
        uint32_t seen;
} SalvageRoots;

/* How far the database has come by its own account, and all that refuses: how many, and the XOR of
 * their digests. */
typedef struct SalvageMark {
        uint64_t number;
        int64_t last_write;
        bool journaled; /* the next one is there: which journal it goes with */
        uint8_t journal_id[JOURNAL_ID_SIZE];
        bool counted; /* the two that follow are there */
        uint64_t n_refusals;
        uint8_t refusals[SHA256_SIZE];
} SalvageMark;

/* That the certificate was accepted without problems at an endpoint. */
typedef struct SeenRow {
        int64_t owner;
        char host[ENDPOINT_HOST_MAX + 1];
        uint16_t port;
        uint8_t sha256[SHA256_SIZE];
        int64_t time;
} SeenRow;

/* Those of every store. Returns 0 or -errno. store-roots.c. */
int salvage_roots(SalvageRoots *ret);

/* Is told of each row that was found; not 0 ends the search. A row may come more than once. What is
 * NULL is not looked for. */
typedef struct SalvageFound {
        /* @reached: by way of the table's tree; else by looking at every page that is in use. */
        int (*decision)(const Decision *d, bool reached, void *userdata);
        int (*entry)(const Entry *e, bool reached, void *userdata);
        /* @der NULL: not known, or not whole */
        int (*certificate)(const CertificateFacts *c, const uint8_t *der, size_t der_size,
                           void *userdata);
        int (*name)(int64_t owner, const char *name, void *userdata);
        /* History has no digests: what is found is well formed, no more. */
        int (*history)(int64_t owner, const HistoryEntry *e, uint64_t change_number,
                       void *userdata);
        /* Nor has what was seen: the certificate of that digest is there, or it is not. */
        int (*seen)(const SeenRow *row, void *userdata);
        int (*mark)(const SalvageMark *mark, void *userdata);
        void *userdata;
} SalvageFound;

/* Looks through @database and @log in the directory, of which one may be NULL. Returns 0; -ENOENT if there is neither; what
 * @found said; -errno. */
int salvage(int directory_fd, const char *database, const char *log, const SalvageRoots *roots,
            const SalvageFound *found);
