"""What suites a rule has: each size with its count and what it shows, for `harness rollout show`."""

from collections.abc import Iterator

from msgspec import Struct

from harness.automata.identification import Identified
from harness.automata.suites import SuiteKind, least_and_most
from harness.rule.policy import Policy
from harness.rule.suite import (
    FUNCTION_MAX,
    WIRE_MAX,
    is_at_most,
    kind_size,
    rule_of,
    what_it_shows,
    why_sampled,
)


class SuiteSummary(Struct, frozen=True):
    """One size of a rule's suite."""

    size: str
    """short, byte for byte, complete."""
    shows: str
    headers: int
    octets: int | None
    """The sum of their lengths; null where they were not made to be counted: there are `headers` at most."""
    use: str
    """Where it is sent, or what else is given it."""

    def __str__(self) -> str:
        count = f"at most {self.headers:,} headers" if self.octets is None else f"{self.headers:,} headers"
        octets = "" if self.octets is None else f", {self.octets:,} bytes"
        return f"{self.size}: {self.shows}; {count}{octets}; {self.use}"


class MachineSummary(Struct, frozen=True):
    """The machine of a rule, and its suites."""

    states: int
    classes: int
    """Of bytes that no state tells apart."""
    suites: tuple[SuiteSummary, ...]


def summary(policy: Policy) -> MachineSummary | None:
    """The machine of the policy's rule; None where there is none, and `why_sampled` says why."""
    rule = rule_of(policy)
    if rule is None:
        return None
    is_sent = is_at_most(policy, SuiteKind.COMPLETE, WIRE_MAX)
    suites = [
        _counted(policy, SuiteKind.SHORT, "sent at standard"),
        _counted(policy, SuiteKind.BYTES, "not needed" if is_sent else "sent at exhaustive"),
        _counted(policy, SuiteKind.COMPLETE, "sent at exhaustive") if is_sent else _too_large(policy, rule),
    ]
    return MachineSummary(rule.states, len(rule.machine.classes), tuple(suites))


def _too_large(policy: Policy, rule: Identified) -> SuiteSummary:
    _, most = least_and_most(rule)
    use = (
        "too large to be listed" if most > FUNCTION_MAX else "given to the rule as a function, at exhaustive"
    )
    return SuiteSummary(SuiteKind.COMPLETE, what_it_shows(policy, SuiteKind.COMPLETE), most, None, use)


def _counted(policy: Policy, kind: SuiteKind, use: str) -> SuiteSummary:
    size = kind_size(policy, kind)
    return SuiteSummary(kind, what_it_shows(policy, kind), size.headers, size.octets, use)


def described(policy: Policy) -> Iterator[str]:
    """The same, a line each."""
    found = summary(policy)
    if found is None:
        yield f"suite: none, headers are sampled: {why_sampled(policy)}"
        return
    yield f"machine: {found.states:,} states over {found.classes} classes of bytes"
    yield "suite:"
    yield from (f"  {suite}" for suite in found.suites)
