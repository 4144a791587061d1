-- Values that rows of those hold who store the header, each with whose row it is. The marks in braces: the relations and
-- conditions of relations.py; the conditions of a row of this run, and of a row of an earlier one beyond its address.
-- Apart are counted the rows of a run of the gate, by the ids of its replies, and those that earlier runs left: at
-- addresses that nobody has (for documentation), with an id that a journal holds, or marked by the user agent. The index
-- on the column finds the rows that hold a value at all.
SELECT detail.value::text AS value,
    CASE
        WHEN {own} THEN 'run'
        WHEN {at_address} THEN 'address'
        WHEN {earlier} THEN 'earlier'
        ELSE 'application'
    END AS whose
FROM {detail} AS detail
JOIN {main} AS main ON main.key = detail.key
WHERE detail.value IS NOT NULL AND {counted}
