-- Every row of some users, whatever its metadata row says; the value is NULL where the schema has no such column.
SELECT usage.id, usage.kilo_user_id, metadata.id, metadata.message_id, to_jsonb(metadata) ->> %(column)s
FROM microdollar_usage AS usage
LEFT JOIN microdollar_usage_metadata AS metadata USING (id)
WHERE usage.kilo_user_id = ANY(%(user_ids)s) AND usage.created_at >= %(since)s
ORDER BY usage.created_at, usage.id
