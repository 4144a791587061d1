-- Writes a request's number into a column that is not the rollout's. Needs usage/own_columns.sql.
UPDATE microdollar_usage_metadata SET request_number = %(number)s WHERE id = %(usage_id)s
