"""Header values that prove an implementation right or find it wrong, made of the rule's machine; in three levels.

Smoke is the machine's borders. Standard adds the short suite of `automata.suites`. Exhaustive adds the complete one, a
proof within its bound, where over the wire it has at most `WIRE_MAX` headers; else the one that takes no byte for
another, and the complete one is for the rule as a function. With extra states exhaustive always adds the complete one,
for implementations with so many states more; `extra_states` says whether a run may send it.

What is proven is accept or reject, and where the rule ends in words, which is stored; for implementations that are
deterministic and treat requests independently. Which value is stored elsewhere, and what one request leaves for the
next, are sampled. Where a rule has no machine, so is everything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Final, Self

from harness.automata.borders import border_texts
from harness.automata.complete import CompleteSuite
from harness.automata.identification import IDENTIFIED_MAX, Identified, identified
from harness.automata.letters import FIELD_BYTES
from harness.automata.machine import TooLargeError
from harness.automata.pattern import parsed
from harness.automata.suites import SPREAD, SuiteKind, texts
from harness.automata.tree import Node, Repetition
from harness.rule.level import Level as Level
from harness.rule.limit import longest_texts
from harness.rule.machine import NoMachineError, machine_of
from harness.rule.policy import Policy
from harness.rule.telling import encoded, repeated_otherwise
from harness.rule.trees import parts_of

WIRE_MAX: Final = 300_000
"""Headers of a complete suite that is sent: some minutes."""
FUNCTION_MAX: Final = 10_000_000
"""Headers of one that a function is given: a minute or two."""


@dataclass(frozen=True, slots=True)
class SuiteSize:
    """How much a suite is; `octets` is the sum of the lengths of its values."""

    headers: int
    octets: int

    @classmethod
    def of(cls, complete: CompleteSuite) -> Self:
        """That of a complete suite, which is not made for it."""
        return cls(complete.amount.texts, complete.amount.octets)

    def __add__(self, other: SuiteSize) -> SuiteSize:
        return SuiteSize(self.headers + other.headers, self.octets + other.octets)

    def __str__(self) -> str:
        return f"{self.headers:,} headers, {self.octets:,} bytes"


def suite(policy: Policy, level: Level, extra_states: int = 0) -> Iterator[bytes]:
    """The header values of a level, each once, in an order that never changes; made as they are taken."""
    rule = rule_of(policy)
    borders = dict.fromkeys(_borders(policy))
    if rule is None or level is Level.SMOKE:
        return iter(borders)
    kind = sent_kind(policy, level, extra_states) or SuiteKind.SHORT
    further = texts(rule, kind, extra_states)
    return chain(borders, (text for text in further if text not in borders))


def sent_kind(policy: Policy, level: Level, extra_states: int = 0) -> SuiteKind | None:
    """The size of the suite that goes over the wire; None for borders alone."""
    if level is Level.SMOKE or rule_of(policy) is None:
        return None
    if level is Level.STANDARD:
        return SuiteKind.SHORT
    if extra_states:
        return SuiteKind.COMPLETE
    return next(
        (
            kind
            for kind in (SuiteKind.COMPLETE, SuiteKind.BYTES)
            if kind_size(policy, kind).headers <= WIRE_MAX
        ),
        SuiteKind.SHORT,
    )


def function_kind(policy: Policy, level: Level) -> SuiteKind | None:
    """The size of the suite that a function is given; None where the rule has no machine."""
    if rule_of(policy) is None:
        return None
    largest = FUNCTION_MAX if level is Level.EXHAUSTIVE else WIRE_MAX
    is_small = kind_size(policy, SuiteKind.COMPLETE).headers <= largest
    return SuiteKind.COMPLETE if is_small else SuiteKind.BYTES


def function_suite(policy: Policy, level: Level) -> Iterator[bytes]:
    """The header values for the rule as a function, each once: the complete suite, if it is not too large."""
    rule, kind = rule_of(policy), function_kind(policy, level)
    return suite(policy, Level.SMOKE) if rule is None or kind is None else texts(rule, kind)


def complete_suite(policy: Policy, extra_states: int = 0) -> Iterator[bytes]:
    """The complete suite, each header once, in an order that never changes. Raises NoMachineError."""
    rule = rule_of(policy)
    if rule is None:
        raise NoMachineError(why_sampled(policy))
    return texts(rule, SuiteKind.COMPLETE, extra_states)


@lru_cache(maxsize=16)
def rule_of(policy: Policy) -> Identified | None:
    """The policy's machine with what identifies its states; None where `why_sampled` says why."""
    return None if why_sampled(policy) else identified(machine_of(policy))


@lru_cache(maxsize=64)
def why_sampled(policy: Policy) -> str:
    """Why there is no suite of the policy's rule; '' where there is one."""
    if policy.is_sampled:
        return 'header.suite = "sampled"'
    try:
        states = machine_of(policy).states
    except (NoMachineError, TooLargeError) as error:
        return str(error)
    return f"its {states:,} states are more than {IDENTIFIED_MAX:,}" if states > IDENTIFIED_MAX else ""


