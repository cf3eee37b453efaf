/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The database examined: its pages, what refers to what, every row by its digest, and what is
 * counted. */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "daemon/limits.h"
#include "daemon/store-check-private.h"

/* Rows of the check's owners: all, or one. */
#define OF_OWNERS "owner BETWEEN ?1 AND ?2"

/* In the order of row_read_decision(), row_read_entry() and row_read_history(). */
#define DECISION_COLUMNS                                                                           \
        "owner, id, action, pin, state, host, port, certificate_sha256, key_sha256, problems, "    \
        "ends, until, boot_id, login_usec, created, changed, change_number, digest"
#define ENTRY_COLUMNS                                                                              \
        "owner, id, kind, pin, state, certificate_sha256, key_sha256, only_for, by, created, "     \
        "changed, change_number, digest"
#define HISTORY_COLUMNS "number, time, kind, id, by, host, port, sha256"

/* -- structure ------------------------------------------------------------------------------- */

static int take_fault(StoreCheck *check, sqlite3_stmt *st) {
        const char *text = column_text(st, 0);

        if (!text || strcmp(text, "ok") != 0)
                check_found(check, FOUND_STRUCTURE, "%s", text ? text : "");
        return check_advance(check);
}

static int take_reference(StoreCheck *check, sqlite3_stmt *st) {
        const char *from = column_text(st, 0), *to = column_text(st, 2);

        check_found(check, FOUND_REFERENCES, "%s, %s", from ? from : "?", to ? to : "?");
        return check_advance(check);
}

int check_structure(StoreCheck *check) {
        int r;

        if (!check->args.whole)
                return 0;
        check_begin(check, CHECK_STRUCTURE, 0);
        r = check_rows(check,
                       check->args.deep ? "PRAGMA integrity_check(100)" : "PRAGMA quick_check(100)",
                       take_fault);
        return r < 0 ? r : check_rows(check, "PRAGMA foreign_key_check", take_reference);
}

/* -- every row by its digest ----------------------------------------------------------------- */

static int prove_decision(StoreCheck *check, sqlite3_stmt *st) {
        Decision d;
        int r;

        r = row_read_decision(st, &d);
        if (r < 0)
                return r;
        if (r == 0)
                check_found(check, FOUND_DECISIONS_DAMAGED, "%" PRId64 ": %" PRIu64, d.owner, d.id);
        else
                check->report.n_rows++;
        return check_advance(check);
}

static int prove_entry(StoreCheck *check, sqlite3_stmt *st) {
        Entry e;
        int r;

        r = row_read_entry(st, &e);
        if (r == -EUCLEAN)
                check_found(check, FOUND_ENTRIES_DAMAGED, "%" PRId64 ": %" PRIu64, e.owner, e.id);
        else if (r < 0)
                return r;
        else
                check->report.n_rows++;
        return check_advance(check);
}

/* What is there of a certificate must be true to its digests. Of one that was only seen there is no
 * DER. */
static int prove_certificate(StoreCheck *check, sqlite3_stmt *st) {
        _cleanup_(certificate_facts_freep) CertificateFacts *facts = NULL;
        _cleanup_free_ uint8_t *der = NULL;
        char hex[SHA256_HEX_SIZE] = "?";
        uint8_t digest[SHA256_SIZE];
        size_t size = 0;
        int r = -EUCLEAN;

        if (column_bytes(st, 0, digest, sizeof(digest))) {
                hex_encode(digest, sizeof(digest), hex);
                r = row_get_certificate(&check->connection, digest, &facts);
        }
        if (r > 0)
                r = row_get_der(&check->connection, digest, &der, &size);
        if (r == -EUCLEAN)
                check_found(check, FOUND_CERTIFICATES_DAMAGED, "%s", hex);
        else if (r < 0)
                return r;
        else
                check->report.n_rows++;
        return check_advance(check);
}

static int note_missing(StoreCheck *check, sqlite3_stmt *st) {
        const char *host = column_text(st, 0);

        check_found(check, FOUND_CERTIFICATES_MISSING, "%s:%d", host ? host : "?",
                    sqlite3_column_int(st, 1));
        return check_advance(check);
}

