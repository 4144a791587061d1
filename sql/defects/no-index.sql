-- Defect: the index is left out.
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
