"""Further databases, with how sure the gate must be of each: they were tried after the rules had been written."""
# ruff: noqa: E501 -- a line each

from typing import Final

from harness import plan
from harness.database.effects.model import Certainty
from tests.rehearsal.further_places import PLACES
from tests.rehearsal.further_reach import REACH
from tests.rehearsal.further_triggers import TRIGGERS, trigger

T: Final = plan.METADATA_TABLE
C: Final = plan.COLUMN
NONE, OPEN, CERTAIN = Certainty.NONE, Certainty.OPEN, Certainty.CERTAIN


def check(expression: str, more: str = "") -> tuple[str, ...]:
    """A CHECK of the metadata table."""
    return (f"ALTER TABLE {T} ADD CONSTRAINT k CHECK ({expression}) {more}",)


CHECKS: Final = {
    "collated": (check(f"{C} COLLATE \"C\" < 'a'"), CERTAIN),
    "user": (check("current_user <> 'nobody'"), OPEN),
    "or-inside": (check(f"({C} IS NULL OR {C} ~ '-') AND (streamed OR {C} <> 'x')", "NOT VALID"), CERTAIN),
    "percent": (check(f"{C} NOT LIKE '100%%' AND {C} <> 'a%b'"), NONE),
    "jsonb": (check(f"to_jsonb({C}) <> '1'"), NONE),
    "or-null": (check(f"{C} IS NULL OR length({C}) BETWEEN 1 AND 255"), NONE),
    "not-empty": (check(f"{C} <> ''"), NONE),
    "byte-length": (check(f"octet_length({C}) < 255"), CERTAIN),
    "starts-with": (check(f"starts_with({C}, 'vscode-')"), CERTAIN),
    "no-uuid": (check(f"{C} !~ '^[0-9a-f]{{8}}-'"), CERTAIN),
    "percent-like": (check(f"{C} NOT LIKE '%%'"), CERTAIN),
    "quoted-and": (check(f"{C} <> 'x AND y' AND {C} <> ''"), NONE),
    "in-list": (check(f"{C} IN ('a', 'b') OR {C} IS NULL"), CERTAIN),
    "false": (check("false", "NOT VALID"), CERTAIN),
    "cast-fails": (check(f"{C}::bigint > 0"), CERTAIN),
    "both-columns": (check(f"{C} IS NULL OR http_ip_id IS NOT NULL"), OPEN),
    "division": (check(f"1 / (length({C}) - 128) <> 7"), CERTAIN),
    "of-user-function": (
        (
            "CREATE FUNCTION fine(v text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN IF v ~ '[A-Z]' THEN RAISE EXCEPTION 'no'; END IF; RETURN true; END $$",
            *check(f"fine({C})"),
        ),
        CERTAIN,
    ),
    "of-slow-function": (
        (
            "CREATE FUNCTION slow(v text) RETURNS boolean LANGUAGE sql AS $$ SELECT pg_sleep(60) IS NOT NULL $$",
            *check(f"slow({C})", "NOT VALID"),
        ),
        OPEN,
    ),
    "of-writing-function": (
        (
            "CREATE TABLE log (v text)",
            "CREATE FUNCTION logged(v text) RETURNS boolean LANGUAGE sql AS $$ INSERT INTO log VALUES (v) RETURNING true $$",
            *check(f"logged({C})", "NOT VALID"),
        ),
        OPEN,
    ),
    "of-other-column": (check("streamed IS NOT NULL", "NOT VALID"), NONE),
    "exclusion": ((f"ALTER TABLE {T} ADD CONSTRAINT k EXCLUDE ({C} WITH =)",), CERTAIN),
    "exclusion-of-others": (
        (f"ALTER TABLE {T} ADD CONSTRAINT k EXCLUDE USING btree (message_id WITH =, {C} WITH =)",),
        OPEN,
    ),
}
TYPES: Final = {
    "one-character": ((f'ALTER TABLE {T} ALTER {C} TYPE "char" USING NULL',), CERTAIN),
    "reference-disabled": (
        (
            "CREATE TABLE persons (distinct_id text PRIMARY KEY)",
            f"ALTER TABLE {T} ADD FOREIGN KEY ({C}) REFERENCES persons",
            f"ALTER TABLE {T} DISABLE TRIGGER ALL",
        ),
        NONE,
    ),
    "varchar-255": ((f"ALTER TABLE {T} ALTER {C} TYPE varchar(255)",), NONE),
    "varchar": ((f"ALTER TABLE {T} ALTER {C} TYPE varchar",), NONE),
    "varchar-254": ((f"ALTER TABLE {T} ALTER {C} TYPE varchar(254)",), CERTAIN),
    "name": ((f"ALTER TABLE {T} ALTER {C} TYPE name",), CERTAIN),
    "uuid": ((f"ALTER TABLE {T} ALTER {C} TYPE uuid USING NULL",), CERTAIN),
    "bytea": ((f"ALTER TABLE {T} ALTER {C} TYPE bytea USING NULL",), CERTAIN),
    "jsonb": ((f"ALTER TABLE {T} ALTER {C} TYPE jsonb USING NULL",), CERTAIN),
    "enum": (
        ("CREATE TYPE known AS ENUM ('a', 'b')", f"ALTER TABLE {T} ALTER {C} TYPE known USING NULL"),
        CERTAIN,
    ),
    "array": ((f"ALTER TABLE {T} ALTER {C} TYPE text[] USING NULL",), CERTAIN),
    "domain-plain": (("CREATE DOMAIN d AS text", f"ALTER TABLE {T} ALTER {C} TYPE d"), NONE),
    "domain-not-null": (
        (
            "CREATE DOMAIN d AS text NOT NULL",
            f"UPDATE {T} SET {C} = 'x'",
            f"ALTER TABLE {T} ALTER {C} TYPE d",
        ),
        CERTAIN,
    ),
    "domain-of-domain": (
        (
            "CREATE DOMAIN d AS text CHECK (VALUE <> '')",
            "CREATE DOMAIN e AS d CHECK (length(VALUE) < 200)",
            f"ALTER TABLE {T} ALTER {C} TYPE e",
        ),
        CERTAIN,
    ),
    "default-null": ((f"ALTER TABLE {T} ALTER {C} SET DEFAULT NULL",), NONE),
    "default-empty": ((f"ALTER TABLE {T} ALTER {C} SET DEFAULT ''",), CERTAIN),
    "default-random": ((f"ALTER TABLE {T} ALTER {C} SET DEFAULT gen_random_uuid()::text",), CERTAIN),
    "default-setting": ((f"ALTER TABLE {T} ALTER {C} SET DEFAULT current_setting('app.none', true)",), NONE),
    "default-sequence": (
        ("CREATE SEQUENCE s", f"ALTER TABLE {T} ALTER {C} SET DEFAULT nextval('s')::text"),
        CERTAIN,
    ),
    "derived-lower": ((f"ALTER TABLE {T} ADD lowered text GENERATED ALWAYS AS (lower({C})) STORED",), NONE),
    "derived-short": ((f"ALTER TABLE {T} ADD short varchar(10) GENERATED ALWAYS AS ({C}) STORED",), CERTAIN),
    "index-both": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, created_at)",), CERTAIN),
    "index-constant": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, (1))",), CERTAIN),
    "index-constant-null": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, (NULL::int))",), NONE),
    "index-constants": ((f"CREATE UNIQUE INDEX x ON {T} ((1)) WHERE {C} IS NOT NULL",), CERTAIN),
    "index-message": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, message_id)",), OPEN),
    "index-of-id": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, (left(id::text, 1)))",), OPEN),
    "index-two-and-key": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, created_at, id)",), NONE),
    "index-of-usage": (
        (f"CREATE UNIQUE INDEX x ON {plan.USAGE_TABLE} (kilo_user_id, created_at)",),
        CERTAIN,
    ),
    "index-partly": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, created_at) WHERE streamed",), OPEN),
    "index-null": ((f"CREATE UNIQUE INDEX x ON {T} (({C} IS NULL)) WHERE {C} IS NOT NULL",), CERTAIN),
    "index-hash": ((f"CREATE UNIQUE INDEX x ON {T} (md5({C})) WHERE length({C}) > 255",), NONE),
    "index-nulls": ((f"CREATE UNIQUE INDEX x ON {T} ({C}) NULLS NOT DISTINCT WHERE id IS NULL",), OPEN),
    "reference-added": (
        (
            "CREATE TABLE persons (distinct_id text PRIMARY KEY)",
            f"ALTER TABLE {T} ADD FOREIGN KEY ({C}) REFERENCES persons",
            *trigger(f"INSERT INTO persons VALUES (NEW.{C}) ON CONFLICT DO NOTHING; RETURN NEW;"),
        ),
        OPEN,
    ),
}
FURTHER: Final = {
    f"{kind}-{name}": entry
    for kind, group in (
        ("check", CHECKS),
        ("trigger", TRIGGERS),
        ("place", PLACES),
        ("type", TYPES),
        ("reach", REACH),
    )
    for name, entry in group.items()
}
