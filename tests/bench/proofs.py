"""`prove` of two versions that are installed side by side, in alternating pairs: CPU seconds, and what was observed.

HARNESS_BENCH_BEFORE names the program of the other one, as a rule `bin/harness` of an environment of its own.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from tests.bench.cpu import Cost, cost_of

BEFORE: Final = os.environ.get("HARNESS_BENCH_BEFORE", "")
NOW: Final = (sys.executable, "-m", "harness")
PAIRS: Final = {
    level: int(os.environ.get(f"HARNESS_BENCH_{level.upper()}_PAIRS", pairs))
    for level, pairs in (("smoke", "3"), ("standard", "1"))
}
"""Pairs at a level; one at standard takes minutes."""


class Proof(NamedTuple):
    """One run of prove."""

    cost: Cost
    observed: Mapping[str, int]
    """By claim."""


class Compared(NamedTuple):
    """The pairs at one level: medians of CPU seconds, and what the last pair has observed."""

    level: str
    pairs: int
    before_s: float
    now_s: float
    before: Mapping[str, int]
    now: Mapping[str, int]


def compared_proofs() -> Iterator[Compared]:
    """Each level that has pairs; nothing where no other version is named."""
    for level, pairs in PAIRS.items() if BEFORE else ():
        runs = [(_proof((BEFORE,), level), _proof(NOW, level)) for _ in range(pairs)]
        if runs:
            before_s = statistics.median(old.cost.cpu_s for old, _ in runs)
            now_s = statistics.median(new.cost.cpu_s for _, new in runs)
            yield Compared(level, pairs, before_s, now_s, *(proof.observed for proof in runs[-1]))


def lines_of(compared: Iterable[Compared]) -> Iterator[str]:
    """The table, a line at a time."""
    for number, one in enumerate(compared):
        if number == 0:
            yield f"{'prove':<10}{'pairs':>6}{'before':>10}{'now':>10}{'now/before':>12}   CPU seconds, medians"
        ratio = one.now_s / one.before_s
        yield f"{one.level:<10}{one.pairs:>6}{one.before_s:>10.1f}{one.now_s:>10.1f}{ratio:>12.2f}"
        yield from _observations(one.before, one.now)


def _proof(program: tuple[str, ...], level: str) -> Proof:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "report.json")
        cost = cost_of((*program, "prove", "--level", level, "--json", str(file)))
        document = json.loads(file.read_text()) if cost.code == 0 else {}
    if cost.code != 0:
        raise SystemExit(f"{program[0]} ended with {cost.code} at {level}: no pair of proofs")
    return Proof(cost, {claim["id"]: claim["observed"] for claim in document["claims"]})


def _observations(before: Mapping[str, int], now: Mapping[str, int]) -> Iterator[str]:
    """What both observe how often, and where it is less now."""
    both = [claim for claim in before if claim in now]
    less = [f"{claim} {before[claim]:,}/{now[claim]:,}" for claim in both if now[claim] < before[claim]]
    yield f"   observations of {len(both)} claims: {sum(before[c] for c in both):,} / {sum(now[c] for c in both):,}"
    yield f"   less often now: {', '.join(less) or 'none'}"
