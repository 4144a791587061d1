"""A checkout's migrations applied to databases of ours: an empty one, and one that stands where it stood before.

Both are needed: an entry of the journal with an older time than one that has run is passed over on the second alone.
"""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Final

from harness.checkout.migration_outcome import JournalFault, MigrationOutcome
from harness.database.catalog import columns, indexes
from harness.database.declaration import (
    column_difference,
    index_difference,
)
from harness.database.declared import DeclaredStore
from harness.database.drizzle import recorded, run_drizzle_like
from harness.database.drizzle_folder import JOURNAL, Folder, read_journal
from harness.database.runners import connect
from harness.database.scripts import StatementFailed
from harness.database.server import Server, where
from harness.errors import UsageError

EMPTY: Final = "an empty database"
BEFORE: Final = "a database where the journal stood before this rollout"


def migrate_folder(
    server: Server, empty: str, folder: Path, ours: frozenset[str], store: DeclaredStore
) -> tuple[MigrationOutcome, MigrationOutcome]:
    """Applies a folder as drizzle does, from both starts; `ours` are the names of the rollout's files.

    `empty` is the DSN of the empty database, which is left as the folder makes it.

    Raises UsageError when the folder cannot be read.
    """
    whole = Folder.read(folder)
    first = next((at for at, entry in enumerate(whole.journal) if f"{entry.tag}.sql" in ours), None)
    earlier = replace(whole, journal=whole.journal[:first])
    from_empty = migrated(empty, store, EMPTY, whole)
    if (
        first is None and not from_empty.refused
    ):  # what is before the rollout is all, and it has been applied there
        return from_empty, migrated(empty, store, BEFORE, whole)
    with server.database() as dsn:
        return from_empty, migrated(dsn, store, BEFORE, earlier, whole)


def migrated(dsn: str, store: DeclaredStore, start: str, *folders: Folder) -> MigrationOutcome:
    """What becomes of a database by folders, one after the other; `start` says where it stands."""
    for folder in folders:
        try:
            run_drizzle_like(dsn, folder)
        except StatementFailed as failed:
            message = f"{failed.sqlstate} {failed.message}"
            return MigrationOutcome(start, refused=message, file=failed.file)
        except UsageError as error:  # the journal names a file that is not there
            return MigrationOutcome(start, refused=str(error), file=JOURNAL)
    with connect(dsn) as connection:
        made = columns(connection, store.table), indexes(connection, store.table)
    index = None if store.index is None else index_difference(made[1], store.index)
    return MigrationOutcome(start, "", "", column_difference(made[0], store.column), index, *made)


def live_lines(dsn: str, folder: Path, table: str) -> tuple[str, ...]:
    """What drizzle would do with a folder in this very database, a line each; it is only read.

    Raises UnavailableError when it cannot be reached.
    """
    read = Folder.read(folder)
    size = "SELECT pg_size_pretty(pg_table_size(to_regclass(quote_ident(%s)))) AS size"
    with connect(dsn) as connection:
        times = [when for _, when in recorded(connection)]
        row = connection.execute(size, [table]).fetchone()
    newest = max(times, default=None)
    pending = [entry.tag for entry, _ in read.pending(newest)]
    passed = [e.tag for e in read.journal if e.tag not in pending and e.when not in times]
    lines = [f"{where(dsn)}: would run {', '.join(pending) or 'nothing'}"]
    if passed:
        lines.append(f"{where(dsn)}: would pass over {', '.join(passed)}, and report success")
    if row and row[0]:
        lines.append(f"{where(dsn)}: {table} takes {row[0]}: a plain index blocks its writers")
    return tuple(lines)


def unreadable_journal(folder: Path) -> JournalFault | None:
    """What is wrong with a journal that drizzle cannot read, such as one with the marks of a merge in it."""
    try:
        read_journal(folder)
    except UsageError as error:
        cause = error.__cause__
        line = cause.lineno if isinstance(cause, json.JSONDecodeError) else 1
        effect = "drizzle stops there, before any migration, and the release is blocked"
        what = f"it cannot be read: {type(cause).__name__}: {cause}"
        return JournalFault(JOURNAL, line, what, effect, "make it what drizzle-kit writes")
    return None


