-- How well addresses and ids stand for each other in the last days: of all pairs of an anonymous user and an id, how
-- many different ids and users there are, and how many of each have more than one of the other.
WITH pairs AS (
    SELECT DISTINCT mu.kilo_user_id, mum.posthog_distinct_id
    FROM microdollar_usage AS mu
    JOIN microdollar_usage_metadata AS mum ON mum.id = mu.id
    WHERE mu.kilo_user_id LIKE %(anonymous)s AND mum.posthog_distinct_id IS NOT NULL
        AND mu.created_at > now() - make_interval(days => %(days)s)
),
ids AS (
    SELECT posthog_distinct_id, count(*) AS users FROM pairs GROUP BY posthog_distinct_id
),
users AS (
    SELECT kilo_user_id, count(*) AS ids FROM pairs GROUP BY kilo_user_id
)
SELECT (SELECT count(*) FROM ids), (SELECT count(*) FROM ids WHERE users > 1),
    (SELECT count(*) FROM users), (SELECT count(*) FROM users WHERE ids > 1)
