-- How many requests there were in the last days of users whose rows hold the header's value, and how many of them carry
-- one; a line for each day that had any (UTC). An index on the time bounds what is read.
-- The marks in braces: see harness/database/relations.py.
SELECT {created_at}::date AS day, count(*) AS requests, count(detail.value) AS with_value
FROM {main} AS main
JOIN {detail} AS detail ON detail.key = main.key
WHERE {counted} AND {created_at} > now() - make_interval(days => %(days)s)
GROUP BY day
ORDER BY day
