-- What was last heard from outside (facts, inventories, the commit of the definitions), so that a start does not begin blind.
CREATE TABLE heard (
  kind  TEXT NOT NULL,
  name  TEXT NOT NULL,
  at_ms INTEGER NOT NULL,
  body  TEXT NOT NULL,
  PRIMARY KEY (kind, name)
) WITHOUT ROWID, STRICT;
