-- The indexes of a table, those of its constraints too, by name: access method, keys, predicate, state, what its
-- definition says beyond that, and whether a transaction is open that is older and keeps the planner from it.
-- Source: PostgreSQL, "System Catalogs" (pg_index, pg_opclass, pg_collation).
SELECT c.relname, m.amname,
    ARRAY(SELECT pg_get_indexdef(i.indexrelid, n, true) FROM generate_series(1, i.indnkeyatts) AS n ORDER BY n),
    pg_get_expr(i.indpred, i.indrelid), i.indisunique, i.indisvalid, i.indisready, i.indislive,
    ARRAY(
        SELECT 'COLLATE ' || quote_ident(l.collname)
        FROM unnest(i.indcollation) WITH ORDINALITY AS key(collation_oid, place)
        JOIN pg_collation AS l ON l.oid = key.collation_oid
        JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[key.place - 1]
        WHERE key.collation_oid <> a.attcollation
        ORDER BY key.place
    ) || ARRAY(
        SELECT o.opcname::text
        FROM unnest(i.indclass) WITH ORDINALITY AS key(class_oid, place)
        JOIN pg_opclass AS o ON o.oid = key.class_oid
        WHERE NOT o.opcdefault
        ORDER BY key.place
    ) || ARRAY(SELECT 'NULLS NOT DISTINCT' WHERE (to_jsonb(i) ->> 'indnullsnotdistinct')::boolean)
    || ARRAY(SELECT 'EXCLUDE' WHERE i.indisexclusion),
    ARRAY(
        SELECT CASE WHEN key.flags & 1 = 1 THEN 'DESC' ELSE 'ASC' END
            || CASE WHEN key.flags & 2 = 2 THEN ' NULLS FIRST' ELSE ' NULLS LAST' END
        FROM unnest(i.indoption) WITH ORDINALITY AS key(flags, place)
        WHERE key.flags <> 0
        ORDER BY key.place
    ) || ARRAY(
        SELECT 'INCLUDE ' || pg_get_indexdef(i.indexrelid, n, true)
        FROM generate_series(i.indnkeyatts + 1, i.indnatts) AS n ORDER BY n
    ) || coalesce(c.reloptions, '{}')
    || ARRAY(SELECT 'TABLESPACE ' || s.spcname FROM pg_tablespace AS s WHERE s.oid = c.reltablespace),
    i.indcheckxmin AND age(i.xmin) <= age(mod(txid_snapshot_xmin(txid_current_snapshot()), 4294967296)::text::xid)
FROM pg_index AS i
JOIN pg_class AS c ON c.oid = i.indexrelid
JOIN pg_am AS m ON m.oid = c.relam
WHERE i.indrelid = to_regclass(quote_ident(%s))
ORDER BY c.relname
