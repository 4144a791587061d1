-- Policies that look at the rows which are inserted into a table, where row-level security is on.
-- Reads the catalogue only. A policy without WITH CHECK uses its USING for new rows, too.
SELECT p.polname::text AS name, p.polpermissive AS permissive,
    ARRAY(
        SELECT CASE WHEN role = 0 THEN 'public' ELSE pg_get_userbyid(role)::text END FROM unnest(p.polroles) AS role
    ) AS roles,
    coalesce(pg_get_expr(p.polwithcheck, p.polrelid), pg_get_expr(p.polqual, p.polrelid), 'true') AS "check",
    class.relforcerowsecurity AS forced
FROM pg_policy AS p
JOIN pg_class AS class ON class.oid = p.polrelid
WHERE class.relrowsecurity AND p.polcmd IN ('a', '*') AND p.polrelid = to_regclass(quote_ident(%(table)s))
ORDER BY p.polname
