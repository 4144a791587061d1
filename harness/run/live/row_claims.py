"""Gives rows to requests whose replies carry no id: each such row to one request of its user, by value first. Pure.

Requests that go on at once cannot be told apart by their rows, so a row that suits several is given to any of them,
and stays with it: which of two equal rows is listed first changes when one is committed late.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from harness.sut.observation import Row


class Claimant(NamedTuple):
    """A request whose row is looked for by what it must hold."""

    number: int
    user: str
    values: Collection[str | None]

    def suits(self, row: Row) -> bool:
        """Whether the row is just what the request must leave."""
        return row.whole and row.user == self.user and row.value in self.values


@dataclass(slots=True)
class RowClaims:
    """Which request has which row."""

    _held: dict[int, str] = field(default_factory=dict)
    """Of a request's number, what its row is known by."""
    _taken: set[str] = field(default_factory=set)

    def free(self, rows: Iterable[Row]) -> list[Row]:
        """Those of the rows that no request has."""
        return [row for row in rows if _identity(row) not in self._taken]

    def give(self, claimants: Iterable[Claimant], rows: Sequence[Row], overdue: Collection[int]) -> None:
        """Gives each request a row that suits it; then those that are overdue one that suits nobody.

        `claimants` are all whose rows may be among the rows, those that are first served first. A row that suits none
        of them is that of a request whose row is wrong: one that waits may have been delayed instead.
        """
        waiting = [claimant for claimant in claimants if claimant.number not in self._held]
        for claimant in waiting:
            self._take(claimant, [row for row in rows if claimant.suits(row)])
        for claimant in waiting:
            if claimant.number in overdue and claimant.number not in self._held:
                self._take(claimant, [row for row in rows if row.user in (claimant.user, None)])

    def of(self, number: int, rows: Iterable[Row]) -> tuple[Row, ...]:
        """Which of the rows a request has: one or none."""
        held = self._held.get(number)
        return tuple(row for row in rows if held is not None and _identity(row) == held)

    def _take(self, claimant: Claimant, rows: Iterable[Row]) -> None:
        for row in self.free(rows)[:1]:
            self._held[claimant.number] = _identity(row)
            self._taken.add(_identity(row))


def _identity(row: Row) -> str:
    return row.usage_id or row.metadata_id or ""
