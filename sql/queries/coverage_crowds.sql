-- Users that had the most values in the last days, with how many: many clients behind one user, or one that sends what it
-- likes.
SELECT main.user_id, count(DISTINCT detail.value) AS found, count(*) AS requests
FROM {main} AS main
JOIN {detail} AS detail ON detail.key = main.key
WHERE {counted} AND main.user_id IS NOT NULL AND detail.value IS NOT NULL
    AND {created_at} > now() - make_interval(days => %(days)s)
GROUP BY main.user_id
HAVING count(DISTINCT detail.value) > 1
ORDER BY found DESC, main.user_id
LIMIT %(most)s
