-- Defect: the column is NOT NULL without a default; refused (23502) as soon as the table has a row.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text NOT NULL;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
