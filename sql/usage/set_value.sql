-- Stores another value with a request that has its rows: what a faulty backend's job may do later.
UPDATE microdollar_usage_metadata SET posthog_distinct_id = %(new)s WHERE id = %(usage_id)s
