-- Requests of which there is more than one pair of rows, by the id of the reply.
SELECT metadata.message_id, count(*)
FROM microdollar_usage AS usage
JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
WHERE usage.created_at >= %(since)s AND metadata.message_id = ANY(%(message_ids)s)
GROUP BY metadata.message_id
HAVING count(*) > 1
