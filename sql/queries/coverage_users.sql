-- Users with each of their values, the busiest first, within the last days; without users the values alone.
SELECT main.user_id, detail.value::text, count(*) AS requests
FROM {main} AS main
JOIN {detail} AS detail ON detail.key = main.key
WHERE {counted} AND detail.value IS NOT NULL AND {created_at} > now() - make_interval(days => %(days)s)
GROUP BY main.user_id, detail.value
ORDER BY requests DESC, main.user_id, detail.value
LIMIT %(most)s
