"""What was read of a deployed database, before it is judged. Pure; modules of `sut` read it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from harness.database.declaration import Column, Index
from harness.database.declared import DeclaredStore
from harness.database.effects.model import Effect
from harness.database.obstacle import Obstacle

PlanNode = Mapping[str, Any]
"""One node of a query plan, as EXPLAIN gives it in JSON."""


@dataclass(frozen=True, slots=True)
class LookUp:
    """How the planner finds a value of the column; without nodes `refused` is why it could not be asked."""

    nodes: tuple[PlanNode, ...] = ()
    """Those that read the table."""
    refused: str = ""


@dataclass(slots=True)
class DeployedSchema:
    """A database's column and index as they are; what was not read is None."""

    declared: DeclaredStore
    """What it is held to."""
    missing: str = ""
    """Why the table is not found; nothing else is read then."""
    columns: tuple[Column, ...] = ()
    obstacles: tuple[Obstacle, ...] = ()
    """Why what is found may be another relation than the one that is written, or an older one."""
    effects: tuple[Effect, ...] | None = None
    indexes: tuple[Index, ...] | None = None
    look_up: LookUp | None = None
    cut_short: str = ""
    """Why the rest could not be read."""


@dataclass(frozen=True, slots=True)
class StoredValues:
    """The column's values in rows of those who store the header; with `unreadable`, why they cannot be had, none is
    counted."""

    unreadable: str = ""
    whose: str = ""
    """Whose rows these are, with a blank before; empty where they are everybody's."""
    rows: int = 0
    """Those that hold a value, but for what the gate itself has left."""
    refuting: int = 0
    """Of these, those that the rule does not accept."""
    examples: tuple[str, ...] = ()
    own: int = 0
    """More rows, of this run."""
    at_reserved_addresses: int = 0
    """Rows at addresses that nobody has, left by earlier runs."""
    of_earlier_runs: int = 0
    """Rows of earlier runs that their journals or marks tell."""
