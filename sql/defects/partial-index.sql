-- Defect: the index leaves out the rows without a value; it is declared over every row.
ALTER TABLE {table} ADD COLUMN {column} {type};
CREATE INDEX CONCURRENTLY {index} ON {table} ({column}) WHERE {column} IS NOT NULL;
