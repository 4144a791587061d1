"""Which claims apply to a rollout, by its file and by the statements of its steps. Pure."""

from collections.abc import Iterator
from typing import Final

from harness.database.declared import declared_store
from harness.rollout import Rollout
from harness.rollout.claims import asked, not_asked

_OF_THE_INDEX: Final = ("M4", "M5")
"""Of how a value of the column is looked up."""
_NO_INDEX: Final = "no step builds a plain index of the column"


def asked_of(rollout: Rollout) -> tuple[str, ...]:
    """Those that apply, the file's own sentences last."""
    left = _left_out(rollout)
    return tuple(name for name in asked(rollout.tables) if name not in left)


def not_asked_of(rollout: Rollout) -> Iterator[tuple[tuple[str, ...], str]]:
    """Those that do not apply, with the reason, a reason once."""
    yield from not_asked(rollout.tables)
    if left := _left_out(rollout):
        yield left, _NO_INDEX


def _left_out(rollout: Rollout) -> tuple[str, ...]:
    if declared_store(rollout).index is not None:
        return ()
    return tuple(name for name in asked(rollout.tables) if name in _OF_THE_INDEX)
