"""Tries again what is doubted: sends a suspect among controls, in an order that no rhythm of the target can follow."""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from harness.checks.evidence import describe_reply
from harness.checks.requests import OLD_CLIENT
from harness.probing.controls import Controls, Repeated, Suspect, repeated
from harness.probing.features import STATUS, Features, reply_features, row_features
from harness.report.escape import shown
from harness.run.gate_requests import Asker
from harness.run.hearing import Hearing
from harness.sut.asks import Answer, Ask, Round

TRIAL: Final = 8
TRIAL_LEAST: Final = 3
TRIAL_MORE: Final = 24
"""How often a suspect is sent again, among as many controls; the last where it was not always so."""
SUSPECTS_MAX: Final = 8
SEQUENCE_TRIES: Final = 3
"""How often a sequence is sent again of which a request was not served."""
AT_END: Final = 4
"""Requests that ask whether rows still come."""

Suspected = Suspect[Answer]


class _Trial(NamedTuple):
    """What is tried: a suspect of replies or of rows, and the claim that it would refute."""

    suspect: Suspected
    controls: Controls[Answer]
    claim: str
    by_rows: bool


async def try_suspects(hearing: Hearing, asker: Asker, seed: int) -> None:
    """Judges the replies and the columns that differed from those without the header."""
    tried: set[tuple[str, str]] = set()
    while True:
        trials = [one for one in _trials(hearing) if (one.claim, one.suspect.feature) not in tried]
        if not trials:
            return
        trial = trials[0]
        results = hearing.judge.results
        spent = hearing.sending.stopped or hearing.sending.left - AT_END < 2 * TRIAL
        if results.refuted(trial.claim) and (spent or len(tried) >= SUSPECTS_MAX):
            return
        if hearing.sending.stopped:
            return  # every claim is unknown then, for that reason
        if len(tried) >= SUSPECTS_MAX:
            untried = ", ".join(dict.fromkeys(one.suspect.feature for one in trials))
            results.inconclusive(trial.claim, f"seen to differ and not tried again: {untried}")
            return
        tried.add((trial.claim, trial.suspect.feature))
        await _try(hearing, asker, seed, trial)


async def try_sequences(hearing: Hearing, asker: Asker, rounds: Sequence[Round]) -> None:
    """What fails behind others over one connection each time, while a control is served, is their effect."""
    results, claim = hearing.judge.results, hearing.reply_claim
    for each in rounds:
        failed = [at for at, ask in enumerate(each.asks) if _is_unserved(hearing, ask)]
        if results.refuted(claim) or not failed:
            continue
        last: Answer | None = None
        for _ in range(SEQUENCE_TRIES):
            again = zip(each.asks, asker.sequence_again(each.asks), strict=True)
            asks = tuple(hearing.repeat(*both) for both in again)
            control = asker.control(each.asks[0].shape)
            heard = await hearing.hear([Round(asks, together=True), Round((control,))])
            await hearing.settle(heard)
            answers = {answer.ask.number: answer for answer in heard.answers}
            last = answers.get(asks[failed[0]].number)
            beside = answers.get(control.number)
            is_steady = beside is not None and beside.identity is not None
            if last is None or last.identity is not None or not is_steady:
                break
        else:
            assert last is not None
            effect = (
                f"{describe_reply(last.reply)} behind {failed[0]} others over one connection, in each of "
            )
            effect += f"{SEQUENCE_TRIES} repetitions, while a request without the header is served"
            results.refute(hearing.judge.finding(claim, last, (), effect))


def _is_unserved(hearing: Hearing, ask: Ask) -> bool:
    return ask.number in hearing.open and ask.number in hearing.unheard and not ask.probe.refused


