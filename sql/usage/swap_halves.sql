-- A request's metadata row and the one before it, if that is of the last minute, take each other's message_id.
UPDATE microdollar_usage_metadata AS metadata
SET message_id = CASE WHEN metadata.id = mine.id THEN other.message_id ELSE mine.message_id END
FROM microdollar_usage_metadata AS mine, (
    SELECT id, message_id FROM microdollar_usage_metadata
    WHERE id <> %(usage_id)s AND created_at > now() - interval '1 minute'
    ORDER BY created_at DESC LIMIT 1
) AS other
WHERE mine.id = %(usage_id)s AND metadata.id IN (mine.id, other.id)
