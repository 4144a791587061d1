-- The schemas that have a table which this role does not find: whether it may use each, and whether its search_path
-- names it. Reads the catalogue only, which tells of schemas that may not be used, too.
SELECT n.nspname, current_user::text, has_schema_privilege(n.oid, 'USAGE'),
    n.nspname = ANY(
        SELECT replace(trim(BOTH '" ' FROM part), '$user', current_user)
        FROM unnest(string_to_array(current_setting('search_path'), ',')) AS part
    )
FROM pg_class AS c
JOIN pg_namespace AS n ON n.oid = c.relnamespace
WHERE c.relname = %(table)s AND c.relkind IN ('r', 'p', 'v', 'm', 'f')
    AND n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'
ORDER BY n.nspname
