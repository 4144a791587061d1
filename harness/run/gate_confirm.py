"""Sends again what gave no observation, and what differed: among controls, in an order that no rhythm can follow."""

import random
from collections.abc import Sequence
from typing import Final, NamedTuple

from harness.checks.evidence import describe_reply
from harness.checks.row_checks import OLD_CLIENT
from harness.probing.controls import Controls, Repeated, Suspect, repeated
from harness.probing.features import STATUS, Features
from harness.probing.probe_factory import ProbeFactory
from harness.probing.record import RETRIABLE
from harness.report.escape import shown
from harness.run.probe_session import ProbeSession
from harness.sut.observation import Exchange, Probe, ProbeGroup

TRIAL: Final = 8
TRIAL_LEAST: Final = 3
TRIAL_MORE: Final = 24
"""How often a suspect is sent again, among as many controls; the last where it was not always so."""
SUSPECTED_MAX: Final = 8
SEQUENCE_TRIES: Final = 3
"""How often a sequence is sent again of which a request was not served."""
RETRIES_MAX: Final = 2
"""How often a request is sent again that gave no observation."""
RETRIES_SHARE: Final = 10
"""One in so many may need it; with more the target is not fit to be judged."""
BESIDE_RETRIES: Final = 4
AT_END: Final = 4
"""Requests that ask whether rows still come."""

Suspected = Suspect[Exchange]


class _Trial(NamedTuple):
    """What is tried: a suspect of replies or of rows, and the claim that it would refute."""

    suspect: Suspected
    controls: Controls[Exchange]
    claim: str
    by_rows: bool


async def retry_unobserved(session: ProbeSession, factory: ProbeFactory) -> None:
    """Repeats what had no reply, a 429 or a 5xx, as far as that is the exception."""
    unobserved, sequence = session.record.unobserved, session.record.sequence
    for _ in range(RETRIES_MAX):
        probes = [
            probe
            for number, probe in session.record.open.items()
            if number in unobserved and unobserved[number].status in RETRIABLE
        ]
        singly = [probe for probe in probes if probe.number not in sequence]
        found = [sequence[probe.number] for probe in probes if probe.number in sequence]
        sequences = {each[0].number: each for each in found}.values()
        accidents = len(singly) + len(sequences)
        if not probes or session.sending.stopped or RETRIES_SHARE * accidents > session.sending.requests:
            return
        again = [ProbeGroup(_sequence_again(session, factory, each), together=True) for each in sequences]
        for shape in dict.fromkeys(probe.shape for probe in singly):
            of_shape = [
                session.record.repeat(probe, factory.repeat_of(probe))
                for probe in singly
                if probe.shape == shape
            ]
            for at in range(0, len(of_shape), BESIDE_RETRIES):
                again.append(ProbeGroup((*of_shape[at : at + BESIDE_RETRIES], factory.control(shape))))
        if sum(len(group.probes) for group in again) > session.sending.left - AT_END - 2 * TRIAL:
            return  # what differs is tried again with what is left: a fault that fails each time is shown by that alone
        await session.match_rows(await session.send(again))


def _sequence_again(
    session: ProbeSession, factory: ProbeFactory, probes: Sequence[Probe]
) -> tuple[Probe, ...]:
    again = zip(probes, factory.sequence_repeat_of(probes), strict=True)
    return tuple(session.record.repeat(*both) for both in again)


async def confirm_suspected(session: ProbeSession, factory: ProbeFactory, seed: int) -> None:
    """Judges the replies and the columns that differed from those without the header."""
    tried: set[tuple[str, str]] = set()
    while True:
        trials = [one for one in _trials(session) if (one.claim, one.suspect.feature) not in tried]
        if not trials:
            return
        trial = trials[0]
        results = session.judge.results
        spent = session.sending.stopped or session.sending.left - AT_END < 2 * TRIAL
        if results.refuted(trial.claim) and (spent or len(tried) >= SUSPECTED_MAX):
            return
        if session.sending.stopped:
            return  # every claim is unknown then, for that reason
        if len(tried) >= SUSPECTED_MAX:
            untried = ", ".join(dict.fromkeys(one.suspect.feature for one in trials))
            results.inconclusive(trial.claim, f"seen to differ and not tried again: {untried}")
            return
        tried.add((trial.claim, trial.suspect.feature))
        await _try(session, factory, seed, trial)


