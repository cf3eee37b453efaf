/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Proving a store that was opened anew although somebody else has been at its files: every page, every
 * row that carries a digest, that none is missing, every line of the journal. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "daemon/limits.h"
#include "daemon/rebuild-prove.h"

bool prove_is_quick(const Store *store) {
        static const char *const names[] = { STORE_FILE, STORE_LOG_FILE, JOURNAL_FILE };
        uint64_t size = 0;

        for (size_t i = 0; i < N_ELEMENTS(names); i++) {
                struct stat st;

                if (fstatat(store->directory_fd, names[i], &st, AT_SYMLINK_NOFOLLOW) == 0)
                        size += (uint64_t) st.st_size;
        }
        return size <= PROVE_BYTES_MAX;
}

static int prove_structure(Connection *c) {
        sqlite3_stmt *st = NULL;
        const char *said = NULL;
        int r;

        r = sqlite3_prepare_v2(c->db, "PRAGMA quick_check(1)", -1, &st, NULL);
        if (r == SQLITE_OK) {
                r = sqlite3_step(st);
                said = r == SQLITE_ROW ? column_text(st, 0) : NULL;
        }
        if (r != SQLITE_ROW)
                r = connection_error(c, r);
        else
                r = said && strcmp(said, "ok") == 0 ? 0 : -EUCLEAN;
        (void) sqlite3_finalize(st);
        return r;
}

/* Calls @prove with each row; 0 or the first that is not 0. */
static int for_rows(Connection *c, Statement which, int (*prove)(Connection *c, sqlite3_stmt *st)) {
        _cleanup_(statement_resetp) sqlite3_stmt *st = NULL;
        int r;

        r = connection_statement(c, which, &st);
        while (r == 0 && (r = statement_step(st)) > 0)
                r = prove(c, st);
        return r;
}

static int prove_decision(Connection *c, sqlite3_stmt *st) {
        Decision d;
        int r = row_read_decision(st, &d);

        return r == 0 ? -EUCLEAN : r < 0 ? r : 0;
}

static int prove_entry(Connection *c, sqlite3_stmt *st) {
        Entry e;

        return row_read_entry(st, &e);
}

static int prove_history(Connection *c, sqlite3_stmt *st) {
        HistoryEntry e;

        return row_read_history(st, &e);
}

static int prove_certificate(Connection *c, sqlite3_stmt *st) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        uint8_t sha256[SHA256_SIZE];
        size_t size;
        int r;

        if (!column_bytes(st, 0, sha256, sizeof(sha256)))
                return -EUCLEAN;
        r = row_get_certificate(c, sha256, &facts);
        if (r == 0)
                return -EUCLEAN; /* its index leads elsewhere */
        if (r > 0)
                r = row_get_der(c, sha256, &der, &size);
        return r < 0 ? r : 0;
}

int prove_database(Store *store) {
        Connection *c = &store->writer;
        int r;

        r = prove_structure(c);
        if (r == 0)
                r = for_rows(c, STATEMENT_ALL_DECISIONS, prove_decision);
        if (r == 0)
                r = for_rows(c, STATEMENT_ALL_ENTRIES, prove_entry);
        if (r == 0)
                r = for_rows(c, STATEMENT_ALL_HISTORY, prove_history);
        if (r == 0)
                r = for_rows(c, STATEMENT_ALL_CERTIFICATES, prove_certificate);
        return r < 0 ? r : store_prove_standing(store, UINT64_MAX);
}
