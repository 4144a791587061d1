-- The functions of that name that do not come with PostgreSQL, with their source. Reads the catalogue only.
SELECT p.oid::regprocedure::text AS name, l.lanname::text AS language, p.prosrc AS source
FROM pg_proc AS p
JOIN pg_language AS l ON l.oid = p.prolang
WHERE lower(p.proname) = lower(%(name)s)
    AND p.pronamespace NOT IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace)
ORDER BY 1
