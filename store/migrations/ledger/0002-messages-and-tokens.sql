-- Messages to people until they are delivered, and the API's tokens.

CREATE TABLE messages (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL UNIQUE,
  target TEXT NOT NULL,
  kind TEXT NOT NULL,
  run_id TEXT,
  host TEXT NOT NULL,
  ladder TEXT NOT NULL,
  body TEXT NOT NULL,
  created_at_ms INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_attempt_at_ms INTEGER NOT NULL,
  status TEXT NOT NULL DEFAULT 'pending',
  sent_at_ms INTEGER,
  last_error TEXT
) STRICT;
CREATE INDEX messages_due ON messages (next_attempt_at_ms) WHERE status = 'pending';
CREATE INDEX messages_by_ladder ON messages (host, ladder, id);
CREATE INDEX messages_by_time ON messages (created_at_ms);

-- secret_hash is sha256 of the secret, which itself is never stored.
CREATE TABLE tokens (
  id TEXT NOT NULL PRIMARY KEY,
  name TEXT NOT NULL,
  scopes TEXT NOT NULL,
  secret_hash BLOB NOT NULL UNIQUE,
  created_at_ms INTEGER NOT NULL,
  expires_at_ms INTEGER,
  last_used_at_ms INTEGER,
  checksum TEXT NOT NULL
) STRICT;
