-- The rows of some requests, from both tables and whether or not they have another side: by the id of the reply, by the
-- user where he has no other request, and by a value that nobody else sends. The marks in braces are as in
-- rows_with_usage.sql; `names` are the same columns by name, and `bounded` keeps metadata to a time where the table has
-- one, else the whole table is read: of somebody's database this is asked once, at the end of a run.
WITH usage AS (
    SELECT {usage_names} FROM microdollar_usage
    WHERE created_at >= %(since)s
), metadata AS (
    SELECT {metadata_names} FROM microdollar_usage_metadata
    WHERE {bounded}
        AND (
            message_id = ANY(%(message_ids)s)
            OR {sent}
            OR id IN (SELECT id FROM usage WHERE kilo_user_id = ANY(%(user_ids)s))
        )
)
SELECT usage.id, usage.kilo_user_id, usage.created_at, metadata.id, metadata.message_id, {value},
    {usage_columns}, {metadata_columns}
FROM metadata
LEFT JOIN usage ON usage.id = metadata.id
UNION ALL
SELECT usage.id, usage.kilo_user_id, usage.created_at, NULL, NULL, NULL::text, {usage_columns}, NULL::text[]
FROM usage
WHERE kilo_user_id = ANY(%(user_ids)s) AND NOT EXISTS (
    SELECT 1 FROM microdollar_usage_metadata AS other WHERE other.id = usage.id
)
ORDER BY 3, 1, 4
