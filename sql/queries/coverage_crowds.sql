-- Addresses that had the most ids in the last days, with how many: many installations behind one address, or one that
-- sends what it likes.
SELECT mu.kilo_user_id, count(DISTINCT mum.posthog_distinct_id) AS ids, count(*) AS requests
FROM microdollar_usage AS mu
JOIN microdollar_usage_metadata AS mum ON mum.id = mu.id
WHERE mu.kilo_user_id LIKE %(anonymous)s AND mum.posthog_distinct_id IS NOT NULL
    AND mu.created_at > now() - make_interval(days => %(days)s)
GROUP BY mu.kilo_user_id
HAVING count(DISTINCT mum.posthog_distinct_id) > 1
ORDER BY ids DESC, mu.kilo_user_id
LIMIT %(most)s
