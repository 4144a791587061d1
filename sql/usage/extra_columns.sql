-- Columns that later migrations of a backend of one's own may have added: none of them is the rollout's.
ALTER TABLE microdollar_usage ADD COLUMN abuse_delay bigint, ADD COLUMN region text NOT NULL DEFAULT 'eu';
ALTER TABLE microdollar_usage_metadata ADD COLUMN machine_id text, ADD COLUMN feature_id integer,
    ADD COLUMN tags jsonb NOT NULL DEFAULT '[]';
CREATE INDEX idx_microdollar_usage_metadata_machine_id ON microdollar_usage_metadata (machine_id);
