-- Adds the column; first half of the rollout's migration, before any replica that writes the column.
-- Locks: ACCESS EXCLUSIVE on microdollar_usage_metadata, for milliseconds: a nullable column without a default changes
-- the catalogue only, no row is rewritten. But while it waits behind an open transaction, every later reader and
-- writer of the table waits behind it. Hence lock_timeout: it gives up (55P03) with nothing changed; run it again.
-- Transaction: may run in one, which should then do nothing else: the lock is held until its end.
SET lock_timeout = '2s';
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
