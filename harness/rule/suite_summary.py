"""What suites a rule has: each size with its count and what it shows, for `harness rollout show`."""

from collections.abc import Iterator

from msgspec import Struct

from harness.automata.suites import SuiteKind
from harness.rule.extra_states import shards_least, told_extra_states
from harness.rule.policy import Policy
from harness.rule.shard import SHARDS_MAX
from harness.rule.suite import FUNCTION_MAX, WIRE_MAX, kind_size, rule_of, what_it_shows, why_sampled


class SuiteSummary(Struct, frozen=True):
    """One size of a rule's suite."""

    size: str
    """short, byte for byte, complete."""
    shows: str
    headers: int
    octets: int
    """The sum of their lengths."""
    use: str
    """Where it is sent, or what else is given it."""

    def __str__(self) -> str:
        return f"{self.size}: {self.shows}; {self.headers:,} headers, {self.octets:,} bytes; {self.use}"


class MachineSummary(Struct, frozen=True):
    """The machine of a rule, and its suites."""

    states: int
    classes: int
    """Of bytes that no state tells apart."""
    suites: tuple[SuiteSummary, ...]
    extra_state: str = ""
    """How large the complete suite is with one extra state, and how `harness prove` sends it."""


def summary(policy: Policy) -> MachineSummary | None:
    """The machine of the policy's rule; None where there is none, and `why_sampled` says why."""
    rule = rule_of(policy)
    if rule is None:
        return None
    complete = kind_size(policy, SuiteKind.COMPLETE).headers
    is_sent = complete <= WIRE_MAX
    given = (
        "too large to be listed"
        if complete > FUNCTION_MAX
        else "given to the rule as a function, at exhaustive"
    )
    suites = [
        _counted(policy, SuiteKind.SHORT, "sent at standard"),
        _counted(policy, SuiteKind.BYTES, "not needed" if is_sent else "sent at exhaustive"),
        _counted(policy, SuiteKind.COMPLETE, "sent at exhaustive" if is_sent else given),
    ]
    return MachineSummary(rule.states, len(rule.machine.classes), tuple(suites), _extra_state(policy))


def _extra_state(policy: Policy) -> str:
    shards = shards_least(policy, 1, WIRE_MAX)
    how = f"sent in {shards:,} shards" if shards > 1 else "sent in one run"
    how += " by --extra-states 1 at exhaustive"
    return f"{told_extra_states(policy, 1)}; {how if shards <= SHARDS_MAX else 'too large to be sent'}"


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
    yield f"  {found.extra_state}"
