"""Every trap under live writers, on the server of this run and on Postgres 18; and the way out, twice in a row."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import replace
from functools import partial

import pytest

from harness.data import sql_text
from harness.database.catalog import SchemaState
from harness.database.migrations import migrate
from harness.database.runners import Script, connect
from harness.database.server import Server, running_server
from harness.database.templates import Templates
from harness.errors import UnavailableError
from harness.rehearsal import trap_pack
from harness.rehearsal.deadline import deadline
from harness.rehearsal.halfway import FrozenBuild, HalfWay
from harness.rehearsal.locks import DROP_INDEX
from harness.rehearsal.recovery import recover, send, standing
from harness.rehearsal.trap_pack import Sprung, crash, spring
from harness.rehearsal.traps import TRAPS, Note, Trap

READY = SchemaState.READY

SEEN = {  # what must be among the notes of each trap, in this order
    "interrupted build": ["state invalid", "drop_invalid_index.sql passed"],
    "IF NOT EXISTS": ["the retry with IF NOT EXISTS reports success", "state invalid", "passed"],
    "lock_timeout": ["55P03", "state invalid", "waits for the snapshot"],
    "two migrators": ["a second `harness migrate` stops", "state ready", "40P01", "state invalid", "passed"],
    "drop during a build": [
        "40P01",
        "state column",
        "55006",
        "the build that was left alone came to its end",
    ],
}


@pytest.fixture(scope="module", params=["the server of this run", "embedded:18"])
def templates_of(request: pytest.FixtureRequest, server: Server) -> Iterator[Templates]:
    with ExitStack() as stack:
        chosen = stack.enter_context(running_server(request.param)) if ":" in request.param else server
        yield stack.enter_context(Templates(chosen))


def trap_of(name: str) -> Trap:
    return next(trap for trap in TRAPS if trap.name == name)


def appear_in_order(wanted: list[str], notes: tuple[str, ...]) -> bool:
    rest = iter(notes)
    return all(any(words in note for note in rest) for words in wanted)


def assert_recovered(found: Sprung) -> None:
    assert found.problem == ""
    assert found.ends == (READY, READY)
    assert found.kept >= found.accepted >= 4
    assert set(found.errors) <= found.trap.errors


@pytest.mark.catalogue
@pytest.mark.parametrize("name", [trap.name for trap in TRAPS])
def test_trap_is_sprung_and_the_recovery_gets_out_of_it_twice(templates_of: Templates, name: str) -> None:
    with templates_of.database(SchemaState.COLUMN) as dsn:
        found = spring(dsn, trap_of(name))
    assert_recovered(found)
    assert appear_in_order([*SEEN[name], "refused: 55000 the index is valid"], found.notes), found.notes


@pytest.mark.parametrize("major", [16, 18])
def test_crash_of_the_server_keeps_what_was_committed_and_is_recovered_from(major: int) -> None:
    found = crash(major)
    assert_recovered(found)
    assert found.errors
    assert appear_in_order(
        ["postmaster killed", "state invalid", "0005b_build_index.sql passed"], found.notes
    )


async def _nothing(_dsn: str, _note: Note) -> None:
    return


async def _break_writers(dsn: str, _note: Note) -> None:
    with connect(dsn) as connection:
        connection.execute("ALTER TABLE microdollar_usage RENAME TO gone")


def test_trap_is_a_problem_when_a_writer_sees_what_it_does_not_account_for(column_dsn: str) -> None:
    trap = replace(TRAPS[0], spring=_break_writers)
    with pytest.raises(Exception, match="microdollar_usage"):  # the rows cannot even be counted
        spring(column_dsn, trap)


def test_trap_is_a_problem_when_it_does_not_spring(ready_dsn: str) -> None:
    found = spring(ready_dsn, trap_of("drop during a build"))
    assert not found.recovered
    assert "already exists" in found.problem


def test_trap_is_a_problem_when_the_recovery_ends_elsewhere(
    column_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.rehearsal.trap_pack.recover", lambda dsn, _note: standing(dsn))
    found = spring(column_dsn, replace(TRAPS[0], spring=_nothing))
    assert found.problem == "the recovery, run twice, ended in column and column, not in ready"


def test_trap_is_a_problem_when_an_accepted_write_is_lost(
    column_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trap_pack, "kept", lambda *_: 1)
    found = spring(column_dsn, trap_of("interrupted build"))
    assert found.problem.endswith("writes were accepted, and only 1 have both rows")


def test_recovery_leaves_a_valid_index_alone(ready_dsn: str) -> None:
    def index() -> object:
        with connect(ready_dsn) as connection:
            return connection.execute(
                "SELECT oid, relfilenode FROM pg_class WHERE relname LIKE 'idx%posthog%'"
            ).fetchone()

    before = index()
    assert recover(ready_dsn) is READY
    assert index() == before


@pytest.mark.parametrize("wait", [HalfWay.BEFORE_BUILD, HalfWay.BEFORE_VALIDATION, HalfWay.OLD_SNAPSHOTS])
async def test_recovery_refuses_and_harms_nothing_while_a_build_is_in_any_wait(
    column_dsn: str, wait: HalfWay
) -> None:
    notes: list[str] = []
    async with FrozenBuild(column_dsn, wait) as build:
        with deadline(column_dsn, 10):
            assert recover(column_dsn, notes.append) is SchemaState.BUILDING
        await build.finish()
    assert "refused: 55006 an index build may be going on" in notes[0]
    assert standing(column_dsn) is READY


async def test_look_tells_the_build_and_whom_it_waits_for(column_dsn: str) -> None:
    look = sql_text("recovery/look.sql").encode()
    with connect(column_dsn) as connection:
        assert connection.execute(look).fetchall() == []
        async with FrozenBuild(column_dsn, HalfWay.OLD_SNAPSHOTS) as build:
            index, building = connection.execute(look).fetchall()
            assert index == ("index", None, "invalid", None)
            assert building[:3] == ("build", build.pid, "waiting for old snapshots")
            assert len(building[3]) == 1
            await build.finish()
        assert connection.execute(look).fetchall() == [("index", None, "valid", None)]


async def _wait_for_ever(dsn: str, note: Note) -> None:
    """A drop that has no look first, under a build that is held."""
    async with FrozenBuild(dsn, HalfWay.BEFORE_BUILD):
        failed = send(dsn, Script("drop", DROP_INDEX))
        note(failed.sqlstate if failed else "accepted")


def test_trap_that_stands_still_is_ended_and_a_problem(
    column_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trap_pack, "TRAP_S_MAX", 0.5)
    found = spring(column_dsn, replace(TRAPS[0], spring=_wait_for_ever))
    assert found.notes[0] == "57P01"
    assert not found.recovered


def test_migrators_truly_at_once_end_ready_after_one_more_run(base_dsn: str) -> None:
    def run(dsn: str) -> None:
        with suppress(UnavailableError):
            migrate(dsn, READY)

    threads = [threading.Thread(target=partial(run, base_dsn)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    if standing(base_dsn) is SchemaState.INVALID:
        recover(base_dsn)
    assert migrate(base_dsn, READY).after is READY
