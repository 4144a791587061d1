"""What is asked of somebody's backend, and what it answers, as data. Knows neither site nor database."""

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from harness.clients.exchange import HeaderLine, Reply
from harness.clients.shape import PLAIN, PLAIN_VALUES, Shape
from harness.sut.observation import Probe

CONTROL: Final = "none"
"""Kind of a request without the header."""


@dataclass(frozen=True, slots=True)
class GateProbe:
    """One request, and what its row is evidence for."""

    number: int
    """Counted over the run, from 1."""
    probe: Probe
    header: tuple[HeaderLine, ...]
    """The lines whose effect is looked at: the plan's header, or what resembles it."""
    claim: str
    """Id of the claim that the stored value is judged under."""
    address: str
    """What it sends in x-forwarded-for."""
    follows: bool = False
    """Whether a request with the header went before it, from its address or over its connection."""
    shape: Shape = PLAIN
    """What it shares with its control: only within a shape are replies and rows compared."""

    @property
    def control(self) -> bool:
        """Whether it sends nothing that resembles the header, and is a twin of those beside it."""
        return self.probe.kind == CONTROL

    @property
    def weight(self) -> int:
        """How much it is to read: of several that show the same, the lightest is shown."""
        return sum(map(len, self.probe.lines)) + 10 * _odd(self.shape)

    @property
    def circumstances(self) -> dict[str, object]:
        """What may tell it from requests that fare otherwise."""
        with_header = "absent" if self.control else "sent"
        return {"header": with_header, "kind of header": self.probe.kind, **self.shape._asdict()}


@lru_cache(maxsize=512)
def _odd(shape: Shape) -> int:
    """In how many factors a shape is not the plain one."""
    return sum(value != PLAIN_VALUES[name] for name, value in shape._asdict().items())


@dataclass(frozen=True, slots=True)
class ProbeGroup:
    """Requests that belong beside each other; `together`: one after the other over one connection, nothing between."""

    gate_probes: tuple[GateProbe, ...]
    together: bool = False


@dataclass(frozen=True, slots=True)
class Exchange:
    """A request that has ended."""

    gate_probe: GateProbe
    reply: Reply
    at: float
    """Monotonic clock, seconds."""
    identity: str | None = field(init=False)
    """The reply's id, by which its rows are found; read out once, since every look at rows asks for it."""

    def __post_init__(self) -> None:
        """Reads the id."""
        object.__setattr__(self, "identity", self.reply.upstream_id)
