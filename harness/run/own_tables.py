"""What the rehearsal of a migration of one's own has seen, as tables. Judges nothing."""

from collections.abc import Sequence
from typing import Final

from msgspec.structs import replace

from harness.database.sqlstate import named
from harness.rehearsal.measurements import Measured
from harness.rehearsal.own.effects import Effects
from harness.report.contents import Table
from harness.run import rehearsal_tables as tables

_SEEN: Final = "seen on the schema without rows, in the transaction of each statement or in its first wait"


def effects_table(effects: Effects) -> Table:
    """Each statement: what it locks of the tables that were there, whom that keeps out, whether it rewrites."""
    rows = tuple(
        (
            effect.label,
            "\n".join(f"{mode} on {table}" for table, mode in effect.locks.items()) or "nothing",
            ", ".join(effect.keeps_out) or "nobody",
            ", ".join(effect.rewritten) or "-",
            named(effect.refused) if effect.refused else "accepted",
        )
        for effect in effects.statements
        if effect.locks or effect.refused or effect.is_concurrent
    )
    columns = ("statement", "locks", "keeps out", "rewrites", "outcome")
    refused = tuple(f"{effect.label}: {effect.message}" for effect in effects.statements if effect.refused)
    return Table("Locks", columns, rows, (_SEEN, *refused))


def stalls_table(measured: Sequence[Measured]) -> Table:
    """As of the rollout's own, with what was refused; without rows a second, where several tables have indexes."""
    table = tables.stalls_table(measured, compares=False)
    left_out = table.columns.index("rows/s")
    refused = tuple(
        f"{measurement.approach.name} was refused: {named(span.sqlstate)}: {span.message}"
        for measurement in measured
        if (span := measurement.refused) is not None
    )
    return replace(
        table,
        columns=_without(table.columns, left_out),
        rows=tuple(_without(row, left_out) for row in table.rows),
        notes=(*table.notes, *refused),
    )


def _without(cells: tuple[str, ...], place: int) -> tuple[str, ...]:
    return cells[:place] + cells[place + 1 :]
