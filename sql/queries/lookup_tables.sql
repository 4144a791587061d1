-- Tables that the two of a rollout refer to: what stays there when their rows are deleted.
SELECT DISTINCT referenced.relname
FROM pg_constraint AS found
JOIN pg_class AS referenced ON referenced.oid = found.confrelid
CROSS JOIN (
    SELECT array_agg(to_regclass(quote_ident(name))::oid) AS oids FROM unnest(%(tables)s::text[]) AS given(name)
) AS own
WHERE found.contype = 'f' AND found.conrelid = ANY(own.oids) AND found.confrelid <> ALL(own.oids)
ORDER BY referenced.relname
