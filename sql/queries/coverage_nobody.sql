-- Values of the last days that the service which reads them cannot use, with their requests: those that it takes for
-- nobody's (bare or in quotes, in any case, with blanks around them), and those of which it keeps only the beginning.
WITH held AS (
    SELECT detail.value::text AS value, count(*) AS requests
    FROM {main} AS main
    JOIN {detail} AS detail ON detail.key = main.key
    WHERE {counted} AND detail.value IS NOT NULL AND {created_at} > now() - make_interval(days => %(days)s)
    GROUP BY detail.value
)
SELECT count(*) FILTER (WHERE nobodys), coalesce(sum(requests) FILTER (WHERE nobodys), 0)::bigint,
    count(*) FILTER (WHERE cut), coalesce(sum(requests) FILTER (WHERE cut), 0)::bigint
FROM (
    -- COLLATE "C": letters are folded as ASCII whatever the database's locale is
    SELECT requests, coalesce(char_length(value) > %(kept)s, false) AS cut,
        lower(btrim(value, %(blanks)s) COLLATE "C") = ANY(%(nobody)s) AS nobodys
    FROM held
) AS judged
