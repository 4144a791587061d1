"""What the extension's code did under Node, as it is judged. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from harness.clients.extension_code import ExtensionCode, Headers, WindowOutcome, WindowResult
from harness.clients.persistence import Scenario


@dataclass(frozen=True, slots=True)
class Derivation:
    """The id of each device: as it must be, and as Node derives it. The first `known` are known answers."""

    code: ExtensionCode
    node: str
    """Version of Node."""
    known: int
    device_ids: Sequence[str]
    expected: Sequence[str]
    derived: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class BuiltHeaders:
    """What the provider adds to each request, before and after the change."""

    code: ExtensionCode
    calls: Sequence[Mapping[str, Any]]
    before: Sequence[Headers]
    after: Sequence[Headers]


@dataclass(frozen=True, slots=True)
class Fleet:
    """Many installations, with the id that each sends."""

    code: ExtensionCode
    device_ids: Sequence[str]
    derived: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class TelemetryOff:
    """The last window of an installation whose user does not let the editor send telemetry."""

    condition: str
    window: WindowResult


@dataclass(frozen=True, slots=True)
class ScenarioRun:
    """A scenario and its outcome under one version of the code."""

    scenario: Scenario
    code: ExtensionCode
    restarts: tuple[tuple[WindowResult, ...], ...]
    stored: object
    """What the storage holds of the id in the end; None for nothing."""

    @property
    def requests(self) -> list[WindowResult]:
        """Every window that was there to send a request."""
        return [
            window
            for windows in self.restarts
            for window in windows
            if window.outcome is not WindowOutcome.CRASHED
        ]


@dataclass(frozen=True, slots=True)
class ClientCase:
    """One set of options, the header that must be sent with them, and all headers that were."""

    header: str
    """The name of the header that is rolled out."""
    options: Mapping[str, Any]
    expected: str | None
    sent: Headers
    without: Headers
    """All headers that are sent without any option."""
    node: str
    """Its version."""
