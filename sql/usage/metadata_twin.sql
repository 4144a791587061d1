-- A second metadata row of a request, with an id of its own: what a faulty backend may leave.
INSERT INTO microdollar_usage_metadata (id, created_at, message_id, status_code, streamed, has_tools, posthog_distinct_id)
SELECT gen_random_uuid(), now(), message_id, status_code, streamed, has_tools, posthog_distinct_id
FROM microdollar_usage_metadata WHERE id = %(usage_id)s
