"""The lines of speed as one table, with their bounds and what was measured before: as docs/design.md has it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from tests.bench.proofs import Compared
from tests.bench.sizes import Size, growth_of
from tests.bench.starts import Start

BEFORE: Final = {"wire": "0.62", "suite": "1.73", "gate": "2.8", "`--help`": "0.03", "`accept`": "0.34"}
"""Of d4b285f, on two cores, by wrk's rate on the same proxy in the same run; what prove took is measured each time."""


class Speed(NamedTuple):
    """One measure."""

    words: str
    bound: str
    before: str
    now: str


def speeds(
    rates: Mapping[str, float],
    wrk: float,
    compared: Sequence[Compared],
    sizes: Sequence[Size],
    starts: Iterable[Start],
) -> Iterator[Speed]:
    """Each measure that the run has; `rates` is by client, requests a second."""
    if wrk and (rate := rates.get("wire client")):
        yield Speed(
            "wire client, each row matched, of wrk's rate",
            "at least 0.9",
            BEFORE["wire"],
            f"{rate / wrk:.2f}",
        )
    for name, key, words in (
        ("prove's suite", "suite", "prove's suite, each row judged"),
        ("gate at standard", "gate", "gate at standard"),
    ):
        if wrk and (rate := rates.get(name)):
            took = f"{words}, of wrk's time for as many requests"
            yield Speed(took, "at most 1.5", BEFORE[key], f"{wrk / rate:.2f}")
    for one in compared:
        words = f"prove at {one.level}, CPU seconds of it and all that it starts"
        now = f"{one.now_s:.1f}, of before {one.now_s / one.before_s:.2f}"
        yield Speed(words, "at most 0.6 of before", f"{one.before_s:.1f}", now)
    if (growth := growth_of(sizes)) is not None:
        words = f"memory from {sizes[-2].requests:,} to {sizes[-1].requests:,} requests"
        yield Speed(words, "at most 1.2 times", "-", f"{growth:.2f} times")
    for start in starts:
        words = f"{start.words}, CPU seconds more than Python that does nothing"
        yield Speed(words, f"at most {start.bound_s:.2f}", BEFORE[start.words], f"{start.more_s:.2f}")


def table(found: Sequence[Speed]) -> Iterator[str]:
    """The lines of a table in Markdown."""
    yield "| measure | bound | before | now |"
    yield "|---|---|---|---|"
    for speed in found:
        yield f"| {speed.words} | {speed.bound} | {speed.before} | {speed.now} |"
