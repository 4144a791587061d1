"""What `harness replay` does: sends a recipe or runs an exploration again, and says whether it still refutes."""

import asyncio
from dataclasses import dataclass, fields
from typing import Final

from harness.backend import serve
from harness.backend.defects import find_build
from harness.clients.extension import Auth
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.run.example_judge import example_judge
from harness.run.options.fuzz import REFERENCE, BackendOptions, FuzzedOptions, ReplayOptions
from harness.run.reproduction import Reproduction, case_of, read_reproduction
from harness.stages import machine
from harness.stages.environment import BuildPair, stack
from harness.stages.exploration_stats import ExplorationStats
from harness.verdict import Finding

SETTLE_S: Final = 0.5
"""After the rows are there, so long until they are read again: FIXED must not be said before a second row comes."""


def reproduction_of(options: ReplayOptions) -> Reproduction:
    """What the file holds, or one request with the header lines given. Raises UsageError."""
    if options.file is not None:
        return read_reproduction(options.file)
    case = case_of(options.lines)
    return Reproduction(
        ((case,),), policy=options.backend.policy, auth=Auth(options.auth), stream=options.stream
    )


def options_of(backend: BackendOptions, reproduction: Reproduction) -> FuzzedOptions:
    """The backend that the options name, or else the recipe."""
    given = {option.name: getattr(backend, option.name) for option in fields(backend)}
    return FuzzedOptions(
        **given
        | {
            "target": backend.target or reproduction.target or REFERENCE,
            "build": backend.build or reproduction.build,
            "free_model": backend.free_model or reproduction.free_model or None,
            "policy": reproduction.policy,
        }
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: nothing refutes any more, or these findings."""

    words: str
    """The backend that it was sent to."""
    findings: tuple[Finding, ...]

    @property
    def fixed(self) -> bool:
        """Whether nothing refutes."""
        return not self.findings


def replay(reproduction: Reproduction, options: FuzzedOptions) -> Replayed:
    """Sends the recipe to the backend. Raises UnavailableError and UsageError as `example_judge` does."""
    return asyncio.run(_replay(reproduction, options))


async def _replay(reproduction: Reproduction, options: FuzzedOptions) -> Replayed:
    judging = example_judge(options, auth=reproduction.auth, stream=reproduction.stream, settle_s=SETTLE_S)
    async with judging as (words, judged):
        return Replayed(words, await judged(reproduction.sequences))


def describe_replay(replayed: Replayed) -> list[str]:
    """What to print: the outcome, and the first finding where there is one."""
    if replayed.fixed:
        return [f"FIXED: nothing refutes; {replayed.words}"]
    first = replayed.findings[0]
    lines = [f"STILL FAILS: {first.claim} refuted: {first.effect}; {replayed.words}"]
    return lines + [
        f"    {name:<8} {value}" for name in ("request", "reply", "row") if (value := getattr(first, name))
    ]


def replay_exploration(reproduction: str, backend: BackendOptions) -> tuple[bool, list[str]]:
    """Runs one exploration again with the build as `after`; whether nothing is wrong any more, and what to print.

    Raises UsageError for a reproduction that cannot be run, UnavailableError when the stack cannot be started.
    """
    build = backend.build or "after"
    find_build(build)
    serve.warm()
    with running_server(backend.postgres) as server, Templates(server) as templates:
        stats = asyncio.run(
            _replay_exploration(templates, backend.policy, BuildPair(after=build), reproduction)
        )
    failure = stats.smallest
    outcome = "FIXED: every row is as it should be" if failure is None else "STILL FAILS"
    program = stats.last_program if failure is None else failure.program
    wrong = () if failure is None else failure.discrepancies
    lines = [f"{outcome}; builds before and {build}", *(f"    {line}" for line in program)]
    return failure is None, lines + [f"    {each.condition}: {each.effect}" for each in wrong]


async def _replay_exploration(
    templates: Templates, policy: str, builds: BuildPair, reproduction: str
) -> ExplorationStats:
    async with stack(templates, policy, builds) as shared:
        return await asyncio.to_thread(machine.replay, shared, reproduction)
