-- Defect: the index is left out.
ALTER TABLE {table} ADD COLUMN {column} {type};
