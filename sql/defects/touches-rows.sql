-- Defect: a backfill in the migration changes rows that were there.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
UPDATE microdollar_usage_metadata SET upstream_id = lower(upstream_id) || '.' WHERE upstream_id IS NOT NULL;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
