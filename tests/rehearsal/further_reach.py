"""Further objects whose effect lies in another one: functions that are called, tables below a view, generated columns."""
# ruff: noqa: E501 -- a line each

from typing import Final

from harness import plan
from harness.database.effects.model import Certainty
from tests.rehearsal.further_triggers import function, trigger

T: Final = plan.METADATA_TABLE
U: Final = plan.USAGE_TABLE
C: Final = plan.COLUMN
NONE, OPEN, CERTAIN = Certainty.NONE, Certainty.OPEN, Certainty.CERTAIN


def after(body: str, on: str = T) -> tuple[str, ...]:
    """A trigger that runs after each INSERT."""
    return trigger(f"{body} RETURN NULL;", "AFTER INSERT", on=on)


def own(name: str, body: str, options: str = "") -> str:
    """A function of the owner's own, in PL/pgSQL."""
    return (
        f"CREATE FUNCTION {name}(v text) RETURNS text LANGUAGE plpgsql {options} AS $$ BEGIN {body} END; $$"
    )


def view(*more: str, where: str = "") -> tuple[str, ...]:
    """A view in the table's place, over the table under another name."""
    return (
        f"ALTER TABLE {T} RENAME TO stored_rows",
        f"CREATE VIEW {T} AS SELECT * FROM stored_rows {where}",
        *more,
    )


def on_base(*statements: str) -> tuple[str, ...]:
    """The same, with statements about the table below."""
    return (*statements, *view())


LOWER: Final = function(f"NEW.{C} := lower(NEW.{C}); RETURN NEW;")

