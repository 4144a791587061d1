-- Values that rows of anonymous users hold, and which of them the header rule does not accept. The marks in braces:
-- the column; and the condition of a value that the rule does not accept. The index on the column finds the rows that
-- hold a value at all.
SELECT count(*), count(*) FILTER (WHERE {bad}),
    (array_agg(metadata.{column}::text ORDER BY length(metadata.{column}::text)) FILTER (WHERE {bad}))[1:5]
FROM microdollar_usage_metadata AS metadata
JOIN microdollar_usage AS usage ON usage.id = metadata.id
WHERE metadata.{column} IS NOT NULL AND usage.kilo_user_id COLLATE "C" LIKE {anonymous}