async def confirm_sequences(
    session: ProbeSession, factory: ProbeFactory, probe_groups: Sequence[ProbeGroup]
) -> None:
    """What fails behind others over one connection each time, while a control is served, is their effect."""
    results, claim = session.judge.results, session.judge.reply_claim
    for each in probe_groups:
        failed = [at for at, probe in enumerate(each.probes) if _is_unserved(session, probe)]
        if results.refuted(claim) or not failed:
            continue
        last: Exchange | None = None
        for _ in range(SEQUENCE_TRIES):
            probes = _sequence_again(session, factory, each.probes)
            control = factory.control(each.probes[0].shape)
            sent_probes = await session.send([ProbeGroup(probes, together=True), ProbeGroup((control,))])
            await session.match_rows(sent_probes)
            exchanges = {exchange.probe.number: exchange for exchange in sent_probes.exchanges}
            last = exchanges.get(probes[failed[0]].number)
            beside = exchanges.get(control.number)
            is_steady = beside is not None and beside.identity is not None
            if last is None or last.identity is not None or not is_steady:
                break
        else:
            assert last is not None
            effect = (
                f"{describe_reply(last.reply)} behind {failed[0]} others over one connection, in each of "
            )
            effect += f"{SEQUENCE_TRIES} repetitions, while a request without the header is served"
            results.refute(session.judge.finding(claim, last, (), effect))


def _is_unserved(session: ProbeSession, probe: Probe) -> bool:
    return (
        probe.number in session.record.open
        and probe.number in session.record.unobserved
        and not probe.refused
    )


def _trials(session: ProbeSession) -> list[_Trial]:
    """Every suspect: those of replies first; of replies that the controls of a steady target had otherwise."""
    found = []
    if session.judge.replies.unsteady() is None:
        for suspect in session.judge.replies.suspected():
            refused_without = suspect.feature == STATUS and not (suspect.usual or "").startswith("2")
            claim = OLD_CLIENT if refused_without else session.judge.reply_claim
            found.append(_Trial(suspect, session.judge.replies, claim, by_rows=False))
    found += [
        _Trial(suspect, session.judge.columns, session.judge.column_claim, by_rows=True)
        for suspect in session.judge.columns.suspected()
    ]
    return found


async def _try(session: ProbeSession, factory: ProbeFactory, seed: int, trial: _Trial) -> None:
    suspect, claim, results = trial.suspect, trial.claim, session.judge.results
    left = session.sending.left - AT_END
    times = min(TRIAL, max(TRIAL_LEAST, left // 4))  # others may need some, too
    if 2 * times > left:
        results.inconclusive(claim, f"{_differs(suspect)}; no requests are left to try that again")
        return
    probes, controls = await _send(session, factory, seed, trial, times)
    outcome = repeated(suspect, probes, controls, times)
    more = min(TRIAL_MORE, (session.sending.left - AT_END) // 2)
    if outcome is Repeated.SOMETIMES and more > times:
        further = await _send(session, factory, seed + 1, trial, more)
        probes, controls = [*probes, *further[0]], [*controls, *further[1]]
        outcome = repeated(suspect, probes, controls, times)
    strange = sum(each.get(suspect.feature) != suspect.usual for each in probes)
    without = f"in none of {len(controls)} without it"
    if outcome is Repeated.EACH_TIME:
        effect = f"{_differs(suspect)}; so in each of {len(probes)} repetitions, and {without}"
    elif outcome is Repeated.OFTEN:
        effect = f"{_differs(suspect)}; so in {strange} of {len(probes)} repetitions, and {without}"
    else:
        _detail_what_is_left(session, trial, outcome, len(probes))
        return
    results.refute(session.judge.finding(claim, suspect.example, (), effect))


async def _send(
    session: ProbeSession, factory: ProbeFactory, seed: int, trial: _Trial, times: int
) -> tuple[list[Features], list[Features]]:
    """The features of so many repetitions, and of as many controls among them."""
    probe = trial.suspect.example.probe
    to_send = [session.record.repeat(probe, factory.repeat_of(probe)) for _ in range(times)]
    to_send += [factory.control(probe.shape) for _ in range(times)]
    random.Random(seed + probe.number).shuffle(to_send)  # noqa: S311 - an order, no secret
    sent_probes = await session.send([ProbeGroup((one,)) for one in to_send])
    matched_rows = await session.match_rows(sent_probes)
    probes: list[Features] = []
    controls: list[Features] = []
    for exchange in sent_probes.exchanges:
        features = (
            session.judge.features_of_rows(exchange, matched_rows.get(exchange.probe.number, ()))
            if trial.by_rows
            else session.judge.features_of_reply(exchange)
        )
        if features and exchange.reply.status != 429:
            (controls if exchange.probe.control else probes).append(features)
    return probes, controls


def _detail_what_is_left(session: ProbeSession, trial: _Trial, outcome: Repeated, times: int) -> None:
    results, claim, suspect = session.judge.results, trial.claim, trial.suspect
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
