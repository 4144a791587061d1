"""What `harness gate` does: judges somebody's deployed backend by its URL and its database, and reports.

Whatever ends a run early, the report holds what was judged until then, and why it ended.
"""

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

from msgspec.structs import replace as with_changes

from harness.backend.serve import loop_factory
from harness.checks.gate import TargetJudge
from harness.checks.gate_consequence import Seen, consequence
from harness.checks.gate_index import INDEX
from harness.checks.gate_schema import COLUMN, STORED, judge_schema, judge_stored
from harness.checks.row_checks import IDENTITY
from harness.checks.user_checks import user_claims
from harness.errors import UnavailableError
from harness.probing.probe_factory import ProbeFactory
from harness.report.contents import Requests, RuleBehaviour, Sections
from harness.report.document import Report, cleaned
from harness.rollout.digest import rollout_digest
from harness.rule.accepted_values import stored_samples
from harness.rule.extra_states import told_extra_states
from harness.rule.policy import Policy
from harness.rule.shard import Shard, Share
from harness.rule.suite import suite
from harness.run.clean import clean
from harness.run.earlier import earlier_runs
from harness.run.fault_coverage import FaultCoverage
from harness.run.gate_build import DeployedBuild
from harness.run.gate_claims import DATABASE_CLAIMS, claims_of, required_ids
from harness.run.gate_conclude import conclude
from harness.run.gate_option_checks import check, limits_of, waive
from harness.run.gate_run import GateRun
from harness.run.gate_target import UnjudgeableError
from harness.run.options.gate import GateOptions
from harness.run.probe_session import ProbeSession
from harness.run.progress import LineCallback, ProgressDisplay, silent
from harness.run.rare_collection import collected_rarely
from harness.run.report import Begun, inputs, inputs_of, run_report
from harness.run.shards import claims_for, marked
from harness.run.under_test import UnderTest
from harness.sut.deployed_schema import read_deployed_schema
from harness.sut.external import Sending, Site, site_of
from harness.sut.foreign_rows import DatabaseUnavailableError, ForeignRows
from harness.sut.journal import Journal, new_journal, run_mark
from harness.sut.value_queries import read_stored_values
from harness.verdict import Results

_Read = TypeVar("_Read")


def gate(options: GateOptions, on_line: LineCallback, progress: ProgressDisplay = silent) -> Report:
    """Judges the target and returns the report.

    Raises UsageError for options that do not fit together, UnavailableError when no journal can be written.
    """
    with asyncio.Runner(loop_factory=loop_factory()) as runner:
        return runner.run(judge_target(options, on_line, progress))


async def judge_target(
    options: GateOptions, on_line: LineCallback, progress: ProgressDisplay = silent
) -> Report:
    """As `gate`, in an event loop that is there already."""
    check(options)
    site = site_of(options.backend_url)
    build = DeployedBuild(options, site)
    shard = Shard.parse(options.shard)
    under = options.under_test
    claims = (*claims_of(options.build, under.policy.name, under.rollout), *user_claims())
    results = Results(claims_for(shard, claims))
    target = TargetJudge(results, under.policy, site.url, options.build, under.options, given=under.given)
    share = Share(suite(under.policy, options.level, options.extra_states), shard)
    if options.extra_states:
        on_line(told_extra_states(under.policy, options.extra_states))
    judging = _Judging(options, under, site, target, on_line, progress, build, shard, share)
    for claim, reason in options.waivers.items():
        waive(results, claim, reason)
    with collected_rarely():
        await judging.judge()
        return cleaned(judging.report(), under.given.masked, under.given.is_in)


