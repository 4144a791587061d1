SET lock_timeout = '2s';
ALTER TABLE microdollar_usage_metadata DROP COLUMN id_origin;
