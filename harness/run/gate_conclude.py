"""What a run of the gate saw, and what not: whatever was planned and gave no observation makes its claims unknown.

A class of requests that is refused or fails each time, while its neighbours are served, is told apart here: some are
refused for everybody whatever the rollout, others are a fault of their own.
"""

from collections.abc import Iterable
from typing import Final

from harness.checks.row_checks import ACCOUNTED, OLD_CLIENT
from harness.clients.request_spec import RequestSpec
from harness.clients.shape import Shape
from harness.probing.controls import is_rare
from harness.probing.covering import Constraint, constraints_of, in_words, values_of
from harness.probing.judge import Aspect
from harness.rule.level import Level
from harness.rule.suite import bound, is_proof, what_is_sent
from harness.run.gate_run import GateRun
from harness.run.headers import DECISIONS
from harness.sut.observation import Probe
from harness.verdict import Finding, Method

CORE: Final = frozenset({"path", "auth", "stream"})
"""Factors that a backend serves whatever they are; of others it may know some values only."""
SHAPES_LEAST: Final = 3
"""Of a class, and of those beside it."""


def conclude(run: GateRun, stopped: str | None) -> str | None:
    """Makes unknown whatever was not seen; `stopped` is why the run ended early. Why the suite is not complete."""
    session, results = run.session, run.session.judge.results
    failing = 0 if stopped or session.sending.stopped else _conclude_refused(run)
    unsteady = session.judge.replies.unsteady()
    failed = session.record.failed.total()
    if unsteady is None and not is_rare(failed - failing, session.sending.requests):
        unsteady = f"{failed:,} of {session.sending.requests:,} requests had no reply or a 5xx"
    if unsteady is not None:
        unsteady = f"the target is not steady: {unsteady}"
    reason = stopped or session.sending.stopped or (run.unsent and (unsteady or run.unsent)) or None
    for claim in run.claims if reason else ():
        results.inconclusive(claim, reason or "")
    for claim in (session.judge.reply_claim, OLD_CLIENT) if unsteady else ():
        results.inconclusive(claim, unsteady or "")
    for claim in run.claims if session.rows.hidden else ():
        results.inconclusive(claim, "; ".join(session.rows.hidden))
    _conclude_probes(run)
    _conclude_columns(run)
    if session.record.missing:
        text = f"{len(session.record.missing):,} requests have no row, and no later one was there to tell"
        results.inconclusive(ACCOUNTED, text)
    if session.record.repeated:
        results.inconclusive(
            ACCOUNTED, f"{len(session.record.repeated):,} ids were given to two replies each"
        )
    for claim in run.claims:
        text = session.judge.in_common(claim) if results.refuted(claim) else ""
        if text:
            results.detail(claim, f"refuted {text}")
    _detail_how_judged(run, complete=reason is None and not session.record.open)
    return reason


def _conclude_refused(run: GateRun) -> int:
    """Judges the shapes that nobody was served in; how many requests failed because they are of such a class."""
    session = run.session
    refused, served = session.judge.replies.refused, session.judge.replies.served
    spec, factors = run.factory.caller.spec, run.factory.caller.factors
    bodies = spec.rollout.tables.request.refused
    failing = 0
    for each in constraints_of(refused, served, factors) if served else ():
        shapes = [shape for shape in refused if each <= frozenset(values_of(shape, factors))]
        statuses = dict.fromkeys(refused[shape] for shape in shapes)
        named = in_words(each, spec)
        text = f"requests of {named} are answered {', '.join(statuses)}"
        failed = sum(session.record.failed[shape] for shape in shapes)
        is_steady = is_rare(session.record.failed.total() - failed, session.sending.requests)
        if _is_fault(each, statuses, spec) and is_steady and min(len(shapes), len(served)) >= SHAPES_LEAST:
            failing += failed
            effect = f"{text} each time, with the header and without; {len(served)} other shapes of requests are served"
            run.session.judge.results.refute(Finding(OLD_CLIENT, named, effect))
        elif all(status.startswith("4") for status in statuses):
            if not all(shape.body in bodies for shape in shapes):  # as it should be
                run.remarks.append(f"{text} for everybody: left out")
            _leave_out(run, shapes)
    return failing


def _is_fault(common: Constraint, statuses: Iterable[str], spec: RequestSpec) -> bool:
    """Whether a class that is never served should be: each path is, for each caller; nothing fails with a 5xx.

    A credential that is like another may be refused.
    """
    if all(status.startswith("4") for status in statuses):
        alike = {("auth", identity.name) for identity in spec.identities if identity.like is not None}
        return {name for name, _ in common} <= CORE and not alike & common
    return len(common) < len(CORE)


def _leave_out(run: GateRun, shapes: Iterable[Shape]) -> None:
    left_out = set(shapes)
    session = run.session
    for probe in [*session.record.open.values(), *session.record.uncompared.values()]:
        if probe.shape in left_out and probe.number in session.record.unobserved:
            session.record.drop(probe)


def _conclude_probes(run: GateRun) -> None:
    session, results = run.session, run.session.judge.results
    unseen: dict[str, list[Probe]] = {}
    for probe in session.record.open.values():
        for claim in session.judge.claims_of(probe, Aspect.VALUE):
            unseen.setdefault(claim, []).append(probe)
    for claim, probes in unseen.items():
        results.inconclusive(
            claim, f"not seen for {len(probes):,} requests: {session.record.reasons(probes)}"
        )
    uncompared = len(session.record.uncompared) + session.judge.replies.waiting
    if uncompared:
        results.inconclusive(
            session.judge.reply_claim,
            f"{uncompared:,} replies could not be compared with one without the header",
        )


def _conclude_columns(run: GateRun) -> None:
    session, results = run.session, run.session.judge.results
    if session.judge.columns.waiting:
        text = f"{session.judge.columns.waiting:,} pairs of rows could not be compared with one without the header"
        results.inconclusive(session.judge.column_claim, text)
    if session.rows.unreadable:
        text = f"this role may not read {', '.join(session.rows.unreadable)}; grant it SELECT on both tables"
        results.inconclusive(session.judge.column_claim, text)


def _detail_how_judged(run: GateRun, *, complete: bool) -> None:
    judge, record, policy = run.session.judge, run.session.record, run.session.judge.policy
    for claim in (judge.reply_claim, judge.column_claim):
        for text in run.covered:
            judge.results.detail(claim, text)
    for claim in DECISIONS if judge.build == "after" else ():
        counts = f"{record.probes:,} requests with a header, {record.controls:,} without"
        judge.results.detail(claim, f"{run.level} level: {counts}")
        if not run.shard.is_whole:
            judge.results.detail(claim, f"shard {run.shard} of the suite, {run.share.count:,} headers")
        if complete and is_proof(policy, run.level, run.extra_states):
            judge.results.method(claim, Method.COMPLETE)
            judge.results.detail(claim, bound(policy, extra_states=run.extra_states))
        elif complete and run.level is not Level.SMOKE:  # which sends values of each class alone
            sent_suite = what_is_sent(policy, run.level, run.extra_states)
            judge.results.detail(claim, f"suite: {sent_suite}")
