"""What `harness selftest` does: turns every defect that it knows into a refutation by the claim meant for it.

And every harmless variant into GO. A defect that dies only by another claim is a hole, and shown as one.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace as with_changes

from harness import plan
from harness.backend import serve
from harness.database.server import Server, running_server
from harness.database.templates import Templates
from harness.errors import UnavailableError, UsageError
from harness.report.contents import Sections, SelfTest, TrialOutcome
from harness.report.document import Report
from harness.rollout import is_plans, load_rollout
from harness.rollout.digest import rollout_digest
from harness.run.options.selftest import SelftestOptions
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.run.report import Begun, inputs, inputs_of, run_report
from harness.run.rollout_trials import describe_faults, rollout_trials
from harness.run.trials import Trial, TrialServers, trials
from harness.stages.stack import stack
from harness.verdict import Finding, Method, Results, Status, Verdict, decide

KILLED: Final = "S1"
SPARED: Final = "S2"
AT_ONCE: Final = 4
"""Trials that run side by side: most of the time each waits for servers or rows."""
TRIAL_S_MAX: Final = 300.0
"""No trial takes as long; one that does is told as failed rather than waited for."""


@dataclass(frozen=True, slots=True)
class Tried:
    """What came of a trial."""

    trial: Trial
    verdict: Verdict
    refuted: tuple[str, ...]
    unknown: tuple[str, ...]
    claims: tuple[str, ...]
    """All that were judged."""
    level: str
    """The level at which it ended."""
    seconds: float
    failed: str = ""
    """Why it could not be judged."""

    @property
    def right(self) -> bool:
        """A defect refuted by the claim meant for it, or unknown at most where it is hidden; a variant proven."""
        if self.trial.meant:
            return self.trial.meant in self.refuted
        if self.trial.unknown:
            return self.verdict is Verdict.INCONCLUSIVE and self.trial.unknown in self.unknown
        return self.verdict is Verdict.GO

    @property
    def words(self) -> str:
        """What is wrong with the outcome."""
        if self.failed:
            return self.failed
        on_line = f"{self.verdict}, refuted: {', '.join(self.refuted) or 'nothing'}"
        if self.trial.unknown:
            return f"hidden from {self.trial.unknown}, yet {on_line}; unknown: {', '.join(self.unknown) or 'nothing'}"
        if not self.trial.meant:
            return f"harmless, yet {on_line}; unknown: {', '.join(self.unknown) or 'nothing'}"
        return f"meant for {self.trial.meant}, yet {on_line}"


@dataclass(slots=True)
class _Progress:
    on_line: LineCallback
    total: int
    done: int = 0
    wrong: list[str] = field(default_factory=list)

    def count(self, tried: Tried) -> None:
        self.done += 1
        if not tried.right:
            self.wrong.append(tried.trial.name)
        holes = f"; holes: {', '.join(self.wrong)}" if self.wrong else ""
        self.on_line(f"{self.done} of {self.total} trials{holes}")


def selftest(options: SelftestOptions, on_line: LineCallback, progress: ProgressDisplay = silent) -> Report:
    """Runs the trials and returns the report, with the matrix of defects and claims.

    Raises UnavailableError when the stack cannot be stood up, UsageError when no trial is called so.
    """
    begun = Begun.now()
    rollout = load_rollout(options.rollout)
    own = is_plans(rollout)
    known = list(trials() if own else rollout_trials(rollout))
    chosen = [one for one in known if not options.only or any(word in one.name for word in options.only)]
    if not chosen:
        words, example = " or ".join(options.only), "limit-256" if own else known[0].name.partition(" ")[0]
        raise UsageError(f"no trial's name holds {words}; for example --only {example}")
    serve.warm()
    with running_server(options.postgres) as server:
        name = f"Postgres {server.version} ({server.kind})"
        on_line(f"{name}; {len(chosen)} trials")
        with (
            Templates(server, rollout=rollout) as templates,
            progress("selftest") as on_line,
            asyncio.Runner(loop_factory=serve.loop_factory()) as runner,
        ):
            tried = runner.run(_try_all(options, server, templates, chosen, on_line))
    results = judged(tried, complete=len(chosen) == len(known))
    if not own:  # of the faults that follow from a rule, a fixed sample of each operator
        results.method(KILLED, Method.SAMPLED)
    judgements = results.judgements()
    return with_changes(
        run_report(
            "selftest",
            begun,
            judgements,
            command=options.command,
            server=name,
            policy=options.policy if own else rollout.name,
        ),
        subject=rollout.header.name,
        sections=Sections(selftest=matrix_of(tried)),
        target="the harness itself",
        inputs=inputs(options.policy) if own else inputs_of(rollout),
        rollout="" if own else rollout_digest(rollout),
        remarks=() if own else (describe_faults(rollout),),
    )


def judged(tried: Sequence[Tried], *, complete: bool) -> Results:
    """S1 and S2 over the trials; unknown where not all were run, or one could not be judged."""
    results = Results(plan.SELFTEST_CLAIMS)
    for claim in (KILLED, SPARED):
        results.method(claim, Method.EXHAUSTIVE)
        if not complete:
            results.inconclusive(claim, f"only {len(tried)} trials were run")
    for one in tried:
        claim = KILLED if one.trial.meant or one.trial.unknown else SPARED
        if one.failed:
            results.inconclusive(claim, f"{one.trial.name}: {one.failed}")
            continue
        results.observed(claim)
        if not one.right:
            replay = f"harness selftest --only '{one.trial.name}'"
            results.refute(Finding(claim, f"{one.trial.name}: {one.trial.words}", one.words, replay=replay))
    return results


def matrix_of(tried: Sequence[Tried]) -> SelfTest:
    """The claims, and each trial with those that were refuted."""
    claims = dict.fromkeys(claim for outcome in tried for claim in outcome.claims)
    trials = tuple(
        TrialOutcome(
            name=outcome.trial.name,
            summary=outcome.trial.words,
            meant=outcome.trial.meant or outcome.trial.unknown,
            verdict=outcome.verdict,
            refuted=outcome.refuted,
            right=outcome.right,
            level=outcome.level,
            seconds=round(outcome.seconds, 2),
        )
        for outcome in tried
    )
    return SelfTest(tuple(sorted(claims, key=_in_order)), trials)


async def _try_all(
    options: SelftestOptions,
    server: Server,
    templates: Templates,
    chosen: Sequence[Trial],
    on_line: LineCallback,
) -> list[Tried]:
    room = asyncio.Semaphore(AT_ONCE)
    progress = _Progress(on_line, len(chosen))
    async with stack(templates, options.policy) as shared:
        servers = TrialServers(server, shared)

        async def one(trial: Trial) -> Tried:
            async with room:
                tried = await _try(trial, servers)
            progress.count(tried)
            return tried

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one(trial)) for trial in chosen]
    return [task.result() for task in tasks]


async def _try(trial: Trial, servers: TrialServers) -> Tried:
    """Judges by one attempt after the other until the claim that is meant refutes."""
    began = time.monotonic()
    found: Tried | None = None
    for level, attempt in trial.attempts:
        try:
            async with asyncio.timeout(TRIAL_S_MAX):
                judgements = await attempt(servers)
        except (TimeoutError, UnavailableError) as error:
            timed_out = f"it took longer than {TRIAL_S_MAX:.0f} s"
            failed = str(error) if isinstance(error, UnavailableError) else timed_out
            return Tried(trial, Verdict.INCONCLUSIVE, (), (), (), level, time.monotonic() - began, failed)
        by_status = {
            status: tuple(one.claim.id for one in judgements if one.status is status) for status in Status
        }
        found = Tried(
            trial=trial,
            verdict=decide(judgements),
            refuted=by_status[Status.REFUTED],
            unknown=by_status[Status.UNKNOWN],
            claims=tuple(one.claim.id for one in judgements),
            level=level,
            seconds=time.monotonic() - began,
        )
        if found.right:
            break
    assert found is not None, "a trial has an attempt"
    return found


def _in_order(claim: str) -> tuple[str, int]:
    letters = claim.rstrip("0123456789")
    return letters, int(claim[len(letters) :])
