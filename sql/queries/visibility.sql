-- What may keep this role from seeing what the tables of some names hold, a line for each name: which relation it finds,
-- whether policies filter it for this role, and which columns it may not read. Reads the catalogue only.
-- Source: PostgreSQL, "Row Security Policies"; row_security_active, has_column_privilege.
SELECT wanted.name, n.nspname, c.relkind::text, current_user::text,
    coalesce(c.relkind IN ('r', 'p') AND row_security_active(c.oid), false) AS filtered,
    ARRAY(
        SELECT p.polname::text FROM pg_policy AS p
        WHERE p.polrelid = c.oid AND p.polcmd IN ('r', '*')
            AND EXISTS (
                SELECT 1 FROM unnest(p.polroles) AS subject(role)
                WHERE subject.role = 0 OR pg_has_role(current_user, subject.role, 'MEMBER')
            )
        ORDER BY p.polname
    ) AS policies,
    ARRAY(
        SELECT a.attname::text FROM pg_attribute AS a
        WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
            AND a.attname = ANY(%(columns)s) AND NOT has_column_privilege(a.attrelid, a.attnum, 'SELECT')
        ORDER BY a.attname
    ) AS unreadable,
    ARRAY(
        SELECT format('%%I.%%I', behind.nspname, r.relname)
        FROM pg_class AS r
        JOIN pg_namespace AS behind ON behind.oid = r.relnamespace
        WHERE r.relname = wanted.name AND r.oid <> c.oid AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
            AND behind.nspname = ANY(current_schemas(true))
        ORDER BY behind.nspname
    ) AS others,
    pg_is_in_recovery() AS standby,
    CASE WHEN pg_is_in_recovery() THEN
        CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
            ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8, -1)
        END
    END AS lag_s
FROM unnest(%(tables)s::text[]) AS wanted(name)
JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(wanted.name))
JOIN pg_namespace AS n ON n.oid = c.relnamespace
ORDER BY wanted.name
