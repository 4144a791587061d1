"""Finds out what sort of target it is, by plain requests with and without the header, before anything else is asked.

Whether rows can be matched at all, whether x-forwarded-for comes through, whom the token names. A class of requests
that fails always is kept: others, which fare well, are its yardstick.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Final

from harness import plan
from harness.checks.evidence import describe_reply, hint_of
from harness.checks.requests import IDENTITY, OLD_CLIENT
from harness.clients.extension import Auth
from harness.probing.covering import constraints_of, in_words
from harness.probing.judge import is_address_id
from harness.run.gate_requests import Asker
from harness.run.gate_suite import neighbours, preflight
from harness.run.heard import Heard
from harness.run.hearing import RETRIABLE, Hearing
from harness.run.progress import Say, ignored
from harness.run.subject import FIRST_ROW_S
from harness.sut.asks import Answer, Ask, Round
from harness.sut.contract import FoundRows
from harness.sut.observation import Row
from harness.verdict import Finding

SAY_AFTER_S: Final = 5.0
TRIES: Final = 3
"""For each way of signing and streaming."""


class UnjudgeableError(Exception):
    """There is no point in sending more; the message is the reason."""


async def understand(hearing: Hearing, asker: Asker, tell: Say = ignored, say: Say = ignored) -> list[str]:
    """Sends plain requests in every way; what a reader should know of the target. Tells what is waited for.

    Raises UnjudgeableError when rows cannot be matched, DatabaseUnavailableError when the database goes away.
    """
    first = preflight(asker)
    hearing.plan([ask for each in first for ask in each.asks])
    heard = await hearing.hear(first)
    for _ in range(1, TRIES):
        failed = [answer for answer in heard.answers if answer.identity is None]
        silent = len(failed) == len(heard.answers) and not any(answer.reply.status for answer in failed)
        again = [answer.ask for answer in failed if answer.reply.status in RETRIABLE]
        if silent or not again:
            break
        tried = Round(tuple(hearing.repeat(ask, asker.again(ask)) for ask in again))
        more = await hearing.hear([tried])
        kept = [answer for answer in heard.answers if answer.ask not in again]
        heard = Heard((*kept, *more.answers), heard.since)
    served = [answer for answer in heard.answers if answer.identity]
    if not served:
        if any(answer.reply.status for answer in heard.answers):
            await _try_neighbours(hearing, asker)
        raise UnjudgeableError(_unserved_words(heard.answers, hearing.sending.stopped))
    if hearing.repeated:
        raise UnjudgeableError("replies to different requests have one id: rows cannot be told apart by it")
    answers = [answer for answer in heard.answers if answer.identity]
    found, matched = await _first_rows(hearing, answers, heard.since, tell, say)
    return await _understand_rows(hearing, asker, heard, found, matched)


async def _first_rows(
    hearing: Hearing, answers: Sequence[Answer], since: datetime, tell: Say, say: Say
) -> tuple[FoundRows, list[tuple[Row, ...]]]:
    """Nobody knows how long a row takes here: one may take long, the others a few times what it took."""
    bound_s = FIRST_ROW_S if hearing.given_wait_s is None else hearing.given_wait_s
    said: list[float] = []

    def looked_for(seconds: float) -> None:
        plain = f"no row of {len(answers)} plain requests after {seconds:.0f} s"
        told = f"{plain}; waiting for the first up to {bound_s:g} s"
        tell(told)
        if seconds >= SAY_AFTER_S and not said:
            said.append(seconds)
            say(told)

    rows = await hearing.wait(answers, since, bound_s, first=True, looked_for=looked_for)
    if not any(row.whole for its_rows in rows[1] for row in its_rows):
        return rows
    if said:
        took, later = f"{hearing.slowest_s:.0f} s", f"{hearing.wait_rows_s:.0f} s"
        say(f"the first row came {took} after its reply; later ones may take {later}")
    return await hearing.wait(answers, since, hearing.wait_rows_s)


async def _try_neighbours(hearing: Hearing, asker: Asker) -> None:
    """Where plain requests fail each time: others that are served show of which class that is a fault."""
    await hearing.hear([neighbours(asker)])
    refused, served = hearing.replies.refused, hearing.replies.served
    common = constraints_of(refused, served)
    if served and len({name for each in common for name, _ in each}) == 1:
        told = " or ".join(map(in_words, common))
        statuses = ", ".join(dict.fromkeys(refused.values()))
        effect = f"requests of {told} are answered {statuses} each time, others are served: {served[0]}"
        hearing.judge.results.refute(Finding(OLD_CLIENT, told, effect))


async def _understand_rows(
    hearing: Hearing, asker: Asker, heard: Heard, found: FoundRows, matched: Sequence[tuple[Row, ...]]
) -> list[str]:
    answers = [answer for answer in heard.answers if answer.identity]
    rows = {
        answer.ask.number: row
        for answer, its_rows in zip(answers, matched, strict=True)
        for row in its_rows
        if row.whole
    }
    if not rows:
        waited_s = FIRST_ROW_S if hearing.given_wait_s is None else hearing.given_wait_s
        raise UnjudgeableError(
            f"no row of {len(answers)} plain requests came within {waited_s:g} s; raise --wait-rows, or "
            "check that --database-url is the database that this backend writes to"
        )
    if not any(row.message_id == answer.identity for answer in answers for row in _some(rows, answer)):
        raise UnjudgeableError(
            "the rows carry another message_id than the replies' id: they cannot be matched"
        )
    hearing.rows.learn_clock(found.created, heard.since)
    users = [
        (answer.ask, row.user) for answer in answers for row in _some(rows, answer) if row.user is not None
    ]
    remarks = _understand_addresses(hearing, users)
    _understand_token(hearing, asker, users, heard.answers)
    if (user := hearing.judge.signed_in_user) is not None:
        hearing.halves_before = frozenset(row.usage_id for row in await hearing.halves(user))
    signs_in = asker.caller.token is not None
    known = tuple(answer for answer in answers if signs_in or answer.ask.probe.auth is not Auth.SIGNED_IN)
    await hearing.settle(Heard(known, heard.since), 0)
    return remarks


def _understand_addresses(hearing: Hearing, users: Sequence[tuple[Ask, str]]) -> list[str]:
    """A platform that overwrites x-forwarded-for leaves every anonymous request at an address that is not its own."""
    anonymous = [(ask, user) for ask, user in users if ask.probe.auth is not Auth.SIGNED_IN]
    others = {user for ask, user in anonymous if not is_address_id(user, ask.address)}
    own = any(is_address_id(user, ask.address) for ask, user in anonymous)
    hearing.judge.overwritten = bool(others) and not own and all(is_address_id(user, None) for user in others)
    if not hearing.judge.overwritten:
        return []
    seen = ", ".join(sorted(others)[:3])
    return [
        f"the platform overwrites x-forwarded-for: requests are accounted to {seen}; rows are matched by message_id "
        "alone"
    ]


def _understand_token(
    hearing: Hearing, asker: Asker, users: Sequence[tuple[Ask, str]], answers: Sequence[Answer]
) -> None:
    """A token that is not accepted makes its requests anonymous, with status 200, or is refused.

    Signed-in requests that are served and leave no row are kept: their rows are missing, and that is judged.
    """
    if asker.caller.token is None:
        return
    named = [user for ask, user in users if ask.probe.auth is Auth.SIGNED_IN]
    if named and not named[0].startswith(plan.ANONYMOUS_PREFIX):
        hearing.judge.signed_in_user = named[0]
        return
    signed = [answer for answer in answers if answer.ask.probe.auth is Auth.SIGNED_IN]
    is_served = any(answer.identity for answer in signed)
    told = "nobody knows whom the token signs in: its requests left no row in time"
    if named:
        told = f"the token does not sign in: its requests are accounted to {named[0]}"
    elif not is_served:
        told = f"the token does not sign in: {describe_reply(signed[0].reply) if signed else 'not sent'}"
    results = hearing.judge.results
    if any(claim.id == IDENTITY for claim in results.claims):
        results.inconclusive(IDENTITY, told)
    if is_served and not named:
        return
    asker.caller = replace(asker.caller, token=None, email=None)
    for ask in [ask for ask in hearing.open.values() if ask.probe.auth is Auth.SIGNED_IN]:
        hearing.drop(ask)


def _some(rows: Mapping[int, Row], answer: Answer) -> tuple[Row, ...]:
    return (rows[answer.ask.number],) if answer.ask.number in rows else ()


def _unserved_words(answers: Sequence[Answer], stopped: str | None) -> str:
    if not answers:
        return stopped or "no request was sent"
    reply = answers[0].reply
    hint = hint_of(reply)
    told = f"no plain request was served with an id: {reply.reason or describe_reply(reply)}"
    return f"{told}; {hint}" if hint else told
