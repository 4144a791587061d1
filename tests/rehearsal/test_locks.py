"""Locks of each statement on a real server: predicted, held, and felt by others."""

from dataclasses import replace

import psycopg
import pytest

from harness.database import catalog
from harness.database.runners import connect
from harness.database.schema_state import SchemaState
from harness.database.templates import Templates
from harness.rehearsal.build_phase import Hold
from harness.rehearsal.held import held
from harness.rehearsal.lock_modes import CONFLICTS, NEEDS, Access, LockCase, LockMode
from harness.rehearsal.locks import CASES, observe_locks, refused_modes

NOBODY: tuple[Access, ...] = ()
DDL = (Access.MAINTENANCE, Access.DDL)
WRITERS = (Access.INSERT, Access.UPDATE, *DDL)

BLOCKED = {
    ("ADD COLUMN", Hold.TRANSACTION): tuple(Access),
    ("CREATE INDEX CONCURRENTLY", Hold.BEFORE_BUILD): DDL,
    ("CREATE INDEX CONCURRENTLY", Hold.BEFORE_VALIDATION): DDL,
    ("CREATE INDEX CONCURRENTLY", Hold.OLD_SNAPSHOTS): DDL,
    ("CREATE INDEX", Hold.TRANSACTION): WRITERS,
    ("ADD COLUMN, CREATE INDEX", Hold.TRANSACTION): tuple(Access),
    ("CREATE OR REPLACE VIEW", Hold.TRANSACTION): (Access.DDL,),
    ("DROP INDEX CONCURRENTLY", Hold.BEFORE_DROP): DDL,
    ("DROP INDEX", Hold.TRANSACTION): tuple(Access),
    ("DROP COLUMN", Hold.TRANSACTION): tuple(Access),
}


def case_of(hold: Hold) -> LockCase:
    return next(case for case in CASES if case.hold is hold)


def test_lock_conflicts_are_those_of_the_server(base_dsn: str) -> None:
    found = {}
    with connect(base_dsn) as holder, connect(base_dsn) as other:
        for mode in LockMode:
            with holder.transaction(force_rollback=True):
                holder.execute(f"LOCK TABLE microdollar_usage_metadata IN {mode} MODE".encode())
                found[mode] = refused_modes(other, "microdollar_usage_metadata")
    assert found == CONFLICTS


async def test_locks_are_as_predicted_for_every_statement(templates: Templates) -> None:
    seen = await observe_locks(templates)
    assert {(one.case.name, one.case.hold): one.blocks for one in seen} == BLOCKED
    assert [one.mismatch for one in seen] == [""] * len(CASES)
    assert [bool(one.waits_for) for one in seen] == [case.hold is not Hold.TRANSACTION for case in CASES]


async def test_mismatch_names_both_when_the_prediction_is_wrong(templates: Templates) -> None:
    wrong = replace(case_of(Hold.OLD_SNAPSHOTS), predicted=LockMode.SHARE)
    (seen,) = await observe_locks(templates, [wrong])
    assert seen.mismatch == "predicted SHARE, held SHARE UPDATE EXCLUSIVE"
    assert replace(seen, held=(LockMode.SHARE,)).mismatch.startswith(
        "SHARE was held, but what was refused is SHARE UP"
    )


@pytest.mark.parametrize("hold", [hold for hold in Hold if hold is not Hold.TRANSACTION])
async def test_writers_and_readers_pass_a_waiting_concurrent_statement(
    templates: Templates, hold: Hold
) -> None:
    case = case_of(hold)
    with templates.database(case.state) as dsn:
        async with held(dsn, case.hold, case.statement):
            with connect(dsn) as other:
                other.execute("SET statement_timeout = '5s'")
                other.execute(
                    "INSERT INTO microdollar_usage_metadata (id, message_id, posthog_distinct_id)"
                    " VALUES (gen_random_uuid(), 'm', 'v')"
                )
                other.execute("UPDATE microdollar_usage_metadata SET streamed = true WHERE message_id = 'm'")
                other.execute("SELECT count(*) FROM microdollar_usage_metadata")
        with connect(dsn) as after:
            state = catalog.schema_state(after)
    assert state is (SchemaState.COLUMN if hold is Hold.BEFORE_DROP else SchemaState.READY)


async def test_held_transaction_is_taken_back(base_dsn: str) -> None:
    async with held(base_dsn, Hold.TRANSACTION, case_of(Hold.TRANSACTION).statement):
        pass
    with connect(base_dsn) as after:
        assert catalog.schema_state(after) is SchemaState.BASE


@pytest.mark.parametrize(
    ("hold", "error"),
    [
        (Hold.TRANSACTION, psycopg.errors.ActiveSqlTransaction),
        (Hold.BEFORE_BUILD, psycopg.errors.UndefinedObject),
        (Hold.BEFORE_DROP, psycopg.errors.UndefinedObject),
    ],
)
async def test_held_raises_what_the_statement_is_refused_with(
    base_dsn: str, hold: Hold, error: type[psycopg.Error]
) -> None:
    with pytest.raises(error):
        async with held(base_dsn, hold, "DROP INDEX CONCURRENTLY nothing"):
            pass


def test_needs_name_a_lock_for_every_kind_of_work() -> None:
    assert set(NEEDS) == set(Access)
