-- Why it acted or did not, and the replayable stream of what happened.

CREATE TABLE decisions (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  last_at_ms INTEGER NOT NULL,
  count INTEGER NOT NULL,
  host TEXT NOT NULL,
  ladder TEXT NOT NULL,
  action TEXT NOT NULL,
  check_id TEXT NOT NULL,
  verdict TEXT NOT NULL,
  reason TEXT NOT NULL,
  gates TEXT NOT NULL,
  run_id TEXT
) STRICT;
CREATE INDEX decisions_by_action ON decisions (host, action, id);
CREATE INDEX decisions_by_host ON decisions (host, id);
CREATE INDEX decisions_by_time ON decisions (last_at_ms);

CREATE TABLE events (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at_ms INTEGER NOT NULL,
  type TEXT NOT NULL,
  host TEXT,
  check_id TEXT,
  run_id TEXT,
  data TEXT NOT NULL
) STRICT;
CREATE INDEX events_by_time ON events (at_ms);
