"""Faulty migrations as data, each with the claim meant for it, and harmless ones beside them. Judges nothing."""

from collections.abc import Iterator
from dataclasses import dataclass
from string import Formatter
from typing import Final

from psycopg import sql

from harness.data import sql_text
from harness.database.declared import DeclaredStore, plan_store
from harness.database.scripts import Script
from harness.errors import UsageError
from harness.rehearsal.layouts import CORRECTED, LAYOUTS, Layout, folder_of

SENT_BY_STATEMENT: Final = ("as written", "breakpoint", "two files", "out of band")


USUAL: Final = "corrected"
"""The rollout's own migration: its steps."""


@dataclass(frozen=True, slots=True)
class MigrationDefect:
    """A migration with one fault."""

    layout: Layout
    claim: str
    """Id of the claim that must be refuted; others may be, too."""

    @property
    def name(self) -> str:
        """Name of its file in sql/defects, without `.sql`."""
        return self.layout.name

    @property
    def summary(self) -> str:
        """What is wrong, in a sentence."""
        return self.layout.summary


_CATALOGUE: Final = {
    "touches-rows": "M1",
    "volatile-default": "M2",
    "not-null": "M3",
    "not-null-default": "M3",
    "varchar-64": "M3",
    "partial-index": "M4",
    "other-column": "M4",
    "hash-index": "M4",
    "unique-index": "M4",
    "no-index": "M4",
    "invalid-index": "M4",
    "plain-index": "M6",
    "one-transaction": "M6",
}
"""The files of sql/defects, each with the claim meant for it."""
_OF_INDEX: Final = ("M4", "M6")
"""Claims about the index."""
_AFTER_SNAPSHOT: Final = "invalid-index"
"""An older snapshot is open while it runs."""


def faulty_script(name: str, store: DeclaredStore) -> Script | None:
    """A file of sql/defects with the names of a rollout; None where the rollout lacks something that it names.

    The lines that build an index go where none is declared.
    """
    lines, marks = sql_text(f"defects/{name}.sql").splitlines(keepends=True), _marks(store)
    text = "".join(line for line in lines if "index" in marks or "{index}" not in line)
    named = {mark for _, mark, _, _ in Formatter().parse(text) if mark}
    if named - marks.keys():
        return None
    return Script(f"{name}.sql", sql.SQL(text).format(**marks).as_string())


def _marks(store: DeclaredStore) -> dict[str, sql.Composable]:
    marks: dict[str, sql.Composable] = {
        "table": sql.Identifier(store.table),
        "column": sql.Identifier(store.column.name),
        "type": sql.SQL(store.column.type),
    }
    if store.column.type == "text":  # a default and a bound that no other type has
        marks |= {"text": sql.SQL("text"), "varchar": sql.SQL("varchar")}
    if store.index is not None:
        marks["index"] = sql.Identifier(store.index.name)
    reply_id = (store.detail or store.main).reply_id
    if reply_id is not None:
        marks["reply_id"] = sql.Identifier(reply_id)
    return marks


def defects_of(store: DeclaredStore) -> Iterator[MigrationDefect]:
    """The faulty migrations that a rollout can have: those of an index only where it builds one."""
    for name, claim in _CATALOGUE.items():
        script = faulty_script(name, store)
        if script is not None and (store.index is not None or claim not in _OF_INDEX):
            comment = [line for line in script.text.splitlines() if line.startswith("--")]
            summary = " ".join(line.removeprefix("--").strip() for line in comment)
            summary = summary.removeprefix("Defect: ").removesuffix(".")
            layout = Layout(name, summary, folder_of(script), old_snapshot=name == _AFTER_SNAPSHOT)
            yield MigrationDefect(layout, claim)


DEFECTS: Final = tuple(defects_of(plan_store()))
"""Of the plan's own rollout."""

HARMLESS: Final = tuple(layout for layout in LAYOUTS if layout.name in SENT_BY_STATEMENT)
"""Layouts that do what they should when each statement is sent by itself."""


def find_migration(name: str) -> Layout:
    """A defect's or a harmless migration's layout. Raises UsageError for an unknown name."""
    known = {layout.name: layout for layout in (*HARMLESS, *(defect.layout for defect in DEFECTS))}
    known[USUAL] = CORRECTED
    if name not in known:
        raise UsageError(f"no migration {name!r}; choose one of {', '.join(sorted(known))}")
    return known[name]
