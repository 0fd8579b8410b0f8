-- What people and rules lay upon actions. Four tables of one shape: a whole document under its id, with a checksum.
-- until_ms: wall time from which it is only remembered; the greatest number while it holds without an end.

CREATE TABLE suppressions (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  until_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
CREATE INDEX suppressions_by_end ON suppressions (until_ms);

CREATE TABLE approvals (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  until_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
CREATE INDEX approvals_by_end ON approvals (until_ms);

CREATE TABLE brakes (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  until_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;

CREATE TABLE trust (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  until_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;

CREATE TABLE quarantine (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  cause TEXT NOT NULL,
  since_ms INTEGER NOT NULL,
  text TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;

-- The groups a repair was claimed for; at_ms is when it was decided.
CREATE TABLE run_groups (
  run INTEGER NOT NULL REFERENCES runs (seq) ON DELETE CASCADE,
  scope TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  checksum TEXT NOT NULL,
  PRIMARY KEY (run, scope)
) STRICT, WITHOUT ROWID;
CREATE INDEX run_groups_by_time ON run_groups (scope, at_ms);

CREATE INDEX repairs_by_host ON runs (host, decided_at_ms) WHERE repairs = 1;
