-- Columns that a backend of one's own may have beside the rollout's, written by usage/own_value.sql and usage/touch.sql.
ALTER TABLE microdollar_usage_metadata ADD COLUMN request_number bigint, ADD COLUMN updated_at timestamptz;
