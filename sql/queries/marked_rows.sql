-- Rows that carry the mark of a run in their user agent, or are at an address for documentation, by the run, and whether
-- both is so; those that a journal tells of are counted apart. A row without its other side has at most one of the two.
-- The marks in braces: the user agent of a row (or NULL where it cannot be read), and the two patterns; the first of
-- them takes the run's name out.
WITH held AS (
    SELECT usage.created_at,
        substring({agent} FROM {marked}) AS run,
        coalesce(usage.kilo_user_id COLLATE "C" ~ {reserved}, false) AS at_address,
        coalesce(usage.kilo_user_id = ANY(%(user_ids)s), false)
            OR coalesce(metadata.message_id = ANY(%(message_ids)s), false) AS noted
    FROM microdollar_usage AS usage
    FULL JOIN microdollar_usage_metadata AS metadata ON metadata.id = usage.id
)
SELECT run, at_address, noted, count(*), max(created_at)::text
FROM held
WHERE run IS NOT NULL OR at_address
GROUP BY run, at_address, noted
ORDER BY run, at_address, noted
