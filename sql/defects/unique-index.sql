-- Defect: a unique index; the second request of an installation loses its row (23505).
ALTER TABLE {table} ADD COLUMN {column} {type};
CREATE UNIQUE INDEX CONCURRENTLY {index} ON {table} ({column});
