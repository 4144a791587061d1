"""The rollout as a state machine: stages, steps, and which step is legal where. Pure.

What is safe is not written down here: it is observed on real stages, and `expectation` says what is expected of them.

Theory. A stage is a product of machines: one for each SQL step of the rollout's file, one for each replica, one for the
extension in the field. A step moves one of them; where a step `needs` others, it is legal once those are done, and to
take one back takes with it whatever needs it. What is counted along an order (interruptions, roll-backs) is no part of
a stage.

A concurrent index build waits three times, and leaves one of two things behind when it is interrupted. For orders,
`building` and `invalid` are one state each; as environments they are three and two. `stage_configs` multiplies the
stages, and no order is counted twice for it. A step that changes rows is `stale` once an old replica can have written
after it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final

from harness.errors import UsageError
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase
from harness.stages.expectation import Expectation
from harness.stages.steps import SqlStep, Step, StepAction, StepState, Version, steps_of

_STATES: Final = tuple(StepState)
_DONE: Final = frozenset({StepState.DONE, StepState.STALE})
DEPLOY: Final = "deploy"
"""What the deployment is called among `needs`, whatever the file calls it."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One moment of the rollout."""

    schema: tuple[StepState, ...]
    """The state of each SQL step, in the file's order."""
    replicas: tuple[Version, ...]
    extension_released: bool
    """Whether `after` extensions are in the field; `before` ones always are."""
    model: StageModel = field(compare=False, repr=False)
    """The rollout that it is a moment of."""

    @property
    def rank(self) -> tuple[int, ...]:
        """Sort key: the first stage of a rollout first, the last one last."""
        return (
            *map(_STATES.index, self.schema),
            *(version is Version.AFTER for version in self.replicas),
            self.extension_released,
        )

    def __str__(self) -> str:
        """The stage in one line."""
        extension = "before and after" if self.extension_released else "before"
        replicas = "replica" if len(self.replicas) == 1 else "replicas"
        return f"schema {self.schema_words}, {replicas} {' and '.join(self.replicas)}, extension {extension}"

    @property
    def schema_words(self) -> str:
        """The schema's state: the steps that are done, without those that another of them needs; `base` for none."""
        return self.model.schema_words(self.schema)

    @property
    def complete(self) -> bool:
        """Whether every step has been taken, if only too early: no step forward is legal."""
        return self.extension_released and Version.BEFORE not in self.replicas and set(self.schema) <= _DONE

    @property
    def building(self) -> int | None:
        """The SQL step whose index is being built, by its number from 0; one at a time."""
        return self.schema.index(StepState.BUILDING) if StepState.BUILDING in self.schema else None

    @property
    def moves(self) -> Mapping[Step, Stage]:
        """The legal steps in the model's order, and where each leads."""
        return self.model.moves(self)


