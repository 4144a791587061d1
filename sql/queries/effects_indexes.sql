-- The indexes of a table and its partitions that writes maintain, with each key as an expression.
-- Reads the catalogue only. One that is not valid refuses duplicates all the same.
SELECT class.relname::text AS relation,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = class.relnamespace AND NOT pg_table_is_visible(class.oid)
    ) || class.relname::text AS at,
    named.relname::text AS name, i.indisunique AS is_unique,
    i.indisexclusion AS exclusion, i.indisprimary AS is_primary,
    coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal,
    ARRAY(
        SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n
    ) AS keys,
    pg_get_expr(i.indpred, i.indrelid, true) AS predicate,
    CASE WHEN i.indisexclusion THEN pg_get_constraintdef(held.oid, true) ELSE pg_get_indexdef(i.indexrelid) END
        AS definition
FROM pg_index AS i
JOIN pg_class AS class ON class.oid = i.indrelid
JOIN pg_class AS named ON named.oid = i.indexrelid
LEFT JOIN pg_constraint AS held ON held.conindid = i.indexrelid AND held.contype IN ('p', 'u', 'x')
WHERE i.indisready AND i.indislive
    -- Of partitions those of their own; of the table itself all.
    AND (
        i.indrelid = to_regclass(quote_ident(%(table)s))
        OR NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = i.indexrelid)
    )
    AND i.indrelid IN (
        SELECT to_regclass(quote_ident(%(table)s))
        UNION SELECT relid FROM pg_partition_tree(to_regclass(quote_ident(%(table)s)))
    )
ORDER BY class.relname, named.relname
