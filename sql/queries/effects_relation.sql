-- What a name stands for: table, view or partitioned table, and the tables that inherit from it or it from.
-- Reads the catalogue only.
SELECT class.relkind::text AS kind, class.relispartition AS is_partition,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = above.relnamespace AND NOT pg_table_is_visible(above.oid)
    ) || above.relname::text AS top,
    class.reloftype <> 0 AS is_of_type,
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
    ARRAY(
        SELECT DISTINCT
            CASE WHEN view.oid IS NOT NULL THEN
                CASE view.relkind WHEN 'm' THEN 'materialized view ' ELSE 'view ' END || view.relname
            ELSE pg_describe_object(d.classid, d.objid, d.objsubid) END
        FROM pg_depend AS d
        LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid AND r.rulename = '_RETURN'
        LEFT JOIN pg_class AS view ON view.oid = r.ev_class
        WHERE class.relkind IN ('v', 'm') AND d.deptype = 'n' AND coalesce(view.oid, 0) <> class.oid
            AND (
                d.refclassid = 'pg_class'::regclass AND d.refobjid = class.oid
                OR d.refclassid = 'pg_type'::regclass
                AND d.refobjid IN (SELECT t.oid FROM pg_type AS t WHERE t.typrelid = class.oid OR t.typelem = class.reltype)
            )
            -- Its own rules and triggers go with it.
            AND NOT EXISTS (
                SELECT FROM pg_depend AS own
                WHERE own.classid = d.classid AND own.objid = d.objid AND own.deptype IN ('a', 'i')
                    AND own.refclassid = 'pg_class'::regclass AND own.refobjid = class.oid
            )
        ORDER BY 1
    ) AS readers,
    (
        SELECT name FROM (
            SELECT left(class.relname, 52) || '_view' || coalesce(nullif(n, 1)::text, '') AS name
            FROM generate_series(1, 99) AS n
        ) AS names
        WHERE NOT EXISTS (
            SELECT FROM pg_class AS c WHERE c.relnamespace = class.relnamespace AND c.relname = names.name
        )
        AND NOT EXISTS (
            SELECT FROM pg_type AS t WHERE t.typnamespace = class.relnamespace AND t.typname = names.name
        ) LIMIT 1
    ) AS free_name,
    (
        SELECT name FROM (
            SELECT left(class.relname, 52) || '_default' || coalesce(nullif(n, 1)::text, '') AS name
            FROM generate_series(1, 99) AS n
        ) AS names
        WHERE NOT EXISTS (
            SELECT FROM pg_class AS c WHERE c.relnamespace = class.relnamespace AND c.relname = names.name
        )
        AND NOT EXISTS (
            SELECT FROM pg_type AS t WHERE t.typnamespace = class.relnamespace AND t.typname = names.name
        ) LIMIT 1
    ) AS free_part,
    -- A foreign table whose wrapper has no handler cannot be asked.
    class.relkind = 'r' OR class.relkind = 'p'
    OR class.relkind = 'v' AND pg_relation_is_updatable(class.oid, true) & 8 <> 0 AS insertable,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute AS a
        WHERE class.relkind = 'v' AND a.attrelid = class.oid AND a.attnum > 0
            AND NOT pg_column_is_updatable(class.oid, a.attnum, true)
    ) AS unwritable
FROM pg_class AS class
JOIN pg_class AS above ON above.oid = CASE WHEN class.relispartition THEN pg_partition_root(class.oid)::oid ELSE class.oid END
WHERE class.oid = to_regclass(quote_ident(%(table)s))
