"""One request with its reply and its rows, as data."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, NamedTuple

from harness.clients.exchange import HeaderLine, Reply, Request
from harness.clients.extension import ExtensionBuild
from harness.clients.request_spec import RequestSpec
from harness.clients.shape import Shape
from harness.report.escape import masked
from harness.rollout.tables import Identity
from harness.rule.notation import written


class Probe(NamedTuple):
    """One request to send, with what is known of it beforehand."""

    request: Request
    kind: str
    """Kind of header in words: `none`, `valid`, `256 characters`..."""
    header: tuple[HeaderLine, ...]
    """The lines whose effect is looked at: the header that is rolled out, or what resembles it."""
    shape: Shape
    """What it shares with its control: only within a shape are replies and rows compared."""
    address: str
    """What it sends as the client's address."""
    extension: ExtensionBuild
    user: str
    """The user to whom its rows must be accounted; empty where the rollout knows no users."""
    spec: RequestSpec
    """What requests of its rollout look like."""
    email: str | None = None
    """What its rows hold whatever is sent, which is the e-mail of a signed-in user; None: what the rule makes of it."""
    number: int = 0
    """Counted over a run, from 1; 0 where nobody counts."""
    alone: bool = True
    """Whether no other request has this user, so that a row of his is this request's."""
    refused: bool = False
    """Whether HTTP itself refuses the request, before any rule sees it."""
    follows: bool = False
    """Whether a request with the header went before it, from its address or over its connection."""
    at_once: bool = False
    """Whether it is about what requests at the same time do to each other."""

    @property
    def identity(self) -> Identity:
        """Who asks."""
        return self.spec.identity(self.shape.auth)

    @property
    def auth(self) -> str:
        """The name of who asks."""
        return self.identity.name

    @property
    def stream(self) -> bool:
        """Whether a stream is asked for."""
        return self.shape.stream

    @property
    def lines(self) -> tuple[bytes, ...]:
        """Values of the header that is rolled out, as sent, line by line."""
        wanted = self.spec.header_name
        return tuple([value for name, value in self.header if name == wanted or name.lower() == wanted])

    @property
    def control(self) -> bool:
        """Whether it sends nothing that resembles the header, and is a twin of those beside it."""
        return not self.header

    @property
    def weight(self) -> int:
        """How much it is to read: of several that show the same, the lightest is shown."""
        return sum(map(len, self.lines)) + 10 * self.shape.differing_count

    @property
    def circumstances(self) -> dict[str, object]:
        """What may tell it from requests that fare otherwise."""
        with_header = "absent" if self.control else "sent"
        return {"header": with_header, "kind of header": self.kind, **self.spec.circumstances(self.shape)}

    @property
    def listed(self) -> dict[str, Any]:
        """As it stands in a journal and in a report: what a user is known by may be sent as the header, too."""
        return {
            "request": self.number,
            "address": self.address,
            "auth": str(self.auth),
            "stream": self.stream,
            "kind": self.kind,
            "header": [masked(written(line)) for line in self.header],
        }


@dataclass(frozen=True, slots=True)
class ProbeGroup:
    """Requests that belong beside each other; `together`: one after the other over one connection, nothing between."""

    probes: tuple[Probe, ...]
    together: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that has ended."""

    probe: Probe
    reply: Reply
    at: float
    """Monotonic clock, seconds."""
    identity: str | None = field(init=False)
    """The reply's id, by which its rows are found; read out once, since every look at rows asks for it."""

    def __post_init__(self) -> None:
        """Reads the id, from where the rollout says that it is."""
        if self.reply.id_at != self.probe.spec.reply_id:
            object.__setattr__(self, "reply", replace(self.reply, id_at=self.probe.spec.reply_id))
        object.__setattr__(self, "identity", self.reply.upstream_id)


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
