"""Further databases, with how sure the gate must be of each: they were tried after the rules had been written."""
# ruff: noqa: E501 -- a line each

from typing import Final

from harness import plan
from harness.checks.effects import Certainty

T: Final = plan.METADATA_TABLE
U: Final = plan.USAGE_TABLE
C: Final = plan.COLUMN
NONE, OPEN, CERTAIN = Certainty.NONE, Certainty.OPEN, Certainty.CERTAIN


def function(body: str, declare: str = "") -> str:
    """A trigger function of that body, named f."""
    return f"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ {declare} BEGIN {body} END; $$"


def trigger(
    body: str,
    when: str = "BEFORE INSERT",
    *,
    condition: str = "",
    declare: str = "",
    arguments: str = "",
    on: str = T,
) -> tuple[str, ...]:
    """The function and a trigger for each row."""
    made = f"CREATE TRIGGER t {when} ON {on} FOR EACH ROW {condition} EXECUTE FUNCTION f({arguments})"
    return (function(body, declare), made)


def check(expression: str, more: str = "") -> tuple[str, ...]:
    """A CHECK of the metadata table."""
    return (f"ALTER TABLE {T} ADD CONSTRAINT k CHECK ({expression}) {more}",)


CHECKS: Final = {
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
TRIGGERS: Final = {
    "select-into": (trigger(f"SELECT upper(NEW.{C}) INTO NEW.{C}; RETURN NEW;"), CERTAIN),
    "quoted-name": (trigger(f'NEW."{C}" := NULL; RETURN NEW;'), CERTAIN),
    "comment-only": (trigger(f"-- NEW.{C} := NULL;\n RETURN NEW;"), NONE),
    "literal-only": (trigger(f"RAISE DEBUG 'NEW.{C} := NULL; RETURN NULL;'; RETURN NEW;"), NONE),
    "trims": (trigger(f"NEW.{C} := trim(both from NEW.{C}); RETURN NEW;"), OPEN),
    "btrims": (trigger(f"NEW.{C} := btrim(NEW.{C}, ' '); RETURN NEW;"), NONE),
    "rtrims-hyphens": (trigger(f"NEW.{C} := rtrim(NEW.{C}, '-'); RETURN NEW;"), CERTAIN),
    "cuts-to-bound": (trigger(f"NEW.{C} := left(NEW.{C}, 255); RETURN NEW;"), NONE),
    "case-expression": (
        trigger(f"NEW.{C} := CASE WHEN NEW.{C} ~ '^[0-9]+$' THEN NULL ELSE NEW.{C} END; RETURN NEW;"),
        CERTAIN,
    ),
    "variable": (
        trigger(f"v := replace(NEW.{C}, '_', '-'); NEW.{C} := v; RETURN NEW;", declare="DECLARE v text;"),
        CERTAIN,
    ),
    "loop": (
        trigger(f"WHILE NEW.{C} LIKE '%-' LOOP NEW.{C} := left(NEW.{C}, -1); END LOOP; RETURN NEW;"),
        CERTAIN,
    ),
    "caught": (
        trigger(f"BEGIN NEW.{C} := NEW.{C}::uuid::text; EXCEPTION WHEN OTHERS THEN NULL; END; RETURN NEW;"),
        CERTAIN,
    ),
    "argument": (
        trigger(f"NEW.{C} := left(NEW.{C}, TG_ARGV[0]::int); RETURN NEW;", arguments="'32'"),
        CERTAIN,
    ),
    "wide-argument": (
        trigger(f"NEW.{C} := left(NEW.{C}, TG_ARGV[0]::int); RETURN NEW;", arguments="'300'"),
        NONE,
    ),
    "on-operation": (
        trigger(f"IF TG_OP = 'UPDATE' THEN NEW.{C} := NULL; END IF; RETURN NEW;", "BEFORE INSERT OR UPDATE"),
        CERTAIN,
    ),
    "keeps-old": (trigger(f"NEW.{C} := OLD.{C}; RETURN NEW;", "BEFORE UPDATE"), OPEN),
    "no-return": (trigger("NEW.streamed := true;"), CERTAIN),
    "returns-null-inserts": (
        (f"CREATE TABLE child () INHERITS ({T})", *trigger("INSERT INTO child VALUES (NEW.*); RETURN NULL;")),
        OPEN,
    ),
    "other-column-decides": (trigger(f"IF NEW.is_byok THEN NEW.{C} := NULL; END IF; RETURN NEW;"), OPEN),
    "session-decides": (trigger(f"IF current_user = 'app' THEN NEW.{C} := NULL; END IF; RETURN NEW;"), OPEN),
    "dynamic": (trigger("EXECUTE 'SELECT ($1).*' INTO NEW USING NEW; RETURN NEW;"), OPEN),
    "row-replaced": (trigger(f"NEW := jsonb_populate_record(NEW, '{{\"{C}\": null}}'); RETURN NEW;"), OPEN),
    "when-never": (trigger(f"NEW.{C} := NULL; RETURN NEW;", condition=f"WHEN (length(NEW.{C}) > 255)"), NONE),
    "when-null": (trigger(f"NEW.{C} := 'none'; RETURN NEW;", condition=f"WHEN (NEW.{C} IS NULL)"), CERTAIN),
    "when-other": (trigger(f"NEW.{C} := NULL; RETURN NEW;", condition="WHEN (NEW.cancelled)"), OPEN),
    "update-of": (trigger(f"NEW.{C} := lower(NEW.{C}); RETURN NEW;", f"BEFORE UPDATE OF {C}"), CERTAIN),
    "delete-only": (trigger("RETURN NULL;", "BEFORE DELETE"), NONE),
    "after-deletes": (
        trigger(f"DELETE FROM {T} WHERE id = NEW.id AND NEW.{C} IS NULL; RETURN NULL;", "AFTER INSERT"),
        CERTAIN,
    ),
    "after-retention": (
        trigger(
            f"DELETE FROM {T} WHERE created_at < now() - interval '1 year'; RETURN NULL;", "AFTER INSERT"
        ),
        OPEN,
    ),
    "after-notifies": (
        trigger("PERFORM pg_notify('rows', NEW.id::text); RETURN NULL;", "AFTER INSERT"),
        NONE,
    ),
    "calls-own-function": (
        (
            "CREATE FUNCTION cleaned(v text) RETURNS text LANGUAGE sql AS $$ SELECT lower(v) $$",
            *trigger(f"NEW.{C} := cleaned(NEW.{C}); RETURN NEW;"),
        ),
        OPEN,
    ),
    "constraint-trigger": (
        (
            function(f"IF length(NEW.{C}) > 99 THEN RAISE 'too long'; END IF; RETURN NEW;"),
            f"CREATE CONSTRAINT TRIGGER t AFTER INSERT ON {T} DEFERRABLE FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        CERTAIN,
    ),
    "statement-raises": (
        (
            function("RAISE EXCEPTION 'closed';"),
            f"CREATE TRIGGER t BEFORE INSERT ON {T} EXECUTE FUNCTION f()",
        ),
        CERTAIN,
    ),
    "statement-null": (
        (function("RETURN NULL;"), f"CREATE TRIGGER t BEFORE INSERT ON {T} EXECUTE FUNCTION f()"),
        NONE,
    ),
    "suppress-redundant": (
        (
            f"CREATE TRIGGER t BEFORE UPDATE ON {T} FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()",
        ),
        NONE,
    ),
    "always": (
        (*trigger(f"NEW.{C} := NULL; RETURN NEW;"), f"ALTER TABLE {T} ENABLE ALWAYS TRIGGER t"),
        CERTAIN,
    ),
    "usage-user": (
        trigger("NEW.kilo_user_id := split_part(NEW.kilo_user_id, '%', 1); RETURN NEW;", on=U),
        NONE,
    ),
    "usage-masks": (
        trigger("NEW.kilo_user_id := regexp_replace(NEW.kilo_user_id, '[0-9]+$', '0'); RETURN NEW;", on=U),
        CERTAIN,
    ),
}
PLACES: Final = {
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
TYPES: Final = {
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
    "index-both": ((f"CREATE UNIQUE INDEX x ON {T} ({C}, created_at)",), OPEN),
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
    for kind, group in (("check", CHECKS), ("trigger", TRIGGERS), ("place", PLACES), ("type", TYPES))
    for name, entry in group.items()
}
