"""What ends a run of the gate: wrong values again, what explains them, rows that have not come, and a second look."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, TypeVar

from harness.checks.row_checks import ACCOUNTED
from harness.clients.shape import PLAIN
from harness.probing.probe_factory import ProbeFactory
from harness.probing.second_look import Change, change, whole_alone
from harness.report.contents import RuleBehaviour
from harness.rollout.identities import address_users
from harness.rule.behaviour import Lines
from harness.rule.cases import Kind
from harness.rule.explanation import Answers
from harness.run.gate_confirm import AT_END, TRIAL, TRIAL_LEAST
from harness.run.gate_values import fits
from harness.run.probe_session import ProbeSession
from harness.run.rule_explained import answers_of, explained
from harness.sut.foreign_rows import DatabaseUnavailableError
from harness.sut.observation import Exchange, Probe, ProbeGroup, Row

REFUTED_MAX: Final = 3
"""Refuted claims of which a request is sent again."""
EXPLAINING_MAX: Final = 1_000
"""Headers at most that are sent to tell apart what would explain the stored values."""
BESIDE_EXPLAINING: Final = 20
"""Requests to one control."""
AT_ONCE: Final = 2_000
"""Requests in one look."""
Item = TypeVar("Item")

CHANGED_LEAST: Final = 3
"""From so many rows on, all of requests with the header, a later change of a column is an effect of it."""


async def repeat_refuted(session: ProbeSession, factory: ProbeFactory, claims: Iterable[str]) -> None:
    """Sends again what was stored wrongly: whether that is so each time tells a build from a part of a fleet."""
    judge = session.judge
    for claim in [one for one in claims if judge.failed[one]][:REFUTED_MAX]:
        times = min(TRIAL, session.sending.left - AT_END - 1)
        if times < TRIAL_LEAST or session.sending.stopped:
            return
        wrong = min(judge.failed[claim], key=lambda probe: probe.weight)
        if wrong.shape != PLAIN:
            await session.match_rows(
                await session.send([ProbeGroup((factory.repeat_of(wrong, PLAIN),))])
            )  # the simplest, if so
        repeat_of = [session.record.repeat(wrong, factory.repeat_of(wrong)) for _ in range(times)]
        sent_probes = await session.send([ProbeGroup((probe,)) for probe in repeat_of])
        await session.match_rows(sent_probes)
        numbers = {probe.number for probe in repeat_of}
        failed = sum(probe.number in numbers for probe in judge.failed[claim])
        fared = sum(probe.number in numbers for probe in judge.fared[claim])
        if fared:
            wrongs, rights = len(judge.failed[claim]), len(judge.fared[claim])
            share = f"{wrongs} of {wrongs + rights} such requests"
            text = (
                f"the same request was wrong in {failed} of {failed + fared} repetitions, and {share} were: "
            )
            judge.results.detail(claim, f"{text}a part of the replicas is another build")
        elif failed:
            judge.results.detail(claim, f"wrong again in each of {failed} repetitions")


async def revisit(session: ProbeSession, factory: ProbeFactory) -> None:
    """Sends what earlier requests have sent, as somebody else and from their addresses: it changes none of their rows.

    The rows of those have been seen by now, so that `second_look` tells.
    """
    caller, early = factory.caller, (exchange.probe for exchange, _ in islice(session.record.kept, AT_ONCE))
    # Of an address that one request alone has, the row is found by it.
    plain = [probe for probe in early if probe.shape._replace(auth=None) == PLAIN and not probe.alone]
    mine = (probe for probe in plain if probe.lines and caller.shows_values(probe.shape))
    own = next((probe for probe in mine if probe.lines[0] in factory.own_values), None)
    if own is None or session.sending.stopped:
        return
    value = caller.case(own.lines[0], Kind.VALID)
    probes = [factory.probe(value), factory.control(address=own.address, follows=True)]
    for account in caller.accounts[:1]:
        shape = PLAIN._replace(auth=account.name)
        probes.append(factory.probe(value, shape, address=own.address))
        theirs = next((probe for probe in plain if probe.control and probe.auth == account.name), None)
        if theirs is not None:
            new = caller.case(factory.own_value(), Kind.VALID)
            probes.append(factory.probe(new, address=theirs.address))
    await session.match_rows(await session.send([ProbeGroup(tuple(probes))]))


async def explain_rule(session: ProbeSession, factory: ProbeFactory) -> RuleBehaviour | None:
    """What explains the stored values of all requests; None where no claim of the rule is refuted."""
    judge = session.judge
    if judge.build == "before":
        return None
    left = [EXPLAINING_MAX]

    async def ask(headers: Sequence[Lines]) -> Answers:
        cases = (factory.caller.lines(*lines) for lines in headers)
        count = max(
            0,
            min(left[0], (session.sending.left - AT_END - 1) * BESIDE_EXPLAINING // (BESIDE_EXPLAINING + 1)),
        )
        fitting = [case for case in cases if fits(case, factory.caller.given_bytes)][:count]
        left[0] -= len(fitting)
        return await _answers(session, factory, [factory.probe(case, PLAIN) for case in fitting])

    def seen() -> Answers:
        return answers_of((exchange.probe, (row,)) for exchange, row in session.record.kept)

    return await explained(judge.results, judge.policy, seen, ask)


async def _answers(session: ProbeSession, factory: ProbeFactory, probes: Sequence[Probe]) -> Answers:
    """Sends the requests beside controls, a batch after the other, and judges their rows like those of the suite."""
    groups = [
        ProbeGroup((*probes[at : at + BESIDE_EXPLAINING], factory.control(follows=True)))
        for at in range(0, len(probes), BESIDE_EXPLAINING)
    ]
    if not groups or session.sending.stopped:
        return ()
    sent = await session.send(groups)
    found = await session.match_rows(sent)
    return answers_of((probe, found.get(probe.number, ())) for probe in probes)


async def look_for_missing(session: ProbeSession, factory: ProbeFactory) -> None:
    """Judges rows that have not come: one is missing only if that of a later request comes, and it had its time.

    Later requests are of the classes that have left rows: one that never does is no yardstick for itself.
    """
    if not session.record.missing:
        return
    sent_probes = await session.send([ProbeGroup(tuple(_yardsticks(session, factory)))])
    wanted = [exchange for exchange in sent_probes.exchanges if exchange.identity]
    found_later = await session.rows.wait(wanted, sent_probes.since, session.rows.wait_s)
    keys = map(session.rows.key_of, wanted)
    later = next((row for key in keys for row in found_later.of(key) if row.whole), None)
    missing, session.record.missing = session.record.missing, []
    youngest = max(exchange.at for exchange in missing)
    due = youngest + max(session.rows.wait_s, 2 * session.rows.slowest_s)
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))  # so much was promised to rows
    for some in _by(AT_ONCE, missing):
        _, found = await session.look_at_both_sides(some)
        for exchange, rows in zip(some, found, strict=True):
            if any(row.whole for row in rows):
                session.judge.judge(exchange, rows)
            elif later is not None:
                session.judge.miss(exchange, rows, f"id {later.message_id}")
            else:
                session.record.missing.append(exchange)


def _yardsticks(session: ProbeSession, factory: ProbeFactory) -> Iterator[Probe]:
    """A plain request without the header and one with it, and again the lightest that has left a row."""
    yield factory.control(PLAIN)
    yield factory.probe(factory.caller.case(factory.own_value()), PLAIN)
    for wanted in (True, False):
        kept = (exchange.probe for exchange, _ in session.record.kept)
        known = next((probe for probe in kept if probe.control is wanted and not probe.refused), None)
        if known is not None:
            yield factory.repeat_of(known)


@dataclass(slots=True)
class _Changes:
    """Columns that held something else at the second look."""

    rows: Counter[str] = field(default_factory=Counter)
    """In how many rows each did."""
    examples: dict[str, Exchange] = field(default_factory=dict)
    masked: set[str] = field(default_factory=set)
    """Those that did in rows of requests without the header."""

    def count(self, exchange: Exchange, difference: Change) -> None:
        """Takes in the row of one request."""
        self.rows.update(difference.columns)
        for name in difference.columns:
            self.examples.setdefault(name, exchange)
        if exchange.probe.control:
            self.masked.update(difference.columns)


async def second_look(session: ProbeSession, factory: ProbeFactory) -> None:
    """Judges what the rows of every request are at the end: surplus halves and pairs, later changes, rows of nobody."""
    results = session.judge.results
    kept = session.record.kept
    changes = _Changes()
    try:
        for some in _by(AT_ONCE, kept):
            values = _own_values(session, factory, [exchange for exchange, _ in some])
            users = {user: one for value, one in values.items() for user in _users_by(session, value)}
            found, matched = await session.look_at_both_sides(
                [exchange for exchange, _ in some], list(values), list(users)
            )
            for (exchange, first), rows in zip(some, matched, strict=True):
                now = whole_alone(rows)
                if now is None:
                    session.judge.surplus(exchange, rows, " at the end of the run")
                    continue
                difference = change(first, now, exchange.probe.spec.rollout.tables.store.main.user)
                if difference is not None:
                    changes.count(exchange, difference)
                    session.judge.later(exchange, first, rows)
            _judge_strays(session, values, found.by_value, "that hold its value")
            _judge_strays(session, users, found.by_user, "of a user who is named by its value")
    except DatabaseUnavailableError as error:
        results.inconclusive(ACCOUNTED, f"the rows were not looked at again at the end: {error}")
        return
    _judge_columns(session, changes)
    await _judge_halves(session, kept)
    results.detail(ACCOUNTED, f"all {len(kept):,} pairs of rows looked at again at the end, from both tables")


async def _judge_halves(session: ProbeSession, kept: Iterable[tuple[Exchange, Row]]) -> None:
    """Main rows of signed-in users without the other side: they bear no id, so only the user tells that they are ours.

    Somebody else may be signed in as the same user: his metadata is given its time to come.
    """
    for user in session.judge.accounts.values():
        example = next((exchange for exchange, row in kept if row.user == user), None)
        if example is not None and len(example.probe.spec.nouns) > 1:
            await _judge_halves_of(session, user, example)


async def _judge_halves_of(session: ProbeSession, user: str, example: Exchange) -> None:
    halves: list[Row] = []
    for wait_s in (0.0, session.rows.wait_s):
        if wait_s and not halves:
            return
        await asyncio.sleep(wait_s)
        halves = [
            row for row in await session.usage_halves(user) if row.usage_id not in session.halves_before
        ]
    if halves:
        main, detail = example.probe.spec.nouns
        effect = f"{len(halves)} {main}s of the signed-in user have come without a {detail}"
        session.judge.results.refute(session.judge.finding(ACCOUNTED, example, halves[:3], effect))


def _own_values(
    session: ProbeSession, factory: ProbeFactory, exchanges: Sequence[Exchange]
) -> dict[str, Exchange]:
    """Values that only requests of this run have sent, each with one of its requests."""
    found: dict[str, Exchange] = {}
    for exchange in exchanges:
        lines = exchange.probe.lines
        if (
            session.judge.build == "after"
            and len(lines) == 1
            and lines[0] in factory.own_values - session.record.unsure
        ):
            found[lines[0].decode("latin-1")] = exchange
    return found


def _users_by(session: ProbeSession, value: str) -> list[str]:
    """Who rows would be accounted to by a value: it alone, or in an address's place; nobody where rows have no user."""
    tables = session.rows.store.rollout.tables
    return [value, *address_users(tables, [value])] if tables.store.main.user else []


def _judge_strays(
    session: ProbeSession, sent: dict[str, Exchange], found: dict[str, list[Row]], which: str
) -> None:
    """Rows found by what requests of this run alone have sent, which belong to none of their replies."""
    for text, exchange in sent.items():
        strays = [row for row in found.get(text, ()) if row.message_id not in session.record.ids]
        if strays:
            session.judge.surplus(exchange, strays, f" {which} under an id that no reply had")


def _judge_columns(session: ProbeSession, changes: _Changes) -> None:
    """Columns that change later in rows of requests with the header, and in none without it."""
    results, claim = session.judge.results, session.judge.column_claim
    for name, rows in changes.rows.items():
        if name in changes.masked:
            continue
        effect = f"{name} changed after the row was first seen, in {rows} rows of requests with the header and in none "
        effect += f"of {session.record.controls} without it"
        if rows >= CHANGED_LEAST:
            results.refute(session.judge.finding(claim, changes.examples[name], (), effect))
        else:
            results.inconclusive(claim, effect)


def _by(count: int, some: Iterable[Item]) -> Iterator[list[Item]]:
    left = iter(some)
    while part := list(islice(left, count)):
        yield part
