"""The header rule proven: the rule itself against Node, then a backend over raw sockets, with every row matched."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from itertools import chain, count
from typing import Final

from harness.automata.suites import SuiteKind
from harness.backend.serve import HOST
from harness.checks.compatibility import TableTotals
from harness.checks.registry import run_checks
from harness.checks.row_checks import CheckedExchange
from harness.clients.shape import PLAIN
from harness.database.relations import totalled
from harness.errors import UnavailableError
from harness.probing.packed import Packed
from harness.probing.probe_factory import Caller
from harness.probing.run import KnownControls, beside_controls, in_turn, observations
from harness.probing.values import longest_valid
from harness.report.contents import RuleBehaviour
from harness.rollout import is_plans
from harness.rule.accepted_values import AcceptedValues
from harness.rule.agreement import disagreements
from harness.rule.behaviour import Lines
from harness.rule.cases import CaseSequence, HeaderCase, Kind, control_cases, fixed_cases
from harness.rule.explanation import Answer, Answers
from harness.rule.limit import edge_texts, limit_texts
from harness.rule.oracle import node_oracle
from harness.rule.policy import Policy
from harness.rule.shard import WHOLE, Shard, Share
from harness.rule.suite import (
    Level,
    bound,
    function_kind,
    function_suite,
    is_proof,
    size,
    suite,
    what_is_sent,
    why_sampled,
)
from harness.run.progress import LineCallback, ProgressDisplay
from harness.run.rule_explained import answers_of, explained
from harness.stages.environment import Environment, Stack, running_stage
from harness.stages.matrix import addresses, streaming
from harness.sut.observation import Observation, Probe
from harness.sut.reference import Endpoint
from harness.verdict import Finding, Method, Results

SAMPLES: Final = {Level.SMOKE: 30, Level.STANDARD: 400, Level.EXHAUSTIVE: 2000}
"""Sequences of headers drawn by Hypothesis beyond the suite."""

DECISIONS: Final = ("V1", "V2", "V3")
"""Claims that the complete suite proves within its bound; stored values and what sticks are sampled."""
CONTROL: Final = (HeaderCase((), Kind.ABSENT),)
"""What the replies to all others are compared with."""
LAST_ROUND: Final = 90
"""Block of addresses of requests that tell explanations apart."""
BLANK: Final = b"\xa0"
"""What JavaScript trims at the edges and HTTP does not: U+00A0 in latin-1."""
DRAWN: Final = 2
"""Valid values beside the rollout's examples: two are needed that differ."""


@dataclass(slots=True)
class SentCounts:
    """What went over the wire."""

    share: Share
    """Of the suite."""
    requests: int = 0
    controls: int = 0
    """Requests without the header."""
    replied: int = 0
    """Requests whose reply carried an upstream id: each must have its rows."""
    answers: Packed[Answer] = field(default_factory=Packed)
    """What was stored for which header lines."""
    behaviour: RuleBehaviour | None = None
    """What explains these answers where claims of the rule are refuted."""


def prove_rule(
    results: Results, policy: Policy, *, samples: tuple[CaseSequence, ...], level: Level = Level.STANDARD
) -> None:
    """Judges V7: Python's rule is the plan's JavaScript on the rule's suite and on what Hypothesis drew."""
    kind = function_kind(policy, level)
    headers = chain(
        ((value,) for value in function_suite(policy, level)),
        (case.values for each in samples for case in each),
    )
    if kind is SuiteKind.COMPLETE:
        results.method("V7", Method.COMPLETE)
    try:
        with node_oracle() as node:
            number = count()
            counted = (header for header, _ in zip(headers, number, strict=False))
            for differing in disagreements(policy, counted, node):
                value = differing.lines[0] if differing.lines else b""
                finding = Finding("V7", "the rule as a function", str(differing), weight=len(value))
                results.refute(finding)
            results.observed("V7", next(number))
            told = f"the {kind} suite: {bound(policy, kind)}" if kind else f"samples: {why_sampled(policy)}"
            results.detail("V7", f"Node {node.node} agrees on {told}")
    except UnavailableError as error:
        results.inconclusive("V7", f"Node did not judge: {error}")


async def prove_headers(
    results: Results,
    shared: Stack,
    level: Level,
    samples: tuple[CaseSequence, ...],
    progress: ProgressDisplay,
    shard: Shard = WHOLE,
    extra_states: int = 0,
) -> SentCounts:
    """Judges the V-claims over the wire on a stand where the rollout has arrived; returns what it sent."""
    policy = shared.rule
    async with running_stage(shared, shared.model.arrived) as environment:
        counts = size(policy, level, extra_states)
        with progress(f"header rule over the wire, {level} suite: {counts}") as on_progress:
            before = await environment.totals()
            share = Share(suite(policy, level, extra_states), shard)
            caller = await environment.stack.caller(environment.dsn)
            sequences = cases(caller, share, level, samples if shard.is_first else None)
            probes = _suite_probes(caller, sequences, otherwise(caller) if shard.is_first else ())
            sent = await send_suite(results, environment, policy, probes, SentCounts(share), on_progress)
            sent.behaviour = await _explained(results, environment, caller, sent)
            await environment.drain()
        run_checks(
            results, [TableTotals(sent.replied, before, await environment.totals(), totalled(shared.rollout))]
        )
    for claim in filter(results.__contains__, DECISIONS):
        if is_proof(policy, level, extra_states):
            results.method(claim, Method.COMPLETE)
            results.detail(claim, f"over the wire: {bound(policy, extra_states=extra_states)}")
        else:
            sent_suite = what_is_sent(policy, level, extra_states)
            results.detail(claim, f"{level} suite over the wire: {sent_suite}")
        if not shard.is_whole:
            results.detail(claim, f"shard {shard} of it, {sent.share.count:,} headers")
    return sent


