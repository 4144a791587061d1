"""Where the plan's files lie in a checkout: by pattern, else by what they declare, since people move files."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from harness.errors import UsageError
from harness.rollout.client_tables import SourceFile

SKIPPED: Final = frozenset(
    ("node_modules", ".git", ".next", "dist", "out", "build", "coverage", "__tests__", "test", "tests")
)
"""Folders with no source of the project's own, or with its tests."""
FILES_MAX: Final = 40_000
"""Files that are looked through at most."""


@dataclass(frozen=True, slots=True)
class Located:
    """A role, and the file that has it; `path` is None where none was found, `why` then says so."""

    role: SourceFile
    path: Path | None
    why: str = ""
    was_moved: bool = False
    """Whether it was found by what it declares."""
    matches: int = 0
    """Files that may be it, where none was found because there are several."""


def check_folder(path: Path, option: str) -> None:
    """Raises UsageError where a checkout is no folder that can be read."""
    if not path.is_dir() or not os.access(path, os.R_OK | os.X_OK):
        raise UsageError(f"{option} {path}: no folder that can be read; name the checkout's own folder")


def locate(checkout: Path, role: SourceFile) -> Located:
    """The file of a role in a checkout."""
    found = [path for path in sorted(checkout.glob(role.glob)) if path.is_file()]
    if len(found) > 1 and role.symbol:
        found = [path for path in found if _exports(path, role.symbol)] or found
    if len(found) == 1:
        return Located(role, found[0])
    if len(found) > 1:
        names = ", ".join(path.relative_to(checkout).as_posix() for path in found[:4])
        return Located(role, None, f"{len(found)} files fit {role.glob}: {names}", matches=len(found))
    name = role.glob.rpartition("/")[2]
    if not role.symbol:
        moved = [
            path for path in source_files(checkout, name) if path.parts[-2:] == Path(role.glob).parts[-2:]
        ]
    else:
        moved = [path for path in source_files(checkout) if _exports(path, role.symbol)]
        moved = [path for path in moved if path.name == name] if len(moved) > 1 else moved
    if len(moved) == 1:
        return Located(role, moved[0], was_moved=True)
    what = f", and no other file exports {role.symbol}" if role.symbol else ""
    if moved:
        what = f"; {len(moved)} files export {role.symbol}, the first {moved[0].relative_to(checkout).as_posix()}"
    return Located(role, None, f"no file fits {role.glob}{what}", matches=len(moved))


def source_files(checkout: Path, name: str = "") -> Iterator[Path]:
    """The checkout's own TypeScript, or the files of a name; tests and what is installed are left out."""
    count = 0
    for folder, folders, files in os.walk(checkout):
        folders[:] = sorted(each for each in folders if each not in SKIPPED)
        for file in sorted(files):
            is_source = file.endswith((".ts", ".tsx")) and not file.endswith(
                (".d.ts", ".test.ts", ".spec.ts")
            )
            if file == name if name else is_source:
                count += 1
                if count > FILES_MAX:
                    return
                yield Path(folder) / file


def _exports(path: Path, symbol: str) -> bool:
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False
    if symbol not in text:
        return False
    words = (
        "function ",
        "const ",
        "class ",
        "type ",
        "interface ",
        "let ",
        "async function ",
        "abstract class ",
    )
    return any(f"export {word}{symbol}" in text for word in words)
