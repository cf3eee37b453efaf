-- The store of decisions, first form. Never edited once released: what changes gets a file of its
-- own with the next number.
--
-- Numbers of action, pin, state, ends and kind are those of daemon/decision.h and daemon/store.h.
-- Times are seconds since 1970-01-01 00:00 UTC. An owner is a uid, or -1: the system's own.

PRAGMA application_id = 0x63657863;
PRAGMA user_version = 1;

-- One row: how far the store has come. change_number counts every change of a decision there ever
-- was, in all owners together; the journal numbers its lines by it.
CREATE TABLE store (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    change_number INTEGER NOT NULL CHECK (change_number >= 0),
    last_write    INTEGER NOT NULL
) STRICT;

INSERT INTO store (id, change_number, last_write) VALUES (1, 0, 0);

-- The counters are kept by the triggers below, so that a quota costs one look.
CREATE TABLE owner (
    owner         INTEGER PRIMARY KEY CHECK (owner BETWEEN -1 AND 4294967295),
    name          TEXT CHECK (length(name) > 0),
    name_digest   BLOB CHECK (length(name_digest) = 32),
    last_id       INTEGER NOT NULL DEFAULT 0 CHECK (last_id >= 0),
    last_history  INTEGER NOT NULL DEFAULT 0 CHECK (last_history >= 0),
    n_allowed     INTEGER NOT NULL DEFAULT 0,
    n_denied      INTEGER NOT NULL DEFAULT 0,
    n_unconfirmed INTEGER NOT NULL DEFAULT 0,
    n_dead        INTEGER NOT NULL DEFAULT 0,
    n_seen        INTEGER NOT NULL DEFAULT 0,
    bytes         INTEGER NOT NULL DEFAULT 0,
    CHECK ((name IS NULL) = (name_digest IS NULL))
) STRICT;

-- Certificates, once by content. der is there while a decision is about the certificate, NULL for
-- one that was only seen. names are the names, each ended by a zero byte. digest is over all
-- columns but der, which proves itself by sha256. der is last: what reads the others need not load
-- it.
CREATE TABLE certificate (
    number     INTEGER PRIMARY KEY,
    sha256     BLOB NOT NULL UNIQUE CHECK (length(sha256) = 32),
    key_sha256 BLOB NOT NULL CHECK (length(key_sha256) = 32),
    subject    TEXT NOT NULL,
    issuer     TEXT NOT NULL,
    serial     TEXT NOT NULL,
    names      BLOB NOT NULL CHECK (length(names) = 0 OR substr(names, -1) = x'00'),
    not_before INTEGER NOT NULL,
    not_after  INTEGER NOT NULL,
    digest     BLOB NOT NULL CHECK (length(digest) = 32),
    der        BLOB CHECK (length(der) > 0)
) STRICT;

-- Which owner refers to which certificate, how often, and how many bytes that counts for. A
-- certificate that nobody holds goes.
CREATE TABLE holding (
    owner       INTEGER NOT NULL REFERENCES owner (owner),
    sha256      BLOB NOT NULL REFERENCES certificate (sha256),
    n_decisions INTEGER NOT NULL CHECK (n_decisions >= 0),
    n_seen      INTEGER NOT NULL CHECK (n_seen >= 0),
    size        INTEGER NOT NULL CHECK (size >= 0),
    PRIMARY KEY (owner, sha256)
) STRICT, WITHOUT ROWID;

CREATE INDEX holding_by_certificate ON holding (sha256);

