"""The last round of a gate whose target breaks claims of the rule: headers that tell apart what would explain it."""

from collections.abc import Sequence
from typing import Final

from harness.clients.shape import PLAIN
from harness.probing.probe_factory import ProbeFactory
from harness.report.contents import RuleBehaviour
from harness.rule.behaviour import Lines
from harness.rule.explanation import Answers
from harness.run.gate_confirm import AT_END
from harness.run.gate_values import fits
from harness.run.probe_session import ProbeSession
from harness.run.rule_explained import answers_of, explained
from harness.sut.observation import Probe, ProbeGroup

ASKED_MAX: Final = 1_000
"""Headers of the round at most, however many may still be sent."""
BESIDE: Final = 20
"""Requests to one control."""


async def explain_rule(session: ProbeSession, factory: ProbeFactory) -> RuleBehaviour | None:
    """What explains the stored values of all requests; None where no claim of the rule is refuted."""
    judge = session.judge
    if judge.build == "before":
        return None
    left = [ASKED_MAX]

    async def ask(headers: Sequence[Lines]) -> Answers:
        cases = (factory.caller.lines(*lines) for lines in headers)
        count = max(0, min(left[0], (session.sending.left - AT_END - 1) * BESIDE // (BESIDE + 1)))
        fitting = [case for case in cases if fits(case, factory.caller.given_bytes)][:count]
        left[0] -= len(fitting)
        return await _answers(session, factory, [factory.probe(case, PLAIN) for case in fitting])

    seen = [(exchange.probe, (row,)) for exchange, row in session.record.kept.values()]
    return await explained(judge.results, judge.policy, answers_of(seen), ask)


async def _answers(session: ProbeSession, factory: ProbeFactory, probes: Sequence[Probe]) -> Answers:
    """Sends the requests beside controls, a batch after the other, and judges their rows like those of the suite."""
    groups = [
        ProbeGroup((*probes[at : at + BESIDE], factory.control(follows=True)))
        for at in range(0, len(probes), BESIDE)
    ]
    if not groups or session.sending.stopped:
        return ()
    sent = await session.send(groups)
    await session.match_rows(sent)
    kept = (session.record.kept.get(probe.number) for probe in probes)
    return answers_of((exchange.probe, (row,)) for exchange, row in filter(None, kept))
