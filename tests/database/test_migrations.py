"""The migration: applied, refused, told; all on real databases, judged by their catalogue."""

from collections.abc import Callable

import pytest

from harness import plan
from harness.database import catalog
from harness.database.runners import Runner, connect
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script, StatementFailed
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from harness.run.migrate import run_migrate
from harness.run.options.migrate import MigrateOptions
from tests.database.test_catalog import state_of
from tests.fix_database import (
    BASE,
    COLUMN,
    READY,
    RECOVERY_FILE,
    VIEW_FILE,
    apply,
    change,
    migrate,
    roll_back,
)

TABLE = "microdollar_usage_metadata"
INDEX = "idx_microdollar_usage_metadata_posthog_distinct_id"
PLAN_FILE = plan.MIGRATION_FILE

Walk = Callable[[str, str], object]


def test_migrate_goes_all_the_way_from_an_empty_database(empty_dsn: str) -> None:
    report = migrate(empty_dsn, READY, with_baseline=True)
    assert (report.before, report.after) == ("empty", READY)
    files = list(dict.fromkeys(one.file for one in report.applied))
    assert files == ["0000_baseline.sql", "up/0005a_add_column.sql", "up/0005b_build_index.sql"]
    assert state_of(empty_dsn) is SchemaState.READY


@pytest.mark.parametrize("to", [COLUMN, READY])
def test_migrate_stops_at_its_target_and_goes_on_from_it(base_dsn: str, to: str) -> None:
    assert migrate(base_dsn, to).after == to
    assert state_of(base_dsn) is {COLUMN: SchemaState.COLUMN, READY: SchemaState.READY}[to]
    assert migrate(base_dsn, READY).before == to


@pytest.mark.parametrize("state", [BASE, COLUMN, READY])
def test_migrate_applies_nothing_when_it_is_there_already(empty_dsn: str, state: str) -> None:
    migrate(empty_dsn, state, with_baseline=True)
    assert migrate(empty_dsn, state).applied == ()
    assert roll_back(empty_dsn, state).applied == ()


def test_migration_leaves_old_values_and_row_files_alone(base_dsn: str) -> None:
    tables = ("microdollar_usage", TABLE)
    with connect(base_dsn) as connection:
        names = {table: [one.name for one in catalog.columns(connection, table)] for table in tables}

        def facts() -> list[object]:
            return [
                (catalog.digest(connection, table, names[table]), catalog.relfilenode(connection, table))
                for table in tables
            ]

        before = facts()
        migrate(base_dsn, READY)
        assert facts() == before
        roll_back(base_dsn, BASE)
        assert facts() == before


def test_plan_file_by_statement_ends_ready(base_dsn: str) -> None:
    applied = apply(base_dsn, [Script.ours(PLAN_FILE)])
    assert [one.statement.number for one in applied] == [1, 2]
    assert state_of(base_dsn) is SchemaState.READY


@pytest.mark.usefixtures("psql_on_path")
@pytest.mark.parametrize("runner", Runner)
def test_failure_in_an_open_transaction_leaves_nothing(base_dsn: str, runner: Runner) -> None:
    wrapped = Script("wrapped.sql", f"BEGIN;\n{Script.ours(PLAN_FILE).text}COMMIT;\n")
    with pytest.raises(StatementFailed) as caught:
        apply(base_dsn, [wrapped], runner)
    assert caught.value.describe() == (
        "wrapped.sql, statement 3 was refused with 25001: "
        "CREATE INDEX CONCURRENTLY cannot run inside a transaction block "
        f"(CREATE INDEX CONCURRENTLY {INDEX})"
    )
    assert state_of(base_dsn) is SchemaState.BASE


def test_failure_in_the_middle_of_a_file_leaves_the_column(base_dsn: str) -> None:
    with connect(base_dsn) as connection:
        connection.execute(f"CREATE TABLE {INDEX} ()")
    with pytest.raises(StatementFailed) as caught:
        apply(base_dsn, [Script.ours(PLAN_FILE)])
    assert (caught.value.statement.number, caught.value.sqlstate) == (2, "42P07")
    assert state_of(base_dsn) is SchemaState.COLUMN


