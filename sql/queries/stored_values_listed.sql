-- Each value that rows of those hold who store the header, with how many rows and whose they are; for a rule that is not
-- said in SQL. The marks in braces are as in stored_values.sql.
SELECT held.value, held.whose, count(*)
FROM (
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
) AS held
GROUP BY held.value, held.whose
