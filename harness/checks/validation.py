"""Judges what became of the header: which values are stored, byte for byte, and which are not.

Takes observations of requests that the `after` backend served to anonymous users. Knows no server.
"""

from collections.abc import Iterable, Sequence
from typing import Final

from harness.checks.evidence import describe_value, finding
from harness.clients.exchange import Outcome
from harness.rule.policy import Policy, received, utf16_length
from harness.sut import Observation
from harness.verdict import Results

STORED: Final = "V1"
LIMIT: Final = "V2"
NOT_STORED: Final = "V3"
MISSING: Final = "V5"
REFUSED: Final = "V6"
IDENTITY: Final = "I1"


def expected_value(seen: Observation, policy: Policy) -> str | None:
    """What the column must hold: nothing from `before`, the e-mail of a signed-in user, else the policy's value."""
    if seen.served_by == "before":
        return None
    if seen.probe.email is not None:
        return seen.probe.email
    return policy.stored(seen.probe.lines)


def judge_values(results: Results, observations: Iterable[Observation], policy: Policy) -> None:
    """Judges V1 to V3, V5 and I1 over the observations that left their rows; what left none is R1's."""
    for seen in observations:
        whole = [row for row in seen.rows if row.whole]
        if seen.served_by == "before" or not whole:
            continue
        expected = expected_value(seen, policy)
        claim = _claim_of(seen, policy)
        results.observed(claim)
        for row in whole:
            if row.value != expected:
                effect = f"stored {describe_value(row.value)}, expected {describe_value(expected)}"
                results.refute(finding(claim, seen, effect))


def judge_refusals(results: Results, observations: Iterable[Observation]) -> None:
    """Judges V6: what HTTP refuses ends as a refusal, by 400, 431 or a closed connection, and leaves no row."""
    for seen in observations:
        if not seen.probe.refused:
            continue
        results.observed(REFUSED)
        if seen.reply.outcome is not Outcome.REFUSED:
            results.refute(
                finding(REFUSED, seen, "answered or left hanging, expected a refusal by the HTTP layer")
            )
        elif seen.rows:
            results.refute(finding(REFUSED, seen, "left a row, expected none"))


def _claim_of(seen: Observation, policy: Policy) -> str:
    if seen.probe.email is not None:
        return IDENTITY
    if not seen.probe.lines:
        return MISSING
    return header_claim(seen.probe.lines, policy)


def header_claim(lines: Sequence[bytes], policy: Policy) -> str:
    """The claim that the value stored for these lines of the header, at least one, is evidence for."""
    text = received(lines)
    at_limit = text is not None and abs(2 * utf16_length(text) - 2 * policy.length_max - 1) == 1
    if at_limit and text is not None and policy.accepted(text[: policy.length_max]) is not None:
        return LIMIT  # valid but for its length: one below or one above the limit's edge
    return NOT_STORED if policy.stored(lines) is None else STORED
