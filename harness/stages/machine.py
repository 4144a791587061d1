"""Explores the rollout at random: legal steps in any order, traffic, and everything that goes wrong meanwhile.

A stateful test of Hypothesis over the same model as the orders, on real stands. Rows may be lost only where the backend
as it was would have lost them. The seed repeats a run; a failure is kept as a program, which repeats it alone.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from harness.clients.extension import ExtensionBuild
from harness.stages.cases import Discrepancy
from harness.stages.explorer import Explorer
from harness.stages.itinerary import crossings_from
from harness.stages.matrix import addresses
from harness.stages.mishaps import OUTCOMES, Errand, Mishap
from harness.stages.model import STAGES, StandUp, stand_ups
from harness.stages.program import Action, Kind, Program
from harness.stages.stage import Stack, stand

SHRINK_S_MAX: Final = 20.0
"""How long a failure is made smaller; what is smallest by then is told."""
FIRST_BLOCK: Final = 0x1000
"""Addresses of explorations begin here; those of walks are below."""


def _errands(mishaps: list[Mishap]) -> st.SearchStrategy[list[Errand]]:
    one = st.builds(Errand, st.sampled_from(mishaps), st.sampled_from(ExtensionBuild), st.booleans())
    return st.lists(one, min_size=1, max_size=6)


TO_HOLD: Final = _errands(list(Mishap))
TO_SEND: Final = _errands([mishap for mishap in Mishap if not OUTCOMES[mishap].leaves])
"""A client that leaves does so while its request is held."""


@dataclass(frozen=True, slots=True)
class Extent:
    """How much is explored."""

    examples: int
    actions: int
    """Of one example, at most."""


@dataclass(frozen=True, slots=True)
class Failure:
    """A program after which rows are not what they should be."""

    program: Program
    discrepancies: tuple[Discrepancy, ...]


@dataclass(slots=True)
class Logbook:
    """What was explored. Counts are of everything that was run, attempts to shrink a failure among it."""

    programs: int = 0
    actions: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    """Requests by what went wrong with them."""
    lost: Counter[str] = field(default_factory=Counter)
    """Rows that the backend as it was loses too, by the reason."""
    smallest: Failure | None = None
    _give_up_at: float | None = None

    @property
    def closed(self) -> bool:
        """Whether nothing more is to be done: it was stopped, or shrinking has taken long enough."""
        return self._give_up_at is not None and time.monotonic() > self._give_up_at

    def stop(self) -> None:
        """Lets the exploration end soon, from any thread."""
        self._give_up_at = 0.0

    def enter(self, program: Program, explorer: Explorer) -> None:
        """Adds one program that has been run to its end."""
        self.programs += 1
        self.actions += len(program.actions)
        for case in explorer.cases:
            self.requests[str(case.errand.mishap)] += 1
            if case.why:
                self.lost[case.why] += 1

    def fail(self, failure: Failure) -> None:
        """Keeps the failure with the fewest actions."""
        if self._give_up_at is None:
            self._give_up_at = time.monotonic() + SHRINK_S_MAX
        kept = self.smallest
        if kept is None or len(failure.program.actions) < len(kept.program.actions):
            self.smallest = failure


class Exploration(RuleBasedStateMachine):
    """One exploration; `stack`, `book` and `blocks` are set by `explore` on a subclass."""

    stack: ClassVar[Stack]
    book: ClassVar[Logbook]
    blocks: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._explorer: Explorer | None = None
        self._program: Program | None = None

    @initialize(start=st.sampled_from(stand_ups(STAGES)))
    def begin(self, start: StandUp) -> None:
        """Stands up anything the rollout can pass."""
        if not self.book.closed:
            self._program = Program(start)
            self._runner.run(self._begin(start))

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Any legal step, forward or back."""
        if self._explorer is None or self.book.closed:
            return
        crossing = data.draw(st.sampled_from(crossings_from(self._explorer.here)))
        self._do(Action(Kind.STEP, step=crossing.step, half_way=crossing.end.half_way))

    @rule(replica=st.integers(0, 1), errands=TO_SEND)
    def send(self, replica: int, errands: list[Errand]) -> None:
        """Requests, and what becomes of them."""
        self._do(Action(Kind.SEND, replica=replica, errands=tuple(errands)))

    @rule(replica=st.integers(0, 1), errands=TO_HOLD)
    def hold(self, replica: int, errands: list[Errand]) -> None:
        """Requests that stay open across whatever comes next."""
        self._do(Action(Kind.HOLD, replica=replica, errands=tuple(errands)))

    @precondition(lambda self: self._explorer is not None and self._explorer.groups)
    @rule(group=st.integers(0, 7), kill_one=st.booleans())
    def release(self, group: int, kill_one: bool) -> None:
        """Lets held requests go on, those who leave before them."""
        self._do(Action(Kind.RELEASE, group=group, kill_one=kill_one))

    @rule()
    def kill(self) -> None:
        """Every database session of the replicas ends."""
        self._do(Action(Kind.KILL))

    def teardown(self) -> None:
        """Lets everything end and compares. Raises AssertionError when rows are not what they should be."""
        try:
            if self._explorer is not None and self._program is not None:
                found = self._runner.run(self._explorer.discrepancies())
                self.book.enter(self._program, self._explorer)
                if found:
                    self.book.fail(Failure(self._program, found))
                    raise AssertionError("\n".join(f"{one.case}: {one.effect}" for one in found))
        finally:
            self._runner.run(self._close())
            self._runner.close()

    def _do(self, action: Action) -> None:
        if self._explorer is None or self._program is None or self.book.closed:
            return
        self._program = Program(self._program.start, (*self._program.actions, action))
        self._runner.run(self._explorer.do(action))

    async def _begin(self, start: StandUp) -> None:
        standing = await self._open.enter_async_context(stand(self.stack, start.stage, start.half_way))
        self._explorer = await Explorer.on(standing, addresses(next(self.blocks)))

    async def _close(self) -> None:
        if self._explorer is not None:
            await self._explorer.close()
        await self._open.aclose()


def explore(stack: Stack, extent: Extent, seed_: int, book: Logbook) -> None:
    """Explores, and writes what is found into the book; blocks, and runs an event loop of its own.

    Raises UnavailableError and UsageError when the exploration itself cannot go on.
    """
    blocks = iter(range(FIRST_BLOCK, 0x10000))
    bound: Any = type("Exploration", (Exploration,), {"stack": stack, "book": book, "blocks": blocks})
    chosen = settings(
        max_examples=extent.examples,
        stateful_step_count=extent.actions,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=None,
        print_blob=False,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(seed(seed_)(bound), settings=chosen)
    except Exception:
        if book.smallest is None:  # not a finding but a fault
            raise


async def repeat(stack: Stack, program: Program) -> tuple[Discrepancy, ...]:
    """Runs a program again, alone; what is wrong after it."""
    async with stand(stack, program.start.stage, program.start.half_way) as standing:
        explorer = await Explorer.on(standing, addresses(FIRST_BLOCK - 1))
        try:
            for action in program.actions:
                await explorer.do(action)
            return await explorer.discrepancies()
        finally:
            await explorer.close()
