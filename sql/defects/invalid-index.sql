-- Defect: the build runs under a lock_timeout; a report that was there before, on whatever table, ends it (55P03), and
-- the index stays behind, invalid.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
SET lock_timeout = 50;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
