-- Rolls back 0005a: drops the column AND EVERY VALUE IN IT, and its index if that is still there.
-- Only when no replica writes the column any more: one that does would lose every user's rows (42703).
-- When the view reads the column, view_without_column.sql comes first.
-- Locks: ACCESS EXCLUSIVE on microdollar_usage_metadata, for milliseconds: the catalogue changes, no row is rewritten.
-- It gives up (55P03) with nothing changed when the lock is not to be had; run it again.
-- Transaction: may run in one, which should then do nothing else: the lock is held until its end.
SET lock_timeout = '2s';
ALTER TABLE microdollar_usage_metadata DROP COLUMN posthog_distinct_id;
