"""Faulty migrations as data, each with the claim meant for it, and harmless ones beside them. Judges nothing."""

from dataclasses import dataclass
from typing import Final

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


def _defect(name: str, claim: str, *, old_snapshot: bool = False) -> MigrationDefect:
    script = Script.ours(f"defects/{name}.sql")
    comment = [line.removeprefix("--").strip() for line in script.text.splitlines() if line.startswith("--")]
    summary = " ".join(comment).removeprefix("Defect: ").removesuffix(".")
    return MigrationDefect(Layout(name, summary, folder_of(script), old_snapshot=old_snapshot), claim)


DEFECTS: Final = (
    _defect("touches-rows", "M1"),
    _defect("volatile-default", "M2"),
    _defect("not-null", "M3"),
    _defect("not-null-default", "M3"),
    _defect("varchar-64", "M3"),
    _defect("partial-index", "M4"),
    _defect("other-column", "M4"),
    _defect("hash-index", "M4"),
    _defect("unique-index", "M4"),
    _defect("no-index", "M4"),
    _defect("invalid-index", "M4", old_snapshot=True),
    _defect("plain-index", "M6"),
    _defect("one-transaction", "M6"),
)

HARMLESS: Final = tuple(layout for layout in LAYOUTS if layout.name in SENT_BY_STATEMENT)
"""Layouts that do what they should when each statement is sent by itself."""


def find_migration(name: str) -> Layout:
    """A defect's or a harmless migration's layout. Raises UsageError for an unknown name."""
    known = {layout.name: layout for layout in (*HARMLESS, *(defect.layout for defect in DEFECTS))}
    known[USUAL] = CORRECTED
    if name not in known:
        raise UsageError(f"no migration {name!r}; choose one of {', '.join(sorted(known))}")
    return known[name]
