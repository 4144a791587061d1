"""An exploration written down: where it starts and what is done, so that it can be done again from a file. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from harness.clients.extension import ExtensionBuild
from harness.database.schema_state import SchemaState
from harness.errors import UsageError
from harness.rehearsal.build_phase import BuildPhase
from harness.stages.mishaps import Errand, Mishap
from harness.stages.model import Stage, StandUp, Step, Version

SCHEMA: Final = "harness.program/1"


class Kind(StrEnum):
    """What an action is."""

    STEP = "step"  # of the rollout
    SEND = "send"  # requests, and wait for what becomes of them
    HOLD = "hold"  # requests at the upstream's gate, across other actions
    RELEASE = "release"  # requests that are held; those who leave, leave first
    KILL = "kill"  # every database session of the replicas


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do; fields that its kind does not use stay as they are."""

    kind: Kind
    step: Step | None = None
    half_way: BuildPhase | None = None
    """Where the step leads, if to something half-way."""
    replica: int = 0
    """Whom requests are sent to, counted from 0."""
    errands: tuple[Errand, ...] = ()
    group: int = 0
    """Which of the groups held at the moment, modulo their number."""
    kill_one: bool = False
    """Whether one busy session is killed while released requests are accounted for."""

    @property
    def words(self) -> str:
        """The action in one line."""
        if self.step is not None:
            return f"{self.step}" + (f" ({self.half_way})" if self.half_way else "")
        if self.kind is Kind.KILL:
            return "kill every database session of the replicas"
        if self.kind is Kind.RELEASE:
            return f"release group {self.group}" + (", kill one session" if self.kill_one else "")
        told = [
            f"{one.extension}{', streaming' if one.streams else ''}: {one.mishap}" for one in self.errands
        ]
        return f"{self.kind} to replica {self.replica + 1}: {'; '.join(told)}"


@dataclass(frozen=True, slots=True)
class Program:
    """Where an exploration starts, and its actions."""

    start: StandUp
    actions: tuple[Action, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """The program as a numbered list."""
        half_way = f" ({self.start.half_way})" if self.start.half_way else ""
        numbered = [f"{number}. {action.words}" for number, action in enumerate(self.actions, start=1)]
        return (f"0. start: {self.start.stage.words}{half_way}", *numbered)

    def document(self) -> dict[str, Any]:
        """As JSON objects."""
        stage = self.start.stage
        return {
            "schema": SCHEMA,
            "start": {
                "schema": stage.schema,
                "replicas": list(stage.replicas),
                "extension_released": stage.extension_released,
                "half_way": self.start.half_way,
            },
            "actions": [
                {
                    "kind": action.kind,
                    "step": action.step,
                    "half_way": action.half_way,
                    "replica": action.replica,
                    "errands": [
                        {"mishap": one.mishap, "extension": one.extension, "stream": one.stream}
                        for one in action.errands
                    ],
                    "group": action.group,
                    "kill_one": action.kill_one,
                }
                for action in self.actions
            ],
        }


def program_from(text: str) -> Program:
    """The program that a file holds. Raises UsageError for a file that holds none."""
    try:
        document = json.loads(text)
        if document["schema"] != SCHEMA:
            raise ValueError(document["schema"])
        start = document["start"]
        first, second = (Version(one) for one in start["replicas"])
        stage = Stage(SchemaState(start["schema"]), (first, second), bool(start["extension_released"]))
        return Program(
            StandUp(stage, _half_way(start["half_way"])), tuple(_action(one) for one in document["actions"])
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"not a program of schema {SCHEMA} ({type(error).__name__}: {error}); name a file that prove has written"
        ) from None


def _action(found: dict[str, Any]) -> Action:
    return Action(
        Kind(found["kind"]),
        None if found["step"] is None else Step(found["step"]),
        _half_way(found["half_way"]),
        int(found["replica"]),
        tuple(
            Errand(Mishap(one["mishap"]), ExtensionBuild(one["extension"]), bool(one["stream"]))
            for one in found["errands"]
        ),
        int(found["group"]),
        bool(found["kill_one"]),
    )


def _half_way(found: str | None) -> BuildPhase | None:
    return None if found is None else BuildPhase(found)
