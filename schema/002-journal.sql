-- The store goes with a journal (schema/journal.md), and knows what must not vanish.

PRAGMA user_version = 2;

-- Which journal it is, and where it stands at change_number: the length and the running digest
-- there. NULL: there was none yet.
ALTER TABLE store ADD COLUMN journal_id BLOB CHECK (length(journal_id) = 16);
ALTER TABLE store ADD COLUMN journal_length INTEGER CHECK (journal_length >= 0);
ALTER TABLE store ADD COLUMN journal_digest BLOB CHECK (length(journal_digest) = 32);

-- All that refuses: live and unconfirmed denials, and what was revoked. How many there are, and the
-- XOR of their digests, kept by daemon/store-mark.c and checked at each opening. NULL: not counted
-- yet.
ALTER TABLE store ADD COLUMN n_refusals INTEGER CHECK (n_refusals >= 0);
ALTER TABLE store ADD COLUMN refusals BLOB CHECK (length(refusals) = 32);

-- All that stands, decisions and what is in table trust: live or unconfirmed, whatever it says. Eight
-- bytes, most significant first, of how many, then the XOR of their digests. Checked at opening where
-- that is quick, else when the daemon is idle (daemon/store-standing.c). NULL: not counted yet.
ALTER TABLE store ADD COLUMN standing BLOB CHECK (length(standing) = 40);

-- Over all columns but the id: store_mark_digest(). NULL: of the first form, of which nothing else is
-- set either.
ALTER TABLE store ADD COLUMN digest BLOB CHECK (length(digest) = 32);

-- So that the check looks at what refuses alone, however many exceptions there are.
CREATE INDEX decision_refusing ON decision (owner, id)
    WHERE state = 4 OR (action = 2 AND state <= 2);
