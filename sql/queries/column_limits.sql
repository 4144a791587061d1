-- What keeps a column from another type whatever is dropped: a partition key, columns that have the row type of its table.
-- And whether the table is made of a type. Of a table and of all that inherit from it. Reads the catalogue only.
WITH RECURSIVE tree (relid) AS (
    SELECT to_regclass(%(table)s)::oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_inherits AS i ON i.inhparent = tree.relid
)
SELECT ARRAY(
        SELECT p.partrelid::regclass::text
        FROM tree
        JOIN pg_partitioned_table AS p ON p.partrelid = tree.relid
        JOIN pg_attribute AS a ON a.attrelid = p.partrelid AND a.attname = %(column)s
        WHERE a.attnum = ANY (p.partattrs::smallint[])
            OR pg_get_partkeydef(p.partrelid) ~ ('\y' || regexp_replace(a.attname, '\W', '\\\&', 'g') || '\y')
        ORDER BY 1
    ) AS keys,
    ARRAY(
        SELECT DISTINCT format('column %%s of table %%s', a.attname, a.attrelid::regclass)
        FROM tree
        JOIN pg_class AS class ON class.oid = tree.relid
        JOIN pg_type AS t ON t.oid = class.reltype
        JOIN pg_attribute AS a ON a.atttypid IN (t.oid, t.typarray) AND NOT a.attisdropped
        JOIN pg_class AS user_ ON user_.oid = a.attrelid AND user_.relkind IN ('r', 'p', 'm')
        ORDER BY 1
    ) AS row_users,
    EXISTS (SELECT FROM pg_class WHERE oid = to_regclass(%(table)s) AND reloftype <> 0) AS is_of_type
