-- Metadata rows of some requests that have no usage row. Reads all metadata where message_id has no index: asked once,
-- of requests that are missing. The mark in braces is the column that is rolled out, or NULL where there is none.
SELECT metadata.id, metadata.message_id, {value}
FROM microdollar_usage_metadata AS metadata
WHERE metadata.message_id = ANY(%(message_ids)s)
    AND NOT EXISTS (SELECT 1 FROM microdollar_usage AS usage WHERE usage.id = metadata.id)
