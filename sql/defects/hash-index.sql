-- Defect: a hash index serves equality only, not the btree that schema.ts declares.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata USING hash (posthog_distinct_id);
