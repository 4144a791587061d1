-- Defect: the index has the right name and is on another column.
ALTER TABLE {table} ADD COLUMN {column} {type};
CREATE INDEX CONCURRENTLY {index} ON {table} ({reply_id});
