-- Defect: a hash index serves equality only, not the btree that is declared.
ALTER TABLE {table} ADD COLUMN {column} {type};
CREATE INDEX CONCURRENTLY {index} ON {table} USING hash ({column});
