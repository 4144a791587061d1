-- Values that rows of those hold who store the header, and which of them the header rule does not accept. The marks in
-- braces: the relations and conditions of relations.py; the conditions of a value that the rule does not accept, of a
-- row of this run, and of a row of an earlier one beyond its address. Apart are counted the rows of a run of the gate, by
-- the ids of its replies, and those that earlier runs left: at addresses that nobody has (for documentation), with an id
-- that a journal holds, or marked by the user agent. The index on the column finds the rows that hold a value at all.
SELECT count(*) FILTER (WHERE held.whose = 'application'), count(*) FILTER (WHERE held.bad AND held.whose = 'application'),
    (array_agg(held.value ORDER BY length(held.value)) FILTER (WHERE held.bad AND held.whose = 'application'))[1:5],
    count(*) FILTER (WHERE held.whose = 'run'), count(*) FILTER (WHERE held.whose = 'address'),
    count(*) FILTER (WHERE held.whose = 'earlier')
FROM (
    SELECT detail.value::text AS value, {bad} AS bad,
        CASE
            WHEN {own} THEN 'run'
            WHEN {at_address} THEN 'address'
            WHEN {earlier} THEN 'earlier'
            ELSE 'application'
        END AS whose
    FROM {detail} AS detail
    JOIN {main} AS main ON main.key = detail.key
    WHERE detail.value IS NOT NULL AND {counted}
) AS held
