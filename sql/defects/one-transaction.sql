-- Defect: in one transaction the lock of ALTER TABLE lasts until the index is built; every reader waits, too.
BEGIN;
ALTER TABLE {table} ADD COLUMN {column} {type};
CREATE INDEX {index} ON {table} ({column});
COMMIT;
