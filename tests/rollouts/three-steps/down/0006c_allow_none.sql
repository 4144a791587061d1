SET lock_timeout = '2s';
ALTER TABLE microdollar_usage_metadata ALTER COLUMN id_origin DROP NOT NULL;
