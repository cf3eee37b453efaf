-- Changes that came by an import: the history tells them as such.

PRAGMA user_version = 4;

CREATE TABLE imported (
    owner         INTEGER NOT NULL REFERENCES owner (owner),
    change_number INTEGER NOT NULL CHECK (change_number > 0),
    PRIMARY KEY (owner, change_number)
) STRICT, WITHOUT ROWID;

-- The oldest lines of history make room, and these with them.
CREATE TRIGGER history_deleted AFTER DELETE ON history BEGIN
    DELETE FROM imported WHERE owner = OLD.owner AND change_number = OLD.change_number;
END;
