-- Defect: a default that is computed for each row rewrites the whole table under ACCESS EXCLUSIVE.
ALTER TABLE {table} ADD COLUMN {column} {text} DEFAULT gen_random_uuid()::text;
CREATE INDEX CONCURRENTLY {index} ON {table} ({column});
