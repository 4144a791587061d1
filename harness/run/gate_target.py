"""Finds out what sort of target it is, by plain requests with and without the header, before anything else is asked.

Whether rows can be matched at all, whether x-forwarded-for comes through, whom the token names. A class of requests
that fails always is kept: others, which fare well, are its yardstick.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from harness.checks.evidence import describe_reply, hint_of
from harness.checks.row_checks import IDENTITY, OLD_CLIENT
from harness.probing.covering import constraints_of, in_words
from harness.probing.judge import is_address_id
from harness.probing.probe_factory import ProbeFactory
from harness.probing.record import RETRIABLE
from harness.probing.run import SentProbes
from harness.rollout.identities import address_of, is_by_address
from harness.run.fuzzed_backend import FIRST_ROW_S
from harness.run.gate_suite import neighbours, preflight
from harness.run.probe_session import ProbeSession
from harness.run.progress import LineCallback, ignored
from harness.sut.observation import Exchange, Probe, ProbeGroup, Row
from harness.sut.rows import FoundRows
from harness.verdict import Finding

REPORT_AFTER_S: Final = 5.0
TRIES: Final = 3
"""For each way of signing and streaming."""


class UnjudgeableError(Exception):
    """There is no point in sending more; the message is the reason."""


async def understand(
    session: ProbeSession,
    factory: ProbeFactory,
    on_progress: LineCallback = ignored,
    on_line: LineCallback = ignored,
) -> list[str]:
    """Sends plain requests in every way; what a reader should know of the target. Tells what is waited for.

    Raises UnjudgeableError when rows cannot be matched, DatabaseUnavailableError when the database goes away.
    """
    first = preflight(factory)
    session.record.plan([probe for each in first for probe in each.probes])
    sent_probes = await session.send(first)
    for _ in range(1, TRIES):
        failed = [exchange for exchange in sent_probes.exchanges if exchange.identity is None]
        silent = len(failed) == len(sent_probes.exchanges) and not any(
            exchange.reply.status for exchange in failed
        )
        repeat_of = [exchange.probe for exchange in failed if exchange.reply.status in RETRIABLE]
        if silent or not repeat_of:
            break
        tried = ProbeGroup(
            tuple(session.record.repeat(probe, factory.repeat_of(probe)) for probe in repeat_of)
        )
        more = await session.send([tried])
        kept = [exchange for exchange in sent_probes.exchanges if exchange.probe not in repeat_of]
        sent_probes = SentProbes((*kept, *more.exchanges), sent_probes.since)
    served = [exchange for exchange in sent_probes.exchanges if exchange.identity]
    if not served:
        if any(exchange.reply.status for exchange in sent_probes.exchanges):
            await _try_neighbours(session, factory)
        raise UnjudgeableError(_unserved_words(sent_probes.exchanges, session.sending.stopped))
    statuses = factory.caller.spec.rollout.tables.request.statuses
    if all(exchange.reply.status not in statuses for exchange in served):
        raise UnjudgeableError(
            f"plain requests are served with {served[0].reply.status}, "
            f"the rollout's file says {' or '.join(map(str, statuses))}: correct request.statuses, or the target"
        )
    if session.record.repeated:
        raise UnjudgeableError("replies to different requests have one id: rows cannot be told apart by it")
    exchanges = [exchange for exchange in sent_probes.exchanges if exchange.identity]
    found = await _first_rows(session, exchanges, sent_probes.since, on_progress, on_line)
    return await _understand_rows(session, factory, sent_probes, found)


async def _first_rows(
    session: ProbeSession,
    exchanges: Sequence[Exchange],
    since: datetime,
    on_progress: LineCallback,
    on_line: LineCallback,
) -> FoundRows:
    """Nobody knows how long a row takes here: one may take long, the others a few times what it took."""
    bound_s = FIRST_ROW_S if session.rows.given_wait_s is None else session.rows.given_wait_s
    said: list[float] = []

    def looked_for(seconds: float) -> None:
        plain = f"no row of {len(exchanges)} plain requests after {seconds:.0f} s"
        text = f"{plain}; waiting for the first up to {bound_s:g} s"
        on_progress(text)
        if seconds >= REPORT_AFTER_S and not said:
            said.append(seconds)
            on_line(text)

    found = await session.rows.wait(exchanges, since, bound_s, first=True, looked_for=looked_for)
    if not any(row.whole for exchange in exchanges for row in found.of(session.rows.key_of(exchange))):
        return found
    if said:
        took, later = f"{session.rows.slowest_s:.0f} s", f"{session.rows.wait_s:.0f} s"
        on_line(f"the first row came {took} after its reply; later ones may take {later}")
    return await session.rows.wait(exchanges, since, session.rows.wait_s)


async def _try_neighbours(session: ProbeSession, factory: ProbeFactory) -> None:
    """Where plain requests fail each time: others that are served show of which class that is a fault."""
    await session.send([neighbours(factory)])
    refused, served = session.judge.replies.refused, session.judge.replies.served
    spec = factory.caller.spec
    common = constraints_of(refused, served, factory.caller.factors)
    if served and len({name for each in common for name, _ in each}) == 1:
        text = " or ".join(in_words(each, spec) for each in common)
        statuses = ", ".join(dict.fromkeys(refused.values()))
        effect = f"requests of {text} are answered {statuses} each time, others are served: {served[0]}"
        session.judge.results.refute(Finding(OLD_CLIENT, text, effect))


async def _understand_rows(
    session: ProbeSession,
    factory: ProbeFactory,
    sent_probes: SentProbes,
    found: FoundRows,
) -> list[str]:
    exchanges = [exchange for exchange in sent_probes.exchanges if exchange.identity]
    rows = {
        exchange.probe.number: row
        for exchange in exchanges
        for row in found.of(session.rows.key_of(exchange))
        if row.whole
    }
    if not rows:
        waited_s = FIRST_ROW_S if session.rows.given_wait_s is None else session.rows.given_wait_s
        raise UnjudgeableError(
            f"no row of {len(exchanges)} plain requests came within {waited_s:g} s; raise --wait-rows, or "
            "check that --database-url is the database that this backend writes to"
        )
    if not any(
        row.message_id == exchange.identity for exchange in exchanges for row in _some(rows, exchange)
    ):
        raise UnjudgeableError("the rows carry another id than the replies: they cannot be matched")
    session.rows.clock.learn(found.created, sent_probes.since)
    users = [
        (exchange.probe, row.user)
        for exchange in exchanges
        for row in _some(rows, exchange)
        if row.user is not None
    ]
    remarks = _understand_addresses(session, users)
    _understand_token(session, factory, users, sent_probes.exchanges)
    for user in session.judge.accounts.values():
        session.halves_before |= {row.usage_id for row in await session.usage_halves(user)}
    known = tuple(exchange for exchange in exchanges if exchange.probe.auth not in factory.caller.left_out)
    await session.match_rows(SentProbes(known, sent_probes.since), 0)
    return remarks


def _understand_addresses(session: ProbeSession, users: Sequence[tuple[Probe, str]]) -> list[str]:
    """A platform that overwrites x-forwarded-for leaves every anonymous request at an address that is not its own."""
    anonymous = [(probe, user) for probe, user in users if is_by_address(probe.identity)]
    identities = [probe.identity for probe, _ in anonymous]
    others = {user for probe, user in anonymous if not is_address_id(user, probe.address, identities)}
    own = any(is_address_id(user, probe.address, identities) for probe, user in anonymous)
    unlike = all(is_address_id(user, None, identities) for user in others)
    session.judge.overwritten = bool(others) and not own and unlike
    session.rows.by_user = not session.judge.overwritten
    if not session.judge.overwritten:
        return []
    seen = ", ".join(sorted(others)[:3])
    header = anonymous[0][0].spec.rollout.tables.request.client_address
    return [
        f"the platform overwrites {header}: requests are accounted to {seen}; rows are matched by the reply's id alone"
    ]


def _understand_token(
    session: ProbeSession,
    factory: ProbeFactory,
    users: Sequence[tuple[Probe, str]],
    exchanges: Sequence[Exchange],
) -> None:
    """A token that is not accepted makes its requests anonymous, with status 200, or is refused.

    Signed-in requests that are served and leave no row are kept: their rows are missing, and that is judged.
    """
    for identity in factory.caller.accounts:
        named = [user for probe, user in users if probe.identity == identity]
        if named and address_of(named[0], factory.caller.spec.identities) is None:
            session.judge.accounts[identity.name] = named[0]
            continue
        signed = [exchange for exchange in exchanges if exchange.probe.identity == identity]
        is_served = any(exchange.identity for exchange in signed)
        text = f"nobody knows whom the token of {identity.name!r} signs in: its requests left no row in time"
        if named:
            text = f"the token does not sign in: its requests are accounted to {named[0]}"
        elif not is_served:
            text = f"the token does not sign in: {describe_reply(signed[0].reply) if signed else 'not sent'}"
        results = session.judge.results
        if any(claim.id == IDENTITY for claim in results.claims):
            results.inconclusive(IDENTITY, text)
        if is_served and not named:
            continue
        factory.caller = replace(factory.caller, left_out=factory.caller.left_out | {identity.name})
        for probe in [probe for probe in session.record.open.values() if probe.identity == identity]:
            session.record.drop(probe)


def _some(rows: Mapping[int, Row], exchange: Exchange) -> tuple[Row, ...]:
    return (rows[exchange.probe.number],) if exchange.probe.number in rows else ()


def _unserved_words(exchanges: Sequence[Exchange], stopped: str | None) -> str:
    if not exchanges:
        return stopped or "no request was sent"
    reply = exchanges[0].reply
    hint = hint_of(reply)
    text = f"no plain request was served with an id: {reply.reason or describe_reply(reply)}"
    return f"{text}; {hint}" if hint else text
