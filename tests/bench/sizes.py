"""What prove's suite costs at four sizes, in a process of its own: time, CPU and memory of who sends and judges.

`python -m tests.bench.sizes` prints a line of JSON for each size, as it is reached in one run.
"""

import asyncio
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import Final, NamedTuple

from harness.backend.serve import loop_factory
from harness.database.server import running_server
from harness.database.templates import Templates
from harness.probing.probe_factory import plan_caller
from harness.probing.run import Item
from harness.rule.policy import STRICT
from harness.rule.shard import WHOLE, Share
from harness.rule.suite import Level, complete_suite
from harness.run.headers import CONTROL, SentCounts, send_suite
from harness.run.proof_claims import claims_of
from harness.stages.environment import Environment, running_stage, stack
from harness.stages.matrix import addresses
from harness.verdict import Results

SIZES: Final = tuple(
    int(size)
    for size in os.environ.get("HARNESS_BENCH_SIZES", "1000 10000 100000 500000").replace(",", " ").split()
)
"""Requests; the last two are those between which memory is to stay as it is. None: nothing is measured."""
_ROOT: Final = Path(__file__).parents[2]


class Size(NamedTuple):
    """What so many requests took, each matched with its rows and judged."""

    requests: int
    seconds: float
    cpu_s: float
    """Of the process that sends."""
    peak_bytes: int
    """The largest that it was so far."""


def measured_sizes() -> list[Size]:
    """Runs the process; nothing where no size is asked for."""
    if not SIZES:
        return []
    command = (sys.executable, "-m", "tests.bench.sizes")
    printed = subprocess.run(command, cwd=_ROOT, capture_output=True, check=True, text=True).stdout
    return [Size(*json.loads(line)) for line in printed.splitlines()]


def growth_of(sizes: Sequence[Size]) -> float | None:
    """How many times as much memory the last size needs as the one before it."""
    return sizes[-1].peak_bytes / sizes[-2].peak_bytes if len(sizes) > 1 else None


def lines_of(sizes: Sequence[Size]) -> Iterator[str]:
    """The table."""
    if sizes:
        yield f"{'requests':>10}{'seconds':>10}{'requests/s':>12}{'CPU seconds':>13}{'peak, MB':>10}"
    for size in sizes:
        rate = size.requests / size.seconds
        yield (
            f"{size.requests:>10,}{size.seconds:>10.1f}{rate:>12,.0f}{size.cpu_s:>13.1f}"
            f"{size.peak_bytes / 1e6:>10.0f}"
        )


async def send_sizes(environment: Environment, sizes: Sequence[int] = SIZES) -> list[Size]:
    """Sends and judges as prove does until the largest size is reached; each size is measured as it is passed."""
    results, sent = Results(claims_of(Level.STANDARD)), SentCounts(Share((), WHOLE))
    measured: list[Size] = []
    began, cpu_s = time.monotonic(), time.process_time()

    def measure(_: str) -> None:
        if sent.requests >= sizes[len(measured)]:
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
            spent = (time.monotonic() - began, time.process_time() - cpu_s)
            measured.append(Size(sent.requests, *spent, peak))

    probes = islice(suite_items(), sizes[-1])
    await send_suite(results, environment, STRICT, probes, sent, measure)
    return measured


def suite_items() -> Iterator[Item]:
    """A control, then the complete suite over and over."""
    caller, origin = plan_caller(), addresses()
    yield caller.sequence(CONTROL, address=next(origin))
    for value in cycle(complete_suite(STRICT)):
        yield caller.sequence((caller.case(value),), address=next(origin))


async def _measure(templates: Templates) -> list[Size]:
    async with (
        stack(templates, "strict") as shared,
        running_stage(shared, shared.model.arrived) as environment,
    ):
        return await send_sizes(environment)


if __name__ == "__main__":
    with (
        running_server() as server,
        Templates(server) as templates,
        asyncio.Runner(loop_factory=loop_factory()) as runner,
    ):
        for size in runner.run(_measure(templates)):
            print(json.dumps(size), flush=True)
