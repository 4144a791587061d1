"""The handler of a checkout run as it is: its statements go to a database of ours, its rows to the gate's checks."""

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import psycopg
from psycopg.rows import tuple_row

from harness.checkout.handler import (
    HandlerReply,
    HandlerSource,
    RunningHandler,
    running_handler,
)
from harness.checkout.handler_database import handler_database
from harness.checkout.served_modules import NotRunnableError
from harness.checkout.way import BackendWay
from harness.checks.checkout import judge_way
from harness.checks.checkout_claims import HANDLER_CLAIMS
from harness.checks.registry import run_checks
from harness.checks.row_checks import CheckedExchange
from harness.database.declared import declared_store
from harness.database.runners import connect
from harness.database.scripts import Script, StatementFailed
from harness.database.server import Server
from harness.errors import UnavailableError, UsageError
from harness.probing.judge import Aspect, expect, judge
from harness.probing.probe_factory import Caller
from harness.rollout import Rollout
from harness.rule.policy import Policy, received
from harness.run.check_backend import AppliedMigrations, ReadBackend
from harness.run.check_prepare import UNPREPARED, is_prepared
from harness.run.check_slice import check_slice
from harness.run.check_suite import batches, caller_of
from harness.sut.columns import ReadableColumns
from harness.sut.observation import Exchange, Observation, Probe, Row
from harness.sut.rows import found_rows, key_of, rows_query, values_of
from harness.verdict import Judgement, Results

LOST_MAX: Final = 60
"""Lost rows after which no more requests are sent: each costs the handler's own retries."""
OF_THE_STATEMENT: Final = "42"
"""SQLSTATEs that begin so are the statement's own fault, and not that of what a stand-in gave: names, syntax."""
SHOWN_MAX: Final = 4


class HandlerOutcome(NamedTuple):
    """What is said beside the claims, and whether the handler ran as far as its rows."""

    remarks: list[str]
    has_run: bool = True


def check_handler(
    results: Results, rollout: Rollout, read: ReadBackend, made: AppliedMigrations, server: Server
) -> HandlerOutcome:
    """Judges the rows that requests to the handler leave in a database that the checkout's migrations make."""
    try:
        if read.source is None:
            raise NotRunnableError(read.why)
        if made.folder is None:
            raise NotRunnableError("no migrations make the database that its statements need")
        return HandlerOutcome(_run(results, rollout, read.source, read.way, made, server))
    except (NotRunnableError, UnavailableError, UsageError, StatementFailed) as error:
        return HandlerOutcome(check_slice(results, rollout, read, str(error)), has_run=False)


def check_way(results: Results, read: ReadBackend, handler: HandlerOutcome) -> None:
    """Judges F3 and F4 by what the parser followed; where it lost what the rows have all the same, by these."""
    if read.source is not None:
        judged = [claim for claim in HANDLER_CLAIMS if claim in results]
        are_right = handler.has_run and not any(results.refuted(claim) for claim in judged)
        judge_way(results, read.way, rows_are_right=are_right)


def not_replayed(judgement: Judgement) -> Judgement:
    """A judgement of the handler without lines to copy: they would ask the reference, which has not this code."""
    if judgement.id not in HANDLER_CLAIMS:
        return judgement
    return replace(judgement, findings=tuple(replace(each, replay="") for each in judgement.findings))


def _run(
    results: Results,
    rollout: Rollout,
    source: HandlerSource,
    way: BackendWay,
    made: AppliedMigrations,
    server: Server,
) -> list[str]:
    assert made.folder is not None
    assert made.outcome is not None
    if not is_prepared():
        raise NotRunnableError(UNPREPARED)
    steps = [Script(step.up, rollout.text(step.up)) for step in rollout.tables.step if step.up]
    caller = caller_of(rollout)
    with (
        handler_database(server, made.dsn, made.outcome, made.folder, made.ours, steps) as (dsn, made_by),
        running_handler(source, dsn, caller.parameters) as handler,
        connect(dsn) as connection,
    ):
        connection.prepare_threshold = 1  # the same query after each batch, on a server of ours
        lost, seen_so_far = 0, list[Observation]()
        for observations in _observed(handler, connection, way, caller):
            if not seen_so_far:
                _check_reached(handler, observations)
            seen_so_far += observations
            lost += sum(not seen.rows and seen.reply.upstream_id is not None for seen in observations)
            if lost > LOST_MAX:
                break
    run_checks(results, _with_controls(seen_so_far, caller.policy))
    evidence = f"{len(seen_so_far):,} requests to the handler under Node, {handler.statements:,} statements"
    for claim in filter(results.__contains__, HANDLER_CLAIMS):
        results.detail(claim, evidence)
        if made_by:
            results.detail(claim, made_by)
    return list(_remarks(handler))


