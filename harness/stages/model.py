"""The rollout as a state machine: stages, steps, and which step is legal where, as tables. Pure.

What is safe is not written down here: it is observed on real stages.

Theory. A stage is a product of four machines that never look at each other: the schema, two replicas, the extension in
the field. A step moves exactly one of them, so the product needs no table of its own; `MOVES` is computed from the
four below. What is counted along an order (interruptions, roll-backs) is no part of a stage.

A concurrent index build waits three times, and leaves one of two things behind when it is interrupted. For orders,
`building` and `invalid` are one state each; as environments they are three and two. `stage_configs` multiplies the
stages, and no order is counted twice for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from itertools import product
from types import MappingProxyType
from typing import Final

from harness import plan
from harness.database.schema_state import SchemaState
from harness.errors import UsageError
from harness.rehearsal.build_phase import LEFT_BEHIND_BY, BuildPhase


class Version(StrEnum):
    """Which version of a program runs; a build pair says by which build."""

    BEFORE = "before"
    AFTER = "after"


class Step(StrEnum):
    """One change of stage; the value names it in output, in the imperative."""

    ADD_COLUMN = "add the column"
    START_BUILD = "start the index build"
    FINISH_BUILD = "finish the index build"
    INTERRUPT_BUILD = "interrupt the index build"
    DROP_INVALID = "drop the invalid index"
    SWAP_1 = "swap replica 1"
    SWAP_2 = "swap replica 2"
    REVERT_1 = "revert replica 1"
    REVERT_2 = "revert replica 2"
    RELEASE_EXTENSION = "release the extension"
    ROLL_BACK_INDEX = "roll back the index"
    ROLL_BACK_COLUMN = "roll back the column"

    def describe(self) -> str:
        """The concrete thing that is done."""
        return _DESCRIPTIONS[self]


def _swap(replica: int, to: Version) -> str:
    return f"replica {replica} is drained, then started as `{to}`; the other one serves meanwhile"


_DESCRIPTIONS: Final = {
    Step.ADD_COLUMN: f"ALTER TABLE {plan.METADATA_TABLE} ADD COLUMN {plan.COLUMN} text",
    Step.START_BUILD: f"CREATE INDEX CONCURRENTLY {plan.INDEX} begins and is held in one of its waits",
    Step.FINISH_BUILD: f"what the build waits for ends; {plan.INDEX} becomes valid",
    Step.INTERRUPT_BUILD: f"the build is cancelled in the wait that holds it; {plan.INDEX} stays, invalid",
    Step.DROP_INVALID: f"DROP INDEX CONCURRENTLY {plan.INDEX}, which is invalid",
    Step.SWAP_1: _swap(1, Version.AFTER),
    Step.SWAP_2: _swap(2, Version.AFTER),
    Step.REVERT_1: _swap(1, Version.BEFORE),
    Step.REVERT_2: _swap(2, Version.BEFORE),
    Step.RELEASE_EXTENSION: "the `after` extension is published; `before` stays in the field beside it",
    Step.ROLL_BACK_INDEX: f"DROP INDEX CONCURRENTLY {plan.INDEX}, which is valid",
    Step.ROLL_BACK_COLUMN: (
        f"ALTER TABLE {plan.METADATA_TABLE} DROP COLUMN {plan.COLUMN}; an index on it goes with it"
    ),
}


@dataclass(frozen=True, slots=True)
class Stage:
    """One moment of the rollout."""

    schema: SchemaState
    replicas: tuple[Version, Version]
    extension_released: bool
    """Whether `after` extensions are in the field; `before` ones always are."""

    @property
    def rank(self) -> tuple[int, ...]:
        """Sort key: stages in the order of their tables, the first stage of a rollout first."""
        return (
            _SCHEMA_ORDER.index(self.schema),
            *(version is Version.AFTER for version in self.replicas),
            self.extension_released,
        )

    def __str__(self) -> str:
        """The stage in one line."""
        extension = "before and after" if self.extension_released else "before"
        return f"schema {self.schema}, replicas {' and '.join(self.replicas)}, extension {extension}"

    @property
    def complete(self) -> bool:
        """Whether the rollout has arrived: index valid, both replicas `after`, extension released."""
        return self == _COMPLETE


START: Final = Stage(SchemaState.BASE, (Version.BEFORE, Version.BEFORE), extension_released=False)
_COMPLETE: Final = Stage(SchemaState.READY, (Version.AFTER, Version.AFTER), extension_released=True)

SCHEMA_MOVES: Final[Mapping[SchemaState, Mapping[Step, SchemaState]]] = {
    SchemaState.BASE: {Step.ADD_COLUMN: SchemaState.COLUMN},
    SchemaState.COLUMN: {
        Step.START_BUILD: SchemaState.BUILDING,
        Step.ROLL_BACK_COLUMN: SchemaState.BASE,
    },
    # No column roll-back: DROP COLUMN's lock queues behind the build, so the step happens after it.
    SchemaState.BUILDING: {
        Step.FINISH_BUILD: SchemaState.READY,
        Step.INTERRUPT_BUILD: SchemaState.INVALID,
    },
    # No new start: the invalid index keeps the name (42P07) until it is dropped.
    SchemaState.INVALID: {
        Step.DROP_INVALID: SchemaState.COLUMN,
        Step.ROLL_BACK_COLUMN: SchemaState.BASE,
    },
    SchemaState.READY: {
        Step.ROLL_BACK_INDEX: SchemaState.COLUMN,
        Step.ROLL_BACK_COLUMN: SchemaState.BASE,
    },
}

_SCHEMA_ORDER: Final = tuple(SCHEMA_MOVES)

REPLICA_MOVES: Final[tuple[Mapping[Version, Mapping[Step, Version]], ...]] = (
    {Version.BEFORE: {Step.SWAP_1: Version.AFTER}, Version.AFTER: {Step.REVERT_1: Version.BEFORE}},
    {Version.BEFORE: {Step.SWAP_2: Version.AFTER}, Version.AFTER: {Step.REVERT_2: Version.BEFORE}},
)

# A released extension cannot be recalled: there is no way back in this table.
EXTENSION_MOVES: Final[Mapping[bool, Mapping[Step, bool]]] = {
    False: {Step.RELEASE_EXTENSION: True},
    True: {},
}

ROLLS_BACK: Final[Mapping[Step, Step]] = {
    Step.REVERT_1: Step.SWAP_1,
    Step.REVERT_2: Step.SWAP_2,
    Step.ROLL_BACK_INDEX: Step.FINISH_BUILD,
    Step.ROLL_BACK_COLUMN: Step.ADD_COLUMN,
}
"""Steps that take a step back. To take back a start is to interrupt; the release cannot be taken back."""

Transition = tuple[Stage, Step]
"""A step taken in a stage; where it leads follows from `MOVES`."""


def _moves(stage: Stage) -> Mapping[Step, Stage]:
    moves = {step: replace(stage, schema=to) for step, to in SCHEMA_MOVES[stage.schema].items()}
    first, second = stage.replicas
    moves |= {s: replace(stage, replicas=(to, second)) for s, to in REPLICA_MOVES[0][first].items()}
    moves |= {s: replace(stage, replicas=(first, to)) for s, to in REPLICA_MOVES[1][second].items()}
    released = EXTENSION_MOVES[stage.extension_released]
    moves |= {step: replace(stage, extension_released=to) for step, to in released.items()}
    return MappingProxyType({step: moves[step] for step in Step if step in moves})


STAGES: Final = tuple(
    Stage(schema, (first, second), released)
    for schema, first, second, released in product(_SCHEMA_ORDER, Version, Version, (False, True))
)
"""All stages, sorted by rank."""

MOVES: Final[Mapping[Stage, Mapping[Step, Stage]]] = MappingProxyType(
    {stage: _moves(stage) for stage in STAGES}
)
"""The legal steps of each stage, in the order of `Step`, and where each leads."""


def after(stage: Stage, step: Step) -> Stage:
    """The stage that the step leads to. Raises UsageError when the step is not legal there."""
    try:
        return MOVES[stage][step]
    except KeyError:
        legal = ", ".join(MOVES[stage])
        raise UsageError(f"cannot {step} in stage ({stage}); legal there: {legal}") from None


_PHASES: Final[Mapping[SchemaState, tuple[BuildPhase, ...]]] = {
    SchemaState.BUILDING: tuple(LEFT_BEHIND_BY),
    SchemaState.INVALID: tuple(dict.fromkeys(LEFT_BEHIND_BY.values())),
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
    """Every configuration of these stages: three of one that builds, two of one that is invalid, else one."""
    return tuple(
        StageConfig(stage, phase) for stage in stages for phase in _PHASES.get(stage.schema, (None,))
    )
