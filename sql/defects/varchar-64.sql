-- Defect: the type is shorter than the longest value that the header rule lets through; the whole row is lost (22001).
ALTER TABLE {table} ADD COLUMN {column} {varchar}(64);
CREATE INDEX CONCURRENTLY {index} ON {table} ({column});
