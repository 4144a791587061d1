-- What a table and its partitions check of a row: CHECK and EXCLUDE constraints and foreign keys, those of their own only.
-- Reads the catalogue only. A constraint that is enforced by triggers holds nothing once these are disabled.
SELECT class.relname::text AS relation, held.conname::text AS name, held.contype::text AS kind,
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
WHERE held.contype IN ('c', 'f', 'x')
    AND (held.conislocal AND held.conparentid = 0 OR held.conrelid = to_regclass(quote_ident(%(table)s)))
    AND held.conrelid IN (
        SELECT to_regclass(quote_ident(%(table)s))
        UNION SELECT relid FROM pg_partition_tree(to_regclass(quote_ident(%(table)s)))
    )
ORDER BY class.relname, held.conname
