"""The file in which the matrix is recorded."""

import json
from pathlib import Path
from typing import Final

from harness.rule.suite import Level
from tests.matrix.outcomes import Outcomes, differences, from_json, of_report, to_json

RECORDED: Final = Path(__file__).with_name("recorded.json")
BEFORE: Final = Path(__file__).with_name("before.json")
"""How the commands answered before the house was rebuilt, at 6affde7; what differs since is in `since`."""

Matrix = dict[str, dict[str, Outcomes]]
"""Outcomes by level and subject."""


def read(path: Path = RECORDED) -> Matrix:
    """What was recorded."""
    written = json.loads(path.read_text()) if path.exists() else {}
    return {
        level: {name: from_json(outcomes) for name, outcomes in by_name.items()}
        for level, by_name in written.items()
    }


def write(matrix: Matrix, path: Path = RECORDED) -> None:
    """Records it, a subject a line."""
    levels = []
    for level in (level for level in Level if matrix.get(level)):
        lines = [
            f"    {json.dumps(name)}: {json.dumps(to_json(outcomes))}"
            for name, outcomes in sorted(matrix[level].items())
        ]
        levels.append(f"  {json.dumps(level)}: {{\n" + ",\n".join(lines) + "\n  }")
    path.write_text("{\n" + ",\n".join(levels) + "\n}\n")


def otherwise(level: Level, subject: str, report: str) -> list[str]:
    """What a report (as JSON) says otherwise than recorded of its subject."""
    return differences(read()[level][subject], of_report(json.loads(report)))
