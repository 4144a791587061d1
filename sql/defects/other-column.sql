-- Defect: the index has the right name and is on another column.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (message_id);
