-- What a database lacks of the baseline: each column that is missing or has another type. No row: it is the baseline,
-- or more than it. Further columns are no difference, as the rollout touches none of them.
-- Reads the catalogue only; takes no lock on the tables.
SELECT expected.table_name, expected.column_name,
    coalesce(format_type(to_regtype(expected.type_name), NULL), expected.type_name) AS type_name,
    format_type(found.atttypid, found.atttypmod) AS found_type
FROM unnest(%s::text[], %s::text[], %s::text[]) AS expected (table_name, column_name, type_name)
LEFT JOIN pg_attribute AS found
    ON found.attrelid = to_regclass(quote_ident(expected.table_name))
    AND found.attname = expected.column_name
    AND found.attnum > 0
    AND NOT found.attisdropped
WHERE found.atttypid IS DISTINCT FROM to_regtype(expected.type_name)
ORDER BY expected.table_name, expected.column_name
