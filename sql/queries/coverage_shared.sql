-- Ids that came from the most addresses in the last days, with how many: an id that many installations share, or one
-- installation that moves about.
SELECT mum.posthog_distinct_id, count(DISTINCT mu.kilo_user_id) AS users, count(*) AS requests
FROM microdollar_usage AS mu
JOIN microdollar_usage_metadata AS mum ON mum.id = mu.id
WHERE mu.kilo_user_id LIKE %(anonymous)s AND mum.posthog_distinct_id IS NOT NULL
    AND mu.created_at > now() - make_interval(days => %(days)s)
GROUP BY mum.posthog_distinct_id
HAVING count(DISTINCT mu.kilo_user_id) > 1
ORDER BY users DESC, mum.posthog_distinct_id
LIMIT %(most)s
