-- Defect: the index leaves out the rows without a value; schema.ts declares it over every row.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id)
WHERE posthog_distinct_id IS NOT NULL;
