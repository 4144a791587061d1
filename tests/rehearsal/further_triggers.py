"""Further triggers, with how sure the gate must be of each: they were tried after the rules had been written."""
# ruff: noqa: E501 -- a line each

from typing import Final

from harness import plan
from harness.database.effects.model import Certainty

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


TRIGGERS: Final = {
    "labelled": (
        trigger(f"<<inner>> BEGIN NEW.{C} := LOWER ( NEW.{C} ); EXIT inner; END inner; return new ;"),
        CERTAIN,
    ),
    "no-blanks": (trigger(f"NEW.{C}:=lower(NEW.{C});RETURN NEW;"), CERTAIN),
    "foreach": (
        trigger(
            f"FOREACH p IN ARRAY string_to_array(NEW.{C}, '-') LOOP NEW.{C} := p; END LOOP; RETURN NEW;",
            declare="DECLARE p text;",
        ),
        CERTAIN,
    ),
    "elsif": (
        trigger(
            f"IF NEW.{C} = 'x' THEN RETURN NULL; ELSIF NEW.{C} = 'anonymous' THEN RETURN NULL; ELSE RETURN NEW; END IF;"
        ),
        CERTAIN,
    ),
    "names-table": (
        trigger(
            f"IF TG_TABLE_NAME = '{T}' AND TG_LEVEL = 'ROW' AND TG_WHEN = 'BEFORE' THEN NEW.{C} := NULL; END IF; RETURN NEW;"
        ),
        CERTAIN,
    ),
    "row-variable": (trigger(f"r := NEW; r.{C} := NULL; RETURN r;", declare=f"DECLARE r {T}%ROWTYPE;"), OPEN),
    "raises-notice": (trigger(f"RAISE NOTICE 'value %', NEW.{C}; RETURN NEW;"), NONE),
    "raises-if-other": (
        trigger("IF NEW.message_id = '' THEN RAISE EXCEPTION 'empty'; END IF; RETURN NEW;"),
        OPEN,
    ),
    "both-set": (trigger(f"NEW.cancelled := NEW.streamed; NEW.{C} := lower(NEW.{C}); RETURN NEW;"), CERTAIN),
    "reads-and-sets-other": (trigger("NEW.cancelled := NEW.streamed; RETURN NEW;"), NONE),
    "set-back": (trigger(f"NEW.{C} := upper(NEW.{C}); NEW.{C} := NULL; RETURN NEW;"), CERTAIN),
    "endless": (trigger("WHILE true LOOP NULL; END LOOP; RETURN NEW;"), OPEN),
    "conditional-look-up": (
        trigger(
            f"IF EXISTS (SELECT FROM {U} WHERE id = NEW.id AND has_error) THEN NEW.{C} := NULL; END IF; RETURN NEW;"
        ),
        OPEN,
    ),
    "drops-after-look-up": (trigger(f"PERFORM 1 FROM {U}; RETURN NULL;"), CERTAIN),
    "two-events": (
        trigger("IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;", "BEFORE INSERT OR DELETE"),
        NONE,
    ),
    "usage-update": (trigger("NEW.cost := 0; RETURN NEW;", "BEFORE UPDATE", on=U), NONE),
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
