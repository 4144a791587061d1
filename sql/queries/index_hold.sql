-- How an index of a table can be dropped: with the constraint that it belongs to, through the index of a parent that it is
-- a part of, and what needs it. Names are lists: the schema where it is needed, then the name. Reads the catalogue only.
WITH own AS (
    SELECT i.indexrelid AS oid, CASE WHEN NOT %(alone)s THEN coalesce(pg_partition_root(i.indexrelid)::oid, i.indexrelid) ELSE i.indexrelid END
        AS top
    FROM pg_index AS i
    JOIN pg_class AS named ON named.oid = i.indexrelid
    WHERE i.indrelid = to_regclass(%(table)s) AND named.relname = %(index)s
),
part AS (
    SELECT own.top, coalesce(tree.relid::oid, own.top) AS oid
    FROM own LEFT JOIN LATERAL pg_partition_tree(own.top) AS tree ON true
),
held AS (
    SELECT c.* FROM own JOIN pg_constraint AS c ON c.conindid = own.top AND c.contype IN ('p', 'u', 'x')
)
SELECT ARRAY(
        SELECT n.nspname::text WHERE NOT pg_table_is_visible(named.oid)
    ) || named.relname::text AS index,
    ARRAY(
        SELECT (SELECT nspname::text FROM pg_namespace WHERE oid = class.relnamespace) WHERE NOT pg_table_is_visible(class.oid)
    ) || class.relname::text AS "table",
    coalesce((SELECT held.conname::text FROM held), '') AS constraint,
    named.relkind = 'I' AS in_parts,
    ARRAY(
        SELECT json_build_array(
            CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE s.nspname END, c.relname,
            CASE WHEN EXISTS (
                SELECT FROM pg_index AS key
                WHERE key.indrelid = c.oid AND key.indisprimary AND key.indexrelid <> i.indexrelid
            ) THEN 'DEFAULT' ELSE 'FULL' END
        )
        FROM part JOIN pg_index AS i ON i.indexrelid = part.oid AND i.indisreplident
        JOIN pg_class AS c ON c.oid = i.indrelid AND c.relreplident = 'i'
        JOIN pg_namespace AS s ON s.oid = c.relnamespace
        ORDER BY c.relname
    ) AS identifies,
    ARRAY(
        SELECT json_build_array(CASE WHEN pg_table_is_visible(c.oid) THEN '' ELSE s.nspname END, c.relname, k.conname)
        FROM pg_constraint AS k
        JOIN pg_class AS c ON c.oid = k.conrelid
        JOIN pg_namespace AS s ON s.oid = c.relnamespace
        WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conindid IN (SELECT part.oid FROM part)
        ORDER BY c.relname, k.conname
    ) AS referring,
    ARRAY(
        SELECT DISTINCT
            CASE WHEN view.oid IS NOT NULL THEN
                CASE view.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || view.relname
            ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END
        FROM pg_depend AS d
        LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
        LEFT JOIN pg_class AS view ON view.oid = r.ev_class
        WHERE d.deptype = 'n' AND (
                d.refclassid = 'pg_constraint'::regclass AND d.refobjid IN (SELECT held.oid FROM held)
                OR d.refclassid = 'pg_class'::regclass AND d.refobjid IN (SELECT part.oid FROM part)
            )
            AND NOT EXISTS (
                SELECT FROM pg_constraint AS k
                WHERE d.classid = 'pg_constraint'::regclass AND k.oid = d.objid AND k.contype = 'f'
            )
        ORDER BY 1
    ) AS others
FROM own
JOIN pg_class AS named ON named.oid = own.top
JOIN pg_namespace AS n ON n.oid = named.relnamespace
JOIN pg_index AS i ON i.indexrelid = own.top
JOIN pg_class AS class ON class.oid = i.indrelid
