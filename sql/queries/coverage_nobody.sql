-- Ids of the last days that lead to no person in PostHog, with their requests: those that it takes for nobody's (bare or
-- in quotes, in any case, with blanks around them), and those of which it keeps only the beginning.
WITH ids AS (
    SELECT mum.posthog_distinct_id AS id, count(*) AS requests
    FROM microdollar_usage AS mu
    JOIN microdollar_usage_metadata AS mum ON mum.id = mu.id
    WHERE mu.kilo_user_id LIKE %(anonymous)s AND mum.posthog_distinct_id IS NOT NULL
        AND mu.created_at > now() - make_interval(days => %(days)s)
    GROUP BY mum.posthog_distinct_id
)
SELECT count(*) FILTER (WHERE nobodys), coalesce(sum(requests) FILTER (WHERE nobodys), 0)::bigint,
    count(*) FILTER (WHERE cut), coalesce(sum(requests) FILTER (WHERE cut), 0)::bigint
FROM (
    -- COLLATE "C": letters are folded as ASCII whatever the database's locale is
    SELECT requests, char_length(id) > %(kept)s AS cut,
        lower(btrim(id, %(blanks)s) COLLATE "C") = ANY(%(nobody)s) AS nobodys
    FROM ids
) AS judged
