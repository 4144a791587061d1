"""The rollout's machines as a drawing: one table of moves, as JSON for a report's page and as Mermaid. Pure."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from harness.report.contents import Machine, Move, StageSafety
from harness.stages.model import EXTENSION_MOVES, REPLICA_MOVES, ROLLS_BACK, SCHEMA_MOVES, Stage, Step
from harness.stages.safety import Unsafe

_FIELD: Final = {False: "before", True: "before and after"}
"""Which extensions are in the field, by whether `after` is released."""


def machines() -> tuple[Machine, ...]:
    """The four machines: the schema, two replicas, the extension."""
    replicas = {f"replica {number}": table for number, table in enumerate(REPLICA_MOVES, start=1)}
    extension = {
        _FIELD[released]: {step: _FIELD[to] for step, to in moves.items()}
        for released, moves in EXTENSION_MOVES.items()
    }
    tables: dict[str, Mapping[Any, Mapping[Step, Any]]] = {
        "schema": SCHEMA_MOVES,
        **replicas,
        "extension": extension,
    }
    return tuple(
        Machine(
            name,
            tuple(str(state) for state in table),
            tuple(
                Move(str(state), str(step), str(to), step in ROLLS_BACK)
                for state, moves in table.items()
                for step, to in moves.items()
            ),
        )
        for name, table in tables.items()
    )


def mermaid() -> str:
    """The machines as the text of a Mermaid state diagram: side by side in one state, roll-backs marked."""
    regions = []
    for machine in machines():
        # Mermaid's states are global, and their ids have no blanks; the schema's are named as in SQL.
        prefix = "" if machine.name == "schema" else f"{machine.name} "
        ids = {state: f"{prefix}{state}".replace(" ", "_") for state in machine.states}
        lines = [f"        [*] --> {ids[machine.states[0]]}"]
        for move in machine.moves:
            mark = " (roll-back)" if move.roll_back else ""
            lines.append(f"        {ids[move.start]} --> {ids[move.to]}: {move.step}{mark}")
        regions.append("\n".join(lines))
    return "stateDiagram-v2\n    state rollout {\n" + "\n        --\n".join(regions) + "\n    }\n"


def stage_safety(
    stages: Iterable[Stage], covered: frozenset[Stage], unsafe: Unsafe
) -> tuple[StageSafety, ...]:
    """Each stage, whether it was covered, and what is unsafe there: `stage` itself, or steps taken in it."""
    return tuple(
        StageSafety(
            str(stage.schema),
            tuple(str(version) for version in stage.replicas),
            _FIELD[stage.extension_released],
            stage in covered,
            (
                *["stage"] * (stage in unsafe.stages),
                *sorted(str(step) for start, step in unsafe.transitions if start == stage),
            ),
        )
        for stage in stages
    )
