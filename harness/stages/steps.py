"""The steps of a rollout: what its file says of each, and the changes of stage that follow from it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from harness.database.scripts import Script, statements_of


class Version(StrEnum):
    """Which version of a program runs; a build pair says by which build."""

    BEFORE = "before"
    AFTER = "after"


class StepState(StrEnum):
    """How far an SQL step is; in the order in which stages are listed."""

    NONE = "not done"
    BUILDING = "building"
    INVALID = "invalid"
    DONE = "done"
    STALE = "stale"
    """Rows were changed, and an old replica can have written others since."""


class StepAction(StrEnum):
    """What a step does; the value is the verb that stands before the name of an SQL step."""

    DO = ""
    START = "start: "
    FINISH = "finish: "
    INTERRUPT = "interrupt: "
    RECOVER = "recover: "
    TAKE_BACK = "roll back: "
    SWAP = "swap"
    REVERT = "revert"
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class SqlStep:
    """An SQL step as the rollout's file has it."""

    name: str
    up: Script
    needs: tuple[str, ...] = ()
    """Names of the steps that must be done before."""
    down: Script | None = None
    recovery: Script | None = None
    concurrent: bool = False
    data: bool = False
    reversible: bool = False

    @property
    def statement(self) -> str:
        """The last statement of its file, in one line, which is what it does."""
        return _last(self.up)


@dataclass(frozen=True, slots=True)
class Step:
    """One change of stage."""

    action: StepAction
    name: str = ""
    """Of the SQL step, or of the release."""
    replica: int = 0
    """From 1; 0 where it is no replica's."""
    does: str = field(default="", compare=False)
    """The concrete thing that is done."""

    def __str__(self) -> str:
        """The step in the imperative."""
        if self.action in (StepAction.SWAP, StepAction.REVERT):
            return f"{self.action} replica {self.replica}"
        return self.name if self.action is StepAction.RELEASE else f"{self.action}{self.name}"

    @property
    def done(self) -> str:
        """The step as something that has been done, for the end of a sentence."""
        if self.action is StepAction.SWAP:
            return f"replica {self.replica} is `after`"
        if self.action is StepAction.REVERT:
            return f"replica {self.replica} is `before` again"
        return f'"{self}"'

    @property
    def rolls_back(self) -> bool:
        """Whether it takes a step back. To take back a start is to interrupt; a release cannot be taken back."""
        return self.action in (StepAction.REVERT, StepAction.TAKE_BACK)


def steps_of(sql: Sequence[SqlStep], replicas: int, release: str | None) -> tuple[Step, ...]:
    """Every step of a rollout: the SQL steps, the swaps, the release, then the roll-backs, the last one first."""
    numbers = range(1, replicas + 1)
    steps = [step for each in sql for step in _forward(each)]
    steps += [_swap(StepAction.SWAP, number, replicas) for number in numbers]
    steps += [_swap(StepAction.REVERT, number, replicas) for number in numbers]
    if release is not None:
        does = "the `after` extension is published; `before` stays in the field beside it"
        steps.append(Step(StepAction.RELEASE, release, does=does))
    steps += [
        Step(StepAction.TAKE_BACK, each.name, does=_last(each.down) + "; what needs it goes with it")
        for each in reversed(sql)
        if each.reversible and each.down is not None
    ]
    return tuple(steps)


def _forward(step: SqlStep) -> Iterator[Step]:
    if not step.concurrent:
        yield Step(StepAction.DO, step.name, does=step.statement)
        return
    yield Step(StepAction.START, step.name, does=f"{step.statement} begins and is held in one of its waits")
    yield Step(
        StepAction.FINISH, step.name, does=f"what {step.statement} waits for ends; the index becomes valid"
    )
    yield Step(
        StepAction.INTERRUPT,
        step.name,
        does=f"{step.statement} is cancelled in its wait; the index stays, invalid",
    )
    if step.recovery is not None:
        yield Step(StepAction.RECOVER, step.name, does=f"{_last(step.recovery)}, which is invalid")


def _swap(action: StepAction, number: int, replicas: int) -> Step:
    to = Version.AFTER if action is StepAction.SWAP else Version.BEFORE
    beside = (
        ("", "; the other one serves meanwhile")[replicas == 2]
        if replicas < 3
        else "; the others serve meanwhile"
    )
    return Step(action, replica=number, does=f"replica {number} is drained, then started as `{to}`{beside}")


def _last(script: Script) -> str:
    statements = statements_of(script.text)
    lines = [line for line in statements[-1].text.splitlines() if not line.lstrip().startswith("--")]
    return " ".join(" ".join(lines).split()).rstrip("; ") if statements else script.name
