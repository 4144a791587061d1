"""What `harness fuzz` does: Hypothesis hunts for a header that a backend treats otherwise than the rule says.

Each example is some sequences of requests. Knows neither how they are sent nor how they are judged.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, contextmanager
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Final, TypeVar

from hypothesis import HealthCheck, Phase, given, seed, settings, target
from hypothesis import strategies as st
from hypothesis.database import DirectoryBasedExampleDatabase, ExampleDatabase
from hypothesis.errors import Flaky

from harness.data import state_path
from harness.errors import UsageError
from harness.probing.probe_factory import Caller
from harness.rule.agreement import disagreements
from harness.rule.behaviour import Lines as HeaderLines
from harness.rule.cases import NAME, CaseSequence, HeaderCase, Kind, distance_to_boundary
from harness.rule.explanation import Answers
from harness.rule.oracle import NodeOracle, node_oracle
from harness.rule.policy import Policy
from harness.rule.shard import Shard
from harness.rule.strategies import header_cases, sequences
from harness.run.counterexample import Counterexample
from harness.run.example_judge import JudgeExample, example_judge
from harness.run.headers import known_cases
from harness.run.options.fuzz import FuzzOptions
from harness.run.progress import LineCallback
from harness.run.rule_explained import RULE_CLAIMS, SeenAnswers, explanation_of
from harness.run.tally import Tally
from harness.verdict import Finding

BATCH: Final = 50
"""Examples between two looks at the clock."""
SEQUENCES_MAX: Final = 12
"""Sequences in one example; they go over several connections at once."""
CORPUS_AT_ONCE: Final = 32
ASKED_MAX: Final = 400
"""Headers that are sent after a find to tell apart what would explain it."""

Held = TypeVar("Held")

Judged = Callable[[tuple[CaseSequence, ...]], tuple[Finding, ...]]
"""Sends an example and returns what refutes; nothing when all is well."""


class _Refuted(AssertionError):
    """What tells Hypothesis that an example is a find."""


def fuzz(
    options: FuzzOptions,
    on_line: LineCallback,
    on_progress: LineCallback,
    tally: Tally | None = None,
) -> Counterexample | None:
    """Hunts until something is found or time or examples are used up; what is found has been shrunk.

    `tally` is counted in, where one is given.

    Raises UnavailableError when the backend or Node cannot be used, UsageError for options that do not fit.
    """
    under = options.subject.under_test
    policy = under.policy
    database = example_database(options.example_db)
    hunt = Fuzzer(options, under.caller("after"), database, on_progress, tally or Tally())
    seen = SeenAnswers()
    try:
        if options.function:
            with node_oracle() as node:
                on_line(f"Python's rule against Node {node.node}, rule {policy.name}, seed {options.seed}")
                return hunt.run(lambda example: differences(policy, example, node))
        with (
            asyncio.Runner() as runner,
            entered(runner, example_judge(options.subject, on_line, on_progress, on_seen=seen.see)) as found,
        ):
            words, judged = found
            on_line(f"{words}, rule {policy.name}, seed {options.seed}")
            find = hunt.run(lambda example: runner.run(judged(example)))
            return find and runner.run(with_behaviour(find, hunt.caller, seen, judged))
    finally:
        if hunt.tally.examples:  # else what ended it says all there is to say
            on_line(str(hunt.tally))


async def with_behaviour(
    find: Counterexample, caller: Caller, seen: SeenAnswers, judged: JudgeExample
) -> Counterexample:
    """A find that refutes a claim of the rule, with what explains every answer of the hunt and of one round more."""
    if find.findings[0].claim not in RULE_CLAIMS:
        return find
    left = [ASKED_MAX]

    async def ask(headers: Sequence[HeaderLines]) -> Answers:
        cases = [caller.lines(*lines, label=Kind.BYTES) for lines in headers[: left[0]]]
        left[0] -= len(cases)
        known = len(seen.answers)
        for at in range(0, len(cases), SEQUENCES_MAX):
            await judged(tuple((case,) for case in cases[at : at + SEQUENCES_MAX]))
        return list(islice(seen.answers, known, None))

    explanation = await explanation_of(caller.policy, list(seen.answers), ask)
    return find if explanation is None else replace(find, behaviour=str(explanation))


@contextmanager
def entered(runner: asyncio.Runner, held: AbstractAsyncContextManager[Held]) -> Iterator[Held]:
    """What an asynchronous context holds, where its body runs outside of the loop."""
    value = runner.run(held.__aenter__())
    try:
        yield value
    except BaseException as error:
        if not runner.run(held.__aexit__(type(error), error, error.__traceback__)):
            raise
    else:
        runner.run(held.__aexit__(None, None, None))


@dataclass(slots=True)
class Fuzzer:
    """Rounds of Hypothesis examples until the time is up."""

    options: FuzzOptions
    caller: Caller
    database: ExampleDatabase
    on_progress: LineCallback
    tally: Tally = field(default_factory=Tally)
    found: Counterexample | None = None

    def run(self, judged: Judged) -> Counterexample | None:
        """The smallest example that `judged` refutes, or None: the corpus is tried first, then what is drawn.

        Of several shards the first tries the corpus, and each draws the rounds that are its own.
        """
        shard = Shard.parse(self.options.shard)
        self.found = self._corpus(judged) if shard.is_first else None
        number = shard.number - 1
        while self.found is None and self._goes_on():
            batch = self._batch(judged, number)
            try:
                batch()
            except (_Refuted, Flaky):  # what failed once has failed, whether or not it does again
                return self.found
            self.on_progress(str(self.tally))
            number += shard.of
        return self.found

    def _corpus(self, judged: Judged) -> Counterexample | None:
        """Cases that are known to tell rules apart, the lightest that fails alone; sent in the form of examples."""
        singles = [(case,) for case in corpus(self.caller)]
        for at in range(0, len(singles), CORPUS_AT_ONCE):
            example = tuple(singles[at : at + CORPUS_AT_ONCE])
            self.tally.count(example)
            if together := judged(example):
                alone = [Counterexample((one,), findings) for one in example if (findings := judged((one,)))]
                # a fault that needs company, or comes and goes, is a find as it was seen
                return min(
                    alone, key=lambda find: weight(find.example[0]), default=Counterexample(example, together)
                )
        return None

    def _goes_on(self) -> bool:
        if self.options.examples is not None:
            return self.tally.examples < self.options.examples
        return time.monotonic() - self.tally.started < self.options.seconds

    def _batch(self, judged: Judged, number: int) -> Callable[[], None]:
        left = (
            BATCH
            if self.options.examples is None
            else min(BATCH, self.options.examples - self.tally.examples)
        )
        phases = [Phase.generate, Phase.target, Phase.shrink]

        @settings(
            max_examples=left,
            database=self.database,
            deadline=None,
            phases=phases if number >= Shard.parse(self.options.shard).of else [Phase.reuse, *phases],
            suppress_health_check=list(HealthCheck),
            report_multiple_bugs=False,
            print_blob=False,
        )
        # Under @settings: on top of it, seed() takes the database away, and nothing would be kept or shared.
        @seed(self.options.seed * 1_000_003 + number)
        @given(examples(self.caller.policy, self.caller.spec.header_name))
        def batch(example: tuple[CaseSequence, ...]) -> None:
            self.tally.count(example)
            values = [case.values[0] for sequence in example for case in sequence if len(case.values) == 1]
            if values:
                target(-min(distance_to_boundary(value, self.caller.policy) for value in values))
            findings = judged(example)
            if findings:
                self.found = Counterexample(example, findings)  # Hypothesis ends with the smallest one
                raise _Refuted

        return batch


def corpus(caller: Caller) -> list[HeaderCase]:
    """The borders of the rule and the fixed cases, lightest first."""
    return sorted(known_cases(caller), key=lambda case: weight((case,)))


def weight(sequence: CaseSequence) -> int:
    """Bytes of all header values of a sequence."""
    return sum(len(value) for case in sequence for _, value in case.lines)


def examples(policy: Policy, header: bytes = NAME) -> st.SearchStrategy[tuple[CaseSequence, ...]]:
    """Some sequences: most of a single case of any kind, some that show a value that sticks."""
    single = header_cases(policy, header=header).map(lambda case: (case,))
    return st.lists(
        st.one_of(single, single, single, sequences(policy, header)), min_size=1, max_size=SEQUENCES_MAX
    ).map(tuple)


def differences(policy: Policy, example: tuple[CaseSequence, ...], node: NodeOracle) -> tuple[Finding, ...]:
    """Where Python's rule and the plan's JavaScript differ on an example."""
    lines = [case.values for sequence in example for case in sequence]
    return tuple(
        Finding("V7", "the rule as a function", str(one)) for one in disagreements(policy, lines, node)
    )


def example_database(where: str) -> ExampleDatabase:
    """Hypothesis's own database: a folder, by default the user's, or a Redis that machines share.

    Raises UsageError for a folder that cannot be made, and without redis.
    """
    if not where:
        return DirectoryBasedExampleDatabase(state_path("examples"))
    if not where.startswith(("redis://", "rediss://")):
        try:
            Path(where).mkdir(parents=True, exist_ok=True)
        except OSError as error:  # Hypothesis would keep nothing, and say nothing
            raise UsageError(
                f"--example-db {where}: {error.strerror}; name a folder that you may write"
            ) from None
        return DirectoryBasedExampleDatabase(where)
    try:
        from hypothesis.extra.redis import RedisExampleDatabase
        from redis import Redis
    except ImportError:
        raise UsageError(
            f"--example-db {where} needs a package: pip install 'rollout-harness[redis]'"
        ) from None
    return RedisExampleDatabase(Redis.from_url(where))
