-- Defect: the build runs under a lock_timeout; a report that was there before, on whatever table, ends it (55P03), and
-- the index stays behind, invalid.
ALTER TABLE {table} ADD COLUMN {column} {type};
SET lock_timeout = 50;
CREATE INDEX CONCURRENTLY {index} ON {table} ({column});
