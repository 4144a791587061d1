"""The file in which the matrix is recorded."""

import json
from pathlib import Path
from typing import Final

from harness.rule.suite import Level
from tests.matrix.outcomes import Outcomes, differences, from_json, of_report, to_json

RECORDED: Final = Path(__file__).with_name("recorded.json")

Matrix = dict[str, dict[str, Outcomes]]
"""Outcomes by level and subject."""


def read() -> Matrix:
    """What was recorded."""
    written = json.loads(RECORDED.read_text()) if RECORDED.exists() else {}
    return {
        level: {name: from_json(outcomes) for name, outcomes in by_name.items()}
        for level, by_name in written.items()
    }


def write(matrix: Matrix) -> None:
    """Records it, a subject a line."""
    levels = []
    for level in (level for level in Level if matrix.get(level)):
        lines = [
            f"    {json.dumps(name)}: {json.dumps(to_json(outcomes))}"
            for name, outcomes in sorted(matrix[level].items())
        ]
        levels.append(f"  {json.dumps(level)}: {{\n" + ",\n".join(lines) + "\n  }")
    RECORDED.write_text("{\n" + ",\n".join(levels) + "\n}\n")


def otherwise(level: Level, subject: str, report: str) -> list[str]:
    """What a report (as JSON) says otherwise than recorded of its subject."""
    return differences(read()[level][subject], of_report(json.loads(report)))
