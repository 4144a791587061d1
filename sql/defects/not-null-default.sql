-- Defect: the column is NOT NULL with a default, so a writer that stores NULL explicitly is refused (23502).
ALTER TABLE {table} ADD COLUMN {column} {text} NOT NULL DEFAULT '';
CREATE INDEX CONCURRENTLY {index} ON {table} ({column});
