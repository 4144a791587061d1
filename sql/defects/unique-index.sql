-- Defect: a unique index; the second request of an installation loses its row (23505).
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
CREATE UNIQUE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
