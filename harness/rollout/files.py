"""The files that a rollout names, and the places in its own file where it names them. Text only."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from harness.rollout.tables import Tables
from harness.rollout.typed import Problem, dotted

Place = tuple[str | int, ...]
FindFile = Callable[[str], Path | None]
"""The path of a file by its name in the folder, or in one that it extends; None where there is none."""


class Files(NamedTuple):
    """The files that a rollout names."""

    find: FindFile

    def text(self, place: Place, name: str) -> str:
        """The text of a file. Raises Problem where there is none, or it is no UTF-8."""
        path = self.find(name)
        if path is None:
            raise Problem(
                place, f'{dotted(place)} = "{name}" is no file; expected one in the folder of the rollout'
            )
        try:
            return path.read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise Problem(place, f"{dotted(place)}: {name} is not UTF-8, at byte {error.start + 1}") from None


def further_files(tables: Tables) -> Iterator[tuple[Place, str]]:
    """Files that are only named."""
    reference, client = tables.reference, tables.client
    named: list[tuple[Place, Any]] = [
        *((("reference", key), getattr(reference, key)) for key in ("baseline", "seed", "ctes")),
        (("runner", "file"), tables.runner.file),
        (("header", "oracle"), tables.header and tables.header.oracle),
        *((("backend", "stubs", key), name) for key, name in tables.backend.stubs.items()),
        *((("audit", index, "query"), audit.query) for index, audit in enumerate(tables.audit)),
    ]
    if reference.view:
        named += [
            (("reference", "view", "up"), reference.view.up),
            (("reference", "view", "down"), reference.view.down),
        ]
    if events := tables.consumer.events:
        named.append((("consumer", "events", "program"), events.program))
    if client:
        named += [(("client", key), getattr(client, key)) for key in ("handler", "before")]
        if client.derived:
            named.append((("client", "derived", "answers"), client.derived.answers))
        named += [(("client", "stubs", key), name) for key, name in client.stubs.items()]
        if client.storage:
            named += [
                (("client", "storage", key), getattr(client.storage, key)) for key in ("file", "corrected")
            ]
    return ((place, name) for place, name in named if name is not None)
