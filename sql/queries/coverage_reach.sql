-- Users of whom no request carried a value in the last days, and how many requests they sent: clients that do not send the
-- header. No value will come from them before they are updated, so they bound the coverage from above.
SELECT count(*) AS users, coalesce(sum(requests), 0)::bigint AS requests
FROM (
    SELECT main.user_id, count(*) AS requests
    FROM {main} AS main
    JOIN {detail} AS detail ON detail.key = main.key
    WHERE {counted} AND main.user_id IS NOT NULL AND {created_at} > now() - make_interval(days => %(days)s)
    GROUP BY main.user_id
    HAVING count(detail.value) = 0
) AS silent
