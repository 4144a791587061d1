-- What the tables of a database are made of, a row for each column, index and constraint: the table, and it in words. By
-- name, since a column that was dropped and added again stands elsewhere. Reads the catalogue only.
-- Source: PostgreSQL, "System Catalogs".
SELECT c.relname::text, format('column %s %s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
    CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END,
    coalesce(' DEFAULT ' || pg_get_expr(d.adbin, d.adrelid), ''))
FROM pg_class AS c
JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT c.relname, format('index %s%s', pg_get_indexdef(i.indexrelid),
    CASE WHEN i.indisvalid AND i.indisready THEN '' ELSE ' (invalid)' END)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indrelid
WHERE c.relnamespace = current_schema()::regnamespace
UNION ALL
SELECT c.relname, format('constraint %s: %s', k.conname, pg_get_constraintdef(k.oid))
FROM pg_constraint AS k
JOIN pg_class AS c ON c.oid = k.conrelid
WHERE k.connamespace = current_schema()::regnamespace
