"""Header values that prove an implementation right or find it wrong, in three levels.

Theory. The rule is an automaton of n + 2 states (see `automaton`). The Wp-method (Fujiwara et al., "Test selection
based on finite state models", IEEE TSE 17(6), 1991) makes of it a finite suite that every other automaton of no
more states fails. Let a be a letter of the alphabet.

  Phase 1, states: a word to each state, each followed by a^k for 0 <= k <= n. These runs tell any two states of
  the rule apart: q_i (i > 0) accepts a^(n-i) and refuses a^(n-i+1), q_0 refuses the empty run but accepts others,
  dead refuses all. So an implementation that passes has n + 2 different states behind these words; within the
  bound it has no others.
  Phase 2, transitions: a word to each state, each of the 224 bytes, then two runs that identify the state to which
  the rule goes. Phase 1 has shown how each state of the implementation answers these two, and only the right one
  answers both as the rule does. So each transition goes where the rule's goes.

Phase 2 alone is no proof, since nothing says that its two runs identify states of the implementation: `[class]{n}`
passes every header of it that has no blank. What both prove is accept or reject, for implementations that are
deterministic and treat requests independently. Which value is stored is not proven, nor what one request leaves
for the next: these are sampled.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from harness.rule.automaton import Automaton, automaton
from harness.rule.level import Level as Level
from harness.rule.policy import FIELD_BYTES, Policy


@dataclass(frozen=True, slots=True)
class SuiteSize:
    """How much a suite is; `octets` is the sum of the lengths of its values."""

    headers: int
    octets: int

    def __str__(self) -> str:
        return f"{self.headers:,} headers, {self.octets:,} bytes"


def suite(policy: Policy, level: Level) -> Iterator[bytes]:
    """The header values of a level, each once, in an order that never changes."""
    return _SUITES[level](policy)


def complete_suite(policy: Policy) -> Iterator[bytes]:
    """The values of both phases, each once, in an order that never changes.

    Only phase 1 is held in memory, some hundred headers: a header of phase 2 that is not one of phase 1 is made of
    word, byte and run in one way only.
    """
    rule = automaton(policy)
    first = dict.fromkeys(state_phase(rule))
    yield from first
    yield from (header for header in transition_phase(rule) if header not in first)


def state_phase(rule: Automaton) -> Iterator[bytes]:
    """Phase 1 in the order of the states; some headers come more than once."""
    for word in rule.access_words():
        for length in range(rule.length_max + 1):
            yield word + bytes([rule.letter]) * length


def transition_phase(rule: Automaton) -> Iterator[bytes]:
    """Phase 2 in the order of the states, then of the bytes; some headers come more than once."""
    runs = [
        [bytes([rule.letter]) * length for length in rule.identifying_runs(at)] for at in range(rule.states)
    ]
    for state, word in enumerate(rule.access_words()):
        for byte in FIELD_BYTES:
            for run in runs[rule.step(state, byte)]:
                yield word + bytes([byte]) + run


def standard_suite(policy: Policy) -> Iterator[bytes]:
    """The smoke suite, a run of every length, then every byte at three places of values of six lengths, each once."""
    rule = automaton(policy)
    runs = [bytes([rule.letter]) * length for length in range(1, rule.length_max + 1)]
    yield from dict.fromkeys([*smoke_suite(policy), *runs, *_placed_bytes(rule)])


def smoke_suite(policy: Policy) -> Iterator[bytes]:
    """Runs of six lengths, border bytes alone and after a letter, each class at the edges of a longest value."""
    rule = automaton(policy)
    letter, tail = bytes([rule.letter]), bytes([rule.letter]) * (rule.length_max - 1)
    runs = [letter * length for length in (0, *_lengths(rule))]
    borders = [bytes([byte]) for byte in _border_bytes(policy)]
    edges = [members[:1] for members in rule.classes()]
    yield from dict.fromkeys(
        [
            *runs,
            *borders,
            *(letter + byte for byte in borders),
            *(byte + tail for byte in edges),
            *(tail + byte for byte in edges),
        ]
    )


_SUITES: Final = {
    Level.SMOKE: smoke_suite,
    Level.STANDARD: standard_suite,
    Level.EXHAUSTIVE: complete_suite,
}


def bound(policy: Policy) -> str:
    """What the complete suite proves, in words, with its counts."""
    return (
        f"accept/reject, deterministic implementations of at most {automaton(policy).states} states, "
        f"requests independent; {size(policy, Level.EXHAUSTIVE)}"
    )


@lru_cache(maxsize=16)
def size(policy: Policy, level: Level) -> SuiteSize:
    """How much a level is for this policy; counted, not stated."""
    return measured(suite(policy, level))


def measured(headers: Iterable[bytes]) -> SuiteSize:
    """Counts headers and their bytes."""
    count = octets = 0
    for header in headers:
        count += 1
        octets += len(header)
    return SuiteSize(count, octets)


def _placed_bytes(rule: Automaton) -> Iterator[bytes]:
    letter = bytes([rule.letter])
    for length in _lengths(rule):
        for place in (0, length // 2, length - 1):
            for byte in FIELD_BYTES:
                yield letter * place + bytes([byte]) + letter * (length - 1 - place)


def _lengths(rule: Automaton) -> tuple[int, ...]:
    """The two shortest lengths and the four around the longest that is stored."""
    longest = rule.length_max
    return tuple(sorted({length for length in (1, 2, *range(longest - 1, longest + 3)) if length}))


def _border_bytes(policy: Policy) -> Iterator[int]:
    """Bytes that, as the whole value, fare otherwise than the byte below or above; one that HTTP refuses counts."""
    fates: dict[int, str | None] = {}
    for byte in FIELD_BYTES:
        stored = policy.stored([bytes([byte])])
        fates[byte] = "itself" if stored == chr(byte) else stored
    for byte, fate in fates.items():
        if any(fates.get(neighbour, "refused") != fate for neighbour in (byte - 1, byte + 1)):
            yield byte
