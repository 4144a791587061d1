-- The rows of some requests in a database of which only the plan's columns are known: by the id of the reply, and by
-- the user where he has no other request. A usage row without metadata shows NULL on that side. The marks in braces are
-- the column that is rolled out (or NULL where the schema has none), and the columns of each table that may be read, as
-- arrays of text. Reads no more than the usage since a moment, so an index on created_at keeps it small.
SELECT usage.id, usage.kilo_user_id, usage.created_at, metadata.id, metadata.message_id, {value},
    {usage_columns}, {metadata_columns}
FROM microdollar_usage AS usage
LEFT JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
WHERE usage.created_at >= %(since)s
    AND (metadata.message_id = ANY(%(message_ids)s) OR usage.kilo_user_id = ANY(%(user_ids)s))
