"""One run of the proof: what was asked, resolved once, and where its parts leave what they found."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from harness import plan
from harness.checks.order_evidence import OrdersEvidence
from harness.checks.registry import brought_claims
from harness.database.server import Server
from harness.database.templates import Templates
from harness.errors import UsageError
from harness.rollout import Rollout, is_plans, load_rollout
from harness.rollout.claims import makes_ids
from harness.rule.cases import CaseSequence
from harness.rule.extra_states import check_extra_states, share_max, told_extra_states
from harness.rule.policy import Policy, header_policy
from harness.rule.samples import sampled_sequences
from harness.rule.shard import WHOLE, Shard, Share
from harness.rule.suite import WIRE_MAX, Level, size
from harness.run.gate_claims import WITHOUT
from harness.run.headers import SAMPLES, SentCounts
from harness.run.options.prove import ProveOptions
from harness.run.orders import Scope, scope_of
from harness.run.progress import ProgressDisplay
from harness.run.proof_claims import claims_of
from harness.run.proof_parts import ALL, OF_ANY, ProofPart, parts_of
from harness.run.rollout_claims import rollout_claims
from harness.run.shards import claims_for
from harness.stages.environment import BuildPair
from harness.stages.model import StageModel, after
from harness.stages.of_rollout import model_of, plan_order_of
from harness.verdict import Claim, Results

DEVICES: Final = {Level.SMOKE: 300, Level.STANDARD: 5000, Level.EXHAUSTIVE: 20_000}
"""Devices whose derived id Node checks."""
MIGRATED_ROWS: Final = {Level.SMOKE: 5_000, Level.STANDARD: 100_000, Level.EXHAUSTIVE: 100_000}
"""Rows of the table that the migration is judged on."""


@dataclass(frozen=True)
class ProofPlan:
    """What a run will do, as its options say; nothing runs yet."""

    rollout: Rollout
    policy: Policy
    shard: Shard
    level: Level
    extra_states: int
    seed: int
    builds: BuildPair
    only: frozenset[str] | None
    """Claims without which nothing is to be run; None: all are judged."""

    def describe(self) -> tuple[str, ...]:
        """The plan's order as a numbered tree, then what the level looks at; the parts alone where not all run."""
        if self.parts != self.every_part:
            return (
                *(f"only: {part}" for part in ProofPart if part in self.parts),
                *self._about_extra_states(),
            )
        steps, stage = plan_order_of(self.rollout, self.model).steps, self.model.start
        lines = [f"The plan's order, {len(steps) + 1} stages:", f"1. {stage}"]
        for number, step in enumerate(steps, start=2):
            stage = after(stage, step)
            lines += [f"   {step}: {step.does}", f"{number}. {stage}"]
        orders = "the plan's own" if self.level is Level.SMOKE else str(self.scope.survey)
        client = f"{self.devices:,} machine ids under Node; its storage, its header, its events"
        if not self.is_plans:
            cases = len(self.rollout.tables.client.cases) if self.rollout.tables.client else 0
            ids = f"; {self.devices:,} ids, and its storage" if makes_ids(self.rollout.tables) else ""
            client = f"{cases} {'case' if cases == 1 else 'cases'} of its options under Node{ids}"
        under_node = "all of the suite against Node" + (", without extra states" if self.extra_states else "")
        return (
            *lines,
            f"At level {self.level}:",
            f"   header rule  {size(self.policy, self.level, self.extra_states)} over the wire; {under_node}",
            *(f"   {line}" for line in self._about_extra_states()),
            f"   migration    {self.migrated_rows:,} rows under writers; locks, files, rollback",
            f"   extension    {client}",
            f"   orders       {orders}",
        )

    def _about_extra_states(self) -> Iterator[str]:
        """How large the suite is with them, and what of it is sent; nothing without."""
        if self.extra_states:
            share = share_max(self.policy, self.extra_states, self.shard.of)
            yield f"{told_extra_states(self.policy, self.extra_states)}; shard {self.shard} sends {share:,} at most"

    @property
    def is_plans(self) -> bool:
        """Whether it is the plan's own rollout, of which more is known than a file says."""
        return is_plans(self.rollout)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Which claims of the plan's proof are not asked of this rollout, as the scope of a report has them."""
        judged = {claim.id for claim in self.claims}
        left = (claim.id for claim in claims_of(self.level) if claim.id not in judged)
        return () if self.is_plans else tuple(f"{WITHOUT}{name}" for name in left)

    @property
    def every_part(self) -> frozenset[ProofPart]:
        """The parts of a whole proof of this rollout."""
        return ALL if self.is_plans else OF_ANY

    @cached_property
    def model(self) -> StageModel:
        """The stages of the rollout."""
        return model_of(self.rollout)

    @cached_property
    def parts(self) -> frozenset[ProofPart]:
        """What is run: a shard beyond the first sends its part of the suite and nothing else."""
        return (
            parts_of(self.only) & self.every_part if self.shard.is_first else frozenset({ProofPart.HEADERS})
        )

    @cached_property
    def claims(self) -> tuple[Claim, ...]:
        """What is judged, the audited sentences beside."""
        if self.is_plans:
            return claims_for(self.shard, plan.claims_under(self.policy.name, claims_of(self.level)))
        return claims_for(self.shard, (*rollout_claims(self.rollout, self.level), *brought_claims()))

    @cached_property
    def scope(self) -> Scope:
        """The orders that the level looks at."""
        return scope_of(self.level, self.rollout, self.model)

    @cached_property
    def samples(self) -> tuple[CaseSequence, ...]:
        """What Hypothesis draws beyond the suite, by the seed; nothing for a shard that leaves it to the first."""
        if not self.shard.is_first:
            return ()
        name = self.rollout.header.name.lower().encode("ascii")
        return sampled_sequences(self.policy, SAMPLES[self.level], self.seed, name)

    @property
    def devices(self) -> int:
        """How many are derived from under Node."""
        return DEVICES[self.level]

    @property
    def migrated_rows(self) -> int:
        """Of the table that the migration is judged on."""
        return MIGRATED_ROWS[self.level]


@dataclass(slots=True)
class Proof:
    """A plan being run on a server."""

    plan: ProofPlan
    server: Server
    templates: Templates
    progress: ProgressDisplay
    results: Results
    sent: SentCounts = field(default_factory=lambda: SentCounts(Share((), WHOLE)))
    """What went over the wire; empty until the headers are sent."""
    orders: OrdersEvidence | None = None
    """None until the orders have run."""


def proof_plan(options: ProveOptions, builds: BuildPair, only: frozenset[str] | None) -> ProofPlan:
    """What the options ask for; `only` names claims: just the parts that these need are run.

    Raises UsageError for what is no shard, and for a rollout without a reference.
    """
    rollout = load_rollout(options.rollout)
    if rollout.tables.reference.insert is None:
        raise UsageError(
            f"{rollout.folders[0]}: no reference.insert, so there is no reference to prove it on; harness gate judges "
            "a backend of your own"
        )
    policy, shard = header_policy(rollout, options.policy), Shard.parse(options.shard)
    planned = ProofPlan(
        rollout, policy, shard, options.level, options.extra_states, options.seed, builds, only
    )
    check_extra_states(policy, planned.level, planned.extra_states, shard, WIRE_MAX)
    return planned
