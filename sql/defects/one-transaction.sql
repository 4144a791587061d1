-- Defect: in one transaction the lock of ALTER TABLE lasts until the index is built; every reader waits, too.
BEGIN;
ALTER TABLE microdollar_usage_metadata ADD COLUMN posthog_distinct_id text;
CREATE INDEX idx_microdollar_usage_metadata_posthog_distinct_id ON microdollar_usage_metadata (posthog_distinct_id);
COMMIT;
