-- Whom people believe beyond the system's store, and whom they do not.
--
-- Numbers of kind, pin and state are those of daemon/entry.h and daemon/decision.h.

PRAGMA user_version = 3;

-- One row for each authority that somebody imported (kind 1) and each certificate or key that
-- somebody distrusts (kind 2). Ids are given together with those of decisions. only_for: the names
-- that the authority may speak for, separated by commas; empty: all. change_number is that of the
-- change that made the row what it is. digest: entry_digest().
CREATE TABLE trust (
    owner              INTEGER NOT NULL REFERENCES owner (owner),
    id                 INTEGER NOT NULL CHECK (id > 0),
    kind               INTEGER NOT NULL CHECK (kind IN (1, 2)),
    pin                INTEGER NOT NULL CHECK (pin IN (1, 2)),
    state              INTEGER NOT NULL CHECK (state IN (1, 2, 4)),
    certificate_sha256 BLOB NOT NULL CHECK (length(certificate_sha256) = 32),
    key_sha256         BLOB NOT NULL CHECK (length(key_sha256) = 32),
    only_for           TEXT NOT NULL,
    by                 INTEGER NOT NULL CHECK (by BETWEEN -1 AND 4294967295),
    created            INTEGER NOT NULL,
    changed            INTEGER NOT NULL,
    change_number      INTEGER NOT NULL CHECK (change_number > 0),
    digest             BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (owner, id),
    CHECK (kind = 1 OR only_for = '')
) STRICT, WITHOUT ROWID;

-- Its certificate is kept as a decision's is, and counts for the owner's share of bytes.
CREATE TRIGGER trust_inserted AFTER INSERT ON trust BEGIN
    INSERT INTO holding (owner, sha256, n_decisions, n_seen, size)
    VALUES (NEW.owner, NEW.certificate_sha256, 1, 0,
            (SELECT coalesce(length(der), 0) FROM certificate
             WHERE sha256 = NEW.certificate_sha256))
    ON CONFLICT (owner, sha256) DO UPDATE SET n_decisions = n_decisions + 1, size = excluded.size;
END;

CREATE TRIGGER trust_deleted AFTER DELETE ON trust BEGIN
    UPDATE holding SET n_decisions = max(n_decisions - 1, 0)
    WHERE owner = OLD.owner AND sha256 = OLD.certificate_sha256;
END;
