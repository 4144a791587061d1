-- How well users and values stand for each other in the last days: of all pairs of a user and a value, how many different
-- values and users there are, and how many of each have more than one of the other.
WITH pairs AS (
    SELECT DISTINCT main.user_id, detail.value
    FROM {main} AS main
    JOIN {detail} AS detail ON detail.key = main.key
    WHERE {counted} AND detail.value IS NOT NULL AND {created_at} > now() - make_interval(days => %(days)s)
),
values_found AS (
    SELECT value, count(user_id) AS users FROM pairs GROUP BY value
),
users_found AS (
    SELECT user_id, count(*) AS found FROM pairs WHERE user_id IS NOT NULL GROUP BY user_id
)
SELECT (SELECT count(*) FROM values_found), (SELECT count(*) FROM values_found WHERE users > 1),
    (SELECT count(*) FROM users_found), (SELECT count(*) FROM users_found WHERE found > 1)
