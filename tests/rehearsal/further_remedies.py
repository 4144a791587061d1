"""Databases in which a plain remedy would be refused by PostgreSQL: each with statements that make it so.

Those of MENDED are mended by what is printed. Those of HELD need somebody's decision: the words name what holds the thing.
"""
# ruff: noqa: E501 -- a line each

from typing import Final

from harness import plan

T: Final = plan.METADATA_TABLE
U: Final = plan.USAGE_TABLE
C: Final = plan.COLUMN
INDEX: Final = plan.INDEX
CREATED: Final = "idx_microdollar_usage_metadata_created_at"
INDEXES: Final = ((CREATED, "created_at"), (INDEX, C))
RENAMED: Final = f"ALTER TABLE {T} RENAME TO stored_rows"
TRIGGERED: Final = f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.{C} := lower(NEW.{C}); RETURN NEW; END $$"


def typed(type_: str, *more: str) -> tuple[str, ...]:
    """The column of another type, and what holds it."""
    return (f"ALTER TABLE {T} ALTER {C} TYPE {type_}", *more)


def partition(
    *before: str, parent: str = "parent", by: str = "RANGE (created_at)", bound: str = "DEFAULT"
) -> tuple[str, ...]:
    """The table as a part of another, whose definition may have been changed before."""
    return (
        f"CREATE TABLE {parent} (LIKE {T} INCLUDING DEFAULTS INCLUDING GENERATED) PARTITION BY {by}",
        *before,
        f"DELETE FROM {T}",
        f"ALTER TABLE {parent} ATTACH PARTITION {T} {bound}",
    )


def parted(*parts: str, by: str = "HASH (id)") -> tuple[str, ...]:
    """The table in parts that lie in another schema."""
    return (
        "CREATE SCHEMA elsewhere",
        f"CREATE TABLE unparted (LIKE {T} INCLUDING DEFAULTS)",
        f"DROP TABLE {T} CASCADE",
        f"CREATE TABLE {T} (LIKE unparted INCLUDING DEFAULTS) PARTITION BY {by}",
        *parts,
        *(f"CREATE INDEX {name} ON {T} ({column})" for name, column in INDEXES),
    )


PART: Final = f'CREATE TABLE elsewhere."Part" PARTITION OF {T} FOR VALUES WITH (MODULUS 1, REMAINDER 0)'
EMPTIED: Final = f"UPDATE {T} SET {C} = id::text"

