-- What is concluded of a check lies under the number of its series, so that a start reads both in one pass. What most checks
-- have in common, or what the row of the newest result tells as well, stands in columns of its own.
INSERT OR IGNORE INTO series (host, check_id) SELECT host, check_id FROM check_state;

-- last_result: as it was when the status was written; read only when its row is gone.
CREATE TABLE states (
  series_id INTEGER PRIMARY KEY,
  status TEXT NOT NULL,
  flap TEXT NOT NULL,
  last_result TEXT
) STRICT;

INSERT INTO states
  SELECT s.id, json_remove(c.status, '$.flap', '$.lastResult'), json_extract(c.status, '$.flap'),
    json_extract(c.status, '$.lastResult')
  FROM check_state AS c JOIN series AS s ON s.host = c.host AND s.check_id = c.check_id
  ORDER BY s.id;

DROP TABLE check_state;
ALTER TABLE states RENAME TO check_state;
