"""The rollout's machines and stages as JSON, for whoever draws them: from the model's tables, not by hand. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from harness.stages.model import EXTENSION_MOVES, REPLICA_MOVES, ROLLS_BACK, SCHEMA_MOVES, Stage, Step
from harness.stages.rule import Unsafe

_FIELD: Final = {False: "before", True: "before and after"}
"""Which extensions are in the field, by whether `after` is released."""


def machines() -> list[dict[str, Any]]:
    """The four machines: name, states, and moves with `from`, `step`, `to` and `roll_back`."""
    replicas = [
        (f"replica {number}", _named(table, str)) for number, table in enumerate(REPLICA_MOVES, start=1)
    ]
    drawn = [
        ("schema", _named(SCHEMA_MOVES, str)),
        *replicas,
        ("extension", _named(EXTENSION_MOVES, _FIELD.__getitem__)),
    ]
    return [
        {
            "name": name,
            "states": list(table),
            "moves": [
                {"from": state, "step": str(step), "to": to, "roll_back": step in ROLLS_BACK}
                for state, moves in table.items()
                for step, to in moves.items()
            ],
        }
        for name, table in drawn
    ]


def _named(table: Mapping[Any, Mapping[Step, Any]], name: Any) -> dict[str, dict[Step, str]]:
    return {name(state): {step: name(to) for step, to in moves.items()} for state, moves in table.items()}


def places(stages: Iterable[Stage], seen: frozenset[Stage], unsafe: Unsafe) -> list[dict[str, Any]]:
    """Each stage with whether it was stood up, and what did harm there: `stage` itself, or steps taken in it."""
    return [
        {
            "schema": str(stage.schema),
            "replicas": [str(version) for version in stage.replicas],
            "extension": _FIELD[stage.extension_released],
            "seen": stage in seen,
            "harm": ["stage"] * (stage in unsafe.stages)
            + sorted(str(step) for where, step in unsafe.transitions if where == stage),
        }
        for stage in stages
    ]
