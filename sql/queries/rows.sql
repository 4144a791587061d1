-- The rows of a batch of requests. A request's metadata row carries its upstream id; a usage row that has no
-- metadata row (or the reverse) is found by its user or its upstream id and shows NULL on the other side.
-- The mark in braces is the column that is rolled out, or NULL where the schema has none. The lower bound on
-- created_at lets its index keep the look small.
WITH metadata AS (
    SELECT id, message_id, created_at, {value} AS value
    FROM microdollar_usage_metadata
    WHERE created_at >= %(since)s AND message_id = ANY(%(message_ids)s)
),
usage AS (
    SELECT id, kilo_user_id, created_at, cost
    FROM microdollar_usage
    WHERE created_at >= %(since)s AND kilo_user_id = ANY(%(user_ids)s)
    UNION
    SELECT usage.id, usage.kilo_user_id, usage.created_at, usage.cost
    FROM microdollar_usage AS usage JOIN metadata USING (id)
)
SELECT usage.id, usage.kilo_user_id, metadata.id, metadata.message_id, metadata.value
FROM usage FULL JOIN metadata ON usage.id = metadata.id
ORDER BY coalesce(metadata.created_at, usage.created_at), coalesce(usage.id, metadata.id)
