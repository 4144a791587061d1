-- The columns of a table that give a row a value by themselves: the type's own default, and what is generated;
-- and how they compare values.
-- Reads the catalogue only. `generated` is empty, s (stored) or v (virtual).
SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
    a.attgenerated::text AS generated, a.attidentity::text AS identity,
    pg_get_expr(d.adbin, d.adrelid, true) AS expression,
    t.typtype::text AS type_kind, t.typcategory::text AS category, t.typdefault AS type_default, a.attnotnull AS not_null,
    coalesce(quote_ident(l.collname), '') AS collation, coalesce(l.collisdeterministic, true) AS deterministic,
    EXISTS (
        SELECT FROM pg_depend AS d
        LEFT JOIN pg_class AS made ON made.oid = d.objid AND d.classid = 'pg_class'::regclass
        LEFT JOIN pg_constraint AS k ON k.oid = d.objid AND d.classid = 'pg_constraint'::regclass
        WHERE d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid AND d.refobjsubid = a.attnum
            AND (
                d.deptype = 'n' AND (k.oid IS NULL OR k.conrelid <> a.attrelid)
                -- A key that goes with the column may be referred to.
                OR EXISTS (
                    SELECT FROM pg_constraint AS far
                    WHERE far.contype = 'f' AND far.conindid IN (made.oid, k.conindid) AND far.oid <> coalesce(k.oid, 0)
                )
            )
    ) AS is_held
FROM pg_attribute AS a
JOIN pg_type AS t ON t.oid = a.atttypid
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
WHERE a.attrelid = to_regclass(quote_ident(%(table)s)) AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
