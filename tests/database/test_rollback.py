"""The way back, and out of an interrupted build: on real databases, judged by their catalogue."""

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from harness.database.runners import Runner, connect
from harness.database.schema_state import SchemaState
from harness.database.scripts import Script, StatementFailed
from harness.errors import UnavailableError, UsageError
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.rehearsal.frozen_build import FrozenBuild
from harness.run.migrate import run_migrate
from harness.run.options.migrate import MigrateOptions
from tests.database.test_catalog import state_of
from tests.fix_database import BASE, COLUMN, READY, RECOVERY_FILE, VIEW_FILE, apply, migrate, roll_back

TABLE = "microdollar_usage_metadata"
INDEX = "idx_microdollar_usage_metadata_posthog_distinct_id"


def view_of(dsn: str) -> str:
    with connect(dsn) as connection:
        row = connection.execute("SELECT pg_get_viewdef('microdollar_usage_view'::regclass)").fetchone()
    assert row is not None
    return str(row[0])


def give_up_a_build(dsn: str) -> None:
    """Leaves an invalid index, as a build that is interrupted in its first wait does."""
    with connect(dsn) as writer, connect(dsn) as builder:
        writer.execute("BEGIN")
        writer.execute(f"INSERT INTO {TABLE} (id, message_id) VALUES (gen_random_uuid(), 'open')")
        builder.execute("SET lock_timeout = '10ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            builder.execute(f"CREATE INDEX CONCURRENTLY {INDEX} ON {TABLE} (posthog_distinct_id)")


@pytest.mark.usefixtures("psql_on_path")
@pytest.mark.parametrize("runner", Runner)
def test_rollback_restores_the_baseline_under_the_view(ready_dsn: str, runner: Runner) -> None:
    before = view_of(ready_dsn)
    apply(ready_dsn, [Script.ours(VIEW_FILE)], runner)
    assert "posthog_distinct_id" in view_of(ready_dsn)
    report = roll_back(ready_dsn, BASE, runner)
    assert report.applied[0].file == "view/view_without_column.sql"
    assert state_of(ready_dsn) is SchemaState.BASE
    assert view_of(ready_dsn) == before


def test_drop_column_is_refused_when_the_view_still_reads_it(column_dsn: str) -> None:
    apply(column_dsn, [Script.ours(VIEW_FILE)])
    with pytest.raises(StatementFailed) as caught:
        apply(column_dsn, [Script.ours("down/0005a_drop_column.sql")])
    assert (caught.value.sqlstate, state_of(column_dsn)) == ("2BP01", SchemaState.COLUMN)


def test_rollback_leaves_the_view_alone_when_only_the_index_goes(ready_dsn: str) -> None:
    apply(ready_dsn, [Script.ours(VIEW_FILE)])
    assert {one.file for one in roll_back(ready_dsn, COLUMN).applied} == {"down/0005b_drop_index.sql"}
    assert "posthog_distinct_id" in view_of(ready_dsn)


def test_rollback_changes_nothing_under_an_unknown_view(ready_dsn: str) -> None:
    with connect(ready_dsn) as connection:
        connection.execute(f"CREATE VIEW theirs AS SELECT posthog_distinct_id FROM {TABLE}")
    with pytest.raises(UnavailableError, match="theirs reads posthog_distinct_id"):
        roll_back(ready_dsn, BASE)
    assert state_of(ready_dsn) is SchemaState.READY


def test_rollback_is_refused_when_the_database_is_not_so_far(base_dsn: str) -> None:
    with pytest.raises(UsageError, match=r"rollback to ready: .* not so far, add the column is not done"):
        roll_back(base_dsn, READY)


def test_invalid_index_is_recovered_from_and_built(column_dsn: str) -> None:
    give_up_a_build(column_dsn)
    report = migrate(column_dsn, READY)
    assert report.applied[0].file == RECOVERY_FILE
    assert state_of(column_dsn) is SchemaState.READY


def test_recovery_may_be_run_twice(column_dsn: str) -> None:
    give_up_a_build(column_dsn)
    for _ in range(2):
        apply(column_dsn, [Script.ours(RECOVERY_FILE)])
        assert state_of(column_dsn) is SchemaState.COLUMN


def test_rollback_takes_an_invalid_index_back_to_base(column_dsn: str) -> None:
    give_up_a_build(column_dsn)
    assert roll_back(column_dsn, BASE).applied[0].file == RECOVERY_FILE
    assert state_of(column_dsn) is SchemaState.BASE


@pytest.mark.parametrize("wait", LEFT_BEHIND_BY)
async def test_recovery_changes_nothing_during_a_build(column_dsn: str, wait: BuildPhase) -> None:
    bounded = make_conninfo(column_dsn, options="-c idle_in_transaction_session_timeout=20s")
    async with FrozenBuild(bounded, wait):
        with pytest.raises(StatementFailed, match="an index build may be going on") as caught:
            apply(column_dsn, [Script.ours(RECOVERY_FILE)])
        assert (caught.value.sqlstate, state_of(column_dsn)) == ("55006", SchemaState.BUILDING)
        for walk in (migrate, roll_back):
            with pytest.raises(UnavailableError, match=r"is being built.*wait until the build has ended"):
                walk(column_dsn, COLUMN)
    assert state_of(column_dsn) is SchemaState.INVALID


def test_recovery_stops_when_the_index_is_valid(ready_dsn: str) -> None:
    with pytest.raises(StatementFailed) as caught:
        apply(ready_dsn, [Script.ours(RECOVERY_FILE)])
    assert (caught.value.sqlstate, state_of(ready_dsn)) == ("55000", SchemaState.READY)


def test_run_migrate_goes_back_when_asked(ready_dsn: str) -> None:
    told: list[str] = []
    run_migrate(MigrateOptions(ready_dsn, "base", rollback=True), told.append)
    assert state_of(ready_dsn) is SchemaState.BASE
