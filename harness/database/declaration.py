"""The column and the index as the plan declares them, and how what a catalogue holds differs. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import Final, Generic, TypeVar

from harness import plan


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table."""

    name: str
    type: str
    not_null: bool
    default: str | None
    volatile_default: bool
    """Whether the default calls a volatile function: adding such a column rewrites every row."""

    def describe(self) -> str:
        """Name, type, nullability and default in one line."""
        default = "no default" if self.default is None else f"default {self.default}"
        return f"{self.name} {self.type}, {'not null' if self.not_null else 'nullable'}, {default}"


@dataclass(frozen=True, slots=True)
class Index:
    """One index of a table. `predicate` is None unless the index is partial."""

    name: str
    method: str
    columns: tuple[str, ...]
    predicate: str | None
    unique: bool
    valid: bool
    """Whether queries may use it."""
    ready: bool
    """Whether writes maintain it."""
    live: bool
    unlike: tuple[str, ...] = ()
    """What may keep a look-up by equality from using it, or a row from being stored, as its definition says it."""
    also: tuple[str, ...] = field(default=(), compare=False)
    """What else its definition says; no look-up by equality minds it."""
    young: bool = field(default=False, compare=False)
    """Whether a transaction is open that is older than it and might miss rows in it: the planner waits for that."""

    @property
    def is_usable(self) -> bool:
        """Whether its build has come to its end: queries may use it, and writes maintain it."""
        return self.valid and self.ready and self.live

    def describe(self) -> str:
        """Name, definition and state in one line."""
        state = ", ".join(
            word if holds else f"not {word}"
            for word, holds in (("valid", self.valid), ("ready", self.ready), ("live", self.live))
        )
        partial = "" if self.predicate is None else f" where {self.predicate}"
        method = f"unique {self.method}" if self.unique else self.method
        more = "".join(f" {part}" for part in (*self.unlike, *self.also))
        return f"{self.name} {method} ({', '.join(self.columns)}){more}{partial}, {state}"


def declared_index(name: str, column: str) -> Index:
    """A plain btree index over one column, built to its end: all that the plan declares of any."""
    return Index(name, "btree", (column,), predicate=None, unique=False, valid=True, ready=True, live=True)


EXPECTED_COLUMN: Final = Column(plan.COLUMN, "text", not_null=False, default=None, volatile_default=False)
EXPECTED_INDEX: Final = declared_index(plan.INDEX, plan.COLUMN)
"""What the plan declares; old writers and existing rows are safe with no other column."""


class DifferenceKind(Enum):
    """How something differs from its declaration."""

    MISSING = auto()
    UNFINISHED = auto()  # an index of the declared shape whose build has not come to its end
    OTHER = auto()


Declared = TypeVar("Declared", Column, Index)


@dataclass(frozen=True, slots=True)
class Difference(Generic[Declared]):
    """A declared column or index that is not there as it is declared; `found` is what has its name."""

    declared: Declared
    found: Declared | None
    kind: DifferenceKind

    def describe(self) -> str:
        """What is there in its place, in one line."""
        if self.found is None:
            return f"there is no such {type(self.declared).__name__.lower()}"
        return self.found.describe()


def column_difference(
    columns: Sequence[Column], declared: Column = EXPECTED_COLUMN
) -> Difference[Column] | None:
    """How a table's column differs from the declared one; None where it equals it."""
    found = find(columns, declared.name)
    if found == declared:
        return None
    return Difference(declared, found, DifferenceKind.MISSING if found is None else DifferenceKind.OTHER)


def index_difference(indexes: Sequence[Index], declared: Index = EXPECTED_INDEX) -> Difference[Index] | None:
    """How a table's index differs from the declared one; None where it equals it."""
    found = find(indexes, declared.name)
    if found == declared:
        return None
    if found is None:
        return Difference(declared, found, DifferenceKind.MISSING)
    finished = replace(found, valid=True, ready=True, live=True)
    return Difference(
        declared, found, DifferenceKind.UNFINISHED if finished == declared else DifferenceKind.OTHER
    )


def find(facts: Sequence[Declared], name: str) -> Declared | None:
    """The column or index of a name, None where there is none."""
    return next((fact for fact in facts if fact.name == name), None)
