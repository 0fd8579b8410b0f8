-- What was asked of the API under an Idempotency-Key, and what was answered. The id is a hash of token, route and key; `asked` one of
-- the rest of the request; `audit_seq` the newest entry of the audit when it came. `answer` is NULL until it is known.

CREATE TABLE answers (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  token TEXT NOT NULL,
  asked TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  audit_seq INTEGER NOT NULL,
  answer TEXT,
  checksum TEXT NOT NULL
) STRICT;
CREATE INDEX answers_by_time ON answers (at_ms);
CREATE INDEX answers_by_token ON answers (token);
