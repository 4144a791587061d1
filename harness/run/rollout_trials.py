"""The trials of the self-test for any rollout: faults that follow from its rule, and harmless variants of `after`.

A fault is what one slip makes of the rule or its reading. A reference with it must be refuted by the claim that its
shortest telling header is evidence for; the suite does not know that header.
"""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, zip_longest
from typing import Final

from harness.backend.rollout_builds import HARMLESS, rollout_build
from harness.backend.slips import slips
from harness.checks.row_checks import MISSING, header_claim
from harness.rollout import Rollout
from harness.rule.faults import told_faults
from harness.rule.level import Level
from harness.rule.policy import policy_of
from harness.rule.samples import sampled_sequences
from harness.run.headers import SAMPLES, prove_headers
from harness.run.progress import silent
from harness.run.rollout_claims import rollout_claims
from harness.run.trials import LEVELS, Attempt, Judgements, Trial, TrialServers
from harness.stages.stack import BuildPair
from harness.verdict import Results

TRIED_MAX: Final = 20
"""Faults that are tried: of each operator one, then the second of each, and so on."""
JUDGED: Final = ("V1", "V2", "V3", "V4", "V5", "V6", "I1", "I2", "R1")
"""What headers over the wire are evidence for."""


def rollout_trials(rollout: Rollout) -> tuple[Trial, ...]:
    """A sample of the faults that a header tells, of each operator some, and the harmless variants."""
    faults = tuple(_fault_trials(rollout))
    return (
        *sample([trial for trial, _ in faults], [operator for _, operator in faults]),
        *_harmless(rollout),
    )


def sample(trials: Sequence[Trial], kinds: Sequence[str], most: int = TRIED_MAX) -> tuple[Trial, ...]:
    """So many trials at most, of each kind as many, the first of each first."""
    by_kind: dict[str, list[Trial]] = {}
    for trial, kind in zip(trials, kinds, strict=True):
        by_kind.setdefault(kind, []).append(trial)
    turns = chain.from_iterable(zip_longest(*by_kind.values()))
    return tuple(trial for trial in turns if trial is not None)[:most]


def describe_faults(rollout: Rollout) -> str:
    """How many faults there are, how many are tried, and those that no header tells from the rule."""
    told = told_faults(policy_of(rollout))
    tried = min(len(told.told), TRIED_MAX)
    return f"{tried} of {told}"


def _fault_trials(rollout: Rollout) -> Iterator[tuple[Trial, str]]:
    policy = policy_of(rollout)
    for build, (fault, lines) in slips(policy).items():
        claim = header_claim(lines, policy) if lines else MISSING
        yield (
            Trial(f"{build} {fault.operator}", fault.sentence, claim, _attempts(rollout, build)),
            fault.operator,
        )


def _harmless(rollout: Rollout) -> Iterator[Trial]:
    for name in HARMLESS:
        summary = rollout_build(rollout, name).summary
        yield Trial(f"harmless {name}", summary, "", _attempts(rollout, name)[:1])


def _attempts(rollout: Rollout, build: str) -> tuple[tuple[str, Attempt], ...]:
    return tuple((str(level), _attempt(rollout, build, level)) for level in LEVELS)


def _attempt(rollout: Rollout, build: str, level: Level) -> Attempt:
    async def attempt(servers: TrialServers) -> Judgements:
        claims = [claim for claim in rollout_claims(rollout, level) if claim.id in JUDGED]
        results = Results(tuple(claims))
        shared = replace(servers.stack, builds=BuildPair(after=build))
        name = rollout.header.name.lower().encode("ascii")
        samples = sampled_sequences(shared.rule, SAMPLES[level], 0, name)
        await prove_headers(results, shared, level, samples, silent)
        return results.judgements()

    return attempt
