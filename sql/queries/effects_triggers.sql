-- The triggers of a table and its partitions with their functions; of partitions those of their own only.
-- Reads the catalogue only.
SELECT class.relname::text AS relation, t.tgname::text AS name, t.tgtype::integer AS type,
    t.tgenabled::text AS enabled, pg_get_triggerdef(t.oid, true) AS definition,
    p.oid::regprocedure::text AS function, l.lanname::text AS language, p.prosrc AS source,
    CASE WHEN t.tgnargs = 0 THEN ARRAY[]::text[]
        ELSE (string_to_array(encode(t.tgargs, 'escape'), '\000'))[1:t.tgnargs] END AS arguments
FROM pg_trigger AS t
JOIN pg_class AS class ON class.oid = t.tgrelid
JOIN pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_language AS l ON l.oid = p.prolang
WHERE NOT t.tgisinternal AND (t.tgparentid = 0 OR t.tgrelid = to_regclass(quote_ident(%(table)s)))
    AND t.tgrelid IN (
        SELECT to_regclass(quote_ident(%(table)s))
        UNION SELECT relid FROM pg_partition_tree(to_regclass(quote_ident(%(table)s)))
    )
ORDER BY class.relname, t.tgname