async def _explained(
    results: Results, environment: Environment, caller: Caller, sent: SentCounts
) -> RuleBehaviour | None:
    """What the backend does where it breaks the rule, after one more round of headers."""
    origin = addresses(LAST_ROUND)

    async def ask(headers: Sequence[Lines]) -> Answers:
        probes = [caller.sequence((caller.lines(*lines),), address=next(origin)) for lines in headers]
        async with aclosing(observations(_endpoint(environment), environment.rows, probes)) as batches:
            seen = [observation async for batch in batches for observation in batch]
        sent.replied += sum(observation.reply.upstream_id is not None for observation in seen)
        return answers_of((observation.probe, observation.rows) for observation in seen)

    return await explained(results, caller.policy, lambda: list(sent.answers), ask)


def _endpoint(environment: Environment) -> Endpoint:
    replica = environment.replicas[0]
    return Endpoint(
        (HOST, replica.process.port), str(replica.version), str(environment.stage), environment.lost
    )


def cases(
    caller: Caller, values: Iterable[bytes], level: Level, samples: Iterable[CaseSequence] | None
) -> Iterator[CaseSequence]:
    """A control first, then the suite or a shard's part of it.

    Then what is beyond the suite, about the greatest length and what HTTP refuses, and what was drawn, unless None.
    """
    yield CONTROL
    for value in values:
        yield (caller.case(value),)
    if samples is None:
        return
    about_limit = dict.fromkeys((edge_texts if level is Level.SMOKE else limit_texts)(caller.policy))
    for value in suite(caller.policy, level):
        about_limit.pop(value, None)
    for value in about_limit:
        yield (caller.case(value, Kind.LIMIT),)
    for case in (*rollout_cases(caller), *control_cases(caller.spec.header_name)):
        yield (case,)
    yield from samples


def rollout_cases(caller: Caller) -> tuple[HeaderCase, ...]:
    """The fixed cases, with values that the rule stores."""
    accepted = AcceptedValues(caller.policy, caller.spec.rollout.header)
    found = [*accepted.examples, *(accepted.draw() for _ in range(DRAWN))]
    valid = [value for value in dict.fromkeys(found) if value is not None]
    if is_plans(caller.spec.rollout) or not valid:
        return fixed_cases(caller.spec.header_name)
    edges = [valid[0] + BLANK, BLANK + valid[0], BLANK + valid[0] + BLANK]
    return (
        *fixed_cases(caller.spec.header_name, valid[0], valid[-1], longest_valid(caller.policy)),
        *(caller.case(value, Kind.EDGES) for value in edges),
    )


def known_cases(caller: Caller) -> list[HeaderCase]:
    """The borders of the rule and of its greatest length, and the fixed cases."""
    borders = dict.fromkeys((*suite(caller.policy, Level.SMOKE), *edge_texts(caller.policy)))
    return [*map(caller.case, borders), *rollout_cases(caller)]


def otherwise(caller: Caller) -> list[tuple[str | None, bool]]:
    """Identity and streaming of the requests that bear the known cases once more: the rule is one, callers are not."""
    streams = streaming(caller)
    pairs = [(auth, False) for auth in caller.auths]
    pairs += [(auth, True) for auth in dict.fromkeys((None, caller.auths[-1])) if streams[-1]]
    return [pair for pair in pairs if pair != (None, False)]


def judge_headers(
    results: Results, batch: Sequence[Observation], policy: Policy, known: KnownControls | None = None
) -> None:
    """Judges V1 to V6, I2 and R1 on requests, beside those without the header; `known` are such of batches before."""
    beside = beside_controls(batch, known)
    run_checks(results, (CheckedExchange(seen, policy, control=control) for seen, control in beside))


def _suite_probes(
    caller: Caller,
    sequences: Iterable[CaseSequence],
    others: Iterable[tuple[str | None, bool]],
) -> Iterator[Sequence[Probe]]:
    """The suite by an anonymous caller, then the known cases by every other; each caller has a control, and first."""
    origin = addresses()
    for sequence in sequences:
        yield caller.sequence(sequence, address=next(origin))
    known = [(case,) for case in known_cases(caller)]
    for block, (auth, stream) in enumerate(others, start=1):
        origin, shape = addresses(block), PLAIN._replace(auth=auth, stream=stream)
        for sequence in (CONTROL, *known):
            yield caller.sequence(sequence, shape, address=next(origin))


async def send_suite(
    results: Results,
    environment: Environment,
    policy: Policy,
    probes: Iterable[Sequence[Probe]],
    sent: SentCounts,
    on_progress: LineCallback,
) -> SentCounts:
    """Sends each sequence to the first replica and judges it by its rows; counts are added to `sent`."""
    known: KnownControls = {}
    async with aclosing(observations(_endpoint(environment), environment.rows, probes)) as batches:
        async for batch in batches:
            async for some in in_turn(batch):
                judge_headers(results, some, policy, known)
                sent.answers.extend(answers_of((seen.probe, seen.rows) for seen in some))
                sent.controls += sum(not seen.probe.lines for seen in some)
                sent.replied += sum(seen.reply.upstream_id is not None for seen in some)
            sent.requests += len(batch)
            on_progress(f"{sent.requests:,} requests sent and matched with their rows")
    return sent
