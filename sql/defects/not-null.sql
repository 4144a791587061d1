-- Defect: the column is NOT NULL without a default; refused (23502) as soon as the table has a row.
ALTER TABLE {table} ADD COLUMN {column} {type} NOT NULL;
CREATE INDEX CONCURRENTLY {index} ON {table} ({column});
