-- The indexes and statistics of a table, and of all that inherit from it, that hold a column and look at more than its
-- name: each with what has to be true for ALTER TYPE text to make it again. Those of constraints are left out, and copies
-- that partitions have of an index. Reads the catalogue only.
WITH RECURSIVE tree (relid) AS (
    SELECT to_regclass(%(table)s)::oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_inherits AS i ON i.inhparent = tree.relid
)
SELECT 'index' AS kind, named.relname::text AS name, class.relname::text AS stands_on,
    'DROP INDEX IF EXISTS ' || i.indexrelid::regclass::text AS gone,
    -- A class by itself must take text; one that goes without saying must have its like for text.
    NOT EXISTS (
        SELECT FROM unnest(i.indclass) WITH ORDINALITY AS key (class_oid, place)
        JOIN pg_opclass AS o ON o.oid = key.class_oid
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[key.place - 1]
        WHERE a.attname = %(column)s AND o.opcintype <> 'text'::regtype AND NOT (
                o.opcdefault AND EXISTS (
                    SELECT FROM pg_opclass AS other
                    WHERE other.opcmethod = o.opcmethod AND other.opcdefault AND other.opcintype = 'text'::regtype
                )
            )
    ) AS has_class,
    ARRAY(
        SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) AS n WHERE i.indkey[n - 1] = 0
    ) || ARRAY(SELECT pg_get_expr(i.indpred, i.indrelid, true) WHERE i.indpred IS NOT NULL) AS expressions
FROM tree
JOIN pg_index AS i ON i.indrelid = tree.relid
JOIN pg_class AS class ON class.oid = i.indrelid
JOIN pg_class AS named ON named.oid = i.indexrelid
WHERE NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = i.indexrelid)
    AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = i.indexrelid AND contype IN ('p', 'u', 'x'))
    AND EXISTS (
        SELECT FROM pg_depend AS d
        JOIN pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
        WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid = i.indrelid AND a.attname = %(column)s
    )
UNION ALL
SELECT 'statistics', s.stxname::text, class.relname::text,
    'DROP STATISTICS IF EXISTS ' || s.stxnamespace::regnamespace::text || '.' || quote_ident(s.stxname), true,
    ARRAY(SELECT substring(pg_get_statisticsobjdef(s.oid) FROM '(?s) ON (.*) FROM '))
FROM tree
JOIN pg_statistic_ext AS s ON s.stxrelid = tree.relid
JOIN pg_class AS class ON class.oid = s.stxrelid
ORDER BY 1, 2