@dataclass(slots=True)
class _Judging:
    """One target being judged: database, requests, what is there at the end; each part may fail by itself."""

    options: GateOptions
    under: UnderTest
    site: Site
    target: TargetJudge
    on_line: LineCallback
    progress: ProgressDisplay
    build: DeployedBuild
    shard: Shard
    share: Share
    """What of the header rule's suite is sent."""
    begun: Begun = field(default_factory=Begun.now)
    server: str = "unknown"
    remarks: list[str] = field(default_factory=list)
    requests: Requests | None = None
    """What was sent; None where nothing could be."""
    seen: Seen | None = None
    behaviour: RuleBehaviour | None = None
    """What explains the stored values where they are not those of the rule."""

    @property
    def results(self) -> Results:
        """What was judged until now."""
        return self.target.results

    async def judge(self) -> None:
        options = self.options
        judges_database = options.build == "after" and self.shard.is_first
        if judges_database:
            values = stored_samples(self.under.rollout)
            schema = partial(read_deployed_schema, declared=self.under.store, values=values)
            claims = tuple(claim for claim in (COLUMN, INDEX) if claim in self.results)
            await self._judge_database(schema, judge_schema, claims)
        stopped = await self.build.at_the_start()
        if stopped is None:
            stopped = await self._judge_requests()
        if stopped is not None:
            self.remarks.insert(0, stopped)
            for claim in self._wire_claims:
                self.results.inconclusive(claim, stopped)
        if judges_database:
            policy = self.under.policy
            own = Path(self.requests.journal) if self.requests else options.journal
            earlier = await asyncio.to_thread(earlier_runs, self.site.url, own)
            if earlier.unread:
                self.results.detail(STORED, f"{earlier.unread:,} older journals were not read")
            read = partial(
                read_stored_values,
                policy=policy,
                own_ids=self.target.record.ids,
                earlier_ids=earlier.ids,
                declared=self.under.store,
            )
            await self._judge_database(read, partial(judge_stored, policy=policy), (STORED,))
        if changed := await self.build.at_the_end():
            self.remarks.insert(0, changed)
            for each in self.results.claims:
                self.results.inconclusive(each.id, changed)
        if options.clean and self.requests:
            await self._clean(Path(self.requests.journal))

    def report(self) -> Report:
        options = self.options
        judgements = self.results.judgements()
        report = with_changes(
            run_report(
                "gate",
                self.begun,
                judgements,
                command=options.command,
                server=self.server,
                policy=self.under.policy.name,
                scope=(options.build, *self.under.scope(required_ids(options.build))),
                seed=options.seed,
                level=options.level,
                extra_states=options.extra_states,
            ),
            consequence=consequence(judgements, options.build, self.seen, self.under.spec.column),
            remarks=(*self.remarks, *self.under.remarks(required_ids(options.build))),
            subject=self.under.rollout.header.name,
            sections=Sections(requests=self.requests, behaviour=self.behaviour),
            target=f"{self.site.url}, expected to be build `{options.build}`",
            inputs=inputs_of(self.under.rollout) if not self.under.is_plans else inputs(options.policy),
            rollout=rollout_digest(self.under.rollout),
            deployed=self.build.deployed,
        )
        return marked(report, self.shard, self.share, self.target.record.controls)

    @property
    def _wire_claims(self) -> tuple[str, ...]:
        return tuple(claim.id for claim in self.results.claims if claim.id not in DATABASE_CLAIMS)

    async def _judge_database(
        self, read: Callable[[str], _Read], judge: Callable[[Results, _Read], None], claims: tuple[str, ...]
    ) -> None:
        try:
            evidence = await asyncio.to_thread(read, self.options.database_url)
        except DatabaseUnavailableError as error:
            for claim in claims:
                self.results.inconclusive(claim, str(error))
        else:
            judge(self.results, evidence)

    async def _judge_requests(self) -> str | None:
        """Sends the suite and matches rows; why that was cut short, or None."""
        options = self.options
        try:
            rows = await ForeignRows.connect(options.database_url, options.wait_rows_s, self.under.store)
        except DatabaseUnavailableError as error:
            return str(error)
        self.server = rows.server
        bits = secrets.randbits(32)
        try:
            if options.read_only:
                return "nothing was sent (--read-only)"
            with new_journal(options.journal, self.site.url, self.begun.at, bits, self.on_line) as journal:
                return await self._run(bits, rows, journal)
        finally:
            await rows.close()

    async def _run(self, bits: int, rows: ForeignRows, journal: Journal) -> str | None:
        options = self.options
        policy = self.under.policy
        caller = self.under.caller(options.build)
        if not caller.accounts and options.build == "after" and IDENTITY in self.results:
            self.results.inconclusive(
                IDENTITY, "nobody could be signed in: no token and e-mail of a test user were given"
            )
        deadline = asyncio.get_running_loop().time() + options.time_limit_s
        sending = Sending(self.site, limits_of(options, deadline), self.under.given, journal)
        session = ProbeSession(sending, rows, self.target)
        stopped, waited = None, False
        with self.progress(f"{options.level} suite") as on_progress:
            run = GateRun(
                factory=ProbeFactory(caller, bits, run_mark(journal.run)),
                session=session,
                level=options.level,
                seed=options.seed,
                deadline=deadline,
                on_progress=on_progress,
                claims=self._wire_claims,
                watch_rows_s=options.watch_rows_s,
                on_line=self.on_line,
                share=self.share,
                shard=self.shard,
                extra_states=options.extra_states,
                fault_coverage=self._fault_coverage(policy),
            )
            try:
                async with asyncio.timeout_at(deadline):
                    await run.run()
                waited = True
            except TimeoutError:
                stopped = f"the time limit of {options.time_limit_s:g} s is reached"
            except (DatabaseUnavailableError, UnjudgeableError) as error:
                stopped = str(error)
                waited = isinstance(error, UnjudgeableError)
        if waited and not rows.hidden:
            self.seen = Seen(rows.has_column, len(session.record.ids), self.target.rows, self.target.valued)
        stopped = conclude(run, stopped)
        self.behaviour = run.behaviour
        self.remarks += run.remarks
        if options.build == "after" and run.fault_coverage.requests:
            self.remarks.append(run.fault_coverage.describe())
        self.requests = Requests(
            sending.requests, tuple(session.record.requests), journal.run, str(journal.file)
        )
        return stopped

    def _fault_coverage(self, policy: Policy) -> FaultCoverage:
        """Of the catalogue of the plan's reference; of another rollout there is none."""
        model = self.under.parameters.get("model", "")
        return FaultCoverage(policy, model) if self.under.is_plans else FaultCoverage(policy, model, {})

    async def _clean(self, file: Path) -> None:
        try:
            cleaned = await asyncio.to_thread(clean, self.options.database_url, file, self.under.rollout)
        except UnavailableError as error:
            self.remarks.append(str(error))
        else:
            self.remarks.append(cleaned.words)