def test_failure_without_a_database_leaves_an_unknown_state(
    base_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shut = """DO $$ BEGIN
        EXECUTE format('ALTER DATABASE %I SET session_preload_libraries = ''missing''', current_database());
    END $$;
    SELECT 1 / 0;"""
    monkeypatch.setattr("harness.database.step_migration._script", lambda *_: Script("shut.sql", shut))
    told = (
        r"shut.sql, statement 2 was refused with 22012: .*; the database cannot be asked what state it is in"
    )
    with pytest.raises(UnavailableError, match=told):
        migrate(base_dsn, COLUMN)


@pytest.mark.usefixtures("psql_on_path")
@pytest.mark.parametrize("runner", Runner)
def test_failed_statement_is_told_when_its_connection_is_ended(base_dsn: str, runner: Runner) -> None:
    ending = Script("ending.sql", "SELECT 1;\nSELECT pg_terminate_backend(pg_backend_pid());\n")
    with pytest.raises(StatementFailed) as caught:
        apply(base_dsn, [ending], runner)
    assert (caught.value.statement.number, caught.value.sqlstate) == (2, "57P01")


def test_column_gives_up_when_the_table_is_held(base_dsn: str) -> None:
    with connect(base_dsn) as holder:
        holder.execute("SET idle_in_transaction_session_timeout = '20s'")
        holder.execute("BEGIN")
        holder.execute(f"SELECT 1 FROM {TABLE}")
        with pytest.raises(UnavailableError, match=r"statement 2 was refused with 55P03: .* in state base; "):
            migrate(base_dsn, COLUMN)
    assert migrate(base_dsn, COLUMN).after == COLUMN


@pytest.mark.parametrize("to", [BASE, COLUMN])
def test_migrate_is_refused_when_the_database_is_ahead(ready_dsn: str, to: str) -> None:
    with pytest.raises(UsageError, match=f"migrate to {to}: .* is ahead, .*build the index .*--rollback"):
        migrate(ready_dsn, to)
    assert state_of(ready_dsn) is SchemaState.READY


@pytest.mark.parametrize("to", ["building", "invalid"])
def test_migrate_is_refused_when_the_target_is_half_way(base_dsn: str, to: str) -> None:
    for walk in (migrate, roll_back):
        with pytest.raises(UsageError, match=f"no state '{to}' of rollout"):
            walk(base_dsn, to)


@pytest.mark.parametrize("walk", [migrate, roll_back])
def test_foreign_tables_are_refused_and_left_alone(empty_dsn: str, walk: Walk) -> None:
    with connect(empty_dsn) as connection:
        connection.execute("CREATE TABLE microdollar_usage (id integer, kilo_user_id text)")
    with pytest.raises(UnavailableError, match=r"in another shape \(.* missing, not .* and \d+ more\)"):
        walk(empty_dsn, READY)
    with connect(empty_dsn) as connection:
        assert [one.type for one in catalog.columns(connection, "microdollar_usage")] == ["integer", "text"]


@pytest.mark.parametrize("walk", [migrate, roll_back])
def test_column_of_another_type_is_refused_and_left_alone(column_dsn: str, walk: Walk) -> None:
    change(column_dsn, f"ALTER TABLE {TABLE} ALTER {plan.COLUMN} TYPE varchar(64)")
    with pytest.raises(UnavailableError, match=r"in another shape \(.*character varying\(64\).*not .* text"):
        walk(column_dsn, BASE)


def test_migrate_does_not_believe_a_runner_that_did_nothing(
    base_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.database.runners.RUNNERS", {Runner.STATEMENTS: lambda *_: None})
    with pytest.raises(UnavailableError, match=r'nothing was refused, but step "add the column" is not done'):
        migrate(base_dsn, COLUMN)


def test_names_in_the_files_are_those_of_the_plan(ready_dsn: str) -> None:
    with connect(ready_dsn) as connection:
        assert plan.COLUMN in [one.name for one in catalog.columns(connection, plan.METADATA_TABLE)]
        assert plan.INDEX in [one.name for one in catalog.indexes(connection, plan.METADATA_TABLE)]
        assert catalog.exists(connection, plan.VIEW)
        assert catalog.exists(connection, plan.USERS.table)


def test_run_migrate_prints_each_statement_and_final_facts(base_dsn: str) -> None:
    told: list[str] = []
    run_migrate(MigrateOptions(base_dsn, "ready"), told.append)
    assert [line.split()[2] for line in told[:5]] == [
        *(f"up/0005a_add_column.sql:{number}" for number in (1, 2)),
        *(f"up/0005b_build_index.sql:{number}" for number in (1, 2, 3)),
    ]
    assert told[5:] == [
        "state   ready: add the column done, build the index done",
        "table   microdollar_usage_metadata, 28 columns, 3 indexes",
        "column  posthog_distinct_id text, nullable, no default",
        f"index   {INDEX} btree (posthog_distinct_id), valid, ready, live",
    ]


def test_run_migrate_says_so_when_there_is_nothing_to_do(base_dsn: str) -> None:
    told: list[str] = []
    run_migrate(MigrateOptions(base_dsn, "base"), told.append)
    assert told[0].startswith("nothing to do: ")
    assert told[1] == "state   base: add the column not done, build the index not done"
    assert told[3:] == ["column  none", "index   none"]


@pytest.mark.parametrize(
    ("template", "file"),
    [
        (SchemaState.BASE, PLAN_FILE),
        (SchemaState.COLUMN, "up/0005b_build_index.sql"),
        (SchemaState.READY, "down/0005b_drop_index.sql"),
        (SchemaState.COLUMN, RECOVERY_FILE),
    ],
)
def test_file_is_refused_in_a_transaction_as_its_header_says(
    templates: Templates, template: SchemaState, file: str
) -> None:
    script = Script.ours(file)
    with templates.database(template) as dsn:
        with pytest.raises(StatementFailed) as caught:
            apply(dsn, [Script(script.name, f"BEGIN;\n{script.text}COMMIT;\n")])
        assert (caught.value.sqlstate, state_of(dsn)) == ("25001", template)


@pytest.mark.parametrize(
    ("template", "file", "leads_to"),
    [
        (SchemaState.BASE, "up/0005a_add_column.sql", SchemaState.COLUMN),
        (SchemaState.COLUMN, VIEW_FILE, SchemaState.COLUMN),
        (SchemaState.READY, "down/0005a_drop_column.sql", SchemaState.BASE),
    ],
)
def test_file_is_applied_in_a_transaction_as_its_header_says(
    templates: Templates, template: SchemaState, file: str, leads_to: SchemaState
) -> None:
    script = Script.ours(file)
    with templates.database(template) as dsn:
        apply(dsn, [Script(script.name, f"BEGIN;\n{script.text}COMMIT;\n")])
        assert state_of(dsn) is leads_to
