"""Judges what must not change: replies, what sessions have prepared, and how many rows whole tables have.

Takes observations, each with its stage; compares a request with its control twin, which sent no header.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from harness import plan
from harness.checks.evidence import describe_reply, finding
from harness.checks.requests import ACCOUNTED, IGNORED, OLD_CLIENT
from harness.clients.exchange import Outcome
from harness.probing.features import Strength, reply_differences
from harness.stages.prepared import PreparedResult
from harness.sut.observation import Observation
from harness.verdict import Finding, Method, Results

REPLY: Final = "V4"
PREPARED: Final = "C3"

NO_REQUEST: Final = 1 << 20
"""Weight of a finding that names no request: one that does is kept rather."""


def judge_replies(results: Results, observations: Sequence[Observation]) -> None:
    """Judges V4 and C1's half of it: a reply equals that of its twin without a header but for ids and times."""
    controls: dict[tuple[object, ...], Observation] = {}
    for seen in observations:
        if not seen.probe.header:
            controls.setdefault(_circumstances(seen), seen)
    for seen in observations:
        control = controls.get(_circumstances(seen))
        if seen is control or control is None or control.reply.outcome is not Outcome.REPLY:
            continue
        claim = IGNORED if seen.served_by == "before" else REPLY
        if claim == IGNORED and not seen.probe.header:
            continue  # says nothing of the header; to `after` it says that none of an earlier request is at work
        results.observed(claim)
        if reply_differences(seen.reply, control.reply):
            effect = f"the reply differs from that without the header: {describe_reply(control.reply)}"
            results.refute(finding(claim, seen, effect))


def judge_old_clients(results: Results, observations: Iterable[Observation]) -> None:
    """Judges C2 on replies: what a client without the header gets is the same on every stage."""
    first: dict[tuple[object, ...], Observation] = {}
    for seen in observations:
        if seen.probe.lines:
            continue
        key = (seen.probe.auth, seen.probe.stream, seen.probe.extension)
        reference = first.setdefault(key, seen)
        results.observed(OLD_CLIENT)
        if seen.reply.outcome is not Outcome.REPLY or reply_differences(
            seen.reply, reference.reply, Strength.SERVICE
        ):
            effect = f"the reply differs from that of the first stage: {describe_reply(reference.reply)}"
            results.refute(finding(OLD_CLIENT, seen, effect))


def judge_totals(results: Results, answered: int, before: tuple[int, int], after: tuple[int, int]) -> None:
    """Judges R1 on whole tables, drained: as many new rows as answered requests, whoever sent them."""
    for name, old, new in zip((plan.USAGE_TABLE, plan.METADATA_TABLE), before, after, strict=True):
        results.observed(ACCOUNTED)
        if new - old != answered:
            condition = f"{answered} requests answered with an id, all replicas drained"
            effect = f"{name} has {new - old} new rows, expected {answered}"
            results.refute(Finding(ACCOUNTED, condition, effect, weight=NO_REQUEST))


def judge_prepared(results: Results, prepared: Sequence[PreparedResult]) -> None:
    """Judges C3: the statements that the rollout depends on still work in a session that prepared them earlier."""
    results.method(PREPARED, Method.EXHAUSTIVE)
    for result in prepared:
        if not result.of.needed:
            continue
        if not result.prepared:
            results.inconclusive(PREPARED, f"{result.of.words} was not prepared by the driver")
        results.observed(PREPARED)
        results.detail(PREPARED, result.words)
        if not result.still_works:
            condition = "prepared in one session, the column added in another, executed again"
            results.refute(Finding(PREPARED, condition, result.words))


def _circumstances(seen: Observation) -> tuple[object, ...]:
    return (seen.stage, seen.served_by, seen.probe.auth, seen.probe.stream)
