-- What a target is told of problems that belong together, whole documents as in 0003. A message of a conversation names it: its
-- recovery is the conversation's affair. Due messages are read target by target.

ALTER TABLE messages ADD COLUMN conversation TEXT;
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (target, next_attempt_at_ms, id) WHERE status = 'pending';
CREATE INDEX messages_by_status ON messages (status, id);

CREATE TABLE conversations (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  until_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
CREATE INDEX conversations_by_end ON conversations (until_ms);
