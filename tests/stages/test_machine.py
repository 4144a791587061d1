"""Random exploration: silent about the reference, loud about a build that loses or doubles rows, and repeatable."""

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from harness import plan
from harness.checks.exploration import EXPLORED, failing_program, judge_exploration, told
from harness.clients.extension import ExtensionBuild
from harness.database.schema_state import SchemaState
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.stages.explorer import Explorer
from harness.stages.itinerary import crossings_from
from harness.stages.machine import Extent, Logbook, explore, repeat
from harness.stages.matrix import addresses
from harness.stages.mishaps import AHEAD, OUTCOMES, Errand, Mishap, rows_of
from harness.stages.model import START, Stage, StandUp, Step, Version
from harness.stages.program import Action, Kind, Program, program_from
from harness.stages.stage import Cast, Stack, stack, stand
from harness.verdict import Results, Status

BEFORE, AFTER = Version.BEFORE, Version.AFTER
READY = Stage(SchemaState.READY, (AFTER, BEFORE), extension_released=True)
EVERY = tuple(
    Errand(mishap, extension, stream)
    for mishap in Mishap
    for extension in ExtensionBuild
    for stream in (False, True)
)
TO_SEND = tuple(one for one in EVERY if not OUTCOMES[one.mishap].leaves)


@pytest.fixture
async def shared(templates: Templates) -> AsyncIterator[Stack]:
    async with stack(templates, "strict") as running:
        yield running


def step(start: Stage, wanted: Step) -> Action:
    found = next(one for one in crossings_from(StandUp(start, None)) if one.step is wanted)
    return Action(Kind.STEP, step=wanted, half_way=found.end.half_way)


@pytest.mark.parametrize("replica", [0, 1])
async def test_every_mishap_leaves_what_the_table_says_from_either_build(shared: Stack, replica: int) -> None:
    actions = (
        Action(Kind.SEND, replica=replica, errands=TO_SEND),
        Action(Kind.HOLD, replica=replica, errands=EVERY),
        Action(Kind.KILL),
        Action(Kind.RELEASE),
        Action(Kind.HOLD, replica=replica, errands=(Errand(Mishap.NONE, ExtensionBuild.AFTER, False),) * 6),
        Action(Kind.RELEASE, kill_one=True),
    )
    assert await repeat(shared, Program(StandUp(READY, None), actions)) == ()


async def test_rows_are_lost_ahead_of_the_column_and_kept_when_it_comes_in_time(shared: Stack) -> None:
    ahead = Stage(SchemaState.BASE, (AFTER, BEFORE), extension_released=False)
    quiet = (Errand(Mishap.NONE, ExtensionBuild.BEFORE, True),) * 3
    async with stand(shared, ahead) as standing:
        explorer = await Explorer.on(standing, addresses())
        await explorer.do(Action(Kind.HOLD, replica=0, errands=quiet))
        await explorer.do(Action(Kind.SEND, replica=0, errands=quiet))
        await explorer.do(step(ahead, Step.ADD_COLUMN))
        await explorer.do(Action(Kind.RELEASE))
        assert await explorer.discrepancies() == ()
    assert [case.why for case in explorer.cases] == [AHEAD] * 3 + [""] * 3


async def test_requests_held_at_a_replica_that_is_swapped_end_while_it_drains(shared: Stack) -> None:
    actions = (
        Action(Kind.HOLD, replica=0, errands=EVERY),
        step(START, Step.SWAP_1),
        Action(Kind.SEND, replica=1, errands=TO_SEND),
    )
    assert await repeat(shared, Program(StandUp(START, None), actions)) == ()


def test_exploration_finds_a_faulty_build_and_keeps_a_small_program_that_repeats_it(
    templates: Templates, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("harness.stages.machine.SHRINK_S_MAX", 3.0)
    results = Results((replace(plan.EXPLORATION_CLAIM, least=1),))

    async def run() -> None:
        async with stack(templates, "strict", Cast(after="insert-unchanged")) as shared:
            book = Logbook()
            await asyncio.to_thread(explore, shared, Extent(6, 8), 7, book)
            assert book.smallest is not None
            judge_exploration(results, book, "again")
            kept = program_from(json.dumps(failing_program(book)))
            assert kept == book.smallest.program
            assert await repeat(shared, kept)

    asyncio.run(run())
    judgement = results.judgements()[0]
    assert (judgement.claim.id, judgement.status) == (EXPLORED, Status.REFUTED)
    assert "0. start: schema" in judgement.findings[0].condition


def test_exploration_of_the_reference_finds_nothing_and_is_the_same_for_the_same_seed(
    templates: Templates,
) -> None:
    async def run() -> Logbook:
        book = Logbook()
        async with stack(templates, "strict") as shared:
            await asyncio.to_thread(explore, shared, Extent(2, 8), 3, book)
        return book

    first, second = asyncio.run(run()), asyncio.run(run())
    assert first.smallest is None
    assert told(first) == told(second)
    assert first.programs >= 2
    assert sum(first.requests.values()) > 0


def test_exploration_that_is_stopped_stands_nothing_up(templates: Templates) -> None:
    async def run() -> Logbook:
        book = Logbook()
        book.stop()
        async with stack(templates, "strict") as shared:
            await asyncio.to_thread(explore, shared, Extent(3, 5), 0, book)
        return book

    assert asyncio.run(run()).programs == 0


def test_mishaps_lose_a_row_only_as_the_backend_did_or_ahead_of_the_column() -> None:
    for mishap in Mishap:
        rows, why = rows_of(mishap, BEFORE, SchemaState.BASE)
        assert rows == OUTCOMES[mishap].rows
        assert bool(why) is (rows == 0)
        ahead, because = rows_of(mishap, AFTER, SchemaState.BASE)
        assert ahead == 0
        assert because == (AHEAD if rows else why)


def test_program_survives_being_written_down() -> None:
    program = Program(
        StandUp(READY, None),
        (
            Action(Kind.HOLD, replica=1, errands=EVERY),
            step(READY, Step.REVERT_1),
            Action(Kind.RELEASE, group=3, kill_one=True),
            Action(Kind.KILL),
        ),
    )
    assert program_from(json.dumps(program.document())) == program
    assert len(program.lines()) == 5


@pytest.mark.parametrize(
    "text", ["", "[]", '{"schema": "harness.program/2"}', '{"schema": "harness.program/1"}']
)
def test_program_is_misuse_when_the_file_holds_none(text: str) -> None:
    with pytest.raises(UsageError, match=r"not a program of schema harness\.program/1"):
        program_from(text)
