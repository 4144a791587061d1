-- The indexes of a table and its partitions that writes maintain, with each key as an expression.
-- Reads the catalogue only. One that is not valid refuses duplicates all the same.
SELECT class.relname::text AS relation, named.relname::text AS name, i.indisunique AS is_unique,
    i.indisexclusion AS exclusion,
    coalesce((to_jsonb(i) ->> 'indnullsnotdistinct')::boolean, false) AS nulls_equal,
    ARRAY(
        SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n
    ) AS keys,
    pg_get_expr(i.indpred, i.indrelid, true) AS predicate,
    coalesce(held.conname::text, '') AS held_as,
    CASE WHEN i.indisexclusion THEN pg_get_constraintdef(held.oid, true) ELSE pg_get_indexdef(i.indexrelid) END
        AS definition,
    class.relkind = 'p' AS partitioned
FROM pg_index AS i
JOIN pg_class AS class ON class.oid = i.indrelid
JOIN pg_class AS named ON named.oid = i.indexrelid
LEFT JOIN pg_constraint AS held ON held.conindid = i.indexrelid AND held.contype IN ('p', 'u', 'x')
WHERE i.indisready AND i.indislive
    AND NOT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = i.indexrelid)
    AND i.indrelid IN (
        SELECT to_regclass(quote_ident(%(table)s))
        UNION SELECT relid FROM pg_partition_tree(to_regclass(quote_ident(%(table)s)))
    )
ORDER BY class.relname, named.relname
