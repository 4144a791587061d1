-- Values that rows of anonymous users hold, and which of them the header rule does not accept. The marks in braces:
-- the column; the conditions of a value that the rule does not accept, of a row of this run, and of a row of an earlier
-- one beyond its address. Apart are counted the rows of a run of the gate, by the ids of its replies, and those that
-- earlier runs left: at addresses that nobody has (for documentation), with an id that a journal holds, or marked by the
-- user agent. The index on the column finds the rows that hold a value at all.
SELECT count(*) FILTER (WHERE held.whose = 'application'), count(*) FILTER (WHERE held.bad AND held.whose = 'application'),
    (array_agg(held.value ORDER BY length(held.value)) FILTER (WHERE held.bad AND held.whose = 'application'))[1:5],
    count(*) FILTER (WHERE held.whose = 'run'), count(*) FILTER (WHERE held.whose = 'address'),
    count(*) FILTER (WHERE held.whose = 'earlier')
FROM (
    SELECT metadata.{column}::text AS value, {bad} AS bad,
        CASE
            WHEN {own} THEN 'run'
            WHEN usage.kilo_user_id COLLATE "C" ~ %(reserved)s THEN 'address'
            WHEN {earlier} THEN 'earlier'
            ELSE 'application'
        END AS whose
    FROM microdollar_usage_metadata AS metadata
    JOIN microdollar_usage AS usage ON usage.id = metadata.id
    WHERE metadata.{column} IS NOT NULL AND usage.kilo_user_id COLLATE "C" LIKE %(anonymous)s
) AS held
