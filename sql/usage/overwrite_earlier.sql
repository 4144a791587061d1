-- Stores a value with the request before of the same user, if that is of the last minute.
UPDATE microdollar_usage_metadata SET posthog_distinct_id = %(new)s
WHERE id = (
    SELECT id FROM microdollar_usage
    WHERE kilo_user_id = %(kilo_user_id)s AND id <> %(usage_id)s AND created_at > now() - interval '1 minute'
    ORDER BY created_at DESC LIMIT 1
)
