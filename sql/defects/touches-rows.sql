-- Defect: a backfill in the migration changes rows that were there.
ALTER TABLE {table} ADD COLUMN {column} {type};
UPDATE {table} SET {reply_id} = lower({reply_id}) || '.' WHERE {reply_id} IS NOT NULL;
CREATE INDEX CONCURRENTLY {index} ON {table} ({column});
