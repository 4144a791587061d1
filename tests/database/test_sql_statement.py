"""A statement is read as PostgreSQL reads it, however it is written: by facts, linter and remedy alike."""

import pytest

from harness.checks.lint_builds import index_faults, is_concurrent
from harness.checks.lint_columns import column_faults
from harness.checks.lint_statements import statements
from harness.database.declared import plan_store
from harness.database.sql_statement import plain_name, read_statement
from harness.database.step_facts import Fact, FactKind, facts_of
from harness.rehearsal.lock_modes import LockMode
from harness.rehearsal.own.constraint_remedy import ConstraintStatement
from harness.rehearsal.own.lock_prediction import predicted_lock

STORE = plan_store()
T, C = STORE.table, STORE.column.name
SPELLINGS = {
    "plain": "ALTER TABLE {t} {action};",
    "schema": "ALTER TABLE public.{t} {action}",
    "quoted": 'ALTER TABLE "public" . "{t}"{action}',
    "only": "alter table if exists only {t}\n\t{action}\n;",
    "children": "ALTER TABLE {t} * {action};",
    "comments": "-- DROP TABLE a;\n/* /* of */ two */ ALTER/**/TABLE {t} -- it's; here\n{action} -- , DROP d",
}
SEVERAL = (
    "ALTER TABLE {t} ADD a text DEFAULT 'x, DROP COLUMN {c}', ADD \"b,\" int[] DEFAULT ARRAY[1, 2], {action}"
)
ACTIONS = {
    "column": (f"ADD COLUMN IF NOT EXISTS {C} varchar(10)", FactKind.COLUMN, C),
    "short": (f'add "{C}" numeric(10, 2) NOT NULL', FactKind.COLUMN, C),
    "mandatory": (f"ALTER {C} SET /* now */ NOT NULL", FactKind.NOT_NULL, C),
    "check": (f"ADD CONSTRAINT \"K\" CHECK ({C} <> 'a  b, NOT VALID')", FactKind.CONSTRAINT, "K"),
    "validated": ("VALIDATE CONSTRAINT k", FactKind.VALIDATED, "k"),
}


def is_another_column(text: str) -> bool:
    return any(
        fault.rule == "another-column"
        for part in statements(text)
        for fault in column_faults(STORE, "f", part)
    )


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_each_spelling_is_judged_alike_by_all(spelling: str, action: str) -> None:
    written, kind, name = ACTIONS[action]
    text = SPELLINGS[spelling].format(t=T, action=written)
    assert facts_of(text) == (Fact(kind, T, name),)
    assert is_another_column(text) == (C in written)
    read = ConstraintStatement.read(text)
    assert (read is not None) == (action in ("mandatory", "check"))
    assert read is None or plain_name(read.name or read.column) == name
    assert read is None or not read.rest or "'a  b, NOT VALID'" in read.rest
    predicted = predicted_lock(text, [T])
    assert predicted is not None
    assert (predicted.mode is LockMode.ACCESS_EXCLUSIVE) == (action != "validated")


@pytest.mark.parametrize("action", ACTIONS)
def test_commas_in_what_is_written_divide_no_actions(action: str) -> None:
    written, kind, name = ACTIONS[action]
    text = SEVERAL.format(t=T, c=C, action=written)
    assert facts_of(text) == (
        Fact(FactKind.COLUMN, T, "a"),
        Fact(FactKind.COLUMN, T, "b,"),
        Fact(kind, T, name),
    )
    assert is_another_column(text) == (C in written)
    assert ConstraintStatement.read(text) is None


@pytest.mark.parametrize(
    "text",
    [
        f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY public.{T} ({C});",
        f'create unique index concurrently"i"on"public"."{T}"using btree({C}) where a in (1, 2)',
        f"-- by hand\nCREATE UNIQUE /* every */ INDEX CONCURRENTLY i ON {T} ({C}, lower(b))",
    ],
    ids=["usual", "quoted", "comments"],
)
def test_each_spelling_of_a_build_is_judged_alike(text: str) -> None:
    assert facts_of(text) == (Fact(FactKind.INDEX, "", "i"),)
    (part,) = statements(text)
    assert is_concurrent(part)
    assert [fault.rule for fault in index_faults(STORE, {"f": (part,)})] == ["another-index"]
    assert predicted_lock(text, [T]) == (T, LockMode.SHARE_UPDATE_EXCLUSIVE)


FUNCTION = """CREATE FUNCTION app."Stamp"() RETURNS trigger LANGUAGE plpgsql AS $body$
BEGIN EXECUTE 'ALTER TABLE t ADD d int;'; RETURN NEW; -- DROP TABLE t;
END $body$;"""


@pytest.mark.parametrize(
    ("text", "facts"),
    [
        (FUNCTION, (Fact(FactKind.FUNCTION, "", "Stamp"),)),
        ("CREATE MATERIALIZED VIEW IF NOT EXISTS a.v AS SELECT 1;", (Fact(FactKind.VIEW, "", "v"),)),
        ("CREATE OR REPLACE VIEW v AS SELECT 1; CREATE TEMP TABLE t (a int);", ()),
        ("DROP VIEW IF EXISTS v; CREATE VIEW v AS SELECT 1;", (Fact(FactKind.VIEW, "", "v"),)),
        (
            "CREATE CONSTRAINT TRIGGER k AFTER UPDATE OF a, b ON ONLY s.t FOR EACH ROW EXECUTE FUNCTION f('x')",
            (Fact(FactKind.TRIGGER, "t", "k"),),
        ),
        ("DROP TRIGGER IF EXISTS k ON s.t CASCADE", (Fact(FactKind.TRIGGER, "t", "k", is_there=False),)),
        (
            "DROP FUNCTION f(int, numeric(1, 2)), \"G\" CASCADE",
            (Fact(FactKind.FUNCTION, "", "f", is_there=False), Fact(FactKind.FUNCTION, "", "G", is_there=False)),
        ),
        ("CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION f()", ()),
    ],
    ids=["function", "view", "replaced", "made anew", "trigger", "no trigger", "no functions", "event"],
)  # fmt: skip
def test_views_functions_and_triggers_make_facts(text: str, facts: tuple[Fact, ...]) -> None:
    assert facts_of(text) == facts


@pytest.mark.parametrize(
    ("text", "command", "words"),
    [
        ("REINDEX (VERBOSE, CONCURRENTLY) INDEX i", "REINDEX INDEX", {"VERBOSE", "CONCURRENTLY"}),
        ("reindex table concurrently t", "REINDEX TABLE", {"CONCURRENTLY"}),
        ("DROP INDEX CONCURRENTLY IF EXISTS a.i, j", "DROP INDEX", {"CONCURRENTLY", "EXISTS"}),
        ("UPDATE ONLY t SET a = 'CONCURRENTLY'", "UPDATE", {"ONLY"}),
        ("VACUUM (ANALYZE) t", "VACUUM", set()),
        ("", "", set()),
    ],
)
def test_command_is_read_with_its_words(text: str, command: str, words: set[str]) -> None:
    read = read_statement(text)
    assert read.command == command
    assert read.words >= words
    assert read.text == text.rstrip(";")
