-- How many rows both tables hold, whoever caused them.
SELECT (SELECT count(*) FROM microdollar_usage), (SELECT count(*) FROM microdollar_usage_metadata)
