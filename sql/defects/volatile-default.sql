-- Defect: a default that is computed for each row rewrites the whole table under ACCESS EXCLUSIVE.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text DEFAULT gen_random_uuid()::text;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
