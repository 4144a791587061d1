"""Ways to lay the plan's two statements out in migration files, as data. Pure: derived from the plan's own file.

Each is a folder as drizzle keeps it; runners that know no journal are given its new files in order.
"""

from dataclasses import dataclass
from typing import Final

from harness import plan
from harness.database.drizzle_folder import BREAKPOINT, Folder, JournalEntry
from harness.database.scripts import Script, statements_of
from harness.database.sql_statement import read_statement
from harness.rehearsal.statements import ADD, BASELINE, BUILD, without_concurrently

RECORDED_WHEN: Final = 1_760_000_000_000
"""Journal time of the baseline, in milliseconds since 1970; the rollout's files come a day later."""
NEW_WHEN: Final = RECORDED_WHEN + 86_400_000

LOCK_TIMEOUT_MS: Final = 100
"""Of the layout whose build is to fail: it waits as long for a snapshot that outlasts it."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One way to lay the migration out."""

    name: str
    summary: str
    folder: Folder
    """The baseline, which is recorded already, and the rollout's files."""
    out_of_band: tuple[Script, ...] = ()
    """Files that somebody applies by hand afterwards, statement by statement."""
    old_snapshot: bool = False
    """Whether an older snapshot, on another table, is open while it runs for the first time."""
    caution: str = ""
    """What a reader of the outcome alone would miss."""

    @property
    def scripts(self) -> tuple[Script, ...]:
        """All that is applied, by the runner and then by hand."""
        return self.files + self.out_of_band

    @property
    def files(self) -> tuple[Script, ...]:
        """The rollout's files in order, for runners that know no journal."""
        return self.folder.files[1:]


def _tag(script: Script) -> str:
    return script.name.removesuffix(".sql")


def folder_of(*files: Script, journalled: bool = True, when: int = NEW_WHEN) -> Folder:
    """The baseline and these files; the journal has them in order, a millisecond apart, unless they are left out."""
    known = (JournalEntry(_tag(BASELINE), RECORDED_WHEN),)
    new = tuple(JournalEntry(_tag(file), when + number) for number, file in enumerate(files))
    return Folder((BASELINE, *files), known + new if journalled else known)


AS_WRITTEN: Final = Script.ours(plan.MIGRATION_FILE)
BASELINE_FOLDER: Final = folder_of()
"""What was there before the rollout."""

_ADD, _BUILD = (f"{read_statement(statement.text).text};" for statement in statements_of(AS_WRITTEN.text))
_PLAIN: Final = without_concurrently(_BUILD)


def _cut(*statements: str) -> Script:
    return Script(AS_WRITTEN.name, f"\n{BREAKPOINT}\n".join(statements) + "\n")


LAYOUTS: Final = (
    Layout("as written", "the plan's file, both statements in one", folder_of(AS_WRITTEN)),
    Layout("breakpoint", "a statement-breakpoint between the two statements", folder_of(_cut(_ADD, _BUILD))),
    Layout(
        "two files",
        "each statement in a file of its own",
        folder_of(
            Script(f"{_tag(AS_WRITTEN)}_a.sql", f"{_ADD}\n"),
            Script(f"{_tag(AS_WRITTEN)}_b.sql", f"{_BUILD}\n"),
        ),
    ),
    Layout(
        "out of band",
        "the column by the runner; the index by hand afterwards, with " + BUILD.name,
        folder_of(ADD),
        out_of_band=(BUILD,),
    ),
    Layout(
        "plain index",
        "CREATE INDEX without CONCURRENTLY",
        folder_of(_cut(_ADD, _PLAIN)),
        caution="keeps every writer out while it builds; in one transaction with the ALTER every reader, too",
    ),
    Layout(
        "not journalled", "the plan's file, not in drizzle's journal", folder_of(AS_WRITTEN, journalled=False)
    ),
    Layout(
        "older when",
        "the plan's file, journalled with a time before the newest recorded one",
        folder_of(AS_WRITTEN, when=RECORDED_WHEN - 86_400_000),
    ),
    Layout(
        "COMMIT trick",
        "a COMMIT between the two statements, to leave the runner's transaction",
        folder_of(_cut(_ADD, "COMMIT;", _BUILD)),
        caution="not recorded with what it did: when the build fails, no re-run mends it",
    ),
    Layout(
        "COMMIT, fails",
        "the same; a report on another table outlasts the build's lock_timeout",
        folder_of(_cut(f"SET lock_timeout = {LOCK_TIMEOUT_MS};", _ADD, "COMMIT;", _BUILD)),
        old_snapshot=True,
    ),
)

CORRECTED: Final = next(layout for layout in LAYOUTS if layout.out_of_band)
"""The rollout's own: its steps."""
