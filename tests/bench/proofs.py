"""`prove` of two versions that are installed side by side, in alternating pairs: CPU seconds, and what was observed.

HARNESS_BENCH_BEFORE names the program of the other one, as a rule `bin/harness` of an environment of its own.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Mapping
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


def proofs() -> Iterator[str]:
    """The table, a line at a time; nothing where no other version is named."""
    if not BEFORE:
        return
    yield f"{'prove':<10}{'pairs':>6}{'before':>10}{'now':>10}{'now/before':>12}   CPU seconds, medians"
    for level, pairs in PAIRS.items():
        runs = [(_proof((BEFORE,), level), _proof(NOW, level)) for _ in range(pairs)]
        if not runs:
            continue
        before = statistics.median(old.cost.cpu_s for old, _ in runs)
        now = statistics.median(new.cost.cpu_s for _, new in runs)
        yield f"{level:<10}{pairs:>6}{before:>10.1f}{now:>10.1f}{now / before:>12.2f}"
        old, new = runs[-1]
        yield from _observations(old.observed, new.observed)


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
