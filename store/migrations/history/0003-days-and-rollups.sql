-- Results lie in a table for each day, `results_<id of the day>`, which goes as a whole; the table `results` is only read and
-- pruned from now on (see store/days.ts and store/old-results.ts). What a daemon concluded is written anew only when it changes;
-- the times that change with each result stand beside it.

-- A day may have several tables when the clock was set back. `day`: days since 1970-01-01, UTC.
CREATE TABLE days (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  day INTEGER NOT NULL
) STRICT;

-- The newest result of each series, at which its chain begins.
CREATE TABLE latest (
  series_id INTEGER PRIMARY KEY,
  result_id INTEGER NOT NULL,
  at_ms INTEGER NOT NULL
) STRICT;

ALTER TABLE host_state ADD COLUMN last_seen_ms INTEGER;

-- id: see store/rollups.ts. perfdata: {label: [unit, number of values, least, sum, greatest]}
CREATE TABLE rollups (
  id INTEGER PRIMARY KEY,
  ok INTEGER NOT NULL,
  warning INTEGER NOT NULL,
  critical INTEGER NOT NULL,
  unknown INTEGER NOT NULL,
  duration_sum_ms INTEGER NOT NULL,
  duration_max_ms INTEGER NOT NULL,
  perfdata TEXT
) STRICT;
