-- Rows that have the mark of a run alone, or an address for documentation alone, for somebody to look at. The marks in
-- braces are as in marked_rows.sql.
SELECT usage.id, usage.kilo_user_id, usage.created_at, metadata.id AS metadata_id, metadata.message_id, {agent} AS agent
FROM microdollar_usage AS usage
FULL JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
WHERE coalesce({agent} ~ {marked}, false) <> coalesce(usage.kilo_user_id COLLATE "C" ~ {reserved}, false)
ORDER BY 3, 1
