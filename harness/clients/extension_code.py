"""Versions of the extension's code, the windows that run them as data, and what came of each. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from harness.clients.id_client import IdClient, plans_client
from harness.errors import UsageError


@dataclass(frozen=True, slots=True)
class ExtensionCode:
    """One version of what the extension runs: the id's function and the provider, as JavaScript sources."""

    name: str
    anonymous_id: str
    handler: str
    client: IdClient

    @property
    def message(self) -> dict[str, str]:
        """As the host reads it."""
        return {
            "header": self.client.header,
            "option": self.client.option,
            "id": self.anonymous_id,
            "handler": self.handler,
        }


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
    """One window that opens: the device, the storage and the telemetry setting at that moment."""

    device_id: str
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


def planned(client: IdClient | None = None) -> ExtensionCode:
    """The code as the plan has it, by default of the plan's own rollout. Source: plan, Repository 2, Files 1 and 2."""
    client = client or plans_client()
    return _code("planned", client, client.storage.file)


def patched(client: IdClient | None = None) -> ExtensionCode:
    """The plan's code with the audit's workarounds in the id's function, where the file has such."""
    client = client or plans_client()
    return _code("patched", client, client.storage.corrected or client.storage.file)


def before(client: IdClient | None = None) -> ExtensionCode:
    """The extension as it is: a provider that knows no id."""
    client = client or plans_client()
    return ExtensionCode("before", "", _source(client, "before", client.client.before), client)


def _code(name: str, client: IdClient, anonymous_id: str | None) -> ExtensionCode:
    return ExtensionCode(
        name,
        _source(client, "storage", anonymous_id),
        _source(client, "handler", client.client.handler),
        client,
    )


def _source(client: IdClient, key: str, name: str | None) -> str:
    if name is None:
        raise UsageError(f"{client.rollout.folders[0]}: no client.{key}, whose file is run")
    return client.rollout.text(name)
