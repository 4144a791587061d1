"""What `harness replay` does: sends a recipe again and says whether it still refutes."""

import asyncio
from dataclasses import dataclass
from typing import Final

from harness.run.example_judge import example_judge
from harness.run.recipe import Recipe
from harness.run.subject import SubjectOptions
from harness.verdict import Finding

SETTLE_S: Final = 0.5
"""After the rows are there, so long until they are read again: FIXED must not be said before a second row comes."""


@dataclass(frozen=True, slots=True)
class Replayed:
    """What came of it: nothing refutes any more, or these findings."""

    words: str
    """The backend that it was sent to."""
    findings: tuple[Finding, ...]

    @property
    def fixed(self) -> bool:
        """Whether nothing refutes."""
        return not self.findings


def replay(recipe: Recipe, options: SubjectOptions) -> Replayed:
    """Sends the recipe to the backend. Raises UnavailableError and UsageError as `example_judge` does."""
    return asyncio.run(_replay(recipe, options))


async def _replay(recipe: Recipe, options: SubjectOptions) -> Replayed:
    judging = example_judge(options, auth=recipe.auth, stream=recipe.stream, settle_s=SETTLE_S)
    async with judging as (words, judged):
        return Replayed(words, await judged(recipe.sequences))


def tell(replayed: Replayed) -> list[str]:
    """What to print: the outcome, and the first finding where there is one."""
    if replayed.fixed:
        return [f"FIXED: nothing refutes; {replayed.words}"]
    first = replayed.findings[0]
    lines = [f"STILL FAILS: {first.claim} refuted: {first.effect}; {replayed.words}"]
    return lines + [
        f"    {name:<8} {value}" for name in ("request", "reply", "row") if (value := getattr(first, name))
    ]
