"""The rollout's machines as a drawing: its moves, as JSON for a report's page and as Mermaid. Pure."""

from collections.abc import Iterable
from typing import Final

from harness.report.contents import Machine, Move, StageSafety
from harness.stages.model import Stage, StageModel
from harness.stages.safety import Unsafe
from harness.stages.steps import Step, StepAction

SCHEMA: Final = "schema"
EXTENSION: Final = "extension"
_FIELD: Final = {False: "before", True: "before and after"}
"""Which extensions are in the field, by whether `after` is released."""


def machines(model: StageModel) -> tuple[Machine, ...]:
    """Those of a rollout: the schema with all its steps, each replica, the extension."""
    names = [SCHEMA, *(f"replica {number}" for number in range(1, model.replicas + 1)), EXTENSION]
    states: dict[str, dict[str, None]] = {name: {} for name in names}
    moves: dict[str, dict[Move, None]] = {name: {} for name in names}
    for stage in model.stages:
        for name, state in zip(names, _states(stage), strict=True):
            states[name][state] = None
        for step, to in stage.moves.items():
            name = _machine_of(step)
            start, end = (_states(each)[names.index(name)] for each in (stage, to))
            moves[name][Move(start, str(step), end, step.rolls_back)] = None
    return tuple(Machine(name, tuple(states[name]), tuple(moves[name])) for name in names if moves[name])


def _states(stage: Stage) -> tuple[str, ...]:
    return (stage.schema_words, *map(str, stage.replicas), _FIELD[stage.extension_released])


def _machine_of(step: Step) -> str:
    if step.replica:
        return f"replica {step.replica}"
    return EXTENSION if step.action is StepAction.RELEASE else SCHEMA


def mermaid(model: StageModel) -> str:
    """The machines as the text of a Mermaid state diagram: side by side in one state, roll-backs marked."""
    regions = []
    for machine in machines(model):
        # Mermaid's states are global, and their ids are words.
        ids = {state: _word(f"{machine.name} {state}") for state in machine.states}
        lines = [f"        {ids[state]} : {state}" for state in machine.states]
        lines += [f"        [*] --> {ids[machine.states[0]]}"]
        for move in machine.moves:
            mark = " (roll-back)" if move.roll_back else ""
            # A colon ends the name of an arrow's target, and the first one begins its words.
            step = move.step.replace(":", "")
            lines.append(f"        {ids[move.start]} --> {ids[move.to]}: {step}{mark}")
        regions.append("\n".join(lines))
    return "stateDiagram-v2\n    state rollout {\n" + "\n        --\n".join(regions) + "\n    }\n"


def _word(text: str) -> str:
    return "_".join("".join(letter if letter.isalnum() else " " for letter in text).split())


def stage_safety(
    stages: Iterable[Stage], covered: frozenset[Stage], unsafe: Unsafe
) -> tuple[StageSafety, ...]:
    """Each stage, whether it was covered, and what is unsafe there: `stage` itself, or steps taken in it."""
    return tuple(
        StageSafety(
            stage.schema_words,
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
