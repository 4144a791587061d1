-- What depends on a column, of a table and of all that inherit from it, and so keeps its type from being changed: each
-- with the statements that take it away and make it again. In the order of dropping: what depends on others first.
-- What ALTER TYPE carries over by itself is left out: indexes, constraints, the own default, statistics.
-- `again` is empty where something cannot be made again by PostgreSQL's own definitions of it. Reads the catalogue only.
-- Source: PostgreSQL, "System Catalogs" (pg_depend); src/backend/commands/tablecmds.c, RememberAllDependentForRebuilding.
WITH RECURSIVE tree (relid) AS (
    SELECT to_regclass(%(table)s)::oid
    UNION
    SELECT i.inhrelid FROM tree JOIN pg_inherits AS i ON i.inhparent = tree.relid
),
root (relid, number) AS (
    SELECT a.attrelid, a.attnum FROM tree JOIN pg_attribute AS a ON a.attrelid = tree.relid AND a.attname = %(column)s
),
-- An edge leads from what is needed to what needs it; a view's rule stands for the view, a default for its column.
edge (refclassid, refobjid, refobjsubid, classid, objid, objsubid) AS (
    SELECT d.refclassid, d.refobjid, d.refobjsubid,
        CASE WHEN r.rulename = '_RETURN' OR f.oid IS NOT NULL THEN 'pg_class'::regclass::oid ELSE d.classid END,
        CASE WHEN r.rulename = '_RETURN' THEN r.ev_class ELSE coalesce(f.adrelid, d.objid) END,
        CASE WHEN r.oid IS NOT NULL THEN 0 ELSE coalesce(f.adnum, d.objsubid) END
    FROM pg_depend AS d
    LEFT JOIN pg_rewrite AS r ON d.classid = 'pg_rewrite'::regclass AND r.oid = d.objid
    LEFT JOIN pg_attrdef AS f ON d.classid = 'pg_attrdef'::regclass AND f.oid = d.objid
    WHERE d.deptype IN ('n', 'a')
),
held (classid, objid, objsubid, depth) AS (
    SELECT e.classid, e.objid, e.objsubid, 1
    FROM root
    JOIN edge AS e ON e.refclassid = 'pg_class'::regclass AND e.refobjid = root.relid AND e.refobjsubid = root.number
    LEFT JOIN pg_class AS c ON e.classid = 'pg_class'::regclass AND c.oid = e.objid
    WHERE e.classid NOT IN ('pg_constraint'::regclass, 'pg_statistic_ext'::regclass)
        AND coalesce(c.relkind, ' ') NOT IN ('i', 'I', 'S')
        AND NOT (e.classid = 'pg_class'::regclass AND e.objid = root.relid AND e.objsubid = root.number)
    UNION
    SELECT e.classid, e.objid, e.objsubid, held.depth + 1
    FROM held
    LEFT JOIN pg_class AS c ON held.classid = 'pg_class'::regclass AND c.oid = held.objid AND held.objsubid = 0
    LEFT JOIN pg_type AS t ON t.oid = c.reltype
    JOIN edge AS e ON (
            e.refclassid = held.classid AND e.refobjid = held.objid
            AND (held.objsubid = 0 OR e.refobjsubid = held.objsubid)
        ) OR (e.refclassid = 'pg_type'::regclass AND e.refobjid IN (t.oid, t.typarray))
    WHERE held.depth < 12
        AND (e.classid, e.objid, e.objsubid) <> (held.classid, held.objid, held.objsubid)
        AND e.classid <> 'pg_type'::regclass
),
every AS (
    SELECT held.classid, held.objid, held.objsubid, max(held.depth) AS depth,
        named.type AS kind, named.identity,
        EXISTS (
            SELECT FROM pg_depend AS d
            WHERE d.classid = held.classid AND d.objid = held.objid AND d.deptype = 'e'
        ) AS of_extension
    FROM held
    CROSS JOIN LATERAL pg_identify_object(held.classid, held.objid, held.objsubid) AS named
    -- The copies that partitions have of a trigger or a constraint go with it.
    WHERE NOT EXISTS (
            SELECT FROM pg_trigger AS t
            WHERE held.classid = 'pg_trigger'::regclass AND t.oid = held.objid AND (t.tgparentid <> 0 OR t.tgisinternal)
        )
    GROUP BY held.classid, held.objid, held.objsubid, named.type, named.identity
),
made AS (
    SELECT every.*, relation.oid::regclass::text AS relation, relation.relname, relation.relkind, relation.relowner,
        relation.relacl, policy.polname, trigger.tgname, rule.rulename, routine.proowner, routine.proacl, held.conname,
        CASE
            WHEN relation.relkind IN ('v', 'm') AND every.objsubid = 0 THEN
                CASE relation.relkind WHEN 'v' THEN 'CREATE VIEW ' ELSE 'CREATE MATERIALIZED VIEW ' END
                || relation.oid::regclass::text
                || coalesce(' WITH (' || array_to_string(relation.reloptions, ', ') || ')', '')
                || ' AS ' || rtrim(pg_get_viewdef(relation.oid), ';')
                || CASE WHEN relation.relkind = 'm' AND NOT relation.relispopulated THEN ' WITH NO DATA' ELSE '' END
            WHEN relation.relkind IN ('i', 'I') AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = relation.oid)
                THEN pg_get_indexdef(relation.oid)
            WHEN a.attgenerated <> '' THEN
                'ALTER TABLE ' || relation.oid::regclass::text || ' ADD COLUMN ' || quote_ident(a.attname) || ' '
                || format_type(a.atttypid, a.atttypmod)
                || coalesce(' COLLATE ' || quote_ident(nullif(l.collname, 'default')), '')
                || ' GENERATED ALWAYS AS (' || pg_get_expr(f.adbin, f.adrelid) || ')'
                || CASE a.attgenerated WHEN 's' THEN ' STORED' ELSE ' VIRTUAL' END
                || CASE WHEN a.attnotnull THEN ' NOT NULL' ELSE '' END
            WHEN policy.oid IS NOT NULL THEN
                'CREATE POLICY ' || quote_ident(policy.polname) || ' ON ' || policy.polrelid::regclass::text
                || CASE WHEN policy.polpermissive THEN '' ELSE ' AS RESTRICTIVE' END
                || ' FOR ' || CASE policy.polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE'
                    WHEN 'd' THEN 'DELETE' ELSE 'ALL' END
                || ' TO ' || (
                    SELECT string_agg(CASE WHEN role = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(role)) END, ', ')
                    FROM unnest(policy.polroles) AS role
                )
                || coalesce(' USING (' || pg_get_expr(policy.polqual, policy.polrelid) || ')', '')
                || coalesce(' WITH CHECK (' || pg_get_expr(policy.polwithcheck, policy.polrelid) || ')', '')
            WHEN trigger.oid IS NOT NULL THEN pg_get_triggerdef(trigger.oid)
            WHEN rule.oid IS NOT NULL THEN pg_get_ruledef(rule.oid)
            WHEN routine.prokind IN ('f', 'p') THEN pg_get_functiondef(routine.oid)
            WHEN held.oid IS NOT NULL AND held.conrelid <> 0 THEN
                'ALTER TABLE ' || held.conrelid::regclass::text || ' ADD CONSTRAINT ' || quote_ident(held.conname) || ' '
                || pg_get_constraintdef(held.oid)
            WHEN published.oid IS NOT NULL THEN
                'ALTER PUBLICATION ' || quote_ident(publication.pubname) || ' ADD TABLE ' || published.prrelid::regclass::text
                || coalesce(' (' || (
                    SELECT string_agg(quote_ident(c.attname), ', ' ORDER BY number.place)
                    FROM unnest(string_to_array(translate(to_jsonb(published) ->> 'prattrs', '[],', ''), ' ')::integer[])
                        WITH ORDINALITY AS number (attnum, place)
                    JOIN pg_attribute AS c ON c.attrelid = published.prrelid AND c.attnum = number.attnum
                ) || ')', '')
                || coalesce(' WHERE (' || (
                    SELECT to_jsonb(shown) ->> 'rowfilter' FROM pg_publication_tables AS shown
                    JOIN pg_class AS c ON c.relname = shown.tablename AND c.relnamespace::regnamespace::text = quote_ident(shown.schemaname)
                    WHERE shown.pubname = publication.pubname AND c.oid = published.prrelid
                ) || ')', '')
            WHEN statistics.oid IS NOT NULL THEN pg_get_statisticsobjdef(statistics.oid)
        END AS definition,
        CASE
            WHEN every.kind = 'table column' THEN
                'ALTER TABLE ' || relation.oid::regclass::text || ' DROP COLUMN ' || quote_ident(a.attname)
            WHEN held.oid IS NOT NULL THEN
                'ALTER TABLE ' || held.conrelid::regclass::text || ' DROP CONSTRAINT ' || quote_ident(held.conname)
            WHEN published.oid IS NOT NULL THEN
                'ALTER PUBLICATION ' || quote_ident(publication.pubname) || ' DROP TABLE ' || published.prrelid::regclass::text
            WHEN statistics.oid IS NOT NULL THEN 'DROP STATISTICS ' || every.identity
            WHEN relation.relkind IN ('v', 'm', 'i', 'I') AND every.objsubid = 0 OR policy.oid IS NOT NULL
                OR trigger.oid IS NOT NULL OR rule.oid IS NOT NULL OR routine.oid IS NOT NULL
                THEN 'DROP ' || upper(every.kind) || ' ' || every.identity
        END AS gone,
        CASE
            WHEN trigger.tgenabled <> 'O' THEN 'ALTER TABLE ' || trigger.tgrelid::regclass::text
                || CASE trigger.tgenabled WHEN 'D' THEN ' DISABLE' WHEN 'A' THEN ' ENABLE ALWAYS' ELSE ' ENABLE REPLICA' END
                || ' TRIGGER ' || quote_ident(trigger.tgname)
            WHEN rule.ev_enabled <> 'O' THEN 'ALTER TABLE ' || rule.ev_class::regclass::text
                || CASE rule.ev_enabled WHEN 'D' THEN ' DISABLE' WHEN 'A' THEN ' ENABLE ALWAYS' ELSE ' ENABLE REPLICA' END
                || ' RULE ' || quote_ident(rule.rulename)
        END AS switched,
        coalesce(policy.polrelid, trigger.tgrelid, rule.ev_class, held.conrelid)::regclass AS stands_on,
        a.attname, publication.pubname,
        pg_get_viewdef(CASE WHEN relation.relkind IN ('v', 'm') THEN relation.oid END) AS body
    FROM every
    LEFT JOIN pg_class AS relation ON every.classid = 'pg_class'::regclass AND relation.oid = every.objid
    LEFT JOIN pg_attribute AS a ON every.objsubid > 0 AND a.attrelid = relation.oid AND a.attnum = every.objsubid
    LEFT JOIN pg_attrdef AS f ON f.adrelid = a.attrelid AND f.adnum = a.attnum
    LEFT JOIN pg_collation AS l ON l.oid = a.attcollation
    LEFT JOIN pg_policy AS policy ON every.classid = 'pg_policy'::regclass AND policy.oid = every.objid
    LEFT JOIN pg_trigger AS trigger ON every.classid = 'pg_trigger'::regclass AND trigger.oid = every.objid
    LEFT JOIN pg_rewrite AS rule ON every.classid = 'pg_rewrite'::regclass AND rule.oid = every.objid
    LEFT JOIN pg_proc AS routine ON every.classid = 'pg_proc'::regclass AND routine.oid = every.objid
    LEFT JOIN pg_constraint AS held ON every.classid = 'pg_constraint'::regclass AND held.oid = every.objid
    LEFT JOIN pg_publication_rel AS published
        ON every.classid = 'pg_publication_rel'::regclass AND published.oid = every.objid
    LEFT JOIN pg_publication AS publication ON publication.oid = published.prpubid
    LEFT JOIN pg_statistic_ext AS statistics
        ON every.classid = 'pg_statistic_ext'::regclass AND statistics.oid = every.objid
)
SELECT CASE kind WHEN 'publication relation' THEN 'publication' WHEN 'table column' THEN 'generated column'
        WHEN 'table constraint' THEN 'constraint' ELSE kind END AS kind,
    coalesce(polname::text, tgname::text, rulename::text, conname::text, pubname::text, attname::text, relname::text, identity)
        AS name,
    coalesce((SELECT c.relname::text FROM pg_class AS c WHERE c.oid = made.stands_on), '') AS stands_on,
    coalesce(gone, '') AS gone,
    CASE WHEN definition IS NULL OR gone IS NULL OR of_extension THEN ARRAY[]::text[] ELSE array_remove(ARRAY[
        definition, switched,
        CASE WHEN relowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user) AND kind IN ('view', 'materialized view')
            THEN 'ALTER ' || upper(kind) || ' ' || identity || ' OWNER TO ' || quote_ident(pg_get_userbyid(relowner)) END,
        CASE WHEN proowner <> (SELECT oid FROM pg_roles WHERE rolname = current_user)
            THEN 'ALTER ' || upper(kind) || ' ' || identity || ' OWNER TO ' || quote_ident(pg_get_userbyid(proowner)) END,
        CASE WHEN proacl IS NOT NULL THEN 'REVOKE ALL ON ' || upper(kind) || ' ' || identity || ' FROM PUBLIC' END
    ] || ARRAY(
        SELECT 'GRANT ' || acl.privilege_type || ' ON ' || CASE WHEN proacl IS NULL THEN '' ELSE upper(kind) || ' ' END || identity
            || ' TO ' || CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
            || CASE WHEN acl.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END
        FROM aclexplode(CASE WHEN objsubid = 0 THEN coalesce(relacl, proacl) END) AS acl
        WHERE acl.grantee <> coalesce(relowner, proowner) ORDER BY 1
    ) || ARRAY(
        SELECT 'GRANT ' || acl.privilege_type || ' (' || quote_ident(a.attname) || ') ON ' || relation
            || ' TO ' || CASE WHEN acl.grantee = 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(acl.grantee)) END
        FROM pg_attribute AS a CROSS JOIN aclexplode(a.attacl) AS acl
        WHERE classid = 'pg_class'::regclass AND a.attrelid = objid AND objsubid IN (0, a.attnum) ORDER BY 1
    ) || ARRAY(
        SELECT 'COMMENT ON ' || CASE
                WHEN d.objsubid > 0 THEN 'COLUMN ' || relation || '.' || quote_ident(a.attname)
                WHEN conname IS NOT NULL THEN 'CONSTRAINT ' || quote_ident(conname) || ' ON ' || stands_on::text
                ELSE upper(kind) || ' ' || identity END
            || ' IS ' || quote_literal(d.description)
        FROM pg_description AS d
        LEFT JOIN pg_attribute AS a ON a.attrelid = objid AND a.attnum = d.objsubid
        WHERE d.classoid = classid AND d.objoid = objid
            AND (d.objsubid = made.objsubid OR made.objsubid = 0) ORDER BY d.objsubid
    ), NULL) END AS again,
    CASE WHEN objsubid = 0 THEN relname::text END AS view_name,
    CASE WHEN objsubid = 0 THEN body END AS body
FROM made
ORDER BY depth DESC, kind, identity
