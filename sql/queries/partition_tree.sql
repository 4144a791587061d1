-- The partitions of a table and the table itself, those above first; none for a table that is not partitioned.
-- Reads the catalogue only.
SELECT tree.relid::regclass::text AS name, coalesce(tree.parentrelid::regclass::text, '') AS parent, tree.isleaf AS is_leaf,
    class.relkind = 'r' AS is_table, n.nspname::text AS schema
FROM pg_partition_tree(to_regclass(quote_ident(%s))) AS tree
JOIN pg_class AS class ON class.oid = tree.relid
JOIN pg_namespace AS n ON n.oid = class.relnamespace
ORDER BY tree.level, 1
