-- From here on each row must have it: refused (23502) while one has none.
SET lock_timeout = '2s';
ALTER TABLE microdollar_usage_metadata ALTER COLUMN id_origin SET NOT NULL;
