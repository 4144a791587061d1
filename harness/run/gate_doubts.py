"""Tries again what is doubted, and decides about rows that have not come or came twice: what ends a run of the gate."""

import asyncio
import random
from itertools import islice
from typing import Final

from harness.checks.compatibility import ACCOUNTED
from harness.checks.gate_replies import STATUS, Outcomes, Suspect
from harness.clients.extension import Auth
from harness.report.escape import shown
from harness.run.gate_suite import Asker
from harness.run.hearing import Hearing
from harness.target.asks import Round
from harness.verdict import Finding

TRIAL: Final = 8
TRIAL_LEAST: Final = 3
"""How often a suspect is sent again, among as many controls."""
SUSPECTS_MAX: Final = 4
AT_END: Final = 2
"""Requests that ask whether rows still come."""
LOOK_IDS: Final = 5_000
"""Ids in one look for doubles."""


async def try_suspects(hearing: Hearing, asker: Asker, seed: int) -> None:
    """Judges the replies that differed from those without the header."""
    docket, claim = hearing.judge.docket, hearing.reply_claim
    suspects = hearing.ledger.suspects() if hearing.ledger.unsteady() is None else []
    for suspect in suspects[:SUSPECTS_MAX]:
        if hearing.sending.stopped or (docket.refuted(claim) and hearing.sending.left < 2 * TRIAL):
            return
        await _try(hearing, asker, seed, suspect)
    if len(suspects) > SUSPECTS_MAX and not docket.refuted(claim):
        untried = ", ".join(one.feature for one in suspects[SUSPECTS_MAX:])
        docket.lack(claim, f"seen to differ and not tried again: {untried}")


async def _try(hearing: Hearing, asker: Asker, seed: int, suspect: Suspect) -> None:
    """Sends a suspect again among controls, in an order that no rhythm of the target can follow."""
    docket, claim = hearing.judge.docket, hearing.reply_claim
    times = min(TRIAL, (hearing.sending.left - AT_END) // 2)
    if times < TRIAL_LEAST:
        docket.lack(claim, f"{_differs(suspect)}; no requests are left to try that again")
        return
    ask = suspect.example.ask
    asks = [hearing.repeat(ask, asker.again(ask)) for _ in range(times)]
    asks += [asker.control(ask.probe.auth, ask.probe.stream) for _ in range(times)]
    random.Random(seed + ask.number).shuffle(asks)  # noqa: S311 - an order, no secret
    heard = await hearing.hear([Round((one,)) for one in asks])
    await hearing.settle(heard)
    outcome = hearing.ledger.outcome(suspect, heard.answers, times)
    if outcome is Outcomes.EACH_TIME:
        effect = f"{_differs(suspect)}; so in each of {times} repetitions, and in none of {times} without it"
        docket.refute(hearing.judge.finding(claim, suspect.example, (), effect))
    elif outcome is Outcomes.SOMETIMES or outcome is Outcomes.UNCLEAR:
        docket.lack(claim, f"{_differs(suspect)}; in {times} repetitions that was not always so")
    elif outcome is Outcomes.VARIES and suspect.feature == STATUS:
        docket.lack(claim, f"{_differs(suspect)}; requests without the header fare alike now and then")
    elif outcome is Outcomes.NEVER:
        docket.note(claim, f"once {_differs(suspect)}, in none of {times} repetitions")


async def look_for_missing(hearing: Hearing, asker: Asker) -> None:
    """Judges rows that have not come: one is missing only if that of a later request comes, and it had its time."""
    if not hearing.missing:
        return
    control = asker.control(Auth.ANONYMOUS, False)
    heard = await hearing.hear([Round((control, asker.again(control)))])
    wanted = [answer for answer in heard.answers if answer.reply.upstream_id]
    _, matched = await hearing.wait(wanted, heard.since, hearing.wait_rows_s)
    later = next((row for rows in matched for row in rows if row.whole), None)
    missing, hearing.missing = hearing.missing, []
    youngest = max(answer.at for answer in missing)
    due = youngest + max(hearing.wait_rows_s, 2 * hearing.slowest_s)
    await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))  # so much was promised to rows
    found = await hearing.look(missing, hearing.began)
    orphans = await hearing.rows.orphans([answer.reply.upstream_id or "" for answer in missing])
    for answer, rows in zip(missing, found, strict=True):
        mine = (*rows, *orphans.get(answer.reply.upstream_id or "", ()))
        if any(row.whole for row in mine):
            hearing.weigh(answer, mine)
        elif later is not None:
            hearing.judge.miss(answer, mine, f"message_id {later.message_id}")
        else:
            hearing.missing.append(answer)


async def look_for_doubles(hearing: Hearing) -> None:
    """Judges second pairs of rows that came after the first was looked at."""
    docket = hearing.judge.docket
    left = iter(hearing.ids - hearing.repeated)
    while ids := list(islice(left, LOOK_IDS)):
        for identity, count in (await hearing.rows.doubles(ids, hearing.began)).items():
            if not docket.refuted(ACCOUNTED):
                effect = f"message_id {identity} has {count} pairs of rows at the end, expected one"
                docket.refute(Finding(ACCOUNTED, "all requests of the run, at its end", effect))


def _differs(suspect: Suspect) -> str:
    usual, strange = (
        "absent" if value is None else shown(value.encode("utf-8", "replace"))
        for value in (suspect.usual, suspect.strange)
    )
    return f"{suspect.feature} is {strange}, without the header {usual}"
