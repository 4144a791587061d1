-- Defect: the column is NOT NULL with a default, so a writer that stores NULL explicitly is refused (23502).
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text NOT NULL DEFAULT '';
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
