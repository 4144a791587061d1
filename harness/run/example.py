"""Some sequences of requests sent to the reference and judged, each begun by a request with a known valid header.

So what an earlier example left behind in the backend cannot be taken for its own: the same example means the same
again. Knows nothing of how examples are made.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final

import psycopg

from harness import plan
from harness.checks.evidence import describe_reply, finding, hint_of
from harness.checks.row_checks import ACCOUNTED, REPLY
from harness.clients.exchange import Outcome, Reply
from harness.clients.extension import Auth
from harness.clients.shape import PLAIN
from harness.database.dsn import CONNECT_S_MAX
from harness.errors import UnavailableError
from harness.probing.probe_factory import Caller
from harness.probing.run import observations
from harness.rollout import is_plans
from harness.rule.accepted_values import AcceptedValues
from harness.rule.cases import NAME, CaseSequence, HeaderCase, Kind
from harness.rule.level import Level
from harness.rule.policy import Policy
from harness.run.fuzzed_backend import FuzzedBackend
from harness.run.headers import CONTROL, judge_headers
from harness.run.rollout_claims import rollout_claims
from harness.run.rule_explained import OnSeen
from harness.stages.matrix import addresses
from harness.sut.observation import Observation
from harness.sut.rows import RowKey, Rows, key_of
from harness.verdict import Finding, Results

PRIMER: Final = HeaderCase(((NAME, b"fuzz-primer"),), Kind.VALID)


def primer_of(caller: Caller) -> HeaderCase:
    """A header that the rule accepts, the same in each run: of the plan's what it has always been."""
    known = PRIMER.values[0]
    if caller.policy.stored([known]) is None:
        known = AcceptedValues(caller.policy, caller.spec.rollout.header).draw() or known
    return caller.case(known, Kind.VALID)


_ORIGIN: Final = addresses(1)
"""None twice in a run: a row that comes late is never taken for that of a later example."""


async def require_service(
    backend: FuzzedBackend, *, auth: Auth = Auth.ANONYMOUS, stream: bool = False
) -> None:
    """Raises UnavailableError unless a request without the header is served: where none is, nothing can be found."""
    items = [
        backend.caller.sequence(CONTROL, PLAIN._replace(auth=auth, stream=stream), address=next(_ORIGIN))
    ]
    async with _reader(backend) as connection:
        sent = observations(backend.endpoint, Rows(connection, backend.store), items, wait_s=backend.wait_s)
        (seen,) = [one async for batch in sent for one in batch]
    reply = seen.reply
    if not served(reply):
        raise UnavailableError(
            f"{backend.words} does not serve a request without the header: {describe_reply(reply)} "
            f"{reply.reason}".rstrip()
            + f"; {hint_of(reply) or 'check that it is up'}"
        )


def served(reply: Reply) -> bool:
    """Whether a reply is a completion that must have left its rows."""
    return reply.outcome is Outcome.REPLY and reply.status < 400 and reply.upstream_id is not None


async def judge_example(
    backend: FuzzedBackend,
    policy: Policy,
    example: tuple[CaseSequence, ...],
    *,
    auth: Auth = Auth.ANONYMOUS,
    stream: bool = False,
    rows_within_s: float = 0.0,
    on_seen: OnSeen | None = None,
) -> tuple[Finding, ...]:
    """Sends each sequence over a connection of its own, a primer first, and returns what refutes, lightest first.

    With `rows_within_s` the rows are read once more after so many seconds: a second row may come late.
    """
    primer, rollout = primer_of(backend.caller), backend.caller.spec.rollout
    items = [
        backend.caller.sequence(
            (primer, *sequence), PLAIN._replace(auth=auth, stream=stream), address=next(_ORIGIN)
        )
        for sequence in (CONTROL, *example)
    ]
    results = Results(plan.CLAIMS if is_plans(rollout) else rollout_claims(rollout, Level.SMOKE))
    async with _reader(backend) as connection:
        rows = Rows(connection, backend.store)
        sent = observations(backend.endpoint, rows, items, wait_s=backend.wait_s)
        seen = [one async for batch in sent for one in batch]
        if rows_within_s:
            await asyncio.sleep(rows_within_s)  # nothing tells when a backend has ended its accounting
            seen = await _reread(rows, seen)
        if on_seen is not None:
            for observation in seen:
                on_seen(observation.probe, observation.rows)
        judge_headers(results, seen, policy)
        if not served(seen[1].reply):
            results.refute(finding(REPLY, seen[1], "not served beside the others, as it was alone"))
        if auth is not Auth.SIGNED_IN:
            await _judge_surplus(results, rows, seen)
    return tuple(finding for judgement in results.judgements() for finding in judgement.findings)


@asynccontextmanager
async def _reader(backend: FuzzedBackend) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """A connection that only reads, and leaves nothing behind on it where a pooler keeps it for others."""
    async with await psycopg.AsyncConnection.connect(
        backend.dsn, autocommit=True, connect_timeout=CONNECT_S_MAX, prepare_threshold=None
    ) as connection:
        await connection.set_read_only(True)
        yield connection


async def _reread(rows: Rows, seen: Sequence[Observation]) -> list[Observation]:
    since = min(one.since for one in seen)
    found = await rows.of([key_of(one.probe, one.reply) for one in seen], since)
    return [replace(one, rows=mine) for one, mine in zip(seen, found, strict=True)]


async def _judge_surplus(results: Results, rows: Rows, seen: Sequence[Observation]) -> None:
    """Judges R1 on all rows of each address: no more of them than requests that were answered."""
    replied = Counter(one.probe.user for one in seen if one.reply.outcome is Outcome.REPLY)
    last = {one.probe.user: one for one in seen}
    since = min(one.since for one in seen)
    found = await rows.of([RowKey(None, user) for user in last], since)
    for one, mine in zip(last.values(), found, strict=True):
        if len(mine) > replied[one.probe.user]:
            effect = f"{len(mine)} usage rows of its address, expected {replied[one.probe.user]}"
            results.refute(finding(ACCOUNTED, replace(one, rows=mine), effect))
