-- The columns of a table that give a row a value by themselves: the type's own default, and what is generated;
-- and how they compare values.
-- Reads the catalogue only. `generated` is empty, s (stored) or v (virtual).
SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attgenerated::text AS generated, pg_get_expr(d.adbin, d.adrelid, true) AS expression,
    t.typtype::text AS type_kind, t.typdefault AS type_default, a.attnotnull AS not_null,
    coalesce(quote_ident(l.collname), '') AS collation, coalesce(l.collisdeterministic, true) AS deterministic
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
WHERE a.attrelid = to_regclass(quote_ident(%(table)s)) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
