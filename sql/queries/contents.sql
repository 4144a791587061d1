-- What a database holds of its users, a line for each: schema, kind and name of relations, functions and types that belong
-- to no extension. Reads the catalogue only, which every role may.
-- Source: PostgreSQL, "System Catalogs".
WITH owned (class, oid) AS (
    SELECT classid, objid FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
),
found (class, oid, namespace, kind, name) AS (
    SELECT 'pg_class'::regclass::oid, c.oid, c.relnamespace,
        CASE c.relkind WHEN 'S' THEN 'sequence' WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view'
            WHEN 'f' THEN 'foreign table' WHEN 'c' THEN 'type' ELSE 'table' END,
        c.relname::text
    FROM pg_class AS c WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S', 'c')
    UNION ALL
    SELECT 'pg_proc'::regclass::oid, p.oid, p.pronamespace, 'function', p.proname::text FROM pg_proc AS p
    UNION ALL
    SELECT 'pg_type'::regclass::oid, t.oid, t.typnamespace, 'type', t.typname::text
    FROM pg_type AS t WHERE t.typtype IN ('d', 'e', 'r')
)
SELECT n.nspname::text, found.kind, found.name
FROM found
JOIN pg_namespace AS n ON n.oid = found.namespace
WHERE n.nspname NOT IN ('pg_catalog', 'information_schema') AND n.nspname !~ '^pg_(toast|temp)'
    AND NOT EXISTS (SELECT 1 FROM owned WHERE owned.class = found.class AND owned.oid = found.oid)
ORDER BY found.kind <> 'table', n.nspname, found.name