static int prove_owner(StoreCheck *check, sqlite3_stmt *st) {
        _cleanup_(owner_row_done) OwnerRow row = { 0 };
        int64_t owner = sqlite3_column_int64(st, 0);
        int r;

        r = row_get_owner(&check->connection, owner, &row);
        if (r < 0 && r != -EUCLEAN)
                return r;
        if (r < 0 || (row.name && *row.name == '\0'))
                check_found(check, FOUND_NAMES_DAMAGED, "%" PRId64, owner);
        else
                check->report.n_rows++;
        return check_advance(check);
}

static int prove_history(StoreCheck *check, sqlite3_stmt *st) {
        HistoryEntry entry;

        if (row_read_history(st, &entry) < 0)
                check_found(check, FOUND_HISTORY_DAMAGED, "%" PRId64 ": %" PRId64,
                            (int64_t) sqlite3_column_int64(st, 8),
                            (int64_t) sqlite3_column_int64(st, 0));
        else
                check->report.n_rows++;
        return check_advance(check);
}

static const struct {
        const char *sql;
        int (*each)(StoreCheck *check, sqlite3_stmt *st);
} proofs[] = {
        { "SELECT owner FROM owner WHERE " OF_OWNERS, prove_owner },
        { "SELECT " DECISION_COLUMNS " FROM decision WHERE " OF_OWNERS, prove_decision },
        { "SELECT " ENTRY_COLUMNS " FROM trust WHERE " OF_OWNERS, prove_entry },
        { "SELECT DISTINCT sha256 FROM holding WHERE " OF_OWNERS, prove_certificate },
        { "SELECT host, port FROM decision LEFT JOIN certificate ON sha256 = certificate_sha256 "
          "WHERE " OF_OWNERS " AND sha256 IS NULL",
          note_missing },
        { "SELECT 'authority', id FROM trust LEFT JOIN certificate ON sha256 = certificate_sha256 "
          "WHERE " OF_OWNERS " AND sha256 IS NULL",
          note_missing },
        { "SELECT " HISTORY_COLUMNS ", owner FROM history WHERE " OF_OWNERS, prove_history },
};

int check_digests(StoreCheck *check) {
        int64_t decisions = 0, certificates = 0, history = 0;
        int r;

        r = check_number(check, "SELECT count(*) FROM decision WHERE " OF_OWNERS, &decisions);
        if (r == 0)
                r = check_number(check, "SELECT count(*) FROM holding WHERE " OF_OWNERS,
                                 &certificates);
        if (r == 0)
                r = check_number(check, "SELECT count(*) FROM history WHERE " OF_OWNERS, &history);
        check_begin(check, CHECK_ROWS, (uint64_t) (decisions + certificates + history));
        for (size_t i = 0; r == 0 && i < N_ELEMENTS(proofs); i++)
                r = check_rows(check, proofs[i].sql, proofs[i].each);
        return r;
}

/* -- what is counted ------------------------------------------------------------------------- */

/* A counter that is damaged is held at zero rather than in the way of a revocation, so it may be
 * wrong for long. */
static const char counters_sql[] =
        "SELECT o.owner FROM owner AS o LEFT JOIN (SELECT owner AS of, "
        "  sum(state = 1 AND action = 1) AS allowed, sum(state = 1 AND action = 2) AS denied, "
        "  sum(state = 2) AS unconfirmed, sum(state >= 3) AS dead, max(id) AS last "
        "  FROM decision WHERE " OF_OWNERS " GROUP BY owner) ON of = o.owner "
        "LEFT JOIN (SELECT owner AS by, sum(iif(n_decisions > 0, size, 0)) AS bytes "
        "  FROM holding WHERE " OF_OWNERS " GROUP BY owner) AS h ON h.by = o.owner "
        "LEFT JOIN (SELECT owner AS at, count(*) AS n FROM seen WHERE " OF_OWNERS
        "  GROUP BY owner) AS s ON s.at = o.owner "
        "WHERE o.owner BETWEEN ?1 AND ?2 AND (n_allowed <> ifnull(allowed, 0) "
        "OR n_denied <> ifnull(denied, 0) OR n_unconfirmed <> ifnull(unconfirmed, 0) "
        "OR n_dead <> ifnull(dead, 0) OR last_id < ifnull(last, 0) "
        "OR o.bytes <> ifnull(h.bytes, 0) OR n_seen <> ifnull(n, 0))";

