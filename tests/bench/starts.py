"""What a start costs: CPU seconds of `--help` and of `accept` beside those of Python alone, in alternating pairs."""

import os
import statistics
import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from harness.run.signing import new_keys
from tests.bench.cpu import cost_of
from tests.run.test_accept import signed, true_report

PAIRS: Final = int(os.environ.get("HARNESS_BENCH_START_PAIRS", "20"))
NOTHING: Final = (sys.executable, "-c", "pass")
HARNESS: Final = (sys.executable, "-m", "harness")


class Start(NamedTuple):
    """How much more CPU a command takes than Python that does nothing."""

    words: str
    bound_s: float
    more_s: float
    """Median of the pairs."""


def measured_starts() -> Iterator[Start]:
    """`--help`, and `accept` of a verdict that a key given has signed; nothing where no pair is asked for."""
    if not PAIRS:
        return
    yield Start("`--help`", 0.10, _more((*HARNESS, "--help")))
    with tempfile.TemporaryDirectory() as folder:
        key, verdict = Path(folder, "gate"), Path(folder, "verdict.json")
        new_keys(key)
        verdict.write_text(signed(true_report(), key))
        options = ("--key", f"{key}.pub", "--allow-waiver", "I1", "--max-age", "36500d")
        yield Start("`accept`", 0.20, _more((*HARNESS, "accept", str(verdict), *options)))


def _more(command: Sequence[str]) -> float:
    return statistics.median(-_cpu_s(NOTHING) + _cpu_s(command) for _ in range(PAIRS))


def _cpu_s(command: Sequence[str]) -> float:
    cost = cost_of(command)
    if cost.code != 0:
        raise SystemExit(f"{' '.join(command)} ended with {cost.code}: nothing to compare")
    return cost.cpu_s
