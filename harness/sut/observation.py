"""One request with its reply and its rows, as data."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from harness import plan
from harness.clients.exchange import HeaderLine, Reply, Request
from harness.clients.extension import OWN_NAMES, Auth, ExtensionBuild


@dataclass(frozen=True, slots=True)
class Probe:
    """One request to send, with what is known of it beforehand."""

    request: Request
    kind: str
    """Kind of header in words: `none`, `valid`, `256 characters`..."""
    extension: ExtensionBuild
    auth: Auth
    stream: bool
    user: str
    """The kilo_user_id under which its rows must appear."""
    email: str | None
    """The user's e-mail when signed in."""
    alone: bool = True
    """Whether no other request has this user, so that a row of his is this request's."""
    refused: bool = False
    """Whether HTTP itself refuses the request, before any rule sees it."""

    @property
    def lines(self) -> tuple[bytes, ...]:
        """Values of the plan's header as sent, line by line."""
        name = plan.HEADER.encode()
        return tuple(value for key, value in self.request.headers if key.lower() == name)

    @property
    def tested(self) -> tuple[HeaderLine, ...]:
        """Header lines beyond those that every extension sends: the plan's header, and what is like it."""
        return tuple(line for line in self.request.headers if line[0].lower() not in OWN_NAMES)


@dataclass(frozen=True, slots=True)
class Row:
    """A usage row and its metadata row; one of the two sides is None when it is missing."""

    usage_id: str | None
    user: str | None
    metadata_id: str | None
    message_id: str | None
    value: str | None
    """The column that is rolled out; None for NULL, and where the schema has no such column."""
    names: tuple[str, ...] = ()
    """The other columns of both rows that may be read, each with its table's name before it."""
    texts: tuple[str | None, ...] = ()
    """What they hold, as text: flat, since thousands of rows are kept and a tuple for each column would be traced by
    the garbage collector again and again."""

    @property
    def columns(self) -> Iterator[tuple[str, str | None]]:
        """Each other column with what it holds."""
        return zip(self.names, self.texts, strict=True)

    @property
    def whole(self) -> bool:
        """Whether both rows are there."""
        return self.usage_id is not None and self.metadata_id is not None


@dataclass(frozen=True, slots=True)
class Observation:
    """One request with its reply and its rows, and who served it."""

    probe: Probe
    reply: Reply
    rows: tuple[Row, ...]
    served_by: str
    """The backend version that answered: `before` or `after`."""
    stage: str
    """The stage in words."""
    since: datetime
    """The database's clock before it was sent."""
