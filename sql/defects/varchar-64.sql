-- Defect: the type is shorter than the longest value that the header rule lets through; the whole row is lost (22001).
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id varchar(64);
CREATE INDEX CONCURRENTLY idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
