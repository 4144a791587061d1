"""Further rules, views, partitions and heirs, with how sure the gate must be of each."""
# ruff: noqa: E501 -- a line each

from typing import Final

from harness import plan
from harness.database.effects.model import Certainty

T: Final = plan.METADATA_TABLE
C: Final = plan.COLUMN
NONE, OPEN, CERTAIN = Certainty.NONE, Certainty.OPEN, Certainty.CERTAIN

PLACES: Final = {
    "foreign-table": (
        (
            f"DROP TABLE {T} CASCADE",
            "CREATE FOREIGN DATA WRAPPER w",
            "CREATE SERVER s FOREIGN DATA WRAPPER w",
            f"CREATE FOREIGN TABLE {T} (id uuid, created_at timestamptz, message_id text, {C} text) SERVER s",
        ),
        OPEN,
    ),
    "attached": (
        (
            f"CREATE TABLE parent (LIKE {T}) PARTITION BY LIST ({C})",
            f"ALTER TABLE parent ATTACH PARTITION {T} FOR VALUES IN ('a', NULL)",
        ),
        CERTAIN,
    ),
    "attached-by-time": (
        (
            f"UPDATE {T} SET created_at = now()",
            f"CREATE TABLE parent (LIKE {T}) PARTITION BY RANGE (created_at)",
            f"ALTER TABLE parent ATTACH PARTITION {T} FOR VALUES FROM (MINVALUE) TO (MAXVALUE)",
        ),
        NONE,
    ),
    "partitions-by-month": (
        (
            f"DROP TABLE {T} CASCADE",
            f"CREATE TABLE {T} (id uuid, created_at timestamptz, message_id text, {C} text) PARTITION BY RANGE (created_at)",
            f"DO $$ BEGIN EXECUTE format('CREATE TABLE part PARTITION OF {T} FOR VALUES FROM (%L) TO (%L)', now() - interval '1 day', now() + interval '3 days'); END $$",
        ),
        OPEN,
    ),
    "partitions-forgotten": (
        (
            f"DROP TABLE {T} CASCADE",
            f"CREATE TABLE {T} (id uuid, created_at timestamptz, message_id text, {C} text) PARTITION BY HASH (id)",
            f"CREATE TABLE part PARTITION OF {T} FOR VALUES WITH (MODULUS 2, REMAINDER 0)",
        ),
        CERTAIN,
    ),
    "partitions-in-two": (
        (
            f"DROP TABLE {T} CASCADE",
            f"CREATE TABLE {T} (id uuid, created_at timestamptz, message_id text, {C} text) PARTITION BY LIST ((length({C}) > 36))",
            f"CREATE TABLE short PARTITION OF {T} FOR VALUES IN (false, NULL) PARTITION BY HASH ({C})",
            "CREATE TABLE short_1 PARTITION OF short FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        ),
        CERTAIN,
    ),
    "partitions-all": (
        (
            f"DROP TABLE {T} CASCADE",
            f"CREATE TABLE {T} (id uuid, created_at timestamptz, message_id text, {C} text) PARTITION BY HASH ({C})",
            f"CREATE TABLE part PARTITION OF {T} FOR VALUES WITH (MODULUS 1, REMAINDER 0)",
        ),
        NONE,
    ),
    "view-instead": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
            f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.{C} := left(NEW.{C}, 100); INSERT INTO stored_rows SELECT NEW.*; RETURN NEW; END $$",
            f"CREATE TRIGGER t INSTEAD OF INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        CERTAIN,
    ),
    "view-instead-plain": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT * FROM stored_rows",
            "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO stored_rows SELECT NEW.*; RETURN NEW; END $$",
            f"CREATE TRIGGER t INSTEAD OF INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        NONE,
    ),
    "view-nullif": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT id, created_at, message_id, nullif({C}, 'null') AS {C} FROM stored_rows",
        ),
        CERTAIN,
    ),
    "view-of-usage": (
        (
            "DROP VIEW microdollar_usage_view",
            "ALTER TABLE microdollar_usage RENAME TO all_usage",
            "CREATE VIEW microdollar_usage AS SELECT * FROM all_usage WHERE kilo_user_id NOT LIKE 'anon:2%'",
        ),
        CERTAIN,
    ),
    "materialized": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE MATERIALIZED VIEW {T} AS SELECT * FROM stored_rows",
        ),
        CERTAIN,
    ),
    "rule-select-case": (
        (f"CREATE RULE r AS ON INSERT TO {T} WHERE NEW.{C} LIKE '% DO INSTEAD %' DO INSTEAD NOTHING",),
        NONE,
    ),
    "rule-update": ((f"CREATE RULE r AS ON UPDATE TO {T} DO INSTEAD NOTHING",), OPEN),
    "rule-null": ((f"CREATE RULE r AS ON INSERT TO {T} WHERE NEW.{C} IS NULL DO INSTEAD NOTHING",), CERTAIN),
    "rule-never": (
        (f"CREATE RULE r AS ON INSERT TO {T} WHERE length(NEW.{C}) > 255 DO INSTEAD NOTHING",),
        NONE,
    ),
    "rule-other": ((f"CREATE RULE r AS ON INSERT TO {T} WHERE NEW.cancelled DO INSTEAD NOTHING",), OPEN),
    "rule-deletes": (
        (
            f"CREATE RULE r AS ON INSERT TO {T} DO ALSO DELETE FROM {T} WHERE {T}.{C} = NEW.{C} AND {T}.id <> NEW.id",
        ),
        CERTAIN,
    ),
    "rule-notify": ((f"CREATE RULE r AS ON INSERT TO {T} DO ALSO NOTIFY rows",), OPEN),
    "rule-disabled": (
        (f"CREATE RULE r AS ON INSERT TO {T} DO INSTEAD NOTHING", f"ALTER TABLE {T} DISABLE RULE r"),
        NONE,
    ),
    "view-plain": (
        (f"ALTER TABLE {T} RENAME TO stored_rows", f"CREATE VIEW {T} AS SELECT * FROM stored_rows"),
        NONE,
    ),
    "view-checked": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT * FROM stored_rows WHERE {C} <> lower({C}) WITH CHECK OPTION",
        ),
        CERTAIN,
    ),
    "view-anonymous": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT * FROM stored_rows WHERE {C} NOT LIKE '%@%' OR {C} IS NULL",
        ),
        CERTAIN,
    ),
    "view-recent": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT * FROM stored_rows WHERE created_at > now() - interval '30 days'",
        ),
        NONE,
    ),
    "view-streamed": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT * FROM stored_rows WHERE streamed",
        ),
        OPEN,
    ),
    "view-quoted": (
        (
            f'ALTER TABLE {T} RENAME TO "Stored Rows"',
            f'CREATE VIEW {T} AS SELECT * FROM "Stored Rows" WHERE length({C}) < 100 OR {C} IS NULL',
        ),
        CERTAIN,
    ),
    "inherits": (
        ("CREATE TABLE all_rows (id uuid)", f"ALTER TABLE {T} INHERIT all_rows"),
        NONE,
    ),
    "inherited-check": (
        (
            f"CREATE TABLE all_rows ({C} text)",
            f"ALTER TABLE {T} ADD CONSTRAINT k CHECK (length({C}) < 50) NOT VALID",
            f"ALTER TABLE all_rows ADD CONSTRAINT k CHECK (length({C}) < 50)",
            f"ALTER TABLE {T} VALIDATE CONSTRAINT k",
            f"ALTER TABLE {T} INHERIT all_rows",
        ),
        CERTAIN,
    ),
    "child": ((f"CREATE TABLE old_rows () INHERITS ({T})",), OPEN),
}
