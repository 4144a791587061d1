"""Versions of the extension's code, the windows that run them as data, and what came of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness import plan
from harness.data import fixture_path, rollout_folders


@dataclass(frozen=True, slots=True)
class ExtensionCode:
    """One version of what the extension runs: the id's function and the provider, as JavaScript sources."""

    name: str
    anonymous_id: str
    handler: str

    @property
    def message(self) -> dict[str, str]:
        """As the host reads it."""
        return {"header": plan.HEADER, "id": self.anonymous_id, "handler": self.handler}


class Update(StrEnum):
    """How `globalState.update` ends; memory has the value at once in every case."""

    STORES = "stores"
    REJECTS = "rejects"
    HANGS = "hangs"
    LOSES = "loses it"  # resolves, and the next start finds nothing
    CRASHES = "crashes"  # the window is gone before the storage has the value
    KILLED = "is killed"  # the same for real: Node kills itself; ends the host


@dataclass(frozen=True, slots=True)
class WindowStart:
    """One window that opens: the machine, the storage and the telemetry setting at that moment."""

    machine_id: str
    update: Update = Update.STORES
    telemetry: bool = True
    """Whether the user lets the editor send telemetry."""


class WindowOutcome(StrEnum):
    """How a window's first request ended."""

    SENT = "sent"
    REJECTED = "rejected"  # the id's function rejects: no handler, no request
    WAITING = "waiting"  # the id's function never settles
    UNSENDABLE = "unsendable"  # Node refuses the header's value
    CRASHED = "crashed"  # the window was gone before


@dataclass(frozen=True, slots=True)
class WindowResult:
    """One window, observed until nothing was due any more."""

    outcome: WindowOutcome
    header: str | None
    """The header's value on the wire, one character a byte; None when it is not sent."""
    error: str
    notes: tuple[str, ...]
    """What the code did, in order: get, derive, update, stored, rejected, request."""
    waited_ms: float
    """How long the request waited for the id, by the stand-in's clock."""


@dataclass(frozen=True, slots=True)
class InstallRun:
    """One installation through all its restarts."""

    restarts: tuple[tuple[WindowResult, ...], ...]
    stored: object
    """What its storage holds under the id's key in the end, JSON; None for nothing."""


Headers = Mapping[str, str] | None
"""What `customRequestOptions` returns, without its wrapping."""


def planned() -> ExtensionCode:
    """The plan's code as the plan has it. Source: plan, Repository 2, Files 1 and 2."""
    return _code("planned", "client/anonymous-id.js")


def patched() -> ExtensionCode:
    """The plan's code with the audit's workarounds in the id's function."""
    return _code("patched", "client/corrected.js")


def before() -> ExtensionCode:
    """The extension as it is: a provider that knows no id."""
    return ExtensionCode(
        "before", "", fixture_path("extension/before/handler.js").read_text(encoding="utf-8")
    )


def _code(name: str, anonymous_id: str) -> ExtensionCode:
    return ExtensionCode(name, _source(anonymous_id), _source("client/handler.js"))


def _source(name: str) -> str:
    return (rollout_folders()[0] / name).read_text(encoding="utf-8")