-- Decisions, in the order of the question that is asked most: what holds for this owner at this
-- endpoint? It is answered from the table's own tree; no index can lose a denial for it.
-- change_number is that of the change that made the row what it is. digest: decision_digest().
CREATE TABLE decision (
    owner              INTEGER NOT NULL REFERENCES owner (owner),
    id                 INTEGER NOT NULL CHECK (id > 0),
    action             INTEGER NOT NULL CHECK (action IN (1, 2)),
    pin                INTEGER NOT NULL CHECK (pin IN (1, 2)),
    state              INTEGER NOT NULL CHECK (state IN (1, 2, 3, 4)),
    host               TEXT NOT NULL
                       CHECK (length(host) BETWEEN 1 AND 253 AND host NOT GLOB '*[A-Z]*'),
    port               INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    certificate_sha256 BLOB NOT NULL CHECK (length(certificate_sha256) = 32),
    key_sha256         BLOB NOT NULL CHECK (length(key_sha256) = 32),
    problems           INTEGER NOT NULL CHECK (problems BETWEEN 0 AND 4294967295),
    ends               INTEGER NOT NULL CHECK (ends IN (1, 2, 3)),
    until              INTEGER,
    boot_id            BLOB CHECK (length(boot_id) = 16),
    login_usec         INTEGER,
    created            INTEGER NOT NULL,
    changed            INTEGER NOT NULL,
    change_number      INTEGER NOT NULL CHECK (change_number > 0),
    digest             BLOB NOT NULL CHECK (length(digest) = 32),
    PRIMARY KEY (owner, host, port, state, id DESC),
    CHECK (action = 1 OR problems = 0),
    CHECK (action = 2 OR state <> 1 OR problems <> 0),
    CHECK ((ends = 2) = (until IS NOT NULL)),
    CHECK ((ends = 3) = (boot_id IS NOT NULL)),
    CHECK ((ends = 3) = (login_usec IS NOT NULL))
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX decision_by_id ON decision (owner, id);
CREATE INDEX decision_dead ON decision (owner, change_number) WHERE state >= 3;

-- What was decided and what became of it. number has no gaps within an owner; the oldest go.
CREATE TABLE history (
    owner         INTEGER NOT NULL REFERENCES owner (owner),
    number        INTEGER NOT NULL CHECK (number > 0),
    change_number INTEGER NOT NULL CHECK (change_number > 0),
    time          INTEGER NOT NULL,
    kind          INTEGER NOT NULL CHECK (kind BETWEEN 1 AND 6),
    id            INTEGER NOT NULL CHECK (id > 0),
    by            INTEGER NOT NULL CHECK (by BETWEEN -1 AND 4294967295),
    host          TEXT NOT NULL,
    port          INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    sha256        BLOB NOT NULL CHECK (length(sha256) = 32),
    PRIMARY KEY (owner, number)
) STRICT, WITHOUT ROWID;

CREATE INDEX history_by_decision ON history (owner, id, number);

-- The certificate last accepted without problems at an endpoint: no decision, only what "changed"
-- is told from.
CREATE TABLE seen (
    owner  INTEGER NOT NULL REFERENCES owner (owner),
    host   TEXT NOT NULL CHECK (length(host) BETWEEN 1 AND 253),
    port   INTEGER NOT NULL CHECK (port BETWEEN 1 AND 65535),
    sha256 BLOB NOT NULL CHECK (length(sha256) = 32),
    time   INTEGER NOT NULL,
    PRIMARY KEY (owner, host, port)
) STRICT, WITHOUT ROWID;

CREATE INDEX seen_by_time ON seen (owner, time);

-- Counters. A damaged one must not stand in the way of a revocation: it is held at zero, not
-- refused.

CREATE TRIGGER decision_inserted AFTER INSERT ON decision BEGIN
    UPDATE owner SET
        n_allowed = n_allowed + (NEW.state = 1 AND NEW.action = 1),
        n_denied = n_denied + (NEW.state = 1 AND NEW.action = 2),
        n_unconfirmed = n_unconfirmed + (NEW.state = 2),
        n_dead = n_dead + (NEW.state >= 3)
    WHERE owner = NEW.owner;
    INSERT INTO holding (owner, sha256, n_decisions, n_seen, size)
    VALUES (NEW.owner, NEW.certificate_sha256, 1, 0,
            (SELECT coalesce(length(der), 0) FROM certificate
             WHERE sha256 = NEW.certificate_sha256))
    ON CONFLICT (owner, sha256) DO UPDATE SET n_decisions = n_decisions + 1, size = excluded.size;
END;

CREATE TRIGGER decision_changed AFTER UPDATE OF state, action ON decision BEGIN
    UPDATE owner SET
        n_allowed = max(n_allowed + (NEW.state = 1 AND NEW.action = 1)
                                  - (OLD.state = 1 AND OLD.action = 1), 0),
        n_denied = max(n_denied + (NEW.state = 1 AND NEW.action = 2)
                                - (OLD.state = 1 AND OLD.action = 2), 0),
        n_unconfirmed = max(n_unconfirmed + (NEW.state = 2) - (OLD.state = 2), 0),
        n_dead = max(n_dead + (NEW.state >= 3) - (OLD.state >= 3), 0)
    WHERE owner = NEW.owner;
END;

CREATE TRIGGER decision_deleted AFTER DELETE ON decision BEGIN
    UPDATE owner SET
        n_allowed = max(n_allowed - (OLD.state = 1 AND OLD.action = 1), 0),
        n_denied = max(n_denied - (OLD.state = 1 AND OLD.action = 2), 0),
        n_unconfirmed = max(n_unconfirmed - (OLD.state = 2), 0),
        n_dead = max(n_dead - (OLD.state >= 3), 0)
    WHERE owner = OLD.owner;
    UPDATE holding SET n_decisions = max(n_decisions - 1, 0)
    WHERE owner = OLD.owner AND sha256 = OLD.certificate_sha256;
END;

CREATE TRIGGER seen_inserted AFTER INSERT ON seen BEGIN
    UPDATE owner SET n_seen = n_seen + 1 WHERE owner = NEW.owner;
    INSERT INTO holding (owner, sha256, n_decisions, n_seen, size)
    VALUES (NEW.owner, NEW.sha256, 0, 1, 0)
    ON CONFLICT (owner, sha256) DO UPDATE SET n_seen = n_seen + 1;
END;

CREATE TRIGGER seen_deleted AFTER DELETE ON seen BEGIN
    UPDATE owner SET n_seen = max(n_seen - 1, 0) WHERE owner = OLD.owner;
    UPDATE holding SET n_seen = max(n_seen - 1, 0)
    WHERE owner = OLD.owner AND sha256 = OLD.sha256;
END;

CREATE TRIGGER holding_inserted AFTER INSERT ON holding WHEN NEW.n_decisions > 0 BEGIN
    UPDATE owner SET bytes = bytes + NEW.size WHERE owner = NEW.owner;
END;

CREATE TRIGGER holding_changed AFTER UPDATE ON holding
WHEN (NEW.n_decisions > 0) <> (OLD.n_decisions > 0) OR NEW.size <> OLD.size BEGIN
    UPDATE owner SET
        bytes = max(bytes + iif(NEW.n_decisions > 0, NEW.size, 0)
                          - iif(OLD.n_decisions > 0, OLD.size, 0), 0)
    WHERE owner = NEW.owner;
END;

CREATE TRIGGER holding_dropped AFTER UPDATE ON holding WHEN NEW.n_decisions = 0 BEGIN
    DELETE FROM holding
    WHERE owner = NEW.owner AND sha256 = NEW.sha256 AND n_decisions = 0 AND n_seen = 0;
    UPDATE certificate SET der = NULL
    WHERE sha256 = NEW.sha256 AND der IS NOT NULL
      AND NOT EXISTS (SELECT 1 FROM holding WHERE sha256 = NEW.sha256 AND n_decisions > 0);
    DELETE FROM certificate
    WHERE sha256 = NEW.sha256 AND NOT EXISTS (SELECT 1 FROM holding WHERE sha256 = NEW.sha256);
END;
