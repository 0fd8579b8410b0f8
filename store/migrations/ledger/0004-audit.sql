-- Who did what, each row chained to the one before it; and every fence this ledger ever raised.

-- hash is sha256 over the previous hash and the canonical JSON of the row's content.
CREATE TABLE audit (
  seq INTEGER PRIMARY KEY,
  at_ms INTEGER NOT NULL,
  kind TEXT NOT NULL,
  actor TEXT NOT NULL,
  event TEXT NOT NULL,
  body TEXT NOT NULL,
  previous TEXT NOT NULL,
  hash TEXT NOT NULL
) STRICT;

-- head: the newest row. anchor: the newest row that was pruned.
CREATE TABLE audit_ends (
  name TEXT NOT NULL PRIMARY KEY CHECK (name IN ('anchor', 'head')),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;

CREATE TABLE fences (
  value INTEGER PRIMARY KEY,
  member TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  checksum TEXT NOT NULL
) STRICT;

-- Fences up to this one are taken as known: those of an older schema, and those from before a re-arm.
CREATE TABLE fence_floor (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  value INTEGER NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