def proves_values(policy: Policy) -> bool:
    """Whether the suite shows which value is stored, not only that one is: where the rule ends in words."""
    rule = rule_of(policy)
    return rule is not None and any(isinstance(answer, str) for answer in rule.machine.answers)


def is_proof(policy: Policy, level: Level, extra_states: int = 0) -> bool:
    """Whether what a level sends is a proof within its bound: the value is the text itself, or one of words."""
    as_it_is = all(operation.match or operation.one_of for operation in policy.rule)
    is_complete = sent_kind(policy, level, extra_states) is SuiteKind.COMPLETE
    return is_complete and (as_it_is or proves_values(policy))


def bound(policy: Policy, kind: SuiteKind = SuiteKind.COMPLETE, extra_states: int = 0) -> str:
    """What a suite proves, in words, with its counts. The policy has a machine."""
    return f"{what_it_shows(policy, kind, extra_states)}; {kind_size(policy, kind, extra_states)}"


def what_is_sent(policy: Policy, level: Level, extra_states: int = 0) -> str:
    """A level in words: its counts, the size of its suite, and what that one shows."""
    kind = sent_kind(policy, level, extra_states)
    counts = size(policy, level, extra_states)
    if kind is not None:
        return f"{counts}; {kind}: {what_it_shows(policy, kind, extra_states)}"
    why = why_sampled(policy)
    return f"{counts}; " + (f"sampled: {why}" if why else "the borders of the rule")


def what_it_shows(policy: Policy, kind: SuiteKind, extra_states: int = 0) -> str:
    """What a suite of this size shows. The policy has a machine."""
    rule = rule_of(policy)
    assert rule is not None
    if kind is SuiteKind.COMPLETE:
        about = "accept/reject and the stored word" if proves_values(policy) else "accept/reject"
        states = rule.states + extra_states
        return f"{about}, deterministic implementations of at most {states:,} states, requests independent"
    each = f"in each of {rule.states:,} states"
    if kind is SuiteKind.BYTES:
        return f"{each}, no byte is taken for one of another class"
    return f"{each} one byte of each class, each byte in {min(SPREAD, rule.states)}"


@lru_cache(maxsize=16)
def size(policy: Policy, level: Level, extra_states: int = 0) -> SuiteSize:
    """How much a level is for this policy: of the complete suite by its formula, else counted."""
    rule = rule_of(policy)
    if rule is None or sent_kind(policy, level, extra_states) is not SuiteKind.COMPLETE:
        return measured(suite(policy, level))
    complete = CompleteSuite(rule, extra_states)
    return SuiteSize.of(complete) + measured(
        border for border in dict.fromkeys(_borders(policy)) if border not in complete
    )


@lru_cache(maxsize=32)
def kind_size(policy: Policy, kind: SuiteKind, extra_states: int = 0) -> SuiteSize:
    """How much a suite of this size is: the complete one by its formula, else counted. The policy has a machine."""
    rule = rule_of(policy)
    assert rule is not None
    if kind is SuiteKind.COMPLETE:
        return SuiteSize.of(CompleteSuite(rule, extra_states))
    return measured(texts(rule, kind))


def measured(headers: Iterable[bytes]) -> SuiteSize:
    """Counts headers and their bytes."""
    count = octets = 0
    for header in headers:
        count += 1
        octets += len(header)
    return SuiteSize(count, octets)


def _borders(policy: Policy) -> Iterator[bytes]:
    """The machine's borders; then what no answer of it tells: bytes that change, and what an operation leaves."""
    rule = rule_of(policy)
    if rule is not None:
        borders = tuple(border_texts(rule))
        yield from borders
        # An access word is the shortest to its state: what may be left out on the way is in none of them.
        if not any(len(text) == policy.length_max and policy.stored([text]) is not None for text in borders):
            for longest in longest_texts(policy):
                yield from (longest, longest + longest[-1:], longest[:-1])
        yield from about_parts(policy)
    else:
        yield from (b"", *(bytes([byte]) for byte in FIELD_BYTES))
    for byte in _changed_bytes(policy):
        yield from (bytes([byte]), b"a" + bytes([byte]))
    for operation in policy.rule:
        if operation.take is not None:
            yield from (b"a" * (operation.take + more) for more in (-1, 0, 1, 2))


def about_parts(policy: Policy) -> Iterator[bytes]:
    """Of an expression of several parts: each at its least, and once more than it may be repeated."""
    for tree in _trees(policy):
        if sum(isinstance(part, Repetition) for _, part in parts_of(tree)) > 1:
            yield from (encoded(text, policy.reading.decode) for text in repeated_otherwise(tree))


def _trees(policy: Policy) -> Iterator[Node]:
    return (parsed(operation.match).tree for operation in policy.rule if operation.match is not None)


def _changed_bytes(policy: Policy) -> Iterator[int]:
    """Bytes that, as the whole value, fare otherwise than the byte below or above; one that HTTP refuses counts."""
    fates: dict[int, str | None] = {}
    for byte in FIELD_BYTES:
        line = bytes([byte])
        stored = policy.stored([line])
        fates[byte] = "itself" if stored == policy.reading.text([line]) else stored
    for byte, fate in fates.items():
        if any(fates.get(neighbour, "refused") != fate for neighbour in (byte - 1, byte + 1)):
            yield byte
