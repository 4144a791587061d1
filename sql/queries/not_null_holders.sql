-- The indexes for which a column may not be NULL: a primary key, and what identifies a row for replication. Of a table and
-- of those that it is a part of. Reads the catalogue only.
SELECT named.relname::text AS name, class.relname::text AS relation, i.indisprimary AS is_primary,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = class.relnamespace AND NOT pg_table_is_visible(class.oid)
    ) || class.relname::text AS at,
    EXISTS (
        SELECT FROM pg_index AS key WHERE key.indrelid = i.indrelid AND key.indisprimary AND key.indexrelid <> i.indexrelid
    ) AS has_key
FROM pg_index AS i
JOIN pg_class AS class ON class.oid = i.indrelid
JOIN pg_class AS named ON named.oid = i.indexrelid
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attname = %(column)s AND a.attnum = ANY (i.indkey::smallint[])
WHERE (i.indisprimary OR i.indisreplident AND class.relreplident = 'i')
    AND i.indrelid IN (
        SELECT to_regclass(quote_ident(%(table)s))
        UNION SELECT relid FROM pg_partition_ancestors(to_regclass(quote_ident(%(table)s)))
        UNION SELECT relid FROM pg_partition_tree(to_regclass(quote_ident(%(table)s)))
    )
ORDER BY class.relname, named.relname
