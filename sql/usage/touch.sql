-- Notes when a request's metadata row was changed last. Needs usage/own_columns.sql.
UPDATE microdollar_usage_metadata SET updated_at = clock_timestamp() WHERE id = %(usage_id)s
