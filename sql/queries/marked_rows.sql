-- Rows that carry the mark of a run in their user agent, or are at an address for documentation, by the run, and whether
-- both is so; those that a journal tells of are counted apart. A row without its other side has at most one of the two.
-- The marks in braces: `pattern` takes the run's name out; the others see harness/database/relations.py.
WITH held AS (
    SELECT {created_at} AS created_at,
        substring(detail.agent FROM {pattern}) AS run,
        coalesce({at_address}, false) AS at_address,
        coalesce(main.user_id = ANY(%(user_ids)s), false)
            OR coalesce({reply_id} = ANY(%(reply_ids)s), false) AS noted
    FROM {main} AS main
    FULL JOIN {marked} AS detail ON detail.key = main.key
)
SELECT run, at_address, noted, count(*), max(created_at)::text
FROM held
WHERE run IS NOT NULL OR at_address
GROUP BY run, at_address, noted
ORDER BY run, at_address, noted
