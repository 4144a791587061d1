"""How a run tells what it is doing: lines that stay, and words that change while something takes long."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

LineCallback = Callable[[str], None]
"""Writes a line, or changes the words that are shown."""

ProgressDisplay = Callable[[str], AbstractContextManager[LineCallback]]
"""Shows that something is going on, in words that can be changed, until the context ends."""


def ignored(_line: str) -> None:
    """Nobody is told."""


@contextmanager
def silent(_words: str) -> Iterator[LineCallback]:
    """Shows nothing."""
    yield ignored
