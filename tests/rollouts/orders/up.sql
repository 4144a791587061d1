-- Adds the column.
SET lock_timeout = '2s';
ALTER TABLE order_audit ADD COLUMN request_origin text;
