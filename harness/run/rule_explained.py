"""What a backend does with the header, told where claims of the rule are refuted: from all answers of a run."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import Final

from harness.probing.packed import Packed
from harness.report.contents import RuleBehaviour
from harness.rule.behaviour import Lines, has_behaviour
from harness.rule.cases import Kind
from harness.rule.explain import Explaining
from harness.rule.explanation import Answer, Answers, RuleExplanation, answer_in_words
from harness.rule.policy import Policy
from harness.sut.observation import Probe, Row
from harness.verdict import Results

RULE_CLAIMS: Final = ("V1", "V2", "V3")
"""Claims of the rule, one of which must be refuted: else there is nothing to explain."""
OTHERS_MAX: Final = 5
_NAMES: Final = (Kind.NAME_CASE, Kind.OTHER_NAME)

OnSeen = Callable[[Probe, Sequence[Row]], None]
"""Is told of each request with its rows."""
AskHeaders = Callable[[Sequence[Lines]], Awaitable[Answers]]
"""Sends as many of the headers as may be sent, and gives the answers of those whose value was seen."""


def answer_of(probe: Probe, rows: Sequence[Row]) -> Answer | None:
    """What a request tells of the rule: its lines and the value stored; None where it tells nothing.

    The value of a signed-in user is another; what HTTP refuses never comes to the rule; requests at once, and names
    that only resemble the header's, are about something else.
    """
    if probe.email is not None or probe.refused or probe.at_once or probe.kind in _NAMES:
        return None
    return (probe.lines, rows[0].value) if len(rows) == 1 and rows[0].whole else None


class SeenAnswers:
    """The answers of a hunt, in their order."""

    def __init__(self) -> None:
        self.answers: Packed[Answer] = Packed()

    def see(self, probe: Probe, rows: Sequence[Row]) -> None:
        """Takes in a request with its rows."""
        self.answers.extend(answers_of([(probe, rows)]))


def answers_of(seen: Iterable[tuple[Probe, Sequence[Row]]]) -> list[Answer]:
    """The answers of those that tell something."""
    found = (answer_of(probe, rows) for probe, rows in seen)
    return [answer for answer in found if answer is not None]


async def explained(
    results: Results, policy: Policy, answers: Callable[[], Answers], ask: AskHeaders
) -> RuleBehaviour | None:
    """What explains every answer, as evidence of the first claim that is refuted, and for the report.

    The answers are asked for only where there is something to explain.

    None where no claim of the rule is refuted, or where the rule itself explains every answer.
    """
    refuted = [claim for claim in RULE_CLAIMS if claim in results and results.refuted(claim)]
    explanation = await explanation_of(policy, answers(), ask) if refuted else None
    if explanation is None:
        return None
    results.detail(refuted[0], str(explanation))
    return section_of(explanation)


async def explanation_of(policy: Policy, answers: Answers, ask: AskHeaders) -> RuleExplanation | None:
    """What explains every answer; None where the rule does, or where it is of a kind that is not searched.

    The search runs on a thread, since others need the loop.
    """
    if not has_behaviour(policy):
        return None
    search = await asyncio.to_thread(Explaining, policy, answers)
    headers = await asyncio.to_thread(search.advance, ())
    while headers:
        headers = await asyncio.to_thread(search.advance, await ask(headers))
    return search.explanation


def section_of(explanation: RuleExplanation) -> RuleBehaviour:
    """The explanation as a part of a report."""
    candidates = explanation.candidates
    return RuleBehaviour(
        summary=str(explanation),
        rule=str(explanation.rule),
        pattern=str(candidates[0].behaviour) if candidates else "",
        slip=candidates[0].sentence if candidates else "",
        answers=explanation.answers,
        asked=explanation.asked,
        candidates=len(candidates),
        others=tuple(f"{each.behaviour}: {each.sentence}" for each in candidates[1 : OTHERS_MAX + 1]),
        contradicting=tuple(map(answer_in_words, explanation.contradicting)),
    )
