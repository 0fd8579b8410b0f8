-- What is concluded at present, what changed, and each result.

CREATE TABLE host_state (
  host TEXT NOT NULL PRIMARY KEY,
  status TEXT NOT NULL
) STRICT;

CREATE TABLE check_state (
  host TEXT NOT NULL,
  check_id TEXT NOT NULL,
  status TEXT NOT NULL,
  PRIMARY KEY (host, check_id)
) STRICT;

CREATE TABLE transitions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  host TEXT NOT NULL,
  check_id TEXT,
  from_state TEXT NOT NULL,
  to_state TEXT NOT NULL,
  type TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  text TEXT NOT NULL,
  flapping INTEGER NOT NULL,
  percent REAL NOT NULL,
  percent_without_actions REAL NOT NULL,
  after_action INTEGER NOT NULL
) STRICT;
CREATE INDEX transitions_by_host ON transitions (host, id);
CREATE INDEX transitions_by_check ON transitions (host, check_id, id);
CREATE INDEX transitions_by_time ON transitions (at_ms);

-- One check of one host, so that a result names it by a small integer.
CREATE TABLE series (
  id INTEGER PRIMARY KEY,
  host TEXT NOT NULL,
  check_id TEXT NOT NULL,
  UNIQUE (host, check_id)
) STRICT;

-- text and long_text are NULL while they equal those of the result before (see store/results.ts).
CREATE TABLE results (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  series_id INTEGER NOT NULL,
  at_ms INTEGER NOT NULL,
  state INTEGER NOT NULL,
  duration_ms INTEGER NOT NULL,
  exit_code INTEGER,
  text TEXT,
  long_text TEXT,
  perfdata TEXT
) STRICT;
CREATE INDEX results_by_series ON results (series_id, id);
CREATE INDEX results_by_time ON results (at_ms);
