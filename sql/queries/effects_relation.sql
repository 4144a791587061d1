-- What a name stands for: table, view or partitioned table, and the tables that inherit from it or it from.
-- Reads the catalogue only.
SELECT class.relkind::text AS kind,
    CASE WHEN class.relkind IN ('v', 'm') THEN pg_get_viewdef(class.oid, true) END AS view,
    CASE WHEN class.relkind = 'p' THEN pg_get_partkeydef(class.oid) END AS partition_key,
    ARRAY(
        SELECT pg_get_partition_constraintdef(leaf.relid)
        FROM pg_partition_tree(class.oid) AS leaf WHERE leaf.isleaf AND leaf.relid <> class.oid
    ) AS leaves,
    CASE WHEN class.relispartition THEN pg_get_partition_constraintdef(class.oid) END AS bound,
    ARRAY(
        SELECT child.oid::regclass::text FROM pg_inherits AS i JOIN pg_class AS child ON child.oid = i.inhrelid
        WHERE i.inhparent = class.oid AND NOT child.relispartition ORDER BY 1
    ) AS children,
    ARRAY(
        SELECT i.inhparent::regclass::text FROM pg_inherits AS i WHERE i.inhrelid = class.oid ORDER BY 1
    ) AS parents,
    EXISTS (SELECT FROM pg_partitioned_table AS p WHERE p.partrelid = class.oid AND p.partdefid <> 0) AS has_default,
    EXISTS (SELECT FROM pg_partition_tree(class.oid) AS part WHERE NOT part.isleaf AND part.relid <> class.oid)
        AS has_parts_in_parts,
    ARRAY(
        SELECT DISTINCT base.oid::regclass::text
        FROM pg_rewrite AS r
        JOIN pg_depend AS d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid
            AND d.refclassid = 'pg_class'::regclass AND d.refobjid <> class.oid
        JOIN pg_class AS base ON base.oid = d.refobjid
        WHERE r.ev_class = class.oid AND r.rulename = '_RETURN' ORDER BY 1
    ) AS bases,
    -- A foreign table whose wrapper has no handler cannot be asked.
    class.relkind = 'r' OR class.relkind = 'p'
    OR class.relkind = 'v' AND pg_relation_is_updatable(class.oid, true) & 8 <> 0 AS insertable,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute AS a
        WHERE class.relkind = 'v' AND a.attrelid = class.oid AND a.attnum > 0
            AND NOT pg_column_is_updatable(class.oid, a.attnum, true)
    ) AS unwritable
FROM pg_class AS class
WHERE class.oid = to_regclass(quote_ident(%(table)s))
