-- Keys of rows of the runs named: those of which each detail's user agent names one of them and whose user is at an address for
-- documentation. The marks in braces are as in marked_rows.sql.
SELECT main.key
FROM {main} AS main
JOIN {marked} AS detail ON detail.key = main.key
WHERE {at_address}
GROUP BY main.key
HAVING bool_and(coalesce(substring(detail.agent FROM {pattern}) = ANY(%(runs)s), false))
