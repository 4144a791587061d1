"""Tables of a rollout's file: the client's half, the checkouts that are judged, and who reads the values. Pure."""

from collections.abc import Mapping
from typing import Any

from harness.rollout.file_types import (
    FileName,
    FileTable,
    HexDigits,
    Take,
    UrlPath,
)


class Case(FileTable, frozen=True):
    """Options of the client, and the header that it sends with them."""

    options: Mapping[str, Any]
    header: str | None = None
    """Without one it sends none."""


class Storage(FileTable, frozen=True):
    """Where the client keeps its id."""

    file: FileName
    key: str
    corrected: FileName | None = None
    """The file with the workarounds that the audit names."""


class DerivedId(FileTable, frozen=True):
    """How the client makes its id: a prefix, then the first hex digits of sha256(the device's id + salt)."""

    prefix: str = ""
    salt: str = ""
    hex_digits: HexDigits = 64
    shared: tuple[str, ...] = ()
    """What stands for a device's id where there is none, and so is many devices'."""
    answers: FileName | None = None
    """Devices' ids with what is derived from each, computed elsewhere: [{"machineId": ..., "id": ...}, ...]."""


class Calls(FileTable, frozen=True):
    """What the handler is called with beside the option, each left out and given in every combination."""

    options: Mapping[str, str] = {}
    metadata: Mapping[str, str] = {}


class SourceFile(FileTable, frozen=True):
    """A file of a checkout, found by a pattern and by what must stand in it."""

    glob: str
    symbol: str
    """A name that the file declares or exports."""


class Client(FileTable, frozen=True):
    """The client's half."""

    handler: FileName | None = None
    before: FileName | None = None
    """The handler as it was."""
    option: str | None = None
    """The handler's option that becomes the header's value."""
    cases: tuple[Case, ...] = ()
    calls: Calls = Calls()
    derived: DerivedId | None = None
    storage: Storage | None = None
    files: Mapping[str, SourceFile] = {}
    """Files of the client's checkout that `harness check` runs."""
    stubs: Mapping[str, FileName] = {}
    """What stands in for a module that they import: its name, and a file .mjs."""


class BackendTable(FileTable, frozen=True):
    """The backend's checkout."""

    files: Mapping[str, SourceFile] = {}
    stubs: Mapping[str, FileName] = {}
    """What stands in for a package, a function that a file exports, `fetch` or `process.env` where its handler is run:
    the name, and a file .mjs whose default export makes it."""


class Events(FileTable, frozen=True):
    """How the client's events reach the service, and what they look like on the wire."""

    program: FileName
    """Python that sends events with the service's own package."""
    path: UrlPath = "/batch/"
    """Where batches of events are posted to, as {"batch": [{"event": ..., "properties": {...}}, ...]}."""
    subject: str = "subject"
    """The key of an event under which its subject's id stands."""
    alias: str = "alias"
    """The event whose property `alias` is another id of the same subject."""


class Consumer(FileTable, frozen=True):
    """What the service that reads the values refuses or cuts."""

    refuses: tuple[str, ...] = ()
    """Values that it takes for nobody's."""
    take: Take | None = None
    """It keeps so many characters."""
    events: Events | None = None
