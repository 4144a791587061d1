"""Fuzzing spread over machines: each shard draws its own examples, and a counterexample of one is known to all."""

from pathlib import Path

import pytest

from harness.probing.probe_factory import plan_caller
from harness.rule.cases import CaseSequence
from harness.run.fuzz import BATCH, Fuzzer, example_database
from harness.run.options.fuzz import FuzzOptions
from harness.verdict import Finding

LENGTH = 300
"""A value so long is refused by the backend of these tests, which only drawing finds."""


class Machine:
    """A machine that fuzzes a backend with one fault, and counts what it needs to meet it."""

    def __init__(
        self, shard: str, database: str, seed: int = 0, examples: int = 4 * BATCH, length: int = LENGTH
    ) -> None:
        options = FuzzOptions(examples=examples, seed=seed, shard=shard, example_db=database)
        self.drawn: list[tuple[CaseSequence, ...]] = []
        self.first: int | None = None
        self._length = length
        fuzzer = Fuzzer(options, plan_caller(), example_database(database), lambda _: None)
        self.found = fuzzer.run(self._judged)

    def _judged(self, example: tuple[CaseSequence, ...]) -> tuple[Finding, ...]:
        self.drawn.append(example)
        if not any(
            len(value) > self._length for sequence in example for case in sequence for value in case.values
        ):
            return ()
        self.first = self.first or len(self.drawn)
        return (Finding("V2", "a long value", "it was lost"),)


def test_shards_draw_other_examples_and_the_first_has_the_corpus(tmp_path: Path) -> None:
    first, second, third = (
        {
            str(each)
            for each in Machine(f"{number}/3", f"{tmp_path}/{number}", examples=20, length=10**9).drawn
        }
        for number in (1, 2, 3)
    )
    assert len(second & third) < len(second) / 2  # the smallest examples are everybody's
    assert first - second - third


def test_machines_share_a_counterexample_through_redis(redis_url: str, tmp_path: Path) -> None:
    pytest.importorskip("redis", reason="pip install 'rollout-harness[redis]'")
    finder = Machine("2/3", redis_url, seed=1)
    assert finder.found is not None
    assert finder.first is not None
    assert finder.first > 1
    alone = Machine("3/3", str(tmp_path / "alone"), seed=2)
    other = Machine("3/3", redis_url, seed=2)
    assert (other.first, other.found) == (1, finder.found)
    assert alone.first is None or alone.first > 1
