"""Who judges examples of header sequences: of the reference its own checks, of somebody's backend the gate's."""

from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from harness.clients.extension import Auth
from harness.rule.cases import CaseSequence
from harness.run.example import judge_example, require_service
from harness.run.example_target import target_examples
from harness.run.fuzzed_backend import subject
from harness.run.options.fuzz import REFERENCE, FuzzedOptions
from harness.run.progress import LineCallback, ignored
from harness.run.rule_explained import OnSeen
from harness.verdict import Finding

JudgeExample = Callable[[tuple[CaseSequence, ...]], Coroutine[Any, Any, tuple[Finding, ...]]]
"""Sends an example and returns what refutes, lightest first."""


@asynccontextmanager
async def example_judge(
    options: FuzzedOptions,
    on_line: LineCallback = ignored,
    on_progress: LineCallback = ignored,
    *,
    auth: Auth = Auth.ANONYMOUS,
    stream: bool = False,
    rows_within_s: float = 0.0,
    on_seen: OnSeen | None = None,
) -> AsyncIterator[tuple[str, JudgeExample]]:
    """The backend in words, serving plain requests, and who judges examples there; `on_seen` is told of each request.

    Raises UsageError for options that do not fit, UnavailableError where nothing can be judged.
    """
    if options.target == REFERENCE:
        async with subject(options) as backend:
            await require_service(backend, auth=auth, stream=stream)
            judge = partial(judge_example, backend, options.under_test.policy, on_seen=on_seen)
            yield backend.words, partial(judge, auth=auth, stream=stream, rows_within_s=rows_within_s)
    else:
        async with target_examples(options, on_line, on_progress) as examples:
            examples.on_seen = on_seen
            yield (
                examples.words,
                partial(examples.judge, auth=auth, stream=stream, rows_within_s=rows_within_s),
            )
