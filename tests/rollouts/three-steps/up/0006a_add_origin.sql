-- Adds a second column, nullable for as long as old replicas write.
SET lock_timeout = '2s';
ALTER TABLE microdollar_usage_metadata ADD COLUMN id_origin text;
