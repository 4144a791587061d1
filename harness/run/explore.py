"""An exploration's failure as a file, and what `harness replay` does with it: the same actions on the same builds."""

import asyncio
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from harness.backend import serve
from harness.backend.defects import find_build
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.rule.policy import POLICIES
from harness.stages.cases import Discrepancy
from harness.stages.machine import Failure, repeat
from harness.stages.program import SCHEMA, Program, program_from
from harness.stages.stage import Cast, stack


@dataclass(frozen=True, slots=True)
class Repeated:
    """A program that was run again, and what is wrong after it."""

    program: Program
    cast: Cast
    discrepancies: tuple[Discrepancy, ...]

    @property
    def fixed(self) -> bool:
        """Whether nothing is wrong any more."""
        return not self.discrepancies

    def lines(self) -> tuple[str, ...]:
        """The outcome, the program, and each request that is wrong."""
        outcome = "FIXED: every row is as it should be" if self.fixed else "STILL FAILS"
        wrong = [f"    {one.case}: {one.effect}" for one in self.discrepancies]
        builds = f"builds {self.cast.before} and {self.cast.after}"
        return (f"{outcome}; {builds}", *(f"    {line}" for line in self.program.lines()), *wrong)


def write_program(failure: Failure, cast: Cast, policy: str, folder: Path) -> Path:
    """Stores a failure under a name made of its content; returns the file."""
    document = failure.program.document() | {
        "before": cast.before,
        "after": cast.after,
        "policy": policy,
        "effect": [f"{one.case}: {one.effect}" for one in failure.discrepancies],
    }
    text = json.dumps(document, indent=2) + "\n"
    file = folder / f"harness-find-{hashlib.sha256(text.encode()).hexdigest()[:10]}.json"
    file.write_text(text, encoding="utf-8")
    return file


def holds_program(file: Path) -> bool:
    """Whether the file says that it is a program; what it says else is not looked at."""
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(document, dict) and document.get("schema") == SCHEMA


def replay_program(file: Path, postgres: str) -> Repeated:
    """Runs the program of a file again, with the builds and under the policy that it names.

    Raises UsageError for a file that names what is not there, UnavailableError when the stack cannot be stood up.
    """
    text = file.read_text(encoding="utf-8")
    program, document = program_from(text), json.loads(text)
    cast = Cast(str(document.get("before", Cast().before)), str(document.get("after", Cast().after)))
    for build in (cast.before, cast.after):
        find_build(build)
    policy = str(document.get("policy", "strict"))
    if policy not in POLICIES:
        raise UsageError(f"{file} names policy {policy!r}; there is {', '.join(sorted(POLICIES))}")
    serve.warm()
    with running_server(postgres) as server, Templates(server) as templates:
        return Repeated(program, cast, asyncio.run(_repeat(templates, program, cast, policy)))


async def _repeat(templates: Templates, program: Program, cast: Cast, policy: str) -> tuple[Discrepancy, ...]:
    async with stack(templates, policy, cast) as shared:
        return await repeat(shared, program)
