-- Fills it in where it is empty; what old replicas write later is not filled in.
UPDATE microdollar_usage_metadata SET id_origin = 'unknown' WHERE id_origin IS NULL;
