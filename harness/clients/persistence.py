"""Scenarios of the stored id of an installation, as data: restarts, faults of the storage, values found in it."""

from dataclasses import dataclass
from typing import Any, Final

from harness.clients.extension_code import Update, WindowStart

MACHINE: Final = "3f8e0d1c52b74a69887d6c5b4a39281706f5e4d3c2b1a09f8e7d6c5b4a392817"
"""A device's id of the usual shape: 64 hex digits."""
OTHER_MACHINE: Final = "b1946ac92492d2347c6235b4d2611184a9f0c1d2e3b4a5968778695a4b3c2d1e"
"""The same installation's, after it changed."""
OLD_ID: Final = "former-0123456789abcdef"
"""A valid id found in the storage, of neither machine."""

ABSENT: Final = object()
"""Stands for a storage that holds nothing."""

Restarts = tuple[tuple[WindowStart, ...], ...]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One installation: what its storage held, then restarts, each of windows that open at once."""

    name: str
    restarts: Restarts
    found: Any = ABSENT
    """The stored value at the beginning, JSON; `ABSENT` for none."""

    def stored(self, key: str) -> dict[str, Any] | None:
        """The storage at the beginning, with the id under a key."""
        return None if self.found is ABSENT else {key: self.found}


def _start(update: Update = Update.STORES, device_id: str = MACHINE) -> WindowStart:
    return WindowStart(device_id, update)


_ONE: Final = ((_start(),),)

KEEPING: Final = (
    Scenario("three restarts", _ONE * 4),
    Scenario("two windows opened at once, then a restart", ((_start(), _start()), (_start(),))),
    Scenario(
        "a valid id stored, the machineId changed since", ((_start(device_id=OTHER_MACHINE),),) * 2, OLD_ID
    ),
    Scenario("the machineId changes between two starts", (*_ONE, (_start(device_id=OTHER_MACHINE),))),
    Scenario("the write is lost, then a restart", ((_start(Update.LOSES),), *_ONE)),
    Scenario("a crash before the write, then a restart", ((_start(Update.CRASHES),), *_ONE)),
    Scenario("one of two windows crashes, then a restart", ((_start(), _start(Update.CRASHES)), *_ONE)),
)
"""Scenarios through which an installation keeps its id."""

FAULTS: Final = (
    Scenario("the update rejects, then a restart", ((_start(Update.REJECTS),), *_ONE)),
    Scenario("the update rejects on every start", ((_start(Update.REJECTS),),) * 3),
    Scenario("the update hangs, then a restart", ((_start(Update.HANGS),), *_ONE)),
    Scenario("the update hangs in one of two windows", ((_start(), _start(Update.HANGS)),)),
)
"""Scenarios with a storage that fails, with an error or silently."""

FOUND: Final = tuple(
    Scenario(f"the storage holds {content}", _ONE * 2, value)
    for content, value in (
        ("a line break", "former\r\nx-other: 1"),
        ("a character beyond latin-1", "former-\u4e2d"),
        ("20,000 characters", "a" * 20_000),
        ("256 characters", "a" * 256),
        ("an object", {"id": OLD_ID}),
        ("the number 42", 42),
        ("true", True),
        ("an empty array", []),
        ("a blank", "a b"),
        ("a joined duplicate", f"{OLD_ID}, {OLD_ID}"),
        ("a letter beyond ASCII", "forme\u00e9"),
        ("a NUL", "former\0"),
        ("a control character", "former\x01"),
        ("an empty string", ""),
        ("null", None),
        ("the number 0", 0),
        ("false", False),
    )
)
"""Scenarios that begin with a value that the code did not write."""

SCENARIOS: Final = (*KEEPING, *FAULTS, *FOUND)
