"""What the exit codes mean: the same words wherever they are told, and the one place that has the numbers."""

from enum import IntEnum
from typing import Final


class ExitCode(IntEnum):
    """How a command has ended."""

    GOOD = 0
    BAD = 1
    MISUSE = 2
    NO_ANSWER = 3
    INTERRUPTED = 130


MEANINGS: Final = {
    ExitCode.GOOD: "the answer is good",
    ExitCode.BAD: "the answer is bad and was reached",
    ExitCode.MISUSE: "the call is wrong",
    ExitCode.NO_ANSWER: "there is no answer: inconclusive, the environment refuses, or an unforeseen error",
    ExitCode.INTERRUPTED: "interrupted",
}
SENTENCE: Final = f"Exit codes: {', '.join(f'{code:d} {words}' for code, words in MEANINGS.items())}."
"""All of them, for whoever has one paragraph for it."""


def meanings(good: str, bad: str) -> list[tuple[str, str]]:
    """Each code and what it means, with what is good and what is bad to one command; empty: it has no bad answer."""
    own = {
        ExitCode.GOOD: f" ({good})",
        ExitCode.BAD: f" ({bad})" if bad else ", which this command never gives",
    }
    return [(f"{code:d}", words + own.get(code, "")) for code, words in MEANINGS.items()]