def _trials(hearing: Hearing) -> list[_Trial]:
    """Every suspect: those of replies first; of replies that the controls of a steady target had otherwise."""
    found = []
    if hearing.replies.unsteady() is None:
        for suspect in hearing.replies.suspects():
            refused_without = suspect.feature == STATUS and not (suspect.usual or "").startswith("2")
            claim = OLD_CLIENT if refused_without else hearing.reply_claim
            found.append(_Trial(suspect, hearing.replies, claim, by_rows=False))
    found += [
        _Trial(suspect, hearing.columns, hearing.column_claim, by_rows=True)
        for suspect in hearing.columns.suspects()
    ]
    return found


async def _try(hearing: Hearing, asker: Asker, seed: int, trial: _Trial) -> None:
    suspect, claim, results = trial.suspect, trial.claim, hearing.judge.results
    left = hearing.sending.left - AT_END
    times = min(TRIAL, max(TRIAL_LEAST, left // 4))  # others may need some, too
    if 2 * times > left:
        results.inconclusive(claim, f"{_differs(suspect)}; no requests are left to try that again")
        return
    probes, controls = await _send(hearing, asker, seed, trial, times)
    outcome = repeated(suspect, probes, controls, times)
    more = min(TRIAL_MORE, (hearing.sending.left - AT_END) // 2)
    if outcome is Repeated.SOMETIMES and more > times:
        further = await _send(hearing, asker, seed + 1, trial, more)
        probes, controls = [*probes, *further[0]], [*controls, *further[1]]
        outcome = repeated(suspect, probes, controls, times)
    strange = sum(each.get(suspect.feature) != suspect.usual for each in probes)
    without = f"in none of {len(controls)} without it"
    if outcome is Repeated.EACH_TIME:
        effect = f"{_differs(suspect)}; so in each of {len(probes)} repetitions, and {without}"
    elif outcome is Repeated.OFTEN:
        effect = f"{_differs(suspect)}; so in {strange} of {len(probes)} repetitions, and {without}"
    else:
        _say_what_is_left(hearing, trial, outcome, len(probes))
        return
    results.refute(hearing.judge.finding(claim, suspect.example, (), effect))


async def _send(
    hearing: Hearing, asker: Asker, seed: int, trial: _Trial, times: int
) -> tuple[list[Features], list[Features]]:
    """The features of so many repetitions, and of as many controls among them."""
    ask = trial.suspect.example.ask
    asks = [hearing.repeat(ask, asker.again(ask)) for _ in range(times)]
    asks += [asker.control(ask.shape) for _ in range(times)]
    random.Random(seed + ask.number).shuffle(asks)  # noqa: S311 - an order, no secret
    heard = await hearing.hear([Round((one,)) for one in asks])
    settled = await hearing.settle(heard)
    probes: list[Features] = []
    controls: list[Features] = []
    for answer in heard.answers:
        features = (
            row_features(settled.rows.get(answer.ask.number, ()))
            if trial.by_rows
            else reply_features(answer.reply)
        )
        if features and answer.reply.status != 429:
            (controls if answer.ask.control else probes).append(features)
    return probes, controls


def _say_what_is_left(hearing: Hearing, trial: _Trial, outcome: Repeated, times: int) -> None:
    results, claim, suspect = hearing.judge.results, trial.claim, trial.suspect
    if outcome is Repeated.SOMETIMES or outcome is Repeated.UNCLEAR:
        results.inconclusive(claim, f"{_differs(suspect)}; in {times} repetitions that was not always so")
    elif outcome is Repeated.VARIES:
        trial.controls.dismiss(suspect.feature)
        if suspect.feature == STATUS:
            results.inconclusive(
                claim, f"{_differs(suspect)}; requests without the header fare alike now and then"
            )
    elif outcome is Repeated.NEVER:
        trial.controls.forget(suspect)
        results.detail(claim, f"once {_differs(suspect)}, in none of {times} repetitions")


def _differs(suspect: Suspected) -> str:
    usual, strange = (
        "absent" if value is None else shown(value.encode("utf-8", "replace"))
        for value in (suspect.usual, suspect.strange)
    )
    return f"{suspect.feature} is {strange}, without the header {usual}"
