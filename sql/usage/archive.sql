-- Copies one request's metadata row without naming columns: fails (42601) once the table has one more than the copy.
INSERT INTO microdollar_usage_metadata_archive SELECT * FROM microdollar_usage_metadata WHERE id = %(usage_id)s