def _with_controls(observations: Sequence[Observation], policy: Policy) -> Iterator[CheckedExchange]:
    """Each request beside one of the same shape without the header."""
    controls = {seen.probe.shape: seen for seen in reversed(observations) if seen.probe.control}
    for seen in observations:
        yield CheckedExchange(seen, policy, control=controls.get(seen.probe.shape))


def _observed(
    handler: RunningHandler, connection: psycopg.Connection[Any], way: BackendWay, caller: Caller
) -> Iterator[list[Observation]]:
    """Sends every request; what came of them, batch by batch."""
    columns, number = ReadableColumns(declared_store(caller.spec.rollout), has_value=True, has_time=True), 0
    for batch in batches(caller):
        probes = [probe for probe in batch if not probe.refused]
        since = datetime.now(UTC)
        replies = handler.replies([(probe.request, f"gen-{number + at}") for at, probe in enumerate(probes)])
        number += len(probes)
        exchanges = [Exchange(probe, got.reply, 0.0) for probe, got in zip(probes, replies, strict=True)]
        found = _rows(connection, columns, exchanges)
        yield [
            _observation(exchange, got, rows, way, caller.policy, since)
            for exchange, got, rows in zip(exchanges, replies, found, strict=True)
        ]


def _observation(
    exchange: Exchange,
    got: HandlerReply,
    rows: tuple[Row, ...],
    way: BackendWay,
    policy: Policy,
    since: datetime,
) -> Observation:
    is_served = exchange.reply.upstream_id is not None
    place = _place(exchange.probe, got, rows, way, policy) if is_served else way.handler
    stage = f"{place}: run under Node"
    return Observation(exchange.probe, exchange.reply, rows, "after", stage, since)


def _check_reached(handler: RunningHandler, observations: Sequence[Observation]) -> None:
    """Whether what stands in for the rest lets a request come as far as its row.

    Raises NotRunnableError where none does, and the statement itself is not what is refused.
    """
    if any(row.whole for seen in observations for row in seen.rows):
        return
    if any(seen.rows for seen in observations) and not (handler.refused or handler.threw or handler.logged):
        return  # nothing went wrong, and what it stores is half of what belongs together
    refused = list(handler.refused)
    if any(each.sqlstate.startswith(OF_THE_STATEMENT) and "stub:" not in each.message for each in refused):
        return
    statements = [f"{each.sqlstate} {each.message}" for each in refused]
    replies = [f"it replied {seen.reply.status}" for seen in observations if seen.reply.status >= 400]
    reasons = [
        *handler.threw,
        *statements,
        *handler.logged,
        *replies,
        *handler.failed,
        "it replies, and its work ends without a row",
    ]
    raise NotRunnableError(reasons[0])


def _rows(
    connection: psycopg.Connection[Any], columns: ReadableColumns, exchanges: Sequence[Exchange]
) -> list[tuple[Row, ...]]:
    keys = [key_of(exchange.probe, exchange.reply)._replace(user=None) for exchange in exchanges]
    with connection.cursor(row_factory=tuple_row) as cursor:
        query = rows_query(columns, both_sides=True)
        cursor.execute(query, values_of(keys, (), datetime.fromtimestamp(0, UTC)))
        found = found_rows(cursor.fetchall(), columns)
    return [found.of(key) for key in keys]


def _place(probe: Probe, got: HandlerReply, rows: Sequence[Row], way: BackendWay, policy: Policy) -> str:
    """Where a request goes wrong.

    A wrong value: the first place that has it after the last one that has the right value, else where the row is made.
    The reading itself must have what was sent; what is made of the header is nothing to a signed-in user.
    """
    expected = expect(probe, "after", policy)
    kinds = {difference.kind for difference in judge(rows, expected)}
    if Aspect.VALUE not in kinds:
        return way.row_at if Aspect.PAIRS in kinds else way.handler
    of_header = {part.where for part in way.made_from} if probe.email is not None else set()
    seen = [(at, value) for at, value in got.seen if at not in of_header]
    if not seen:
        return way.set_at or way.read_at or way.handler
    sent = received(probe.lines)
    right = [
        number
        for number, (at, value) in enumerate(seen)
        if (value == sent if at == way.read_at else value in expected.values)
    ]
    after = seen[right[-1] + 1 if right else 0 :]
    return after[0][0] if after else way.row_at


def _remarks(handler: RunningHandler) -> Iterator[str]:
    """What was stood in for, and what went wrong on the way without being judged."""
    stubbed = f"; stood in for: {', '.join(handler.stubbed)}" if handler.stubbed else ""
    yield f"the handler was run: {len(handler.run)} modules of the checkout{stubbed}"
    if handler.failed:
        yield f"stood in for because they cannot be loaded: {'; '.join(handler.failed[:SHOWN_MAX])}"
    for refused, times in list(handler.refused.items())[:SHOWN_MAX]:
        yield f"refused by the database: {refused.sqlstate} {refused.message} ({times} times)"
    for reason, times in list(handler.threw.items())[:SHOWN_MAX]:
        yield f"the handler threw: {reason} ({times} times)"
