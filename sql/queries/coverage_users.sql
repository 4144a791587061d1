-- Anonymous users with each of their ids, the busiest first: the plan's second query, within the last days.
SELECT mu.kilo_user_id, mum.posthog_distinct_id, count(*) AS requests, sum(mu.cost) / 1000000.0 AS cost_usd
FROM microdollar_usage AS mu
JOIN microdollar_usage_metadata AS mum ON mum.id = mu.id
WHERE mu.kilo_user_id LIKE %(anonymous)s AND mum.posthog_distinct_id IS NOT NULL
    AND mu.created_at > now() - make_interval(days => %(days)s)
GROUP BY mu.kilo_user_id, mum.posthog_distinct_id
ORDER BY requests DESC, mu.kilo_user_id, mum.posthog_distinct_id
LIMIT %(most)s
