"""The rollout explored at random: legal steps in any order, traffic, and faults injected into all of it.

One state machine of Hypothesis, over the same model as the orders, on environments that run. Rows may be lost only
where the old backend would have lost them. A seed repeats a run; a failure alone is repeated by its reproduction: the
choices that Hypothesis made, as one word to copy.
"""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Callable, Coroutine, Iterable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis import strategies as st
from hypothesis.database import ExampleDatabase
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    precondition,
    rule,
    run_state_machine_as_test,
)

from harness.clients.extension import ExtensionBuild
from harness.errors import UsageError
from harness.stages.environment import Stack, running_stage
from harness.stages.exploration import Exploration
from harness.stages.exploration_stats import DIGEST_LENGTH, ExplorationStats, digest_of
from harness.stages.faults import OUTCOMES, Fault, RequestPlan
from harness.stages.matrix import addresses
from harness.stages.model import StageConfig, stage_configs
from harness.stages.paths import transitions_from
from harness.stages.safety import is_refused

FIRST_BLOCK: Final = 0x1000
"""Addresses of explorations begin here; those of paths are below."""


def _plans(faults: list[Fault]) -> st.SearchStrategy[list[RequestPlan]]:
    plan_ = st.builds(RequestPlan, st.sampled_from(faults), st.sampled_from(ExtensionBuild), st.booleans())
    return st.lists(plan_, min_size=1, max_size=6)


TO_HOLD: Final = _plans(list(Fault))
TO_SEND: Final = _plans([fault for fault in Fault if not OUTCOMES[fault].disconnects])
"""A client that leaves does so while its request is held."""


@dataclass(frozen=True, slots=True)
class Budget:
    """How much is explored."""

    programs: int
    actions: int
    """Of one program, at most."""


class RolloutMachine(RuleBasedStateMachine):
    """One program; `stack`, `stats` and `blocks` are set by `_run` on a subclass."""

    stack: ClassVar[Stack]
    stats: ClassVar[ExplorationStats]
    blocks: ClassVar[Iterator[int]]

    def __init__(self) -> None:
        super().__init__()
        self._runner = asyncio.Runner()
        self._open = AsyncExitStack()
        self._exploration: Exploration | None = None
        self._program: tuple[str, ...] = ()
        self._cut = False  # the time was over in the middle of the program

    @initialize(data=st.data())
    def begin(self, data: st.DataObject) -> None:
        """Starts any stage that the rollout can pass."""
        start = data.draw(st.sampled_from(stage_configs(self.stack.model.stages)))
        if not self.stats.is_over:
            self._program = (f"0. start: {start}",)
            self._runner.run(self._start(start))

    @rule(data=st.data())
    def step(self, data: st.DataObject) -> None:
        """Any legal step, forward or back, that the server is not expected to refuse."""
        if self._exploration is None or self._is_cut():
            return
        possible = [
            each for each in transitions_from(self._exploration.config) if not is_refused(*each.of_stage)
        ]
        if not possible:
            return
        transition = data.draw(st.sampled_from(possible))
        phase = f" ({transition.end.build_phase})" if transition.end.build_phase else ""
        self._do(f"{transition.step}{phase}", lambda exploration: exploration.take(transition))

    @rule(data=st.data(), plans=TO_SEND)
    def send(self, data: st.DataObject, plans: list[RequestPlan]) -> None:
        """Requests, and what becomes of them."""
        replica = self._replica(data)
        self._do(_line("send", replica, plans), lambda exploration: exploration.send(replica, plans))

    @rule(data=st.data(), plans=TO_HOLD)
    def hold(self, data: st.DataObject, plans: list[RequestPlan]) -> None:
        """Requests that stay open across whatever comes next."""
        replica = self._replica(data)
        self._do(_line("hold", replica, plans), lambda exploration: exploration.hold(replica, plans))

    @precondition(lambda self: self._exploration is not None and self._exploration.held)
    @rule(number=st.integers(0, 7), kill_one=st.booleans())
    def release(self, number: int, kill_one: bool) -> None:
        """Lets held requests continue, those whose client leaves before them."""
        line = f"release group {number}" + (", kill one session" if kill_one else "")
        self._do(line, lambda exploration: exploration.release(number, kill_one=kill_one))

    @rule()
    def kill(self) -> None:
        """Every database session of the replicas ends."""
        self._do("kill every database session of the replicas", lambda exploration: exploration.kill())

    def teardown(self) -> None:
        """Lets everything end and compares. Raises AssertionError when rows are not what they should be."""
        try:
            # Of a program that was cut short Hypothesis has drawn more than was done: its choices make another program.
            if self._exploration is not None and not self._cut:
                discrepancies = self._runner.run(self._exploration.discrepancies())
                ended = ((str(request.plan.fault), request.why) for request in self._exploration.ended)
                self.stats.add(self._program, ended, discrepancies)
                if discrepancies:
                    raise AssertionError(
                        "\n".join(f"{each.condition}: {each.effect}" for each in discrepancies)
                    )
        finally:
            self._runner.run(self._close())
            self._runner.close()

    def _replica(self, data: st.DataObject) -> int:
        return data.draw(st.integers(0, self.stack.model.replicas - 1))

    def _do(self, line: str, action: Callable[[Exploration], Coroutine[Any, Any, None]]) -> None:
        if self._exploration is None or self._is_cut():
            return
        self._program = (*self._program, f"{len(self._program)}. {line}")
        self._runner.run(action(self._exploration))

    def _is_cut(self) -> bool:
        self._cut = self._cut or self.stats.is_over
        return self._cut

    async def _start(self, start: StageConfig) -> None:
        environment = await self._open.enter_async_context(
            running_stage(self.stack, start.stage, start.build_phase)
        )
        self._exploration = await Exploration.on(environment, addresses(next(self.blocks)))

    async def _close(self) -> None:
        if self._exploration is not None:
            await self._exploration.close()
        await self._open.aclose()


