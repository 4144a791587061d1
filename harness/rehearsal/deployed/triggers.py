"""Triggers that change values or lose rows, and such as harm nothing."""
# ruff: noqa: S608 -- the names are the plan's own

from typing import Final

from harness.rehearsal.deployed.model import C, K, T, U, fault, harmless


def _trigger(name: str, body: str, *, on: str = T, when: str = "BEFORE INSERT") -> tuple[str, str]:
    """A function of that body, which says what it returns, and the trigger that calls it."""
    return (
        f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN {body} END $$",
        f"CREATE TRIGGER {name} {when} ON {on} FOR EACH ROW EXECUTE FUNCTION {name}()",
    )


DEFECTS: Final = (
    fault(
        "trigger-lowers",
        "a trigger turns values into lower case",
        *_trigger("lower_value", f"NEW.{C} := lower(NEW.{C}); RETURN NEW;"),
    ),
    fault(
        "trigger-drops",
        "a trigger drops rows with a long value",
        *_trigger("drop_long", f"IF length(NEW.{C}) > 200 THEN RETURN NULL; END IF; RETURN NEW;"),
    ),
    fault(
        "trigger-cuts",
        "a trigger cuts values to 36 characters",
        *_trigger("cut_value", f"NEW.{C} = left(NEW.{C}, 36); NEW.cancelled := false; RETURN NEW;"),
    ),
    fault(
        "trigger-clears-on-update",
        "a trigger clears the value on each UPDATE",
        *_trigger("clear_value", f"NEW.{C} := NULL; RETURN NEW;", when="BEFORE UPDATE"),
    ),
    fault(
        "trigger-strips-emails",
        "a trigger clears e-mails",
        *_trigger("strip_email", f"IF NEW.{C} LIKE '%@%' THEN NEW.{C} := NULL; END IF; RETURN NEW;"),
    ),
    fault(
        "trigger-fills",
        "a trigger writes a word where there is no value",
        *_trigger("fill_value", f"NEW.{C} := coalesce(NEW.{C}, 'unknown'); RETURN NEW;"),
    ),
    fault(
        "trigger-looks-up",
        "a trigger that reads a table, too, cuts values",
        *_trigger(
            "look_up", f"PERFORM 1 FROM {U} WHERE id = NEW.id; NEW.{C} := left(NEW.{C}, 64); RETURN NEW;"
        ),
    ),
    fault(
        "trigger-keeps-newest",
        "a trigger clears the value from rows that had it before",
        *_trigger(
            "keep_newest",
            f"UPDATE {T} SET {C} = NULL WHERE {C} = NEW.{C} AND id <> NEW.id; RETURN NULL;",
            when="AFTER INSERT",
        ),
    ),
    fault(
        "trigger-refuses",
        "a trigger after the write refuses upper case",
        *_trigger(
            "refuse_upper",
            f"IF NEW.{C} <> lower(NEW.{C}) THEN RAISE EXCEPTION 'upper case'; END IF; RETURN NULL;",
            when="AFTER INSERT",
        ),
    ),
    fault(
        "trigger-when",
        "a trigger whose own condition chooses values with a hyphen drops their rows",
        "CREATE FUNCTION drop_it() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$",
        f"CREATE TRIGGER drop_it BEFORE INSERT ON {T} FOR EACH ROW WHEN (NEW.{C} LIKE '%-%') "
        "EXECUTE FUNCTION drop_it()",
    ),
    fault(
        "trigger-drops-usage",
        "a trigger drops usage of anonymous users",
        *_trigger("drop_anonymous", f"IF NEW.{K} LIKE 'anon:%' THEN RETURN NULL; END IF; RETURN NEW;", on=U),
    ),
)

HARMLESS: Final = (
    harmless(
        "audit",
        "a trigger copies ids into an audit table",
        "CREATE TABLE audit (at timestamptz DEFAULT now(), id uuid)",
        *_trigger("audit_row", "INSERT INTO audit (id) VALUES (NEW.id); RETURN NULL;", when="AFTER INSERT"),
    ),
    harmless(
        "touched",
        "a trigger sets a column of its own",
        f"ALTER TABLE {T} ADD COLUMN updated_at timestamptz",
        *_trigger("touch", "NEW.updated_at := now(); RETURN NEW;", when="BEFORE INSERT OR UPDATE"),
    ),
    harmless(
        "empty-to-null",
        "a trigger turns an empty text into NULL, which no valid value is",
        *_trigger("no_empty", f"NEW.{C} := nullif(btrim(NEW.{C}), ''); RETURN NEW;"),
    ),
    harmless(
        "disabled-trigger",
        "a trigger that would lower values is disabled",
        *_trigger("lower_value", f"NEW.{C} := lower(NEW.{C}); RETURN NEW;"),
        f"ALTER TABLE {T} DISABLE TRIGGER lower_value",
    ),
    harmless(
        "replica-trigger",
        "a trigger that would drop rows fires for replication alone",
        *_trigger("drop_row", "RETURN NULL;"),
        f"ALTER TABLE {T} ENABLE REPLICA TRIGGER drop_row",
    ),
)