class StageModel:
    """The stages and steps of one rollout."""

    def __init__(
        self,
        sql: Sequence[SqlStep],
        replicas: int,
        release: str | None = None,
        *,
        needs: Mapping[str, Sequence[str]] | None = None,
        expected: Expectation = Expectation(),  # noqa: B008 (frozen)
    ) -> None:
        """`release` is the name of that step, None where there is none; `needs` are those of `DEPLOY` and of it."""
        self.sql = tuple(sql)
        self.replicas = replicas
        self.release = release
        self.expected = expected
        self._needs = needs or {}
        self._numbers = {step.name: number for number, step in enumerate(self.sql)}
        self.steps = steps_of(self.sql, replicas, release)
        """Every step, in the order of which lists are sorted."""
        self.places = {step: place for place, step in enumerate(self.steps)}
        before, after = (Version.BEFORE,) * replicas, (Version.AFTER,) * replicas
        self.start = Stage((StepState.NONE,) * len(self.sql), before, release is None, self)
        self.arrived = Stage((StepState.DONE,) * len(self.sql), after, True, self)
        """The stage of a rollout that has arrived."""
        self._moves: dict[Stage, Mapping[Step, Stage]] = {}
        self._known = {self.start: self.start}

    @cached_property
    def stages(self) -> tuple[Stage, ...]:
        """All stages that steps lead to, forward or back, sorted by rank."""
        found = {self.start: None}
        reached = [self.start]
        for stage in reached:  # grows meanwhile, and ends: each stage is added once
            new = dict.fromkeys(to for to in stage.moves.values() if to not in found)
            found.update(new)
            reached += new
        return tuple(sorted(found, key=lambda stage: stage.rank))

    def arrived_with(self, *versions: Version) -> Stage:
        """The stage of a rollout that has arrived but for its replicas: these, the last one for all others."""
        others = versions[-1:] * (self.replicas - len(versions))
        return replace(self.arrived, replicas=(*versions, *others))

    def stage(
        self,
        done: Iterable[str | SqlStep] = (),
        after: int | Iterable[Version] = 0,
        *,
        released: bool = False,
    ) -> Stage:
        """A stage by the names of the SQL steps that are done, and how many replicas, or which, are `after`."""
        names = {step if isinstance(step, str) else step.name for step in done}
        schema = tuple(StepState.DONE if step.name in names else StepState.NONE for step in self.sql)
        if isinstance(after, int):
            after = [Version.AFTER] * after + [Version.BEFORE] * (self.replicas - after)
        return Stage(schema, tuple(after), released or self.release is None, self)

    def step(self, action: StepAction, of: str | int = "") -> Step:
        """A step by what it changes, and of which SQL step (its name) or replica (from 1)."""
        return next(
            step for step in self.steps if step.action is action and of in (step.name, step.replica, "")
        )

    def number(self, step: Step) -> int:
        """Which SQL step it is a change of, from 0."""
        return self._numbers[step.name]

    def drops_values(self, step: Step) -> bool:
        """Whether it takes values that were stored with it: it takes back what a build writes into."""
        return step.action is StepAction.TAKE_BACK and self.number(step) in self.expected.needed

    def moves(self, stage: Stage) -> Mapping[Step, Stage]:
        """The legal steps of a stage, and where each leads."""
        if stage not in self._moves:
            moved = ((step, self._moved(stage, step)) for step in self.steps)
            self._moves[stage] = {
                step: self._known.setdefault(to, to) for step, to in moved if to is not None
            }
        return self._moves[stage]

    def known(self, stage: Stage) -> Stage:
        """The one stage of the model that equals this one."""
        return self._known.setdefault(stage, stage)

    def schema_words(self, schema: Sequence[StepState]) -> str:
        """The state of the SQL steps in words."""
        begun = [step for step, state in zip(self.sql, schema, strict=True) if state is not StepState.NONE]
        needed = {name for step in begun for name in step.needs}
        words = [
            step.name + ("" if state is StepState.DONE else f" ({state})")
            for step, state in zip(self.sql, schema, strict=True)
            if step in begun and (step.name not in needed or state is not StepState.DONE)
        ]
        return " + ".join(words) or "base"

    def _moved(self, stage: Stage, step: Step) -> Stage | None:
        """Where a step leads, None where it is not legal."""
        if step.action is StepAction.RELEASE:
            ready = not stage.extension_released and self._are_done(stage, self._needs.get(step.name, ()))
            return replace(stage, extension_released=True) if ready else None
        if step.action in (StepAction.SWAP, StepAction.REVERT):
            return self._swapped(stage, step)
        number = self._numbers[step.name]
        to = self._changed(stage, number, step.action)
        if to is None:
            return None
        schema = [*stage.schema]
        schema[number] = to
        if step.action is StepAction.TAKE_BACK:
            for dependent in self.dependents(number):
                schema[dependent] = StepState.NONE
        return replace(stage, schema=tuple(schema))

    def _swapped(self, stage: Stage, step: Step) -> Stage | None:
        to = Version.AFTER if step.action is StepAction.SWAP else Version.BEFORE
        at = step.replica - 1
        if stage.replicas[at] is to or (
            to is Version.AFTER and not self._are_done(stage, self._needs.get(DEPLOY, ()))
        ):
            return None
        replicas = (*stage.replicas[:at], to, *stage.replicas[at + 1 :])
        schema = stage.schema
        if to is Version.BEFORE:  # it writes what the data steps have not seen
            schema = tuple(
                StepState.STALE if each.data and state is StepState.DONE else state
                for each, state in zip(self.sql, schema, strict=True)
            )
        return replace(stage, replicas=replicas, schema=schema)

    def _changed(self, stage: Stage, number: int, action: StepAction) -> StepState | None:
        step, state = self.sql[number], stage.schema[number]
        match action:
            case StepAction.DO | StepAction.START if state is StepState.NONE and self._are_done(
                stage, step.needs
            ):
                if action is StepAction.START:  # a second build would wait for the first
                    return StepState.BUILDING if stage.building is None else None
                stale = step.data and Version.BEFORE in stage.replicas
                return StepState.STALE if stale else StepState.DONE
            case StepAction.FINISH if state is StepState.BUILDING:
                return StepState.DONE
            case StepAction.INTERRUPT if state is StepState.BUILDING:
                return StepState.INVALID
            # No new start: the invalid index keeps the name (42P07) until it is dropped.
            case StepAction.RECOVER if state is StepState.INVALID:
                return StepState.NONE
            case StepAction.TAKE_BACK if state in _DONE:
                # Not below a build: DROP COLUMN's lock queues behind it, so the step happens after it.
                building = (stage.schema[each] is StepState.BUILDING for each in self.dependents(number))
                return None if any(building) else StepState.NONE
        return None

    def dependents(self, number: int) -> tuple[int, ...]:
        """The SQL steps that need this one, directly or not, by their numbers from 0."""
        names = {self.sql[number].name}
        for step in self.sql:  # a step needs only what comes before it in the file
            if names & set(step.needs):
                names.add(step.name)
        return tuple(at for at, step in enumerate(self.sql) if step.name in names and at != number)

    def _are_done(self, stage: Stage, names: Iterable[str]) -> bool:
        return all(self._is_done(stage, name) for name in names)

    def _is_done(self, stage: Stage, name: str) -> bool:
        if name in self._numbers:
            return stage.schema[self._numbers[name]] in _DONE
        if name == self.release:
            return stage.extension_released
        return Version.BEFORE not in stage.replicas


