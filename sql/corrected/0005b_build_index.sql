-- Builds the index while writers go on; second half, any time after 0005a.
-- Locks: SHARE UPDATE EXCLUSIVE on microdollar_usage_metadata for the whole build: reads and writes pass, other DDL,
-- VACUUM and a second build wait. It waits three times for transactions of others to end, for as long as they take.
-- Transaction: must NOT run in one (25001), nor beside another statement in one message.
-- No lock_timeout or statement_timeout: either would end the build in one of its waits and leave an invalid index,
-- which every write goes on paying for. No IF NOT EXISTS: it would pass over such an index in silence.
-- If it fails: recovery/drop_invalid_index.sql, then this file again.
SET lock_timeout = 0;
SET statement_timeout = 0;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id
ON microdollar_usage_metadata (posthog_distinct_id);
