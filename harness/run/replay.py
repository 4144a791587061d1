"""What `harness replay` does: sends a recipe or runs an exploration again, and says whether it still refutes."""

import asyncio
from dataclasses import dataclass, fields, replace
from typing import Final

from msgspec import Struct

from harness.backend import serve
from harness.backend.rollout_builds import rollout_build
from harness.clients.extension import Auth
from harness.clients.extra_headers import ExtraHeaders
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.rollout import load_rollout
from harness.rule.policy import STRICT
from harness.run.counterexample import masked_finding
from harness.run.example_judge import example_judge
from harness.run.options.fuzz import REFERENCE, BackendOptions, FuzzedOptions, ReplayOptions
from harness.run.reproduction import Reproduction, case_of, read_reproduction
from harness.stages import machine
from harness.stages.environment import BuildPair, stack
from harness.stages.exploration_stats import ExplorationStats
from harness.verdict import Finding

ROWS_WITHIN_S: Final = 0.5
"""After the rows are there, so long until they are read again: FIXED must not be said before a second row comes."""


def reproduction_of(options: ReplayOptions) -> Reproduction:
    """What the file holds, or one request with the header lines given. Raises UsageError."""
    if options.file is not None:
        return read_reproduction(options.file)
    case, backend = case_of(options.lines), options.backend
    rollout = load_rollout(backend.rollout).name if not backend.under_test.is_plans else ""
    return Reproduction(
        ((case,),), policy=backend.policy, auth=Auth(options.auth), stream=options.stream, rollout=rollout
    )


def options_of(backend: BackendOptions, reproduction: Reproduction) -> FuzzedOptions:
    """The backend that the options name, or else the recipe."""
    given = {option.name: getattr(backend, option.name) for option in fields(backend)}
    if reproduction.rollout:
        name = load_rollout(backend.rollout).name if backend.rollout is not None else ""
        if name != reproduction.rollout:
            told = f"--rollout gives {name}" if name else "no --rollout is given"
            raise UsageError(
                f"the file is of rollout {reproduction.rollout}, and {told}; name its folder with --rollout"
            )
    elif backend.rollout is not None and not backend.under_test.is_plans:
        raise UsageError("the file is of the plan's own rollout; leave --rollout and HARNESS_ROLLOUT out")
    return FuzzedOptions(
        **given
        | {
            "target": backend.target or reproduction.target or REFERENCE,
            "build": backend.build or reproduction.build,
            "free_model": backend.free_model or reproduction.free_model or None,
            "policy": STRICT.name if reproduction.rollout else reproduction.policy,
        }
    )


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: nothing refutes any more, or these findings."""

    words: str
    """The backend that it was sent to, or the builds that were explored."""
    findings: tuple[Finding, ...]
    program: tuple[str, ...] = ()
    """Of an exploration: what was done, a line each."""
    discrepancies: tuple[str, ...] = ()
    """Of an exploration: what was wrong then."""

    @property
    def fixed(self) -> bool:
        """Whether nothing refutes."""
        return not self.findings and not self.discrepancies

    def masked(self, given: ExtraHeaders) -> "Replayed":
        """The same without values of headers that were given for a protected site."""
        findings = (masked_finding(finding, given) for finding in self.findings)
        return replace(self, words=given.masked(self.words), findings=tuple(findings))


class ReplayDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.replayed/1"):
    """Whether what was sent again still fails."""

    fixed: bool
    backend: str
    """The backend that it was sent to, or the builds that were explored."""
    findings: tuple[Finding, ...]
    """What still refutes."""
    program: tuple[str, ...] = ()
    """With --exploration: what was done, a line each."""
    discrepancies: tuple[str, ...] = ()
    """With --exploration: what was wrong then."""


def replay_document(replayed: Replayed) -> ReplayDocument:
    """The same for a machine."""
    return ReplayDocument(
        fixed=replayed.fixed,
        backend=replayed.words,
        findings=replayed.findings,
        program=replayed.program,
        discrepancies=replayed.discrepancies,
    )


def replay(reproduction: Reproduction, options: FuzzedOptions) -> Replayed:
    """Sends the recipe to the backend. Raises UnavailableError and UsageError as `example_judge` does."""
    return asyncio.run(_replay(reproduction, options))


async def _replay(reproduction: Reproduction, options: FuzzedOptions) -> Replayed:
    judging = example_judge(
        options, auth=reproduction.auth, stream=reproduction.stream, rows_within_s=ROWS_WITHIN_S
    )
    async with judging as (words, judged):
        return Replayed(words, await judged(reproduction.sequences))


def describe_replay(replayed: Replayed) -> list[str]:
    """What to print: the outcome, and the first finding where there is one."""
    if replayed.program:
        outcome = "FIXED: every row is as it should be" if replayed.fixed else "STILL FAILS"
        return [
            f"{outcome}; {replayed.words}",
            *(f"    {line}" for line in (*replayed.program, *replayed.discrepancies)),
        ]
    if replayed.fixed:
        return [f"FIXED: nothing refutes; {replayed.words}"]
    first = replayed.findings[0]
    lines = [f"STILL FAILS: {first.claim} refuted: {first.effect}; {replayed.words}"]
    return lines + [
        f"    {name:<8} {value}" for name in ("request", "reply", "row") if (value := getattr(first, name))
    ]


def replay_exploration(reproduction: str, backend: BackendOptions) -> Replayed:
    """Runs one exploration again with the build as `after`.

    Raises UsageError for a reproduction that cannot be run, UnavailableError when the stack cannot be started.
    """
    build = backend.build or "after"
    rollout = load_rollout(backend.rollout)
    rollout_build(rollout, build)
    serve.warm()
    with running_server(backend.postgres) as server, Templates(server, rollout=rollout) as templates:
        stats = asyncio.run(
            _replay_exploration(templates, backend.policy, BuildPair(after=build), reproduction)
        )
    failure = stats.smallest
    program = stats.last_program if failure is None else failure.program
    wrong = () if failure is None else failure.discrepancies
    text = tuple(f"{discrepancy.condition}: {discrepancy.effect}" for discrepancy in wrong)
    return Replayed(f"builds before and {build}", (), program, text)


async def _replay_exploration(
    templates: Templates, policy: str, builds: BuildPair, reproduction: str
) -> ExplorationStats:
    async with stack(templates, policy, builds) as shared:
        return await asyncio.to_thread(machine.replay, shared, reproduction)
