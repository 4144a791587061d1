"""A rollout: a folder whose `rollout.toml` says all that the harness knows of it, read and typed. Text only.

What needs Node or a database is checked where these run; the rule is compiled by `rule`.
"""

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from harness.data import rollout_folders
from harness.errors import UsageError
from harness.rollout.checking import check
from harness.rollout.files import Files
from harness.rollout.reading import FILE, read_layers, read_tables, refusal
from harness.rollout.tables import Header, Tables
from harness.rollout.typed import Problem


@dataclass(frozen=True, slots=True)
class Rollout:
    """A rollout as its folder describes it."""

    tables: Tables
    folders: tuple[Path, ...]
    """The folder, then those that it extends: files are looked for in this order."""

    @property
    def name(self) -> str:
        """Its name, in reports."""
        return self.tables.rollout.name

    @property
    def header(self) -> Header:
        """The header. Raises UsageError where the file has none and can only be extended."""
        if self.tables.header is None:
            raise UsageError(
                f"{self.folders[0] / FILE}: no [header]; it can only be extended: name a folder that extends it"
            )
        return self.tables.header

    def path(self, name: str) -> Path:
        """The path of a file that the rollout names. Raises UsageError where there is none."""
        found = _find(self.folders, name)
        if found is None:
            raise UsageError(f"{self.folders[0]}: no file {name}")
        return found

    def text(self, name: str) -> str:
        """The text of a file that the rollout names (UTF-8). Raises UsageError where there is none."""
        return self.path(name).read_text(encoding="utf-8")


def default_folder() -> Path:
    """The plan's own rollout."""
    return rollout_folders()[0]


def is_plans(rollout: Rollout) -> bool:
    """Whether it is the plan's own."""
    folder, own = rollout.folders[0], default_folder()
    return folder == own or folder.resolve() == own.resolve()


@lru_cache(maxsize=1)
def default_rollout() -> Rollout:
    """The plan's own rollout, read once."""
    return _read(default_folder())


def load_rollout(folder: Path | None = None) -> Rollout:
    """The rollout of a folder, by default the plan's. Raises UsageError, one line, for the first mistake."""
    return default_rollout() if folder is None or folder == default_folder() else _read(folder)


def _read(folder: Path) -> Rollout:
    layers = read_layers(folder)
    tables = read_tables(layers)
    folders = tuple(Path(os.path.normpath(layer.folder)) for layer in layers)
    try:
        check(tables, Files(lambda name: _find(folders, name)))
    except Problem as problem:
        raise refusal(layers, problem.place, str(problem)) from None
    return Rollout(tables, folders)


def _find(folders: tuple[Path, ...], name: str) -> Path | None:
    return next((folder / name for folder in folders if (folder / name).is_file()), None)
