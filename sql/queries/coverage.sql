-- How many requests of anonymous users there were in the last days, and how many of them carry an id; a line for each
-- day that had any (UTC). The plan's first query, which divides by zero where there are none; here the caller divides.
-- The index on created_at bounds what is read.
SELECT mu.created_at::date AS day, count(*) AS requests, count(mum.posthog_distinct_id) AS with_id
FROM microdollar_usage AS mu
JOIN microdollar_usage_metadata AS mum ON mum.id = mu.id
WHERE mu.kilo_user_id LIKE %(anonymous)s AND mu.created_at > now() - make_interval(days => %(days)s)
GROUP BY day
ORDER BY day
