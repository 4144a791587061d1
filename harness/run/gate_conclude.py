"""What a run of the gate did not see: whatever was planned and gave no observation makes its claims unknown.

A class of requests that is refused or fails each time, while its neighbours are served, is told apart here: some are
refused for everybody whatever the rollout, others are a fault of their own.
"""

from collections.abc import Iterable
from typing import Final

from harness.checks.requests import ACCOUNTED, OLD_CLIENT
from harness.clients.shape import Model, Shape
from harness.probing.controls import is_rare
from harness.probing.covering import Constraint, constraints_of, in_words, values_of
from harness.probing.judge import Kind
from harness.run.gate_run import GateRun
from harness.sut.asks import Ask
from harness.verdict import Finding

CORE: Final = frozenset({"path", "auth", "stream"})
"""Factors that a backend serves whatever they are; of others it may know some values only."""
SHAPES_LEAST: Final = 3
"""Of a class, and of those beside it."""
PAID: Final = frozenset({("model", Model.PAID)})
"""Refused without an account, as it should be."""


def conclude(run: GateRun, stopped: str | None) -> str | None:
    """Makes unknown whatever was not seen; `stopped` is why the run ended early. Why the suite is not complete."""
    hearing, results = run.hearing, run.results
    failing = 0 if stopped or hearing.sending.stopped else _conclude_refused(run)
    unsteady = hearing.replies.unsteady()
    failed = hearing.failed.total()
    if unsteady is None and not is_rare(failed - failing, hearing.sending.requests):
        unsteady = f"{failed:,} of {hearing.sending.requests:,} requests had no reply or a 5xx"
    if unsteady is not None:
        unsteady = f"the target is not steady: {unsteady}"
    reason = stopped or hearing.sending.stopped or (run.unsent and (unsteady or run.unsent)) or None
    for claim in run.claims if reason else ():
        results.inconclusive(claim, reason or "")
    for claim in (hearing.reply_claim, OLD_CLIENT) if unsteady else ():
        results.inconclusive(claim, unsteady or "")
    for claim in run.claims if hearing.rows.hidden else ():
        results.inconclusive(claim, "; ".join(hearing.rows.hidden))
    _conclude_asks(run)
    _conclude_columns(run)
    if hearing.missing:
        told = f"{len(hearing.missing):,} requests have no row, and no later one was there to tell"
        results.inconclusive(ACCOUNTED, told)
    if hearing.repeated:
        results.inconclusive(ACCOUNTED, f"{len(hearing.repeated):,} ids were given to two replies each")
    for claim in run.claims:
        told = hearing.judge.in_common(claim) if results.refuted(claim) else ""
        if told:
            results.detail(claim, f"refuted {told}")
    return reason


def _conclude_refused(run: GateRun) -> int:
    """Judges the shapes that nobody was served in; how many requests failed because they are of such a class."""
    hearing = run.hearing
    refused, served = hearing.replies.refused, hearing.replies.served
    failing = 0
    for each in constraints_of(refused, served) if served else ():
        shapes = [shape for shape in refused if each <= frozenset(values_of(shape))]
        statuses = dict.fromkeys(refused[shape] for shape in shapes)
        told = f"requests of {in_words(each)} are answered {', '.join(statuses)}"
        failed = sum(hearing.failed[shape] for shape in shapes)
        is_steady = is_rare(hearing.failed.total() - failed, hearing.sending.requests)
        if _is_fault(each, statuses) and is_steady and min(len(shapes), len(served)) >= SHAPES_LEAST:
            failing += failed
            effect = f"{told} each time, with the header and without; {len(served)} other shapes of requests are served"
            run.results.refute(Finding(OLD_CLIENT, in_words(each), effect))
        elif all(status.startswith("4") for status in statuses):
            if each != PAID:
                run.remarks.append(f"{told} for everybody: left out")
            _leave_out(run, shapes)
    return failing


def _is_fault(common: Constraint, statuses: Iterable[str]) -> bool:
    """Whether a class that is never served should be: each path is, for each caller; nothing fails with a 5xx."""
    if all(status.startswith("4") for status in statuses):
        return {name for name, _ in common} <= CORE
    return len(common) < len(CORE)


def _leave_out(run: GateRun, shapes: Iterable[Shape]) -> None:
    left_out = set(shapes)
    hearing = run.hearing
    for ask in [*hearing.open.values(), *hearing.uncompared.values()]:
        if ask.shape in left_out and ask.number in hearing.unheard:
            hearing.drop(ask)


def _conclude_asks(run: GateRun) -> None:
    hearing, results = run.hearing, run.results
    unseen: dict[str, list[Ask]] = {}
    for ask in hearing.open.values():
        for claim in hearing.judge.claims_of(ask, Kind.VALUE):
            unseen.setdefault(claim, []).append(ask)
    for claim, asks in unseen.items():
        results.inconclusive(claim, f"not seen for {len(asks):,} requests: {hearing.reasons(asks)}")
    uncompared = len(hearing.uncompared) + hearing.replies.waiting
    if uncompared:
        results.inconclusive(
            hearing.reply_claim,
            f"{uncompared:,} replies could not be compared with one without the header",
        )


def _conclude_columns(run: GateRun) -> None:
    hearing, results = run.hearing, run.results
    if hearing.columns.waiting:
        told = f"{hearing.columns.waiting:,} pairs of rows could not be compared with one without the header"
        results.inconclusive(hearing.column_claim, told)
    if hearing.rows.unreadable:
        told = f"this role may not read {', '.join(hearing.rows.unreadable)}; grant it SELECT on both tables"
        results.inconclusive(hearing.column_claim, told)
