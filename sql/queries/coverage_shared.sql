-- Values that came from the most users in the last days, with how many: a value that many clients share, or one client
-- that moves about.
SELECT detail.value::text, count(DISTINCT main.user_id) AS users, count(*) AS requests
FROM {main} AS main
JOIN {detail} AS detail ON detail.key = main.key
WHERE {counted} AND detail.value IS NOT NULL AND {created_at} > now() - make_interval(days => %(days)s)
GROUP BY detail.value
HAVING count(DISTINCT main.user_id) > 1
ORDER BY users DESC, detail.value
LIMIT %(most)s
