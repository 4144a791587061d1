-- The rules of a table that rewrite statements on it, without the one that makes a view a view.
-- Reads the catalogue only.
SELECT class.relname::text AS relation,
    ARRAY(
        SELECT n.nspname::text FROM pg_namespace AS n WHERE n.oid = class.relnamespace AND NOT pg_table_is_visible(class.oid)
    ) || class.relname::text AS at,
    r.rulename::text AS name, r.ev_type::text AS event, r.is_instead AS instead,
    r.ev_enabled::text AS enabled, r.ev_qual::text <> '<>' AS conditional,
    pg_get_ruledef(r.oid, true) AS definition
FROM pg_rewrite AS r
JOIN pg_class AS class ON class.oid = r.ev_class
WHERE r.rulename <> '_RETURN' AND r.ev_class = to_regclass(quote_ident(%(table)s))
ORDER BY r.rulename