UNIQUE: Final = {
    "referred-constraint": (
        EMPTIED,
        f"ALTER TABLE {T} ADD CONSTRAINT k UNIQUE ({C})",
        f"CREATE TABLE r (v text REFERENCES {T} ({C}))",
    ),
    "referred-index": (
        EMPTIED,
        f"CREATE UNIQUE INDEX k ON {T} ({C})",
        f"CREATE TABLE r (v text REFERENCES {T} ({C}))",
    ),
    "referred-twice": (
        EMPTIED,
        f"ALTER TABLE {T} ADD UNIQUE ({C})",
        f"CREATE TABLE r (v text REFERENCES {T} ({C}), w text REFERENCES {T} ({C}))",
    ),
    "referred-from-schema": (
        EMPTIED,
        f"ALTER TABLE {T} ADD UNIQUE ({C})",
        "CREATE SCHEMA s",
        f'CREATE TABLE s."R" (v text CONSTRAINT "Of It" REFERENCES {T} ({C}))',
    ),
    "referred-by-itself": (EMPTIED, f"ALTER TABLE {T} ADD UNIQUE ({C}), ADD other text REFERENCES {T} ({C})"),
    "referred-by-parts": (
        EMPTIED,
        f"ALTER TABLE {T} ADD UNIQUE ({C})",
        f"CREATE TABLE r (v text REFERENCES {T} ({C})) PARTITION BY LIST (v)",
        "CREATE TABLE r1 PARTITION OF r DEFAULT",
    ),
    "referred-not-valid": (
        EMPTIED,
        f"ALTER TABLE {T} ADD UNIQUE ({C})",
        "CREATE TABLE r (v text)",
        f"ALTER TABLE r ADD FOREIGN KEY (v) REFERENCES {T} ({C}) NOT VALID",
    ),
    "referred-two-columns": (
        EMPTIED,
        f"ALTER TABLE {T} ADD UNIQUE ({C}, message_id)",
        "CREATE TABLE r (v text, w text)",
        f"ALTER TABLE r ADD FOREIGN KEY (v, w) REFERENCES {T} ({C}, message_id)",
    ),
    "referred-declared": (
        EMPTIED,
        f"DROP INDEX {INDEX}",
        f"ALTER TABLE {T} ADD CONSTRAINT {INDEX} UNIQUE ({C})",
        f"CREATE TABLE r (v text REFERENCES {T} ({C}))",
    ),
    "referred-declared-index": (
        EMPTIED,
        f"DROP INDEX {INDEX}",
        f"CREATE UNIQUE INDEX {INDEX} ON {T} ({C})",
        f"CREATE TABLE r (v text REFERENCES {T} ({C}))",
    ),
    "referred-usage": (
        f"ALTER TABLE {U} ADD UNIQUE (kilo_user_id, created_at)",
        "CREATE TABLE r (v text, w timestamptz)",
        f"ALTER TABLE r ADD FOREIGN KEY (v, w) REFERENCES {U} (kilo_user_id, created_at)",
    ),
    "primary-key": (
        EMPTIED,
        f"ALTER TABLE {T} DROP CONSTRAINT {T}_pkey",
        f"ALTER TABLE {T} ADD PRIMARY KEY (id, {C})",
    ),
    "primary-key-alone": (
        EMPTIED,
        f"ALTER TABLE {T} DROP CONSTRAINT {T}_pkey",
        f"ALTER TABLE {T} ADD PRIMARY KEY ({C})",
    ),
    "primary-key-referred": (
        EMPTIED,
        f"ALTER TABLE {T} DROP CONSTRAINT {T}_pkey",
        f"ALTER TABLE {T} ADD PRIMARY KEY ({C})",
        f"CREATE TABLE r (v text REFERENCES {T})",
    ),
    "replica-identity": (
        EMPTIED,
        f"ALTER TABLE {T} ALTER {C} SET NOT NULL",
        f"CREATE UNIQUE INDEX k ON {T} ({C})",
        f"ALTER TABLE {T} REPLICA IDENTITY USING INDEX k",
        f"CREATE PUBLICATION p FOR TABLE {T}",
    ),
    "replica-identity-declared": (
        EMPTIED,
        f"ALTER TABLE {T} ALTER {C} SET NOT NULL",
        f"DROP INDEX {INDEX}",
        f"CREATE UNIQUE INDEX {INDEX} ON {T} ({C})",
        f"ALTER TABLE {T} REPLICA IDENTITY USING INDEX {INDEX}",
    ),
    "replica-identity-no-key": (
        EMPTIED,
        f"ALTER TABLE {T} DROP CONSTRAINT {T}_pkey",
        f"ALTER TABLE {T} ALTER {C} SET NOT NULL",
        f"CREATE UNIQUE INDEX k ON {T} ({C})",
        f"ALTER TABLE {T} REPLICA IDENTITY USING INDEX k",
    ),
    "replica-identity-with-id": (
        EMPTIED,
        f"ALTER TABLE {T} ALTER {C} SET NOT NULL",
        f"CREATE UNIQUE INDEX k ON {T} ({C}, id)",
        f"ALTER TABLE {T} REPLICA IDENTITY USING INDEX k",
    ),
    "clustered": (EMPTIED, f"CREATE UNIQUE INDEX k ON {T} ({C})", f"CLUSTER {T} USING k"),
    "exclusion-deferred": (
        EMPTIED,
        f"ALTER TABLE {T} ADD CONSTRAINT k EXCLUDE USING hash ({C} WITH =) DEFERRABLE INITIALLY DEFERRED",
    ),
    "unique-deferred": (
        EMPTIED,
        f"ALTER TABLE {T} ADD CONSTRAINT k UNIQUE ({C}) DEFERRABLE INITIALLY DEFERRED",
    ),
    "quoted-names": (
        EMPTIED,
        f'ALTER TABLE {T} ADD CONSTRAINT "select ""x"" from" UNIQUE ({C})',
        f'CREATE TABLE "Order" (v text CONSTRAINT "user" REFERENCES {T} ({C}))',
    ),
    "on-conflict-function": (
        EMPTIED,
        f"ALTER TABLE {T} ADD CONSTRAINT k UNIQUE ({C})",
        f"CREATE FUNCTION put(v text) RETURNS void BEGIN ATOMIC INSERT INTO {T} (id, message_id, {C}) VALUES (gen_random_uuid(), 'm', v) ON CONFLICT ({C}) DO NOTHING; END",
    ),
    "name-taken-by-index": (f"DROP INDEX {INDEX}", f"CREATE INDEX {INDEX} ON {U} (created_at)"),
    "name-taken-by-constraint": (
        f"DROP INDEX {INDEX}",
        f"ALTER TABLE {U} ADD CONSTRAINT {INDEX} UNIQUE (id, created_at)",
    ),
}
IDENTITY: Final = {
    **{
        f"{kind}-{type_}{'-held' if more else ''}": (
            f"ALTER TABLE {T} DROP COLUMN {C}",
            f"ALTER TABLE {T} ADD COLUMN {C} {type_} GENERATED {words} AS IDENTITY {options}",
            f"CREATE INDEX {INDEX} ON {T} ({C})",
            *more,
        )
        for kind, words, options in (
            ("always", "ALWAYS", ""),
            ("by-default", "BY DEFAULT", "(START 7 CYCLE)"),
        )
        for type_ in ("smallint", "integer", "bigint")
        for more in ((), (f"CREATE VIEW v AS SELECT id, {C} FROM {T}",))
    },
    "unique": (
        f"ALTER TABLE {T} DROP COLUMN {C}",
        f"ALTER TABLE {T} ADD COLUMN {C} bigint GENERATED ALWAYS AS IDENTITY UNIQUE",
        f"CREATE TABLE r (v bigint REFERENCES {T} ({C}))",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
    ),
    "primary": (
        f"ALTER TABLE {T} DROP COLUMN {C}, DROP CONSTRAINT {T}_pkey",
        f"ALTER TABLE {T} ADD COLUMN {C} bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
    ),
    "serial": (
        f"ALTER TABLE {T} DROP COLUMN {C}",
        f"ALTER TABLE {T} ADD COLUMN {C} serial",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
    ),
    "checked": (
        f"ALTER TABLE {T} DROP COLUMN {C}",
        f"ALTER TABLE {T} ADD COLUMN {C} bigint GENERATED ALWAYS AS IDENTITY CHECK ({C} > 0)",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
    ),
    "referring": (
        "CREATE TABLE r (v bigint PRIMARY KEY)",
        f"ALTER TABLE {T} DROP COLUMN {C}",
        f"ALTER TABLE {T} ADD COLUMN {C} bigint REFERENCES r",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
    ),
}
PARTITIONS: Final = {
    "default": partition(),
    "default-with-others": partition(
        "CREATE TABLE old PARTITION OF parent FOR VALUES FROM (MINVALUE) TO ('2020-01-01')"
    ),
    "default-harmful": partition(
        "CREATE TABLE a_part PARTITION OF parent FOR VALUES IN ('a', NULL)", by=f"LIST ({C})"
    ),
    "in-other-schema": ("CREATE SCHEMA s", *partition(parent='s."Parent"')),
    "of-a-part": (
        "CREATE TABLE top (LIKE microdollar_usage_metadata) PARTITION BY LIST (streamed)",
        "CREATE TABLE parent PARTITION OF top DEFAULT PARTITION BY RANGE (created_at)",
        f"DELETE FROM {T}",
        f"ALTER TABLE parent ATTACH PARTITION {T} DEFAULT",
    ),
    "type": (f"ALTER TABLE {T} ALTER {C} TYPE varchar(64)", *partition()),
    "type-of-a-part": (
        f"ALTER TABLE {T} ALTER {C} TYPE varchar(64)",
        f"CREATE TABLE top (LIKE {T}) PARTITION BY LIST (streamed)",
        "CREATE TABLE parent PARTITION OF top DEFAULT PARTITION BY RANGE (created_at)",
        f"DELETE FROM {T}",
        f"ALTER TABLE parent ATTACH PARTITION {T} DEFAULT",
    ),
    "type-with-view": (
        f"ALTER TABLE {T} ALTER {C} TYPE varchar(64)",
        *partition(),
        f"CREATE VIEW v AS SELECT {C} FROM parent",
    ),
    "type-with-view-of-part": (
        f"ALTER TABLE {T} ALTER {C} TYPE varchar(64)",
        *partition("CREATE TABLE old PARTITION OF parent FOR VALUES FROM (MINVALUE) TO ('2020-01-01')"),
        f"CREATE VIEW v AS SELECT {C} FROM old",
        f"CREATE VIEW w AS SELECT {C} FROM {T}",
    ),
    "not-null": (
        EMPTIED,
        f"ALTER TABLE {T} ALTER {C} SET NOT NULL",
        *partition(f"ALTER TABLE parent ALTER {C} SET NOT NULL"),
    ),
    "default-value": (
        *partition(f"ALTER TABLE parent ALTER {C} SET DEFAULT 'x'"),
        f"ALTER TABLE {T} ALTER {C} SET DEFAULT 'y'",
    ),
    "trigger": (
        TRIGGERED,
        *partition("CREATE TRIGGER t BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION f()"),
    ),
    "trigger-in-schema": (
        TRIGGERED,
        "CREATE SCHEMA s",
        *partition(
            'CREATE TRIGGER "T" BEFORE INSERT ON s.parent FOR EACH ROW EXECUTE FUNCTION f()',
            parent="s.parent",
        ),
    ),
    "trigger-of-top": (
        TRIGGERED,
        f"CREATE TABLE top (LIKE {T}) PARTITION BY LIST (streamed)",
        "CREATE TRIGGER t BEFORE INSERT ON top FOR EACH ROW EXECUTE FUNCTION f()",
        "CREATE TABLE parent PARTITION OF top DEFAULT PARTITION BY RANGE (created_at)",
        f"DELETE FROM {T}",
        f"ALTER TABLE parent ATTACH PARTITION {T} DEFAULT",
    ),
    "trigger-of-its-own": (
        TRIGGERED,
        *partition(),
        f"CREATE TRIGGER t BEFORE INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
    ),
    "check": (
        f"ALTER TABLE {T} ADD CONSTRAINT k CHECK (length({C}) < 64)",
        *partition(f"ALTER TABLE parent ADD CONSTRAINT k CHECK (length({C}) < 64)"),
    ),
    "check-merged-local": (
        f"ALTER TABLE {T} ADD CONSTRAINT k CHECK (length({C}) < 64)",
        *partition(),
        f"ALTER TABLE parent ADD CONSTRAINT k CHECK (length({C}) < 64)",
    ),
    "foreign-key": (
        "CREATE TABLE persons (v text PRIMARY KEY)",
        f"UPDATE {T} SET {C} = NULL",
        *partition(f"ALTER TABLE parent ADD FOREIGN KEY ({C}) REFERENCES persons"),
    ),
    "unique": (
        EMPTIED,
        *partition(
            f"CREATE UNIQUE INDEX k ON parent ({C})",
            by=f"HASH ({C})",
            bound="FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        ),
    ),
    "unique-constraint": (
        EMPTIED,
        *partition(
            f"ALTER TABLE parent ADD CONSTRAINT k UNIQUE ({C})",
            by=f"HASH ({C})",
            bound="FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        ),
    ),
    "no-column": (f"ALTER TABLE {T} DROP COLUMN {C}", *partition()),
    "no-index": (f"DROP INDEX {INDEX}", *partition()),
    "index-of-parent": (f"DROP INDEX {INDEX}", *partition(f"CREATE INDEX other ON parent ({C})")),
    "index-of-parent-hash": (
        f"DROP INDEX {INDEX}",
        f"CREATE INDEX {INDEX} ON {T} USING hash ({C})",
        *partition(f"CREATE INDEX other ON parent USING hash ({C})"),
    ),
    "generated": (
        f"ALTER TABLE {T} DROP COLUMN {C}",
        f"ALTER TABLE {T} ADD COLUMN {C} text GENERATED ALWAYS AS (lower(message_id)) STORED",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
        *partition(),
    ),
    "derived": (
        f"UPDATE {T} SET {C} = NULL",
        f"ALTER TABLE {T} ADD n numeric GENERATED ALWAYS AS ({C}::numeric) STORED",
        *partition(),
    ),
    "referred-parent": (
        *partition(
            f"ALTER TABLE parent ADD UNIQUE (id, {C})",
            "CREATE TABLE a_part PARTITION OF parent FOR VALUES IN ('a', NULL)",
            by=f"LIST ({C})",
        ),
        f"ALTER TABLE parent ADD UNIQUE ({C})",
        f"CREATE TABLE r (v text REFERENCES parent ({C}))",
    ),
    "heir": ("CREATE TABLE elder (id uuid)", f"ALTER TABLE {T} INHERIT elder"),
    "heir-type": (
        f"ALTER TABLE {T} ALTER {C} TYPE varchar(64)",
        "CREATE SCHEMA s",
        f"CREATE TABLE s.elder ({C} varchar(64), CHECK (length({C}) < 64) NO INHERIT)",
        f"ALTER TABLE {T} INHERIT s.elder",
    ),
    "heir-check": (
        f"CREATE TABLE elder ({C} text, CONSTRAINT k CHECK (length({C}) < 64))",
        f"ALTER TABLE {T} ADD CONSTRAINT k CHECK (length({C}) < 64)",
        f"ALTER TABLE {T} INHERIT elder",
    ),
    "ancestor": ("CREATE SCHEMA s", f'CREATE TABLE s."Young" () INHERITS ({T})'),
    "ancestor-type": (
        *typed("varchar(64)"),
        "CREATE SCHEMA s",
        f"CREATE TABLE s.young () INHERITS ({T})",
        f"CREATE VIEW v AS SELECT {C} FROM s.young",
    ),
}
VIEWS: Final = {
    "read-by-view": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE VIEW other AS SELECT id, {C} FROM {T}",
    ),
    "read-by-two": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE VIEW other AS SELECT id, {C} FROM {T}",
        "CREATE VIEW third AS SELECT * FROM other",
    ),
    "read-by-materialized": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE MATERIALIZED VIEW other AS SELECT id, {C} FROM {T}",
    ),
    "read-in-schema": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        "CREATE SCHEMA s",
        f"CREATE VIEW s.other AS SELECT id, {C} FROM {T}",
    ),
    "read-by-function": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE FUNCTION n() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM {T}; END",
    ),
    "read-by-row-type": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE FUNCTION n(row_ {T}) RETURNS text LANGUAGE sql AS 'SELECT $1.message_id'",
    ),
    "read-by-policy": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE POLICY p ON {U} USING (EXISTS (SELECT FROM {T} AS m WHERE m.id = {U}.id))",
    ),
    "read-filtered": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows WHERE length({C}) < 64 WITH CHECK OPTION",
        f"CREATE VIEW other AS SELECT id FROM {T}",
    ),
    "read-and-typed": (
        *typed("varchar(64)"),
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE VIEW other AS SELECT id, {C} FROM {T}",
    ),
    "quoted": (
        f'ALTER TABLE {T} RENAME TO "Stored ""Rows"""',
        f'CREATE VIEW {T} AS SELECT * FROM "Stored ""Rows"""',
        f'CREATE VIEW "Other" AS SELECT id FROM {T}',
    ),
    "name-taken": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE VIEW other AS SELECT id FROM {T}",
        f"CREATE TABLE {T}_view ()",
    ),
    "materialized": (RENAMED, f"CREATE MATERIALIZED VIEW {T} AS SELECT * FROM stored_rows"),
    "materialized-indexed": (
        RENAMED,
        f"CREATE MATERIALIZED VIEW {T} AS SELECT * FROM stored_rows",
        f"DROP INDEX {INDEX}",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
    ),
    "materialized-read": (
        RENAMED,
        f"CREATE MATERIALIZED VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE VIEW other AS SELECT id FROM {T}",
        f"DROP INDEX {INDEX}",
        f"CREATE INDEX {INDEX} ON {T} ({C})",
    ),
    "materialized-lacking": (
        RENAMED,
        f"CREATE MATERIALIZED VIEW {T} AS SELECT id, message_id FROM stored_rows",
    ),
    "lacking-read": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT id, message_id FROM stored_rows",
        f"CREATE VIEW other AS SELECT id FROM {T}",
    ),
    "over-a-view": (
        RENAMED,
        "CREATE VIEW between AS SELECT * FROM stored_rows",
        f"CREATE VIEW {T} AS SELECT * FROM between",
    ),
    "over-a-view-read": (
        RENAMED,
        "CREATE VIEW middle AS SELECT * FROM stored_rows",
        f"CREATE VIEW {T} AS SELECT * FROM middle",
        f"CREATE VIEW other AS SELECT m.id FROM {T} AS m JOIN middle USING (id)",
    ),
    "triggered": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        f"CREATE TRIGGER t INSTEAD OF INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
        f"CREATE VIEW other AS SELECT id FROM {T}",
    ),
    "ruled": (
        RENAMED,
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
        f"CREATE RULE r AS ON INSERT TO {T} DO INSTEAD NOTHING",
        f"CREATE VIEW other AS SELECT id FROM {T}",
    ),
}
SCHEMAS: Final = {
    "check": parted(PART, f'ALTER TABLE elsewhere."Part" ADD CONSTRAINT k CHECK (length({C}) < 64)'),
    "check-quoted": parted(
        PART, f'ALTER TABLE elsewhere."Part" ADD CONSTRAINT "K k" CHECK (length({C}) < 64)'
    ),
    "check-merged": parted(
        PART,
        f'ALTER TABLE elsewhere."Part" ADD CONSTRAINT k CHECK (length({C}) < 64)',
        f"ALTER TABLE {T} ADD CONSTRAINT k CHECK (length({C}) < 64)",
    ),
    "trigger": parted(
        PART,
        TRIGGERED,
        'CREATE TRIGGER t BEFORE INSERT ON elsewhere."Part" FOR EACH ROW EXECUTE FUNCTION f()',
    ),
    "unique": parted(PART, f'CREATE UNIQUE INDEX "K" ON elsewhere."Part" ({C})'),
    "unique-constraint": parted(PART, f'ALTER TABLE elsewhere."Part" ADD UNIQUE ({C})'),
    "exclusion": parted(PART, f'ALTER TABLE elsewhere."Part" ADD CONSTRAINT k EXCLUDE ({C} WITH =)'),
    "foreign-key": parted(
        PART,
        "CREATE TABLE persons (v text PRIMARY KEY)",
        f'ALTER TABLE elsewhere."Part" ADD FOREIGN KEY ({C}) REFERENCES persons',
    ),
    "failing-index": parted(PART, f'CREATE INDEX k ON elsewhere."Part" ((({C})::uuid))'),
    "unique-of-both": parted(
        f"CREATE TABLE elsewhere.part PARTITION OF {T} FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        f"CREATE UNIQUE INDEX k ON {T} ({C})",
        by=f"HASH ({C})",
    ),
    "type": parted(PART, f"ALTER TABLE {T} ALTER {C} TYPE varchar(64)"),
    "type-view-of-part": parted(
        PART,
        f"ALTER TABLE {T} ALTER {C} TYPE varchar(64)",
        f'CREATE VIEW v AS SELECT {C} FROM elsewhere."Part"',
    ),
    "no-index": (*parted(PART), f"DROP INDEX {INDEX}"),
    "none-for-now": parted(
        f"CREATE TABLE elsewhere.old PARTITION OF {T} FOR VALUES FROM (MINVALUE) TO ('2020-01-01')",
        by="RANGE (created_at)",
    ),
    "default-name-taken": parted(
        f"CREATE TABLE {T}_default PARTITION OF {T} FOR VALUES FROM (MINVALUE) TO ('2020-01-01')",
        by="RANGE (created_at)",
    ),
    "referred": parted(
        f"CREATE TABLE elsewhere.part PARTITION OF {T} FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        f"ALTER TABLE {T} ADD UNIQUE ({C})",
        f"CREATE TABLE elsewhere.r (v text REFERENCES {T} ({C}))",
        by=f"HASH ({C})",
    ),
    "shadowed-index": (
        *parted(PART),
        "CREATE SCHEMA postgres",
        f"CREATE TABLE postgres.{INDEX} ()",
        f"DROP INDEX public.{INDEX}",
    ),
}
HOLDERS: Final = {
    "view": typed("varchar(64)", f"CREATE VIEW v AS SELECT id, {C} FROM {T}"),
    "view-with-options": typed(
        "varchar(64)",
        f"CREATE VIEW v WITH (security_barrier) AS SELECT id, {C} FROM {T} WHERE {C} <> 'a  b' WITH LOCAL CHECK OPTION",
    ),
    "view-granted": typed(
        "varchar(64)",
        f"CREATE VIEW v AS SELECT id, {C} FROM {T}",
        "GRANT SELECT ON v TO PUBLIC",
        "COMMENT ON VIEW v IS 'it''s  one'",
    ),
    "view-of-view": typed(
        "varchar(64)",
        f"CREATE VIEW v AS SELECT id, {C} FROM {T}",
        "CREATE VIEW w AS SELECT * FROM v",
        "CREATE VIEW x AS SELECT v.id FROM v JOIN w USING (id)",
    ),
    "view-quoted": typed(
        "varchar(64)",
        'CREATE SCHEMA "S 1"',
        f'CREATE VIEW "S 1"."View ""x""" AS SELECT id, {C} AS "select" FROM {T}',
    ),
    "view-ruled": typed(
        "varchar(64)",
        f"CREATE VIEW v AS SELECT id, {C} FROM {T}",
        "CREATE RULE r AS ON DELETE TO v DO INSTEAD NOTHING",
    ),
    "view-triggered": typed(
        "varchar(64)",
        f"CREATE VIEW v AS SELECT id, {C} FROM {T}",
        TRIGGERED,
        "CREATE TRIGGER t INSTEAD OF UPDATE ON v FOR EACH ROW EXECUTE FUNCTION f()",
    ),
    "view-row-type": typed(
        "varchar(64)",
        f"CREATE VIEW v AS SELECT id, {C} FROM {T}",
        "CREATE FUNCTION n(v) RETURNS text LANGUAGE sql AS 'SELECT $1.id::text'",
    ),
    "view-of-others": typed(
        "varchar(64)", f"CREATE VIEW v AS SELECT u.id, m.{C} FROM {U} AS u JOIN {T} AS m USING (id)"
    ),
    "view-of-uuid": (
        f"UPDATE {T} SET {C} = NULL",
        *typed("uuid USING NULL", f"CREATE VIEW v AS SELECT id, {C} FROM {T}"),
    ),
    "materialized": typed(
        "varchar(64)",
        f"CREATE MATERIALIZED VIEW v AS SELECT id, {C} FROM {T}",
        "CREATE UNIQUE INDEX i ON v (id)",
    ),
    "materialized-empty": typed(
        "varchar(64)", f"CREATE MATERIALIZED VIEW v AS SELECT id, {C} FROM {T} WITH NO DATA"
    ),
    "policy": typed("varchar(64)", f"CREATE POLICY p ON {T} FOR SELECT TO PUBLIC USING ({C} <> 'x')"),
    "policy-restrictive": typed(
        "varchar(64)",
        f"CREATE POLICY \"P p\" ON {T} AS RESTRICTIVE FOR UPDATE USING ({C} <> 'x') WITH CHECK (length({C}) < 9)",
    ),
    "policy-elsewhere": typed(
        "varchar(64)",
        f"CREATE POLICY p ON {U} USING (EXISTS (SELECT FROM {T} AS m WHERE m.id = {U}.id AND m.{C} IS NULL))",
    ),
    "trigger-of": typed(
        "varchar(64)",
        "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        f"CREATE TRIGGER t BEFORE UPDATE OF {C} ON {T} FOR EACH ROW EXECUTE FUNCTION g()",
    ),
    "trigger-when": typed(
        "varchar(64)",
        "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        f"CREATE TRIGGER t BEFORE INSERT ON {T} FOR EACH ROW WHEN (NEW.{C} = 'x') EXECUTE FUNCTION g()",
    ),
    "trigger-disabled": typed(
        "varchar(64)",
        "CREATE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
        f"CREATE TRIGGER t BEFORE UPDATE OF {C} ON {T} FOR EACH ROW EXECUTE FUNCTION g()",
        f"ALTER TABLE {T} DISABLE TRIGGER t",
    ),
    "rule": typed(
        "varchar(64)",
        "CREATE TABLE log (v text)",
        f"CREATE RULE r AS ON UPDATE TO {T} WHERE NEW.{C} = 'x' DO ALSO INSERT INTO log VALUES (NEW.{C})",
    ),
    "generated": typed("varchar(64)", f"ALTER TABLE {T} ADD g text GENERATED ALWAYS AS (lower({C})) STORED"),
    "generated-indexed": typed(
        "varchar(64)",
        f"ALTER TABLE {T} ADD g text GENERATED ALWAYS AS (lower({C})) STORED",
        f"CREATE INDEX i ON {T} (g)",
        f"CREATE VIEW v AS SELECT id, g FROM {T}",
    ),
    "function": typed(
        "varchar(64)", f"CREATE FUNCTION n() RETURNS bigint BEGIN ATOMIC SELECT count({C}) FROM {T}; END"
    ),
    "function-returning": typed(
        "varchar(64)",
        f"CREATE FUNCTION n(v text DEFAULT 'a  b') RETURNS SETOF uuid STABLE BEGIN ATOMIC SELECT id FROM {T} WHERE {C} = v; END",
        "CREATE VIEW w AS SELECT * FROM n('x')",
    ),
    "function-granted": typed(
        "varchar(64)",
        f"CREATE FUNCTION n() RETURNS bigint BEGIN ATOMIC SELECT count({C}) FROM {T}; END",
        "REVOKE EXECUTE ON FUNCTION n() FROM PUBLIC",
        "GRANT EXECUTE ON FUNCTION n() TO pg_monitor",
    ),
    "publication-columns": typed("varchar(64)", f"CREATE PUBLICATION p FOR TABLE {T} (id, {C})"),
    "publication-where": typed(
        "varchar(64)", f"CREATE PUBLICATION p FOR TABLE {T} WHERE ({C} <> 'x') WITH (publish = 'insert')"
    ),
    "publication-plain": typed("varchar(64)", f"CREATE PUBLICATION p FOR TABLE {T}"),
    "index-expression": typed("varchar(64)", f"CREATE INDEX i ON {T} (lower({C}))"),
    "index-of-number": (
        f"UPDATE {T} SET {C} = NULL",
        *typed("bigint USING NULL", f"CREATE INDEX i ON {T} (({C} + 1))"),
    ),
    "index-of-number-partial": (
        f"UPDATE {T} SET {C} = NULL",
        *typed("bigint USING NULL", f"CREATE INDEX i ON {T} (id) WHERE {C} > 7"),
    ),
    "index-gin": (
        f"UPDATE {T} SET {C} = NULL",
        f"DROP INDEX {INDEX}",
        *typed("jsonb USING NULL", f"CREATE INDEX i ON {T} USING gin ({C})"),
    ),
    "index-class": (
        f"DROP INDEX {INDEX}",
        *typed("character(64)", f"CREATE INDEX i ON {T} ({C} bpchar_pattern_ops)"),
    ),
    "statistics": typed("varchar(64)", f"CREATE STATISTICS s ON {C}, message_id FROM {T}"),
    "statistics-expression": (
        f"UPDATE {T} SET {C} = NULL",
        *typed("bigint USING NULL", f"CREATE STATISTICS s ON ({C} + 1) FROM {T}"),
    ),
    "check-of-number": (
        f"UPDATE {T} SET {C} = NULL",
        *typed("bigint USING NULL", f"ALTER TABLE {T} ADD CHECK ({C} > 0)"),
    ),
    "check-not-valid": typed(
        "varchar(64)",
        f"ALTER TABLE {T} ADD CONSTRAINT k CHECK ({C} <> 'x') NOT VALID",
        f"CREATE VIEW v AS SELECT {C} FROM {T}",
    ),
    "default-of-type": (
        f"UPDATE {T} SET {C} = NULL",
        "CREATE TYPE known AS ENUM ('a', 'b')",
        *typed(
            "known USING NULL",
            f"ALTER TABLE {T} ALTER {C} SET DEFAULT 'a'",
            f"CREATE VIEW v AS SELECT {C} FROM {T}",
        ),
    ),
    "domain": (
        "CREATE DOMAIN d AS varchar(64) CHECK (VALUE <> '')",
        *typed(
            "d",
            f"CREATE VIEW v AS SELECT {C} FROM {T}",
            f"CREATE FUNCTION n() RETURNS bigint BEGIN ATOMIC SELECT count({C}) FROM {T}; END",
        ),
    ),
    "everything": typed(
        "varchar(64)",
        f"CREATE VIEW v AS SELECT id, {C} FROM {T}",
        "CREATE MATERIALIZED VIEW mv AS SELECT * FROM v",
        f"CREATE POLICY p ON {T} USING ({C} <> 'x')",
        f"CREATE PUBLICATION pub FOR TABLE {T} (id, {C})",
        f"CREATE FUNCTION n() RETURNS bigint BEGIN ATOMIC SELECT count({C}) FROM v; END",
        f"ALTER TABLE {T} ADD g text GENERATED ALWAYS AS (upper({C})) STORED",
    ),
    "not-null-too": typed(
        "varchar(64)",
        EMPTIED,
        f"ALTER TABLE {T} ALTER {C} SET NOT NULL",
        f"CREATE VIEW v AS SELECT {C} FROM {T}",
    ),
    "derived-read": (
        f"UPDATE {T} SET {C} = NULL",
        f"ALTER TABLE {T} ADD n numeric GENERATED ALWAYS AS ({C}::numeric) STORED",
        f"CREATE VIEW v AS SELECT n FROM {T}",
    ),
    "derived-not-null-read": (
        f"DELETE FROM {T}",
        f"ALTER TABLE {T} ADD n text GENERATED ALWAYS AS (nullif({C}, 'null')) STORED NOT NULL",
        f"CREATE VIEW v AS SELECT n FROM {T}",
    ),
    "derived-unique-read": (
        f"DELETE FROM {T}",
        f"ALTER TABLE {T} ADD n text GENERATED ALWAYS AS (upper({C})) STORED UNIQUE",
        f"CREATE TABLE r (v text REFERENCES {T} (n))",
    ),
    "typed-table": (
        f"DROP TABLE {T} CASCADE",
        f"CREATE TYPE shape AS (id uuid, created_at timestamptz, message_id text, {C} varchar(64))",
        f"CREATE TABLE {T} OF shape",
        *(f"CREATE INDEX {name} ON {T} ({column})" for name, column in INDEXES),
    ),
    "typed-table-lacking": (
        f"DROP TABLE {T} CASCADE",
        "CREATE TYPE shape AS (id uuid, created_at timestamptz, message_id text)",
        f"CREATE TABLE {T} OF shape",
    ),
}
HELD: Final = {
    "row-type": (
        (f"UPDATE {T} SET {C} = NULL", *typed("character(64)", f"CREATE TABLE copies (row_ {T})")),
        "column row_ of table copies",
    ),
    "partition-key": (
        typed("varchar(64)", *parted(f"CREATE TABLE part PARTITION OF {T} DEFAULT", by=f"LIST ({C})")),
        f"{T} is partitioned by the column",
    ),
    "primary-key-grouped": (
        (
            EMPTIED,
            f"ALTER TABLE {T} DROP CONSTRAINT {T}_pkey",
            f"ALTER TABLE {T} ADD PRIMARY KEY ({C})",
            f"CREATE VIEW v AS SELECT {C}, message_id, count(*) AS many FROM {T} GROUP BY {C}",
        ),
        "needed by view v",
    ),
    "view-default": (
        typed(
            "varchar(64)",
            f"CREATE VIEW v AS SELECT id, {C} FROM {T}",
            "ALTER VIEW v ALTER id SET DEFAULT gen_random_uuid()",
        ),
        "view v",
    ),
    "view-of-number": (
        (
            f"UPDATE {T} SET {C} = NULL",
            *typed("bigint USING NULL", f"CREATE VIEW v AS SELECT id, {C} + 1 AS next FROM {T}"),
        ),
        "view v",
    ),
    "index-name-of-table": ((f"DROP INDEX {INDEX}", f"CREATE TABLE {INDEX} ()"), f"table {INDEX}"),
    "view-of-two": (
        (RENAMED, f"CREATE VIEW {T} AS SELECT m.* FROM stored_rows AS m JOIN {U} AS u USING (id)"),
        "by hand",
    ),
}
MENDED: Final = {
    f"{kind}-{name}": statements
    for kind, group in (
        ("unique", UNIQUE),
        ("identity", IDENTITY),
        ("partition", PARTITIONS),
        ("view", VIEWS),
        ("schema", SCHEMAS),
        ("holder", HOLDERS),
    )
    for name, statements in group.items()
}
