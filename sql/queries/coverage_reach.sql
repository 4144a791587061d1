-- Anonymous users of whom no request carried an id in the last days, and how many requests they sent: clients that do
-- not send the header. No id will come from them before they are updated, so they bound the coverage from above.
SELECT count(*) AS users, coalesce(sum(requests), 0)::bigint AS requests
FROM (
    SELECT mu.kilo_user_id, count(*) AS requests
    FROM microdollar_usage AS mu
    JOIN microdollar_usage_metadata AS mum ON mum.id = mu.id
    WHERE mu.kilo_user_id LIKE %(anonymous)s AND mu.created_at > now() - make_interval(days => %(days)s)
    GROUP BY mu.kilo_user_id
    HAVING count(mum.posthog_distinct_id) = 0
) AS silent
