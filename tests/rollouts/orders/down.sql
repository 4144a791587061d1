-- Drops the column and every value in it.
SET lock_timeout = '2s';
ALTER TABLE order_audit DROP COLUMN request_origin;
