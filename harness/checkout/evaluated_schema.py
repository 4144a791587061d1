"""A table as schema.ts comes to when it is run. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvaluatedColumn:
    """A column, its type as PostgreSQL is told it."""

    name: str
    type: str
    not_null: bool
    has_default: bool

    def describe(self) -> str:
        """Type, nullability and default in one line."""
        default = ", with a default" if self.has_default else ""
        return f"{self.type}, {'not null' if self.not_null else 'nullable'}{default}"


@dataclass(frozen=True, slots=True)
class EvaluatedIndex:
    """An index; of a column that is an expression the name is empty."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    method: str
    is_partial: bool

    def describe(self) -> str:
        """Everything in one line."""
        kind = "unique index" if self.unique else "index"
        columns = ", ".join(name or "an expression" for name in self.columns)
        partial = ", partial" if self.is_partial else ""
        return f"{kind} {self.name or 'without a name'} on {columns} by {self.method}{partial}"


@dataclass(frozen=True, slots=True)
class EvaluatedTable:
    """A table."""

    name: str
    columns: tuple[EvaluatedColumn, ...]
    indexes: tuple[EvaluatedIndex, ...]

    def column(self, name: str) -> EvaluatedColumn | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)
