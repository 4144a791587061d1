"""What ends a run of the gate: rows that have not come, and a second look at every request from both tables."""

import asyncio
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Final, TypeVar

from harness.checks.requests import ACCOUNTED
from harness.clients.shape import PLAIN
from harness.probing.second_look import Change, change, whole_alone
from harness.run.gate_doubts import AT_END, TRIAL, TRIAL_LEAST
from harness.run.gate_requests import Asker, value_case
from harness.run.hearing import Hearing
from harness.sut.asks import Answer, Ask, Round
from harness.sut.contract import DatabaseUnavailableError
from harness.sut.observation import Row

REFUTED_MAX: Final = 3
"""Refuted claims of which a request is sent again."""
AT_ONCE: Final = 2_000
"""Requests in one look."""
Item = TypeVar("Item")

CHANGED_LEAST: Final = 3
"""From so many rows on, all of requests with the header, a later change of a column is an effect of it."""


async def repeat_refuted(hearing: Hearing, asker: Asker, claims: Iterable[str]) -> None:
    """Sends again what was stored wrongly: whether that is so each time tells a build from a part of a fleet."""
    judge = hearing.judge
    for claim in [one for one in claims if judge.failed[one]][:REFUTED_MAX]:
        times = min(TRIAL, hearing.sending.left - AT_END - 1)
        if times < TRIAL_LEAST or hearing.sending.stopped:
            return
        wrong = min(judge.failed[claim], key=lambda ask: ask.weight)
        if wrong.shape != PLAIN:
            await hearing.settle(
                await hearing.hear([Round((asker.again(wrong, PLAIN),))])
            )  # the simplest, if so
        again = [hearing.repeat(wrong, asker.again(wrong)) for _ in range(times)]
        heard = await hearing.hear([Round((ask,)) for ask in again])
        await hearing.settle(heard)
        numbers = {ask.number for ask in again}
        failed = sum(ask.number in numbers for ask in judge.failed[claim])
        fared = sum(ask.number in numbers for ask in judge.fared[claim])
        if fared:
            wrongs, rights = len(judge.failed[claim]), len(judge.fared[claim])
            share = f"{wrongs} of {wrongs + rights} such requests"
            told = (
                f"the same request was wrong in {failed} of {failed + fared} repetitions, and {share} were: "
            )
            judge.results.detail(claim, f"{told}a part of the replicas is another build")
        elif failed:
            judge.results.detail(claim, f"wrong again in each of {failed} repetitions")


async def look_for_missing(hearing: Hearing, asker: Asker) -> None:
    """Judges rows that have not come: one is missing only if that of a later request comes, and it had its time.

    Later requests are of the classes that have left rows: one that never does is no yardstick for itself.
    """
    if not hearing.missing:
        return
    heard = await hearing.hear([Round(tuple(_yardsticks(hearing, asker)))])
    wanted = [answer for answer in heard.answers if answer.identity]
    _, matched = await hearing.wait(wanted, heard.since, hearing.wait_rows_s)
    later = next((row for rows in matched for row in rows if row.whole), None)
    missing, hearing.missing = hearing.missing, []
    youngest = max(answer.at for answer in missing)
    due = youngest + max(hearing.wait_rows_s, 2 * hearing.slowest_s)
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))  # so much was promised to rows
    for some in _by(AT_ONCE, missing):
        _, found = await hearing.look_at_both_sides(some)
        for answer, rows in zip(some, found, strict=True):
            if any(row.whole for row in rows):
                hearing.weigh(answer, rows)
            elif later is not None:
                hearing.judge.miss(answer, rows, f"message_id {later.message_id}")
            else:
                hearing.missing.append(answer)


def _yardsticks(hearing: Hearing, asker: Asker) -> Iterator[Ask]:
    """A plain request without the header and one with it, and again the lightest that has left a row."""
    yield asker.control(PLAIN)
    yield asker.probe(value_case(asker.own_value()), PLAIN)
    kept = [answer.ask for answer, _ in hearing.kept.values()]
    for wanted in (True, False):
        known = next((ask for ask in kept if ask.control is wanted and not ask.probe.refused), None)
        if known is not None:
            yield asker.again(known)


