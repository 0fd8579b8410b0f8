-- Who may act: the fence, the runs and the off switch. Each row carries a checksum of its content.

CREATE TABLE fence (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  value INTEGER NOT NULL,
  member TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  checksum TEXT NOT NULL
) STRICT;

-- seq is the order of claims. repairs: 0 for runs that hold no host and spend no budget.
CREATE TABLE runs (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  host TEXT NOT NULL,
  ladder TEXT NOT NULL,
  action TEXT NOT NULL,
  kind TEXT NOT NULL,
  episode TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  status TEXT NOT NULL,
  repairs INTEGER NOT NULL CHECK (repairs IN (0, 1)),
  decided_at_ms INTEGER NOT NULL,
  dispatched_at_ms INTEGER,
  ended_at_ms INTEGER,
  verify_by_ms INTEGER,
  verify_ok_since_ms INTEGER,
  intent TEXT NOT NULL,
  result TEXT NOT NULL,
  events TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;

-- The last line of defence: one open repair on one host, whatever the code above believes.
CREATE UNIQUE INDEX one_open_repair_per_host ON runs (host)
  WHERE repairs = 1 AND status IN ('intended', 'dispatched', 'unknown', 'verifying');
CREATE INDEX open_runs ON runs (seq) WHERE status IN ('intended', 'dispatched', 'unknown', 'verifying');
CREATE INDEX runs_by_action ON runs (host, action, decided_at_ms);
CREATE INDEX runs_by_host ON runs (host, seq);
CREATE INDEX runs_by_time ON runs (decided_at_ms);

CREATE TABLE pause (
  id INTEGER PRIMARY KEY CHECK (id = 1),
  since_ms INTEGER NOT NULL,
  paused_by TEXT NOT NULL,
  reason TEXT NOT NULL,
  until_ms INTEGER,
  checksum TEXT NOT NULL
) STRICT;
