ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id TEXT;

-- Use CONCURRENTLY to avoid blocking writes on large table
-- Note: Cannot be run in a transaction, may need separate execution
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id
ON microdollar_usage_metadata(posthog_distinct_id);
