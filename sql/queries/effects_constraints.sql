-- What a table and its partitions check of a row: CHECK and EXCLUDE constraints and foreign keys, those of their own only.
-- Reads the catalogue only. A constraint that is enforced by triggers holds nothing once these are disabled.
SELECT class.relname::text AS relation,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = class.relnamespace AND NOT pg_table_is_visible(class.oid)
    ) || class.relname::text AS at,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = above.relnamespace AND NOT pg_table_is_visible(above.oid)
    ) || above.relname::text AS top,
    coalesce(origin.name, held.conname)::text AS top_name, held.conislocal AS is_local, held.conname::text AS name, held.contype::text AS kind,
    pg_get_constraintdef(held.oid, true) AS definition,
    pg_get_expr(held.conbin, held.conrelid) AS expression,
    ARRAY(
        SELECT a.attname::text FROM unnest(held.conkey) AS key (number)
        JOIN pg_attribute AS a ON a.attrelid = held.conrelid AND a.attnum = key.number
    ) AS columns,
    coalesce((to_jsonb(held) ->> 'conenforced')::boolean, true)
    AND NOT EXISTS (
        SELECT 1 FROM pg_trigger AS t
        WHERE t.tgconstraint = held.oid AND t.tgrelid = held.conrelid AND t.tgenabled IN ('D', 'R')
    ) AS enforced,
    held.confrelid::regclass::text AS other
FROM pg_constraint AS held
JOIN pg_class AS class ON class.oid = held.conrelid
-- A copy is dropped where it comes from: a CHECK by its name, a foreign key by what it is a copy of.
LEFT JOIN LATERAL (
    SELECT same.conrelid AS relid, same.conname AS name
    FROM pg_partition_ancestors(class.oid) WITH ORDINALITY AS up (relid, place)
    JOIN pg_constraint AS same ON same.conrelid = up.relid AND same.contype = held.contype
    WHERE held.contype = 'c' AND held.coninhcount > 0 AND same.conname = held.conname
        OR held.contype = 'f' AND same.conparentid = 0 AND same.oid IN (
            WITH RECURSIVE above (oid) AS (
                SELECT held.conparentid
                UNION SELECT c.conparentid FROM above JOIN pg_constraint AS c ON c.oid = above.oid
            )
            SELECT above.oid FROM above
        )
    ORDER BY up.place DESC LIMIT 1
) AS origin ON true
JOIN pg_class AS above ON above.oid = coalesce(origin.relid, class.oid)
WHERE held.contype IN ('c', 'f', 'x')
    AND (held.conislocal AND held.conparentid = 0 OR held.conrelid = to_regclass(quote_ident(%(table)s)))
    AND held.conrelid IN (
        SELECT to_regclass(quote_ident(%(table)s))
        UNION SELECT relid FROM pg_partition_tree(to_regclass(quote_ident(%(table)s)))
    )
ORDER BY class.oid <> to_regclass(quote_ident(%(table)s)), class.relname, held.conname
