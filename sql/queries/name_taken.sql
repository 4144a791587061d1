-- What else has the name that an index of a table is to have, in the schema of that table. Reads the catalogue only.
SELECT CASE WHEN i.indexrelid IS NOT NULL THEN 'index' ELSE
        CASE taken.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'S' THEN 'sequence'
            WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END
    END AS kind,
    coalesce(holder.relname::text, '') AS holder, n.nspname::text AS schema
FROM pg_class AS class
JOIN pg_namespace AS n ON n.oid = class.relnamespace
JOIN pg_class AS taken ON taken.relnamespace = class.relnamespace AND taken.relname = %(index)s
LEFT JOIN pg_index AS i ON i.indexrelid = taken.oid
LEFT JOIN pg_class AS holder ON holder.oid = i.indrelid
WHERE class.oid = to_regclass(quote_ident(%(table)s)) AND i.indrelid IS DISTINCT FROM class.oid
