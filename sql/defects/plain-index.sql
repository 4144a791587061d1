-- Defect: without CONCURRENTLY every writer waits until the index is built (SHARE).
ALTER TABLE {table} ADD COLUMN {column} {type};
CREATE INDEX {index} ON {table} ({column});
