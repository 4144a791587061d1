"""A table as schema.ts comes to when it is run. Pure."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class EvaluatedColumn:
    """A column, its type as PostgreSQL is told it."""

    name: str
    type: str
    not_null: bool
    has_default: bool
    further: tuple[str, ...] = ()
    """What else it is declared to be: unique, generated, with a foreign key, ..."""

    def describe(self) -> str:
        """Type, nullability and default in one line."""
        default = ", with a default" if self.has_default else ""
        further = "".join(f", {words}" for words in self.further)
        return f"{self.type}, {'not null' if self.not_null else 'nullable'}{default}{further}"


@dataclass(frozen=True, slots=True)
class EvaluatedIndex:
    """An index; of a column that is an expression the name is empty."""

    name: str
    columns: tuple[str, ...]
    unique: bool
    method: str
    is_partial: bool
    options: tuple[str, ...] = ()
    """What is said of its columns: desc, an operator class, ..."""

    @property
    def is_plain(self) -> bool:
        """Whether it is a btree over all rows, and nothing more."""
        return not (self.unique or self.is_partial or self.options) and self.method == "btree"

    def describe(self) -> str:
        """Everything in one line."""
        kind = "unique index" if self.unique else "index"
        columns = ", ".join(name or "an expression" for name in self.columns)
        more = "".join(f", {words}" for words in (*(["partial"] if self.is_partial else []), *self.options))
        return f"{kind} {self.name or 'without a name'} on {columns} by {self.method}{more}"


@dataclass(frozen=True, slots=True)
class EvaluatedTable:
    """A table."""

    name: str
    columns: tuple[EvaluatedColumn, ...]
    indexes: tuple[EvaluatedIndex, ...]

    def column(self, name: str) -> EvaluatedColumn | None:
        """The column of this name."""
        return next((column for column in self.columns if column.name == name), None)
