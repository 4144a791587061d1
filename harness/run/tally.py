"""What a hunt has sent so far, and its end as a document."""

import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

from msgspec import Struct

from harness.rule.cases import CLASSES, CaseSequence
from harness.run.counterexample import StoredCounterexample
from harness.run.options.fuzz import REFERENCE, FuzzOptions


@dataclass(slots=True)
class Tally:
    """What was done so far."""

    started: float = field(default_factory=time.monotonic)
    examples: int = 0
    requests: int = 0
    longest: int = 0
    """Length of the longest value sent, bytes."""
    classes: Counter[str] = field(default_factory=Counter)

    def count(self, example: tuple[CaseSequence, ...]) -> None:
        """Adds an example."""
        self.examples += 1
        for case in (case for sequence in example for case in sequence):
            self.requests += 1
            self.classes[str(case.label)] += 1
            self.longest = max([self.longest, *map(len, case.values)])

    def __str__(self) -> str:
        seconds = time.monotonic() - self.started
        rate = self.requests / seconds if seconds else 0.0
        return (
            f"{self.requests:,} headers in {self.examples:,} examples, {rate:,.0f}/s, "
            f"{len(self.classes)} of {len(CLASSES)} classes, longest value {self.longest:,} bytes"
        )


class FuzzDocument(Struct, frozen=True, kw_only=True, tag_field="format", tag="harness.fuzz/1"):
    """What a hunt has sent and found."""

    found: StoredCounterexample | None
    """The smallest example that refutes a claim; null where nothing was found."""
    seed: int
    policy: str
    target: str
    """URL of the backend, or reference; empty where Python's rule was compared with Node's."""
    build: str
    """Of the reference; empty for a URL."""
    examples: int
    requests: int
    longest_bytes: int
    """Length of the longest value sent."""
    classes: Mapping[str, int]
    """Requests of each class of headers."""


def fuzz_document(options: FuzzOptions, tally: Tally, found: StoredCounterexample | None) -> FuzzDocument:
    """The end of a hunt as a document."""
    target = "" if options.function else options.subject.target
    return FuzzDocument(
        found=found,
        seed=options.seed,
        policy=options.subject.policy,
        target=target,
        build=options.subject.build if target == REFERENCE else "",
        examples=tally.examples,
        requests=tally.requests,
        longest_bytes=tally.longest,
        classes=tally.classes,
    )
