"""The shape of a request: everything that a client may send besides the header under test.

A shape is a value for each factor. Two requests of one shape differ by our header and by what tells them apart (their
address, their id) only, so the one without the header is the control of the other. What is as usual is None, whichever
rollout it is of: so the plainest request of each has the same shape. Which values a factor has is the rollout's to say.
"""

from collections.abc import Mapping
from enum import StrEnum
from functools import lru_cache
from typing import Any, Final, NamedTuple, Self


class Forwarded(StrEnum):
    """What stands in the header that names the client's address."""

    IPV6 = "an IPv6 address"
    IPV6_LIST = "an IPv6 address before others"
    IPV4 = "an IPv4 address"
    IPV4_LIST = "an IPv4 address before others"


class Extra(StrEnum):
    """Headers that neither the caller nor the rollout names: of the client's library, or of what lies in between."""

    NONE = "none"
    LIBRARY = "library"
    COOKIE = "cookie"
    EDGE = "edge"
    TRACE = "trace"
    QUERY = "query"


class Connection(StrEnum):
    """Whether the client keeps its connection, or speaks HTTP/2 over one, which not every site does."""

    KEPT = "kept"
    CLOSED = "closed"
    HTTP2 = "HTTP/2"


class Shape(NamedTuple):
    """One value for each factor; the defaults are the plainest request."""

    path: str | None = None
    auth: str | None = None
    """The name of an identity of the rollout."""
    stream: bool = False
    forwarded: Forwarded = Forwarded.IPV6
    body: str | None = None
    """The file that it is made of."""
    extra: Extra = Extra.NONE
    connection: Connection = Connection.KEPT
    headers: tuple[tuple[str, str], ...] = ()
    """Other headers that are not as usual, by name, with their values; '' where one is left out."""

    def __str__(self) -> str:
        """What it has beyond the plainest request."""
        text = [describe_factor(*factor) for factor in self.differing.items()]
        return ", ".join(text) or "plain"

    @classmethod
    def of(cls, values: Mapping[str, object]) -> Self:
        """The shape with a value for each factor; what is no field of it is a header."""
        fields: dict[str, Any] = {name: value for name, value in values.items() if name in _FIELDS}
        headers = sorted(
            (name, str(value)) for name, value in values.items() if name not in _FIELDS and value is not None
        )
        return cls(**fields, headers=tuple(headers))

    def having(self, name: str, value: object) -> Self:
        """The same with another value for one factor."""
        return type(self).of({**self.differing, name: value})

    def value(self, factor: str) -> object:
        """Its value for a factor, by the factor's name."""
        return getattr(self, factor) if factor in _FIELDS else dict(self.headers).get(factor)

    @property
    def differing(self) -> dict[str, object]:
        """Each factor that is not as usual, with its value."""
        own = {name: value for name, value in zip(_FIELDS, self, strict=False) if value != _USUAL[name]}
        return {**own, **dict(self.headers)}

    @property
    def differing_count(self) -> int:
        """How many factors are not as usual."""
        return _differing_count(self)


_FIELDS: Final = tuple(name for name in Shape._fields if name != "headers")
_USUAL: Final[Mapping[str, object]] = Shape._field_defaults
PLAIN: Final = Shape()


@lru_cache(maxsize=4096)  # asked for each request, of which some dozen have one shape
def _differing_count(shape: Shape) -> int:
    return len(shape.differing)


def describe_factor(name: str, value: object) -> str:
    """A factor with its value, for people; a header that is left out is told as that."""
    if isinstance(value, bool):
        return f"{'with' if value else 'without'} {name}"
    return f"{name} {value}" if value != "" else f"without {name}"
