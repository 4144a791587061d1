"""What has changed in the rows of a request since they were first seen. Pure."""

from collections.abc import Sequence
from typing import NamedTuple

from harness.sut.observation import Row


class Change(NamedTuple):
    """How the rows of one request differ from those first seen."""

    value: bool
    """Whether the column that is rolled out holds something else."""
    user: bool
    columns: tuple[str, ...]
    """Other columns that hold something else."""


def whole_alone(rows: Sequence[Row]) -> Row | None:
    """The one pair of rows of a request, where there is one pair and nothing beside it; else None."""
    return rows[0] if len(rows) == 1 and rows[0].whole else None


def change(first: Row, later: Row, user: str | None) -> Change | None:
    """The difference of two looks at one pair; None where there is none, also where one of them saw fewer columns.

    `user` is the column that says who is accounted, which stands apart: who it is, is a claim of its own.
    """
    columns: tuple[str, ...] = ()
    if (first.names, first.texts) != (later.names, later.texts):
        before = dict(first.columns)
        columns = tuple(
            name
            for name, text in later.columns
            if before.get(name, text) != text and name.rpartition(".")[2] != user
        )
    found = Change(first.value != later.value, first.user != later.user, columns)
    return found if any(found) else None
