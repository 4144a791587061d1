-- What may keep this role from seeing what the tables of some names hold, a line for each name: which relation it finds,
-- whether policies filter it for this role, which columns it may not read, which others may be meant by the name, and
-- whether it is a copy that lags. Reads the catalogue only.
-- Source: PostgreSQL, "Row Security Policies", "Monitoring Database Activity"; row_security_active,
-- has_column_privilege.
WITH named AS (
    -- Every relation of these names, with how much speaks for its being the one that is written: 2 where a role that
    -- may write it finds it by a search path that is set for it or for the database, or in a schema that is called as
    -- the role is; 1 where everybody finds it by default.
    SELECT r.oid, r.relname, n.nspname, CASE
        WHEN EXISTS (
            SELECT 1 FROM pg_roles AS writer
            WHERE writer.rolcanlogin AND has_table_privilege(writer.oid, r.oid, 'INSERT')
                AND (
                    writer.rolname = n.nspname
                    OR EXISTS (
                        SELECT 1 FROM pg_db_role_setting AS s
                        JOIN pg_database AS d ON d.datname = current_database() AND s.setdatabase IN (0, d.oid),
                            unnest(s.setconfig) AS setting(text),
                            unnest(string_to_array(substr(setting.text, length('search_path=') + 1), ',')) AS part
                        WHERE s.setrole IN (0, writer.oid) AND setting.text LIKE 'search_path=%%'
                            AND trim(BOTH '" ' FROM part) = n.nspname
                    )
                )
        ) THEN 2 WHEN n.nspname = 'public' THEN 1 ELSE 0 END AS weight
    FROM pg_class AS r
    JOIN pg_namespace AS n ON n.oid = r.relnamespace
    WHERE r.relname = ANY(%(tables)s) AND r.relkind IN ('r', 'p', 'v', 'm', 'f')
)
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
            AND format('%%s.%%s', wanted.name, a.attname) = ANY(%(columns)s)
            AND NOT has_column_privilege(a.attrelid, a.attnum, 'SELECT')
        ORDER BY a.attname
    ) AS unreadable,
    -- On the search path, or on it but for a grant, or where no less speaks for it.
    ARRAY(
        SELECT format('%%I.%%I', other.nspname, other.relname)
        FROM named AS other
        WHERE other.relname = wanted.name AND other.oid <> c.oid
            AND (
                other.nspname = ANY(current_schemas(true)) OR other.nspname = ANY(paths.own)
                OR other.weight >= greatest((SELECT weight FROM named WHERE named.oid = c.oid), 1)
            )
        ORDER BY other.nspname
    ) AS others,
    pg_is_in_recovery() AS standby,
    -- What was received is all there is only as long as something receives.
    CASE WHEN pg_is_in_recovery() THEN
        CASE WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() AND EXISTS (SELECT 1 FROM pg_stat_wal_receiver)
            THEN 0
            ELSE coalesce(extract(epoch FROM now() - pg_last_xact_replay_timestamp())::float8, -1)
        END
    END AS lag_s,
    ARRAY(
        SELECT format('subscription %%I ', filled.subname) || CASE
            WHEN NOT filled.enabled THEN 'is disabled'
            WHEN filled.pid IS NULL THEN 'is not running'
            WHEN filled.state NOT IN ('r', 's') THEN 'is still copying it'
            WHEN filled.blocked THEN 'waits for a lock'
            WHEN coalesce(filled.silent_s, 61) > 60 THEN 'has not heard from it for a minute'
            ELSE format('is %%s s behind', round(filled.behind_s))
        END
        FROM (
            SELECT s.subname, own.subenabled AS enabled, s.pid, part.srsubstate AS state,
                EXISTS (SELECT 1 FROM pg_locks AS l WHERE l.pid = s.pid AND NOT l.granted) AS blocked,
                extract(epoch FROM clock_timestamp() - s.last_msg_receipt_time) AS silent_s,
                CASE WHEN s.received_lsn IS DISTINCT FROM s.latest_end_lsn
                    THEN extract(epoch FROM clock_timestamp() - s.last_msg_send_time) ELSE 0
                END AS behind_s
            FROM pg_subscription_rel AS part
            JOIN pg_stat_subscription AS s ON s.subid = part.srsubid AND s.relid IS NULL
            JOIN pg_subscription AS own ON own.subname = s.subname AND own.subdbid = database.oid
            WHERE part.srrelid IN (SELECT c.oid UNION SELECT relid FROM pg_partition_tree(c.oid))
        ) AS filled
        WHERE NOT filled.enabled OR filled.pid IS NULL OR filled.state NOT IN ('r', 's')
            OR filled.blocked OR coalesce(filled.silent_s, 61) > 60 OR filled.behind_s > 5
        ORDER BY 1
    ) AS subscriptions
FROM unnest(%(tables)s::text[]) AS wanted(name)
JOIN pg_class AS c ON c.oid = to_regclass(quote_ident(wanted.name))
JOIN pg_namespace AS n ON n.oid = c.relnamespace
JOIN pg_database AS database ON database.datname = current_database()
CROSS JOIN (
    SELECT ARRAY(
        SELECT replace(trim(BOTH '" ' FROM part), '$user', current_user)
        FROM unnest(string_to_array(current_setting('search_path'), ',')) AS part
    ) AS own
) AS paths
ORDER BY wanted.name
