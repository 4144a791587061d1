"""Node as the extension's host: runs the plan's code, or a version of it, in stand-ins of editor windows.

The code stands in `fixtures/extension/`. Starts of windows and faults of the storage go in as data, results come back
as data.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from harness.clients.extension_code import (
    ExtensionCode,
    Headers,
    InstallRun,
    WindowOutcome,
    WindowResult,
    WindowStart,
)
from harness.data import fixture_path
from harness.errors import UnavailableError
from harness.rule.node import SECONDS_MAX, NodeChild, node_child

MACHINES_PER_MESSAGE: Final = 250
"""A start of each is due at the same moment of one clock; more make the clock slow, not the pipe fast."""


@dataclass(slots=True)
class ExtensionHost:
    """A running host; made by `extension_host`."""

    node: NodeChild

    def derive(self, code: ExtensionCode, device_ids: Sequence[str]) -> list[str | None]:
        """The id of each device on its first start; None where the code has none to give."""
        derived: list[str | None] = []
        for at in range(0, len(device_ids), MACHINES_PER_MESSAGE):
            batch = device_ids[at : at + MACHINES_PER_MESSAGE]
            derived += self._call({"do": "derive", "code": code.message, "machineIds": batch})
        return derived

    def run_scenario(
        self,
        code: ExtensionCode,
        restarts: Sequence[Sequence[WindowStart]],
        stored: Mapping[str, Any] | None = None,
        file: Path | None = None,
    ) -> InstallRun:
        """Opens windows: those of a restart at once, the restarts one after another, all on one storage.

        `stored` is what it holds at first; with a `file` it outlives the host, and what the file holds goes first.
        """
        document = {
            "do": "run",
            "code": code.message,
            "stored": dict(stored or {}),
            "restarts": [[_start(start) for start in starts] for starts in restarts],
        }
        reply = self._call(document | ({"file": str(file)} if file else {}))
        results = tuple(tuple(_window(window) for window in windows) for windows in reply["restarts"])
        return InstallRun(results, reply["stored"].get(code.client.storage.key))

    def headers(self, code: ExtensionCode, calls: Sequence[Mapping[str, Any]]) -> list[Headers]:
        """What the provider adds to each request; a call is `{"options": ..., "metadata": ...}`."""
        return self.headers_of(code.message, calls)

    def headers_of(self, code: Mapping[str, str], calls: Sequence[Mapping[str, Any]]) -> list[Headers]:
        """The same of a provider that is given as the host reads it: header, id and handler."""
        answer: list[Headers] = self._call({"do": "headers", "code": dict(code), "calls": list(calls)})
        return answer

    def _call(self, document: dict[str, Any]) -> Any:
        reply = self.node.call(document)
        if isinstance(reply, dict) and "error" in reply:
            raise UnavailableError(
                f"Node cannot run the extension's code ({document['do']}): {reply['error']}; "
                "correct it, or name the file that has it in [client.files]"
            )
        return reply


@contextlib.contextmanager
def extension_host(seconds_max: float = SECONDS_MAX) -> Iterator[ExtensionHost]:
    """A host for as long as the context lasts. Raises UnavailableError when Node cannot start."""
    with node_child(fixture_path("extension/host.js"), seconds_max=seconds_max) as node:
        yield ExtensionHost(node)


def _start(start: WindowStart) -> dict[str, Any]:
    return {"machineId": start.device_id, "telemetry": start.telemetry, "update": str(start.update)}


def _window(document: dict[str, Any]) -> WindowResult:
    return WindowResult(
        outcome=WindowOutcome(document["outcome"]),
        header=document["header"],
        error=document["error"],
        notes=tuple(document["notes"]),
        waited_ms=document["waitedMs"],
    )