Transition = tuple[Stage, Step]
"""A step taken in a stage."""


def after(stage: Stage, step: Step) -> Stage:
    """The stage that the step leads to. Raises UsageError when the step is not legal there."""
    try:
        return stage.moves[step]
    except KeyError:
        legal = ", ".join(map(str, stage.moves))
        raise UsageError(f"cannot {step} in stage ({stage}); legal there: {legal}") from None


_PHASES: Final[Mapping[StepState, tuple[BuildPhase, ...]]] = {
    StepState.BUILDING: tuple(LEFT_BEHIND_BY),
    StepState.INVALID: tuple(dict.fromkeys(LEFT_BEHIND_BY.values())),
}


@dataclass(frozen=True, slots=True)
class StageConfig:
    """What one environment is started as: a stage and, where its index build has one, the phase.

    A stage is unsafe if one of its configurations is.
    """

    stage: Stage
    build_phase: BuildPhase | None

    def __str__(self) -> str:
        """The stage in one line, with the phase."""
        return f"{self.stage}" + (f" ({self.build_phase})" if self.build_phase else "")


def stage_configs(stages: Iterable[Stage]) -> tuple[StageConfig, ...]:
    """Every configuration of these stages: three of one that builds, two of one that is invalid, else one.

    Where one index is being built and another is invalid, the phase is that of the build.
    """
    return tuple(StageConfig(stage, phase) for stage in stages for phase in _phases(stage))


def _phases(stage: Stage) -> Sequence[BuildPhase | None]:
    states = [state for state in (StepState.BUILDING, StepState.INVALID) if state in stage.schema]
    return _PHASES[states[0]] if states else (None,)