async def look_again(hearing: Hearing, asker: Asker) -> None:
    """Judges what the rows of every request are at the end: surplus halves and pairs, later changes, rows of nobody."""
    results = hearing.judge.results
    kept = list(hearing.kept.values())
    masked: set[str] = set()
    changed: list[tuple[Answer, Row, Change]] = []
    try:
        for some in _by(AT_ONCE, kept):
            values = _own_values(hearing, asker, [answer for answer, _ in some])
            found, matched = await hearing.look_at_both_sides([answer for answer, _ in some], list(values))
            for (answer, first), rows in zip(some, matched, strict=True):
                now = whole_alone(rows)
                if now is None:
                    hearing.judge.surplus(answer, rows, " at the end of the run")
                    continue
                difference = change(first, now)
                if difference is not None:
                    changed.append((answer, first, difference))
                    hearing.judge.later(answer, first, rows)
                    masked.update(difference.columns if answer.ask.control else ())
            _judge_strays(hearing, values, found.by_value)
    except DatabaseUnavailableError as error:
        results.inconclusive(ACCOUNTED, f"the rows were not looked at again at the end: {error}")
        return
    _judge_columns(hearing, changed, masked)
    await _judge_halves(hearing, kept)
    results.detail(ACCOUNTED, f"all {len(kept):,} pairs of rows looked at again at the end, from both tables")


async def _judge_halves(hearing: Hearing, kept: Sequence[tuple[Answer, Row]]) -> None:
    """Usage rows of the signed-in user without metadata: they bear no id, so only the user tells that they are ours.

    Somebody else may be signed in as the same user: his metadata is given its time to come.
    """
    user = hearing.judge.signed_in_user
    example = next((answer for answer, row in kept if row.user == user), None)
    if user is None or example is None:
        return
    halves: list[Row] = []
    for wait_s in (0.0, hearing.wait_rows_s):
        if wait_s and not halves:
            return
        await asyncio.sleep(wait_s)
        halves = [row for row in await hearing.halves(user) if row.usage_id not in hearing.halves_before]
    if halves:
        effect = f"{len(halves)} usage rows of the signed-in user have come without a metadata row"
        hearing.judge.results.refute(hearing.judge.finding(ACCOUNTED, example, halves[:3], effect))


def _own_values(hearing: Hearing, asker: Asker, answers: Sequence[Answer]) -> dict[str, Answer]:
    """Values that only requests of this run have sent, each with one of its requests."""
    found: dict[str, Answer] = {}
    for answer in answers:
        lines = answer.ask.probe.lines
        if (
            hearing.judge.build == "after"
            and len(lines) == 1
            and lines[0] in asker.own_values - hearing.unsure
        ):
            found[lines[0].decode("latin-1")] = answer
    return found


def _judge_strays(hearing: Hearing, values: dict[str, Answer], by_value: dict[str, list[Row]]) -> None:
    """Rows that hold a value of this run and belong to none of its replies."""
    for value, answer in values.items():
        strays = [row for row in by_value.get(value, ()) if row.message_id not in hearing.ids]
        if strays:
            hearing.judge.surplus(answer, strays, " that hold its value under a message_id that no reply had")


def _judge_columns(hearing: Hearing, changed: Sequence[tuple[Answer, Row, Change]], masked: set[str]) -> None:
    """Columns that change later in rows of requests with the header, and in none without it."""
    results, claim = hearing.judge.results, hearing.column_claim
    count = Counter(name for _, _, difference in changed for name in difference.columns if name not in masked)
    for name, rows in count.items():
        example = next(answer for answer, _, difference in changed if name in difference.columns)
        effect = f"{name} changed after the row was first seen, in {rows} rows of requests with the header and in none "
        effect += f"of {hearing.controls} without it"
        if rows >= CHANGED_LEAST:
            results.refute(hearing.judge.finding(claim, example, (), effect))
        else:
            results.inconclusive(claim, effect)


def _by(count: int, some: Sequence[Item]) -> Iterator[list[Item]]:
    left = iter(some)
    while part := list(islice(left, count)):
        yield part
