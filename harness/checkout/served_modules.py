"""A checkout's modules as the runner under Node asks for them, each given once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, NamedTuple

from harness.checkout.header_use import HeldBy
from harness.checkout.module_text import runnable
from harness.checkout.modules import Modules
from harness.data import fixture_path
from harness.rule.npm import package_folder

RUNNER: Final = "checkout/handler/main.mjs"
PACKAGES: Final = ("drizzle-orm", "zod")
"""Packages that are run and not stood in for, where they were fetched."""
FIXTURE: Final = "checkout"
"""The folder of fixtures that locks them."""


class NotRunnableError(Exception):
    """A file of the checkout cannot be run; the message says why, with the line where that is known."""


class Watched(NamedTuple):
    """What of the values in a checkout's modules is shown while they run."""

    property: str = ""
    """In objects, in these files of the checkout."""
    files: frozenset[str] = frozenset()
    shown: Sequence[HeldBy] = ()
    """Expressions whose values are shown, too."""


NOTHING: Final = Watched()


@dataclass(slots=True)
class ServedModules:
    """The modules of one checkout for one run."""

    modules: Modules
    watched: Watched = NOTHING
    instead: Mapping[Path, dict[str, Any]] = field(default_factory=dict)
    """Modules that are given in another form than `runnable` makes of them, by the file."""
    _sent: set[Path] = field(default_factory=set)

    def answer(self, need: Mapping[str, str]) -> dict[str, Any]:
        """What a specifier means in a file, with the module's text the first time; in no file it is a path."""
        specifier, source = need["specifier"], need["from"]
        path: Path | None = Path(specifier)
        if source:
            path = self.modules.resolve(specifier, self.modules.read(Path(source)))
        if path is None:
            return {"package": True}
        if path.suffix == ".json":
            return {"json": path.read_text(encoding="utf-8")}
        answer: dict[str, Any] = {"file": str(path)}
        if path not in self._sent:
            self._sent.add(path)
            module = self.modules.read(path)
            watched = self.watched.property if module.source.name in self.watched.files else ""
            answer["module"] = self.instead.get(path) or runnable(module, watched, self.watched.shown)
        return answer


def start_message(do: str, path: Path, symbol: str, **more: Any) -> dict[str, Any]:
    """The message that has the runner load what a file exports."""
    prepared = package_folder(FIXTURE)
    return {
        "do": do,
        "file": str(path.resolve()),
        "symbol": symbol,
        "prepared": str(prepared) if prepared.is_dir() else None,
        "packages": PACKAGES,
        **more,
    }


def runner_path() -> Path:
    """The runner's main module."""
    return fixture_path(RUNNER)