REACH: Final = {
    # Statements of triggers.
    "update-reads-in-where": (
        after(f"UPDATE {T} SET cancelled = true WHERE {C} = NEW.{C} AND id <> NEW.id;"),
        NONE,
    ),
    "update-reads-in-from": (
        after(
            f"UPDATE {T} AS t SET cancelled = u.has_error FROM {U} AS u WHERE u.id = t.id AND t.{C} = NEW.{C};"
        ),
        NONE,
    ),
    "update-returns": (
        trigger(
            f"UPDATE {U} SET has_error = false WHERE id = NEW.id RETURNING id INTO x; RETURN NULL;",
            "AFTER INSERT",
            declare="DECLARE x uuid;",
        ),
        NONE,
    ),
    "update-after-subquery": (
        after(
            f"UPDATE {T} SET cancelled = (SELECT true FROM {U} WHERE id = NEW.id), {C} = NULL WHERE id = NEW.id;"
        ),
        CERTAIN,
    ),
    "update-sets-row": (after(f"UPDATE {T} SET (cancelled, {C}) = (true, NULL) WHERE id = NEW.id;"), CERTAIN),
    "update-sets-other-row": (
        after(f"UPDATE {T} SET (cancelled, streamed) = (true, false) WHERE id = NEW.id AND {C} = NEW.{C};"),
        NONE,
    ),
    "update-same-value": (after(f"UPDATE {T} SET {C} = NEW.{C}, cancelled = true WHERE id = NEW.id;"), OPEN),
    "merge-deletes": (
        after(
            f"MERGE INTO {T} AS t USING (SELECT NEW.id AS id) AS n ON t.id = n.id WHEN MATCHED THEN DELETE;"
        ),
        CERTAIN,
    ),
    "merge-updates": (
        after(
            f"MERGE INTO {T} AS t USING (SELECT NEW.id AS id) AS n ON t.id = n.id WHEN MATCHED THEN UPDATE SET {C} = upper(t.{C});"
        ),
        CERTAIN,
    ),
    "merge-updates-other": (
        after(
            f"MERGE INTO {T} AS t USING (SELECT NEW.id AS id) AS n ON t.id = n.id WHEN MATCHED THEN UPDATE SET cancelled = true;"
        ),
        NONE,
    ),
    "truncates": (
        (
            function(f"TRUNCATE {T}; RETURN NULL;"),
            f"CREATE TRIGGER t AFTER INSERT ON {U} FOR EACH STATEMENT EXECUTE FUNCTION f()",
        ),
        OPEN,
    ),
    "truncates-own": (
        (
            function(f"TRUNCATE {T}; RETURN NULL;"),
            f"CREATE TRIGGER t AFTER INSERT ON {T} FOR EACH STATEMENT EXECUTE FUNCTION f()",
        ),
        CERTAIN,
    ),
    "truncates-others": (
        (
            "CREATE TABLE recent ()",
            function("TRUNCATE recent; RETURN NULL;"),
            f"CREATE TRIGGER t AFTER INSERT ON {T} FOR EACH STATEMENT EXECUTE FUNCTION f()",
        ),
        NONE,
    ),
    "usage-clears-metadata": (after(f"UPDATE {T} SET {C} = NULL WHERE id = NEW.id;", on=U), OPEN),
    "metadata-changes-user": (
        after(f"UPDATE {U} SET kilo_user_id = 'anon:0.0.0.0' WHERE id = NEW.id;"),
        CERTAIN,
    ),
    "metadata-changes-usage": (after(f"UPDATE {U} SET has_error = true WHERE id = NEW.id;"), NONE),
    "copies-message": (trigger(f"NEW.{C} := NEW.message_id; RETURN NEW;"), CERTAIN),
    "copies-if-none": (
        trigger(f"IF NEW.{C} IS NULL THEN NEW.{C} := NEW.message_id; END IF; RETURN NEW;"),
        OPEN,
    ),
    # Functions that are called.
    "calls-deletes": (
        (own("tidy", f"DELETE FROM {T} WHERE {C} = v; RETURN v;"), *after(f"PERFORM tidy(NEW.{C});")),
        OPEN,
    ),
    "calls-that-calls": (
        (
            own("tidy", f"DELETE FROM {T} WHERE {C} = v; RETURN v;"),
            own("sweep", "RETURN tidy(v);"),
            *after(f"PERFORM sweep(NEW.{C});"),
        ),
        OPEN,
    ),
    "calls-audit": (
        (
            "CREATE TABLE audit (v text)",
            own("noted", "INSERT INTO audit VALUES (v); RETURN v;"),
            *after(f"PERFORM noted(NEW.{C});"),
        ),
        NONE,
    ),
    "calls-itself": (
        (
            own("round", "IF v = 'never' THEN RETURN round(v); END IF; RETURN v;"),
            *after(f"PERFORM round(NEW.{C});"),
        ),
        NONE,
    ),
    "immutable-lower": (
        (
            own("cleaned", "RETURN lower(v);", "IMMUTABLE"),
            *trigger(f"NEW.{C} := cleaned(NEW.{C}); RETURN NEW;"),
        ),
        CERTAIN,
    ),
    "immutable-same": (
        (own("cleaned", "RETURN v;", "IMMUTABLE"), *trigger(f"NEW.{C} := cleaned(NEW.{C}); RETURN NEW;")),
        NONE,
    ),
    # Views, and what is below them.
    "view-base-trigger": (
        on_base(LOWER, f"CREATE TRIGGER t BEFORE INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()"),
        CERTAIN,
    ),
    "view-base-check": (on_base(f"ALTER TABLE {T} ADD CHECK (length({C}) < 64)"), CERTAIN),
    "view-base-unique": (on_base(f"DELETE FROM {T}", f"CREATE UNIQUE INDEX x ON {T} ({C})"), CERTAIN),
    "view-over-filter": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW some_rows AS SELECT * FROM stored_rows WHERE {C} NOT LIKE 'anonymous%' OR {C} IS NULL",
            f"CREATE VIEW {T} AS SELECT * FROM some_rows",
        ),
        CERTAIN,
    ),
    "view-over-view": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            "CREATE VIEW some_rows AS SELECT * FROM stored_rows",
            f"CREATE VIEW {T} AS SELECT * FROM some_rows",
        ),
        NONE,
    ),
    "view-without-column": (
        (
            f"ALTER TABLE {T} RENAME TO stored_rows",
            f"CREATE VIEW {T} AS SELECT id, created_at, message_id FROM stored_rows",
        ),
        CERTAIN,
    ),
    "view-rule-inserts": (
        view(f"CREATE RULE r AS ON INSERT TO {T} DO INSTEAD INSERT INTO stored_rows VALUES (NEW.*)"),
        OPEN,
    ),
    "view-rule-elsewhere": (
        view(
            "CREATE TABLE aside (v text)",
            f"CREATE RULE r AS ON INSERT TO {T} DO INSTEAD INSERT INTO aside VALUES (NEW.{C})",
        ),
        CERTAIN,
    ),
    "view-instead-lower": (
        view(
            function(
                f"INSERT INTO stored_rows (id, created_at, message_id, {C}) VALUES (NEW.id, NEW.created_at, NEW.message_id, lower(NEW.{C})); RETURN NEW;"
            ),
            f"CREATE TRIGGER t INSTEAD OF INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        CERTAIN,
    ),
    "view-instead-forgets": (
        view(
            function(
                "INSERT INTO stored_rows (id, created_at, message_id) VALUES (NEW.id, NEW.created_at, NEW.message_id); RETURN NEW;"
            ),
            f"CREATE TRIGGER t INSTEAD OF INSERT ON {T} FOR EACH ROW EXECUTE FUNCTION f()",
        ),
        CERTAIN,
    ),
    # Rules, keys, generated columns, policies.
    "rule-asks-table": (
        (
            f"CREATE RULE r AS ON INSERT TO {T} WHERE EXISTS (SELECT FROM {T} AS there WHERE there.{C} = NEW.{C}) DO INSTEAD NOTHING",
        ),
        OPEN,
    ),
    "key-of-two": (
        (
            "CREATE TABLE other (v text, w text, UNIQUE (v, w))",
            f"ALTER TABLE {T} ADD CONSTRAINT k FOREIGN KEY ({C}, message_id) REFERENCES other (v, w) NOT VALID",
        ),
        OPEN,
    ),
    "derived-not-null": (
        (
            f"ALTER TABLE {T} ADD kind text GENERATED ALWAYS AS (nullif({C}, 'null')) STORED",
            f"DELETE FROM {T}",
            f"ALTER TABLE {T} ALTER kind SET NOT NULL",
        ),
        CERTAIN,
    ),
    "derived-flag": (
        (f"ALTER TABLE {T} ADD has_value boolean GENERATED ALWAYS AS ({C} IS NOT NULL) STORED",),
        NONE,
    ),
    "derived-rounded": (
        (f"ALTER TABLE {T} ADD size numeric(9, 1) GENERATED ALWAYS AS (length({C}) / 8.0) STORED",),
        NONE,
    ),
    "derived-check": (
        (f"ALTER TABLE {T} ADD size integer GENERATED ALWAYS AS (length({C})) STORED CHECK (size < 100)",),
        CERTAIN,
    ),
    "derived-check-wide": (
        (f"ALTER TABLE {T} ADD size integer GENERATED ALWAYS AS (length({C})) STORED CHECK (size < 256)",),
        NONE,
    ),
    "derived-unique": (
        (f"ALTER TABLE {T} ADD lowered text GENERATED ALWAYS AS (lower({C})) STORED UNIQUE",),
        CERTAIN,
    ),
    "policy-checks": (
        (
            f"ALTER TABLE {T} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY p ON {T} FOR INSERT WITH CHECK (length({C}) < 64)",
        ),
        OPEN,
    ),
    "policy-allows": (
        (
            f"ALTER TABLE {T} ENABLE ROW LEVEL SECURITY",
            f"CREATE POLICY p ON {T} USING (true) WITH CHECK ({C} IS NULL OR length({C}) > -1)",
        ),
        NONE,
    ),
    "policy-off": ((f"CREATE POLICY p ON {T} FOR INSERT WITH CHECK (length({C}) < 64)",), NONE),
}