def journal_faults(folder: Path, ours: frozenset[str], store: DeclaredStore) -> tuple[JournalFault, ...]:
    """Doubled numbers at the journal's end, and snapshots that do not know what the rollout's files do.

    Of a folder that keeps no snapshots none is asked for. Raises UsageError where the journal cannot be read.
    """
    path = folder / JOURNAL
    try:
        text = path.read_text(encoding="utf-8")
        entries = [(int(entry["idx"]), str(entry["tag"])) for entry in json.loads(text)["entries"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(f"the journal {path} cannot be read: {error}") from None
    if not entries:
        return ()
    found: list[JournalFault] = []
    last = max(number for number, _ in entries)
    doubled = [tag for number, tag in entries if number == last]
    if len(doubled) > 1:
        line = _line_of(text, doubled[-1])
        what = f"idx {last} is given twice: {', '.join(doubled)}"
        effect = "the next generated migration takes the number of one that is there"
        found.append(JournalFault(JOURNAL, line, what, effect, f"give {doubled[-1]} idx {last + 1}"))
    if any((folder / "meta").glob("*_snapshot.json")):
        mine = [(number, tag) for number, tag in entries if f"{tag}.sql" in ours]
        found += [_of_snapshot(folder, number, tag, text, store) for number, tag in mine[-1:]]
    return tuple(fault for fault in found if fault.what)


def _of_snapshot(folder: Path, number: int, tag: str, journal: str, store: DeclaredStore) -> JournalFault:
    names = dict.fromkeys((f"{number:04d}_snapshot.json", f"{tag.partition('_')[0]}_snapshot.json"))
    snapshot = next((path for name in names if (path := folder / "meta" / name).is_file()), None)
    effect = (
        "the next generated migration adds the column once more (42701), and the release after this one stops"
    )
    if snapshot is None:
        what = f"{tag} has no snapshot meta/{next(iter(names))}"
        return JournalFault(JOURNAL, _line_of(journal, tag), what, effect, "generate it by drizzle-kit")
    try:
        read = json.loads(text := snapshot.read_text(encoding="utf-8"))
        table = read["tables"].get(f"public.{store.table}", {})
        is_known = store.column.name in table.get("columns", {})
    except (ValueError, KeyError, AttributeError) as error:
        what = f"cannot be read: {error}"
        return JournalFault(f"meta/{snapshot.name}", 1, what, effect, "generate it by drizzle-kit")
    if is_known and (other := _of_same_parent(snapshot, str(read.get("prevId", "")))):
        what = f"its prevId is that of {other}, too"
        effect = "drizzle-kit takes it for a collision and generates no further migration"
        edit = "generate it anew by drizzle-kit, on top of the newest one"
        return JournalFault(f"meta/{snapshot.name}", _line_of(text, "prevId"), what, effect, edit)
    what = "" if is_known else f"its {store.table} has no {store.column.name}"
    return JournalFault(f"meta/{snapshot.name}", 1, what, effect, "generate it by drizzle-kit")


def _of_same_parent(snapshot: Path, parent: str) -> str:
    """Another snapshot that follows the same one: two branches each generated theirs, and both were merged."""
    begins = re.compile(
        rf'"prevId"\s*:\s*"{re.escape(parent)}"'
    )  # each file has some hundred kB, and begins with it
    others = (path for path in sorted(snapshot.parent.glob("*_snapshot.json")) if path != snapshot)
    return next((path.name for path in others if parent and _begins_with(path, begins)), "")


def _begins_with(path: Path, pattern: re.Pattern[str]) -> bool:
    with path.open(encoding="utf-8", errors="replace") as opened:
        return pattern.search(opened.read(1_000)) is not None


def _line_of(text: str, word: str) -> int:
    return text.count("\n", 0, text.index(f'"{word}"')) + 1


def index_form(folder: Path, ours: frozenset[str], index: str, table: str, *, is_made: bool) -> str:
    """Which of the right forms the index has, with its consequence."""
    journalled = {f"{entry.tag}.sql" for entry in Folder.read(folder).journal} & ours
    text = "\n".join((folder / name).read_text(encoding="utf-8") for name in sorted(journalled))
    code = re.sub(r"--[^\n]*", "", text)
    if not is_made:
        return (
            f"{index} is built by hand alone: schema.ts and what the migrations make differ, and each generated "
            "migration may build it again"
        )
    if re.search(r"(?i)\bCREATE\s+INDEX\s+IF\s+NOT\s+EXISTS\b", code):
        return (
            f"{index} is journalled with IF NOT EXISTS: build it by hand CONCURRENTLY before the release, and "
            "look that it is valid; where nobody did, the release builds it and blocks writers for as long"
        )
    return (
        f"{index} is journalled and plain: writers of {table} are blocked while it is built, and, "
        "in one transaction with the ALTER, its readers too"
    )
