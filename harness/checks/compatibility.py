"""Judges what must not change: replies to old clients, what sessions have prepared, and how many rows tables have."""

from collections.abc import Iterable
from typing import Final, NamedTuple

from harness.checks.evidence import describe_reply, finding
from harness.checks.registry import Detail, Inconclusive, Observed, Outcomes, check, run_check
from harness.checks.row_checks import ACCOUNTED, OLD_CLIENT
from harness.clients.exchange import Outcome
from harness.probing.features import Strength, reply_differences
from harness.stages.prepared_result import PreparedResult
from harness.sut.observation import Observation
from harness.verdict import Finding, Method, Results

PREPARED: Final = "C3"

NO_REQUEST: Final = 1 << 20
"""Weight of a finding that names no request: one that does is kept rather."""


class TableTotals(NamedTuple):
    """Rows of the main table and of the one with the column before and after a run, all replicas drained."""

    replied: int
    """Requests answered with an id."""
    before: tuple[int, int]
    after: tuple[int, int]
    tables: tuple[str, str]
    """Their names; one table that has both is there twice."""


def judge_old_clients(results: Results, observations: Iterable[Observation]) -> None:
    """Feeds each request without the header with the first of its kind, on whatever stage that was."""
    first: dict[tuple[object, ...], Observation] = {}
    for observation in observations:
        if observation.probe.lines:
            continue
        key = (observation.probe.auth, observation.probe.stream, observation.probe.extension)
        run_check(results, old_client_is_served_as_before, observation, first.setdefault(key, observation))


@check(OLD_CLIENT)
def old_client_is_served_as_before(observation: Observation, first: Observation) -> Outcomes:
    """C2 on replies: what a client without the header gets is the same on every stage."""
    yield Observed(OLD_CLIENT)
    if observation.reply.outcome is not Outcome.REPLY or reply_differences(
        observation.reply, first.reply, Strength.SERVICE
    ):
        effect = f"the reply differs from that of the first stage: {describe_reply(first.reply)}"
        yield finding(OLD_CLIENT, observation, effect)


@check(ACCOUNTED, over=TableTotals)
def tables_grow_by_what_was_served(totals: TableTotals) -> Outcomes:
    """R1 on whole tables: as many new rows as answered requests."""
    for name, old, new in zip(totals.tables, totals.before, totals.after, strict=True):
        yield Observed(ACCOUNTED)
        if new - old != totals.replied:
            condition = f"{totals.replied} requests answered with an id, all replicas drained"
            effect = f"{name} has {new - old} new rows, expected {totals.replied}"
            yield Finding(ACCOUNTED, condition, effect, weight=NO_REQUEST)


@check(PREPARED, over=PreparedResult, evidence=Method.EXHAUSTIVE)
def prepared_statement_still_works(result: PreparedResult) -> Outcomes:
    """C3: a statement that the rollout depends on works on in a session that prepared it before the column came."""
    if not result.needed:
        return
    if not result.prepared:
        yield Inconclusive(PREPARED, f"{result.statement} was not prepared by the driver")
    yield Observed(PREPARED)
    yield Detail(PREPARED, result.words)
    if not result.still_works:
        condition = "prepared in one session, the column added in another, executed again"
        yield Finding(PREPARED, condition, result.words)
