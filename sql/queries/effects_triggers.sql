-- The triggers of a table and its partitions with their functions; of partitions those of their own only.
-- Reads the catalogue only.
SELECT class.relname::text AS relation,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = class.relnamespace AND NOT pg_table_is_visible(class.oid)
    ) || class.relname::text AS at,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = above.relnamespace AND NOT pg_table_is_visible(above.oid)
    ) || above.relname::text AS top,
    t.tgname::text AS name, t.tgtype::integer AS type,
    t.tgenabled::text AS enabled, pg_get_triggerdef(t.oid, true) AS definition,
    p.oid::regprocedure::text AS function, l.lanname::text AS language, p.prosrc AS source,
    CASE WHEN t.tgnargs = 0 THEN ARRAY[]::text[]
        ELSE (string_to_array(encode(t.tgargs, 'escape'), '\000'))[1:t.tgnargs] END AS arguments
FROM pg_trigger AS t
JOIN pg_class AS class ON class.oid = t.tgrelid
-- A partition's copy is dropped with the trigger that it is a copy of, which has its name.
JOIN pg_class AS above ON above.oid = coalesce((
        SELECT up.relid
        FROM pg_partition_ancestors(class.oid) WITH ORDINALITY AS up (relid, place)
        JOIN pg_trigger AS same ON same.tgrelid = up.relid AND same.tgname = t.tgname AND same.tgparentid = 0
        WHERE t.tgparentid <> 0 ORDER BY up.place DESC LIMIT 1
    ), class.oid)
JOIN pg_proc AS p ON p.oid = t.tgfoid
JOIN pg_language AS l ON l.oid = p.prolang
WHERE NOT t.tgisinternal AND (t.tgparentid = 0 OR t.tgrelid = to_regclass(quote_ident(%(table)s)))
    AND t.tgrelid IN (
        SELECT to_regclass(quote_ident(%(table)s))
        UNION SELECT relid FROM pg_partition_tree(to_regclass(quote_ident(%(table)s)))
    )
ORDER BY class.relname, t.tgname
