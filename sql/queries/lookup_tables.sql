-- Tables that usage and its metadata refer to: what stays there when their rows are deleted.
SELECT DISTINCT referenced.relname
FROM pg_constraint AS found
JOIN pg_class AS referenced ON referenced.oid = found.confrelid
WHERE found.contype = 'f'
    AND found.conrelid IN (to_regclass('microdollar_usage'), to_regclass('microdollar_usage_metadata'))
    AND found.confrelid NOT IN (to_regclass('microdollar_usage'), to_regclass('microdollar_usage_metadata'))
ORDER BY referenced.relname