/* How often each owner's rows refer to each certificate. */
static const char holdings_sql[] =
        "WITH needed AS (SELECT owner, certificate_sha256 AS sha256, count(*) AS d, 0 AS s "
        "  FROM decision WHERE " OF_OWNERS " GROUP BY 1, 2 "
        "  UNION ALL SELECT owner, certificate_sha256, count(*), 0 FROM trust WHERE " OF_OWNERS
        "  GROUP BY 1, 2 "
        "  UNION ALL SELECT owner, sha256, 0, count(*) FROM seen WHERE " OF_OWNERS " GROUP BY 1, 2), "
        "counted AS (SELECT owner, sha256, sum(d) AS d, sum(s) AS s FROM needed GROUP BY 1, 2) "
        "SELECT h.owner FROM holding AS h LEFT JOIN counted AS c ON c.owner = h.owner "
        "  AND c.sha256 = h.sha256 WHERE h.owner BETWEEN ?1 AND ?2 "
        "  AND (h.n_decisions <> ifnull(d, 0) OR h.n_seen <> ifnull(s, 0))";

/* Lines are numbered without gaps, and only the oldest of very many make room. */
static const char history_sql[] =
        "SELECT o.owner, low, n FROM owner AS o LEFT JOIN (SELECT owner AS of, min(number) AS low, "
        "  max(number) AS high, count(*) AS n FROM history WHERE " OF_OWNERS
        "  GROUP BY owner) ON of = o.owner "
        "WHERE o.owner BETWEEN ?1 AND ?2 AND (ifnull(high, 0) <> last_history "
        "OR n <> high - low + 1 OR low > 1)";

static int note_history(StoreCheck *check, sqlite3_stmt *st) {
        int64_t low = sqlite3_column_int64(st, 1);

        if (low > 1 && sqlite3_column_int64(st, 2) >= (int64_t) HISTORY_PER_OWNER_MAX)
                return check_advance(check);
        check_found(check, FOUND_HISTORY_INCOMPLETE, "%" PRId64,
                    (int64_t) sqlite3_column_int64(st, 0));
        return check_advance(check);
}

static int note_counter(StoreCheck *check, sqlite3_stmt *st) {
        check_found(check, FOUND_COUNTERS, "%" PRId64, (int64_t) sqlite3_column_int64(st, 0));
        return check_advance(check);
}

/* All that stands has a set digest, and so has what refuses: none of it can vanish unseen. What is
 * damaged was told already. */
static int check_sets(StoreCheck *check) {
        RefusalSet actual;
        int r;

        r = standing_compute(&check->connection, &actual);
        if (r < 0 && r != -EUCLEAN)
                return r;
        if (r == 0 && check->mark.counted && !refusals_same(&actual, &check->mark.standing))
                check_found(check, FOUND_COUNTERS, "%" PRIu64 ", %" PRIu64, actual.n,
                            check->mark.standing.n);
        r = refusals_compute(&check->connection, &actual);
        if (r < 0)
                return r == -EUCLEAN ? 0 : r; /* told already */
        if (r == 0 || (check->mark.counted && !refusals_same(&actual, &check->mark.refusals)))
                check_found(check, FOUND_REFUSALS, "%" PRIu64 ", %" PRIu64, actual.n,
                            check->mark.refusals.n);
        return 0;
}

static int check_unused(StoreCheck *check) {
        int64_t n;
        int r;

        r = check_number(check,
                         "SELECT count(*) FROM certificate AS c WHERE NOT EXISTS "
                         "(SELECT 1 FROM holding AS h WHERE h.sha256 = c.sha256)",
                         &n);
        if (r == 0 && n > 0) {
                check_found(check, FOUND_CERTIFICATES_UNUSED, "%" PRId64, n);
                check->report.findings[FOUND_CERTIFICATES_UNUSED].n = (uint64_t) n;
        }
        return r;
}

int check_counts(StoreCheck *check) {
        int r;

        check_begin(check, CHECK_COUNTS, 0);
        if (check->mark.last_write > check->args.now)
                check_found(check, FOUND_LAST_WRITE_AHEAD, "%" PRId64, check->mark.last_write);
        r = check_rows(check, counters_sql, note_counter);
        if (r == 0)
                r = check_rows(check, holdings_sql, note_counter);
        if (r == 0)
                r = check_rows(check, history_sql, note_history);
        if (r < 0 || !check->args.whole)
                return r;
        r = check_sets(check);
        return r < 0 ? r : check_unused(check);
}
