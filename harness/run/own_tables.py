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
    """As of the rollout's own, with what was refused."""
    table = tables.stalls_table(measured, compares=False)
    refused = tuple(
        f"{measurement.approach.name} was refused: {named(span.sqlstate)}: {span.message}"
        for measurement in measured
        if (span := measurement.refused) is not None
    )
    return replace(table, notes=(*table.notes, *refused))
