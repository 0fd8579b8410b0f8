-- Hosts that registered themselves, under their names: whole documents with a checksum, as in 0003.

CREATE TABLE registrations (
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  until_ms INTEGER NOT NULL,
  body TEXT NOT NULL,
  checksum TEXT NOT NULL
) STRICT;
