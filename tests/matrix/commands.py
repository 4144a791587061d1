"""Commands as a user runs them, by any version of the program, and the outcomes of what they print and return."""

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from tests.matrix.outcomes import Outcomes, of_report

OURS: Final = (sys.executable, "-m", "harness")
LIMIT_S: Final = 900
_DIFFERENCE: Final = re.compile(
    r"(?P<what>(?:(?:constraint|index|trigger|rule|policy) )?\S+(?: of \S+?)?(?:, [\w ]+)?): "
)
_FAULT: Final = re.compile(r"(?P<file>\S+?)(?::\d+)? (?P<rule>[\w/-]+): ")
_COUNTED: Final = {
    "share": r"(\S+) % of (\d+) .* carry an? \w+ \((\d+)\)",
    "linked": r"(\d+) (?:ids|values), (\d+) of them from more than one \w+; (\d+) \w+ with an? \w+, (\d+) of them",
    "of-nobody": r"(\d+) requests .* carry one of (\d+) .* takes for no",
    "cut": r"(\d+) requests .* carry one of (\d+) \w+ of more than (\d+) characters",
    "silent": r"(\d+) requests \((\S+) %\) came from (\d+) \w+ that never sent .* more than (\S+) %",
}
"""What coverage tells by its name; editions say it in other words."""


def run_command(program: tuple[str, ...], *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command, without the variables that a user may have set; of another version's program without our path."""
    ours = program == OURS
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("HARNESS_") and (ours or name != "PYTHONPATH")
    }
    return subprocess.run(
        [*program, *arguments], env=env, capture_output=True, text=True, timeout=LIMIT_S, check=False
    )


def of_rehearsal(program: tuple[str, ...], folder: Path, *arguments: str) -> Outcomes:
    """Its exit code, and where there is a report how each claim stands in it."""
    written = folder / "report.json"
    done = run_command(program, "rehearse", *arguments, "--json", str(written))
    report = of_report(json.loads(written.read_text())) if written.exists() else {}
    return {"exit": frozenset({str(done.returncode)}), **report}


def of_schema(program: tuple[str, ...], *arguments: str) -> Outcomes:
    """Its exit code, what differs in the database, and the rules that the files break, each with its number."""
    done = run_command(program, "schema", *arguments)
    found = Counter(_told(done.stdout.splitlines()))
    return {
        "exit": frozenset({str(done.returncode)}),
        **{name: frozenset({f"told {count}"}) for name, count in found.items()},
    }


def _told(lines: list[str]) -> Iterator[str]:
    for line in lines:
        if line.startswith(("no difference: ", "no fault: ")):
            yield "remark"
        elif difference := _DIFFERENCE.match(line):
            if not re.search(r"[;:] looked at | faults? in the files ", line):
                yield difference["what"].replace(" ", "-")
        elif fault := _FAULT.match(line):
            yield fault["rule"]


def of_coverage(program: tuple[str, ...], *arguments: str) -> Outcomes:
    """Its exit code and the numbers that it tells; those of single days, users and values are left out."""
    done = run_command(program, "coverage", *arguments)
    found = {"exit": str(done.returncode)}
    for line in done.stdout.splitlines():
        for name, pattern in _COUNTED.items():
            if match := re.match(pattern, line):
                found[name] = "-".join(match.groups())
    return {name: frozenset({value}) for name, value in found.items()}