def _line(action: str, replica: int, plans: Iterable[RequestPlan]) -> str:
    return f"{action} to replica {replica + 1}: {'; '.join(map(str, plans))}"


class _Examples(ExampleDatabase):
    """Where Hypothesis saves a failing example, and whence it takes one to run again.

    The choices are the same bytes wherever they come from, so its keys, which say where, are not looked at.
    """

    def __init__(self, stats: ExplorationStats, given: bytes | None = None) -> None:
        super().__init__()
        self._stats = stats
        self._given = given

    def save(self, key: bytes, value: bytes) -> None:  # noqa: ARG002 (the interface's)
        """Called right after each example that is worth keeping: every one that failed, and some that did not."""
        self._stats.add_choices(value)

    def fetch(self, key: bytes) -> Iterable[bytes]:  # noqa: ARG002
        """What was given, once: a second key would only repeat it."""
        given, self._given = self._given, None
        return () if given is None else (given,)

    def move(self, src: bytes, dest: bytes, value: bytes) -> None:
        """Nothing moves: of two failures that is the larger one."""

    def delete(self, key: bytes, value: bytes) -> None:
        """Nothing is kept here."""


def explore(stack: Stack, budget: Budget, seed_: int, stats: ExplorationStats) -> None:
    """Explores, and adds what is found to `stats`; blocks, and runs an event loop of its own.

    Raises UnavailableError and UsageError when the exploration itself cannot go on.
    """
    _run(stack, stats, _Examples(stats), (Phase.generate, Phase.shrink), seed_, budget)


def replay(stack: Stack, reproduction: str) -> ExplorationStats:
    """Runs the program of a reproduction again; `smallest` is the failure, None where nothing is wrong any more.

    Blocks, as `explore` does. Raises UsageError for a reproduction that stands for no program, or for another one:
    the strategies of this version then read its choices otherwise.
    """
    digest, text = reproduction[:DIGEST_LENGTH], reproduction[DIGEST_LENGTH:]
    try:
        choices = zlib.decompress(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
    except (ValueError, zlib.error):
        raise UsageError(
            f"{reproduction} is no reproduction of an exploration; copy the whole line"
        ) from None
    stats = ExplorationStats()
    _run(stack, stats, _Examples(stats, choices), (Phase.reuse,), 0, Budget(1, 100))
    if digest_of(stats.last_program) != digest:
        raise UsageError(
            f"{reproduction} is of another version of the harness: its choices make another program here; find it again"
            " by the seed of its run"
        )
    return stats


def _run(
    stack: Stack,
    stats: ExplorationStats,
    examples: _Examples,
    phases: tuple[Phase, ...],
    seed_: int,
    budget: Budget,
) -> None:
    blocks = iter(range(FIRST_BLOCK, 0x10000))
    bound: Any = type("Machine", (RolloutMachine,), {"stack": stack, "stats": stats, "blocks": blocks})
    chosen = settings(
        max_examples=budget.programs,
        stateful_step_count=budget.actions,
        phases=phases,
        suppress_health_check=list(HealthCheck),
        deadline=None,
        database=examples,
        print_blob=False,
        verbosity=Verbosity.quiet,
        report_multiple_bugs=False,
    )
    try:
        run_state_machine_as_test(seed(seed_)(bound), settings=chosen)
    except Exception:
        if stats.smallest is None:  # not a finding but an error
            raise
